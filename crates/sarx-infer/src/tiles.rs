//! Where the tiles of a sliding window lie.

/// Why tiles cannot be laid.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TilingError {
    /// A step that would leave gaps or never advance.
    #[error("tile step is {found}; it is a fraction of the patch edge in (0, 1]")]
    StepOutOfRange {
        /// What was given.
        found: f64,
    },
    /// The caller did not pad.
    #[error(
        "image has {image} voxels along axis {axis} (of z, y, x = 0, 1, 2), fewer than the patch's {patch}"
    )]
    ImageSmallerThanPatch {
        /// Index into `[z, y, x]`.
        axis: usize,
        /// Voxels of the image along the axis.
        image: usize,
        /// Voxels of the patch along the axis.
        patch: usize,
    },
}

/// Returns the first voxel of every tile along each axis.
///
/// Tiles cover the whole image and are spread evenly: neighbours start at most `step * patch`
/// voxels apart, up to rounding to whole voxels, and the last tile ends exactly on the border.
/// Along an axis where the patch has one voxel (slices of a 2D network) every voxel is one tile.
///
/// # Shapes and units
///
/// - `image`, `patch`: voxels, `[z, y, x]`.
/// - `step`: fraction of the patch edge; `0.5` gives half-overlapping tiles.
/// - result: start voxels per axis, never decreasing; the tiles are their product.
///
/// # Errors
///
/// - [`TilingError::StepOutOfRange`] if `step` is not in `(0, 1]` (NaN included).
/// - [`TilingError::ImageSmallerThanPatch`] if any axis of `image` is shorter than `patch`:
///   padding is the caller's job, because only the caller can undo it.
///
/// # Source
///
/// nnU-Net v2, `inference/sliding_window_prediction.py`, `compute_steps_for_sliding_window`.
/// Starts are rounded half to even, as NumPy does.
///
/// # Examples
///
/// ```
/// let starts = sarx_infer::tile_starts([64, 101, 64], [64, 64, 64], 0.5)?;
/// assert_eq!(starts, [vec![0], vec![0, 18, 37], vec![0]]);
/// # Ok::<(), sarx_infer::TilingError>(())
/// ```
pub fn tile_starts(
    image: [usize; 3],
    patch: [usize; 3],
    step: f64,
) -> Result<[Vec<usize>; 3], TilingError> {
    check_step(step)?;
    for axis in 0..3 {
        if image[axis] < patch[axis] {
            return Err(TilingError::ImageSmallerThanPatch {
                axis,
                image: image[axis],
                patch: patch[axis],
            });
        }
    }
    Ok(std::array::from_fn(|axis| {
        starts_along(image[axis], patch[axis], step)
    }))
}

/// Checks the distance of tiles before any image is read.
pub(crate) fn check_step(step: f64) -> Result<(), TilingError> {
    if step > 0.0 && step <= 1.0 {
        Ok(())
    } else {
        Err(TilingError::StepOutOfRange { found: step })
    }
}

fn starts_along(image: usize, patch: usize, step: f64) -> Vec<usize> {
    if patch == 1 {
        // The rule below would visit most of them twice, with the same result.
        return (0..image).collect();
    }
    let free = (image - patch) as f64;
    let n_tiles = (free / (patch as f64 * step)).ceil() as usize + 1;
    if n_tiles == 1 {
        return vec![0];
    }
    let stride = free / (n_tiles - 1) as f64;
    (0..n_tiles)
        .map(|i| (stride * i as f64).round_ties_even() as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn starts_of_the_specification() {
        assert_eq!(starts_along(110, 64, 0.5), [0, 23, 46]);
        assert_eq!(starts_along(64, 64, 0.5), [0]);
        assert_eq!(starts_along(4, 1, 0.5), [0, 1, 2, 3]);
    }

    #[test]
    fn bad_steps_and_small_images_are_refused() {
        for step in [0.0, -0.5, 1.5, f64::NAN] {
            assert!(matches!(
                tile_starts([9; 3], [4; 3], step),
                Err(TilingError::StepOutOfRange { .. })
            ));
        }
        assert_eq!(
            tile_starts([9, 3, 9], [4; 3], 0.5),
            Err(TilingError::ImageSmallerThanPatch {
                axis: 1,
                image: 3,
                patch: 4
            })
        );
    }

    proptest! {
        #[test]
        fn tiles_cover_the_axis(patch in 1usize..40, extra in 0usize..200, step in 0.05f64..=1.0) {
            let starts = starts_along(patch + extra, patch, step);
            prop_assert_eq!(starts[0], 0);
            prop_assert_eq!(*starts.last().unwrap(), extra);
            prop_assert!(starts.windows(2).all(|w| w[0] <= w[1] && w[1] <= w[0] + patch));
        }
    }
}
