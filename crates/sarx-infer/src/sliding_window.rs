//! A network that sees only patches, applied to a whole image.
//!
//! The image is padded to at least one patch, covered with overlapping tiles, and the logits of
//! the tiles are averaged with Gaussian weights. Sums are single precision; nnU-Net's are half.

use crate::{TilingError, gaussian_weights, tile_starts};
use ndarray::{Array3, Array4, Array5, ArrayView4, Axis, Slice, Zip};

/// How tiles are laid and blended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowOptions {
    /// Edges of the network's input, voxels `[z, y, x]`.
    pub patch: [usize; 3],
    /// Distance of neighbouring tiles as a fraction of the patch edge, `(0, 1]`; nnU-Net: 0.5.
    pub step: f64,
    /// Number of channels that the network returns.
    pub n_heads: usize,
    /// Tiles that the network is given at once, at least 1; results must not depend on it.
    pub tiles_at_once: usize,
}

/// Logits of a whole image.
///
/// # Shapes
///
/// - `image`: `[channels, z, y, x]`, any size.
/// - `network`: takes `[tiles, channels, patch..]`, returns `[tiles, n_heads, patch..]`.
/// - result: `[n_heads, z, y, x]` of the image's size.
///
/// `after_tile` is called once per tile with the total number of tiles; it returns false to stop.
///
/// # Errors
///
/// What `network` returns, a bad step, or [`SlidingWindowError::Stopped`].
pub fn sliding_window<E>(
    image: ArrayView4<'_, f32>,
    options: &WindowOptions,
    mut network: impl FnMut(Array5<f32>) -> Result<Array5<f32>, E>,
    mut after_tile: impl FnMut(usize) -> bool,
) -> Result<Array4<f32>, SlidingWindowError<E>> {
    let (padded, low) = pad_to_patch(image, options.patch);
    let size = spatial(padded.view());
    let starts = tile_starts(size, options.patch, options.step)?;
    let places = places(&starts);
    let weights = gaussian_weights(options.patch);
    let mut sums = Array4::<f32>::zeros([options.n_heads, size[0], size[1], size[2]]);
    let mut weight_sums = Array3::<f32>::zeros(size);
    for group in places.chunks(options.tiles_at_once.max(1)) {
        let [z, y, x] = options.patch;
        let mut tiles = Array5::zeros([group.len(), image.len_of(Axis(0)), z, y, x]);
        for (mut tile, &at) in tiles.outer_iter_mut().zip(group) {
            tile.assign(&crop(padded.view(), at, options.patch));
        }
        let logits = network(tiles).map_err(SlidingWindowError::Network)?;
        for (logits, &at) in logits.outer_iter().zip(group) {
            add_tile(&mut sums, &mut weight_sums, logits, &weights, at);
            if !after_tile(places.len()) {
                return Err(SlidingWindowError::Stopped);
            }
        }
    }
    for mut head in sums.outer_iter_mut() {
        Zip::from(&mut head)
            .and(&weight_sums)
            .par_for_each(|sum, &weight| *sum /= weight);
    }
    Ok(crop(sums.view(), low, spatial(image)).to_owned())
}

/// Why a prediction has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlidingWindowError<E> {
    /// Bad tile step.
    #[error(transparent)]
    Tiling(#[from] TilingError),
    /// The network failed.
    #[error(transparent)]
    Network(E),
    /// The caller asked to stop.
    #[error("prediction was stopped")]
    Stopped,
}

/// First voxels of all tiles, the last axis fastest.
fn places([z, y, x]: &[Vec<usize>; 3]) -> Vec<[usize; 3]> {
    let rows = z.iter().flat_map(|&z| y.iter().map(move |&y| [z, y]));
    rows.flat_map(|[z, y]| x.iter().map(move |&x| [z, y, x]))
        .collect()
}

fn add_tile(
    sums: &mut Array4<f32>,
    weight_sums: &mut Array3<f32>,
    logits: ArrayView4<'_, f32>,
    weights: &Array3<f32>,
    at: [usize; 3],
) {
    let range = |axis: usize| Slice::from(at[axis]..at[axis] + weights.shape()[axis]);
    for (mut sum, logit) in sums.outer_iter_mut().zip(logits.outer_iter()) {
        let mut tile = sum.slice_each_axis_mut(|a| range(a.axis.index()));
        Zip::from(&mut tile)
            .and(&logit)
            .and(weights)
            .for_each(|s, &l, &w| *s += l * w);
    }
    let mut tile = weight_sums.slice_each_axis_mut(|a| range(a.axis.index()));
    tile += weights;
}

/// Pads each spatial axis with zeros up to the patch, `floor(missing / 2)` of it in front, as
/// nnU-Net. Returns the padded image and where the image begins in it.
fn pad_to_patch(image: ArrayView4<'_, f32>, patch: [usize; 3]) -> (Array4<f32>, [usize; 3]) {
    let size = spatial(image);
    let low = std::array::from_fn(|a| patch[a].saturating_sub(size[a]) / 2);
    if (0..3).all(|a| size[a] >= patch[a]) {
        return (image.to_owned(), low);
    }
    let padded_size: [usize; 3] = std::array::from_fn(|a| size[a].max(patch[a]));
    let [z, y, x] = padded_size;
    let mut padded = Array4::zeros([image.len_of(Axis(0)), z, y, x]);
    padded
        .slice_each_axis_mut(|a| match a.axis.index() {
            0 => Slice::from(..),
            axis => Slice::from(low[axis - 1]..low[axis - 1] + size[axis - 1]),
        })
        .assign(&image);
    (padded, low)
}

fn crop(image: ArrayView4<'_, f32>, at: [usize; 3], size: [usize; 3]) -> ArrayView4<'_, f32> {
    let mut view = image;
    for axis in 0..3 {
        view.slice_axis_inplace(Axis(axis + 1), Slice::from(at[axis]..at[axis] + size[axis]));
    }
    view
}

fn spatial(image: ArrayView4<'_, f32>) -> [usize; 3] {
    let (_, z, y, x) = image.dim();
    [z, y, x]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn ramp(size: [usize; 3]) -> Array4<f32> {
        Array4::from_shape_fn([1, size[0], size[1], size[2]], |(_, z, y, x)| {
            (z * 100 + y * 10 + x) as f32 * 0.01
        })
    }

    fn options(patch: [usize; 3]) -> WindowOptions {
        WindowOptions {
            patch,
            step: 0.5,
            n_heads: 1,
            tiles_at_once: 1,
        }
    }

    #[test]
    fn a_network_that_copies_its_input_gives_the_image_back() {
        for size in [[9, 12, 7], [3, 12, 7], [2, 2, 2], [4, 5, 6]] {
            let image = ramp(size);
            let found = sliding_window(
                image.view(),
                &options([4, 5, 6]),
                Ok::<_, Infallible>,
                |_| true,
            )
            .unwrap();
            assert_eq!(found.dim(), image.dim());
            let worst = found
                .iter()
                .zip(&image)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-5, "{size:?}: {worst}");
        }
    }

    #[test]
    fn tiles_taken_together_give_the_same_bytes() {
        let image = ramp([7, 12, 9]);
        let logits = |tiles_at_once| {
            let options = WindowOptions {
                tiles_at_once,
                ..options([1, 5, 6])
            };
            let network = |tiles: Array5<f32>| Ok::<_, Infallible>(tiles.mapv(|v| v * v));
            sliding_window(image.view(), &options, network, |_| true).unwrap()
        };
        assert_eq!(logits(1), logits(4));
        assert_eq!(logits(1), logits(1000));
    }

    #[test]
    fn stopping_and_failing_networks_are_told_apart() {
        let image = ramp([9, 9, 9]);
        let stopped = sliding_window(
            image.view(),
            &options([4, 4, 4]),
            Ok::<_, Infallible>,
            |_| false,
        );
        assert!(matches!(stopped, Err(SlidingWindowError::Stopped)));
        let failed = sliding_window(
            image.view(),
            &options([4, 4, 4]),
            |_| Err("no memory"),
            |_| true,
        );
        assert!(matches!(
            failed,
            Err(SlidingWindowError::Network("no memory"))
        ));
    }

    #[test]
    fn blending_weights_the_nearer_tile_more() {
        // Two tiles of a constant 0 and 1: the blend rises monotonically along the overlap.
        let image = Array4::zeros([1, 4, 4, 6]);
        let mut calls = 0;
        let network = |tile: Array5<f32>| {
            calls += 1;
            Ok::<_, Infallible>(Array5::from_elem(
                tile.dim(),
                if calls == 1 { 0.0 } else { 1.0 },
            ))
        };
        let found = sliding_window(image.view(), &options([4, 4, 4]), network, |_| true).unwrap();
        let row: Vec<f32> = found.slice(ndarray::s![0, 2, 2, ..]).to_vec();
        assert_eq!((row[0], row[5]), (0.0, 1.0));
        assert!(row.windows(2).all(|w| w[0] <= w[1]), "{row:?}");
    }
}
