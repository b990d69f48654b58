//! A network that sees only patches, applied to a whole image.
//!
//! The image is padded to at least one patch, covered with overlapping tiles, and the logits of
//! the tiles are averaged with Gaussian weights. Sums are single precision; nnU-Net's are half.
//! Tiles are added in place, slice by slice on all threads, and their weights are summed once for
//! all networks that see the same image.

use crate::{TilingError, gaussian_weights, tile_starts};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, Array5, ArrayView4, Axis, CowArray, Ix4, Slice, Zip};

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
    network: impl FnMut(Array5<f32>) -> Result<Array5<f32>, E>,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<Array4<f32>, SlidingWindowError<E>> {
    let window = Window::lay(image, options, |_| false)?;
    let mut logits = window.zeros();
    window.average(&mut logits, &[], network, after_tile)?;
    Ok(window.of_image(logits))
}

/// The tiles of one image.
pub(crate) struct Window<'a> {
    options: WindowOptions,
    image_size: [usize; 3],
    padded: CowArray<'a, f32, Ix4>,
    /// Where the image begins in `padded`.
    low: [usize; 3],
    tiles: Vec<Tile>,
    weights: Array3<f32>,
    /// Of all tiles together, `[z, y, x]` of `padded`.
    weight_sums: Array3<f32>,
}

/// One place of the window.
struct Tile {
    /// First voxel in the padded image.
    at: [usize; 3],
    /// The network is not asked.
    skipped: bool,
}

impl<'a> Window<'a> {
    /// Pads the image where it must be and lays the tiles.
    ///
    /// - `skip`: whether the network need not see the voxels `lower..upper` (`[z, y, x]` of the
    ///   image, the part of a tile that lies in it)
    pub(crate) fn lay(
        image: ArrayView4<'a, f32>,
        options: &WindowOptions,
        skip: impl Fn([std::ops::Range<usize>; 3]) -> bool,
    ) -> Result<Self, TilingError> {
        let image_size = spatial(image);
        let (padded, low) = pad_to_patch(image, options.patch);
        let size = spatial(padded.view());
        let starts = tile_starts(size, options.patch, options.step)?;
        let in_image = |at: [usize; 3]| {
            std::array::from_fn(|a| {
                let (from, to) = (at[a], at[a] + options.patch[a]);
                from.saturating_sub(low[a])..to.saturating_sub(low[a]).min(image_size[a])
            })
        };
        let tiles: Vec<Tile> = places(&starts)
            .into_iter()
            .map(|at| Tile {
                at,
                skipped: skip(in_image(at)),
            })
            .collect();
        let weights = gaussian_weights(options.patch);
        let mut weight_sums = Array3::<f32>::zeros(size);
        for tile in &tiles {
            let mut sum = weight_sums.slice_each_axis_mut(|a| {
                let axis = a.axis.index();
                Slice::from(tile.at[axis]..tile.at[axis] + options.patch[axis])
            });
            sum += &weights;
        }
        Ok(Self {
            options: *options,
            image_size,
            padded,
            low,
            tiles,
            weights,
            weight_sums,
        })
    }

    /// Tiles that the network is not asked about.
    pub(crate) fn n_skipped(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.skipped).count()
    }

    /// Room for the logits of the padded image, `[n_heads, z, y, x]`.
    pub(crate) fn zeros(&self) -> Array4<f32> {
        let [z, y, x] = spatial(self.padded.view());
        Array4::zeros([self.options.n_heads, z, y, x])
    }

    /// The logits of a network, averaged over the tiles.
    ///
    /// - `logits`: from [`Self::zeros`], all 0; the result
    /// - `skipped`: logits of every voxel of a tile that is skipped, one per head
    pub(crate) fn average<E>(
        &self,
        logits: &mut Array4<f32>,
        skipped: &[f32],
        mut network: impl FnMut(Array5<f32>) -> Result<Array5<f32>, E>,
        mut after_tile: impl FnMut(usize) -> bool,
    ) -> Result<(), SlidingWindowError<E>> {
        for group in self.tiles.chunks(self.options.tiles_at_once.max(1)) {
            let seen: Vec<&Tile> = group.iter().filter(|tile| !tile.skipped).collect();
            let of_network = if seen.is_empty() {
                None
            } else {
                Some(network(self.cut_out(&seen)).map_err(SlidingWindowError::Network)?)
            };
            let mut of_network = of_network.iter().flat_map(|logits| logits.outer_iter());
            // In the order of the tiles, so that sums do not depend on the groups.
            for tile in group {
                if tile.skipped {
                    self.add_constant(logits, skipped, tile.at);
                } else if let Some(of_tile) = of_network.next() {
                    self.add(logits, of_tile, tile.at);
                }
                if !after_tile(self.tiles.len()) {
                    return Err(SlidingWindowError::Stopped);
                }
            }
        }
        for mut head in logits.outer_iter_mut() {
            Zip::from(&mut head)
                .and(&self.weight_sums)
                .par_for_each(|sum, &weight| *sum /= weight);
        }
        Ok(())
    }

    /// Takes the padding away.
    pub(crate) fn of_image(&self, logits: Array4<f32>) -> Array4<f32> {
        if spatial(logits.view()) == self.image_size {
            return logits;
        }
        crop(logits.view(), self.low, self.image_size).to_owned()
    }

    /// The voxels of some tiles, `[tiles, channels, patch..]` in standard layout.
    fn cut_out(&self, tiles: &[&Tile]) -> Array5<f32> {
        let [z, y, x] = self.options.patch;
        let mut cut = Array5::zeros([tiles.len(), self.padded.len_of(Axis(0)), z, y, x]);
        for (mut cut, tile) in cut.outer_iter_mut().zip(tiles) {
            cut.assign(&crop(self.padded.view(), tile.at, self.options.patch));
        }
        cut
    }

    /// Adds the weighted logits of a tile, one slice after the other.
    fn add(&self, sums: &mut Array4<f32>, logits: ArrayView4<'_, f32>, at: [usize; 3]) {
        for (head, mut sum) in sums.outer_iter_mut().enumerate() {
            let mut tile = sum.slice_each_axis_mut(|a| self.range(at, a.axis.index()));
            tile.axis_iter_mut(Axis(0))
                .into_par_iter()
                .zip(logits.index_axis(Axis(0), head).axis_iter(Axis(0)))
                .zip(self.weights.axis_iter(Axis(0)))
                .for_each(|((mut sum, logits), weights)| {
                    Zip::from(&mut sum)
                        .and(&logits)
                        .and(&weights)
                        .for_each(|s, &l, &w| *s += l * w);
                });
        }
    }

    fn add_constant(&self, sums: &mut Array4<f32>, logits: &[f32], at: [usize; 3]) {
        for (mut sum, logit) in sums.outer_iter_mut().zip(logits) {
            sum.slice_each_axis_mut(|a| self.range(at, a.axis.index()))
                .scaled_add(*logit, &self.weights);
        }
    }

    fn range(&self, at: [usize; 3], axis: usize) -> Slice {
        Slice::from(at[axis]..at[axis] + self.options.patch[axis])
    }
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

/// Pads each spatial axis with zeros up to the patch, `floor(missing / 2)` of it in front, as
/// nnU-Net. Returns the padded image and where the image begins in it.
fn pad_to_patch(
    image: ArrayView4<'_, f32>,
    patch: [usize; 3],
) -> (CowArray<'_, f32, Ix4>, [usize; 3]) {
    let size = spatial(image);
    let low = std::array::from_fn(|a| patch[a].saturating_sub(size[a]) / 2);
    if (0..3).all(|a| size[a] >= patch[a]) {
        return (image.into(), low);
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
    (padded.into(), low)
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
    fn skipped_tiles_are_not_given_to_the_network() {
        let image = ramp([4, 5, 18]);
        let options = WindowOptions {
            n_heads: 2,
            ..options([4, 5, 6])
        };
        for tiles_at_once in [1, 3] {
            let options = WindowOptions {
                tiles_at_once,
                ..options
            };
            let skip = |[_, _, x]: [std::ops::Range<usize>; 3]| x.start >= 9;
            let window = Window::lay(image.view(), &options, skip).unwrap();
            // Tiles begin at 0, 3, 6, 9 and 12.
            assert_eq!(window.n_skipped(), 2);
            let mut n_seen = 0;
            let network = |tiles: Array5<f32>| {
                let [n, _, z, y, x]: [usize; 5] = tiles.shape().try_into().unwrap();
                n_seen += n;
                Ok::<_, Infallible>(Array5::from_elem([n, 2, z, y, x], 1.0))
            };
            let (mut logits, mut n_told) = (window.zeros(), 0);
            let told = |total: usize| {
                n_told += 1;
                total == 5
            };
            window
                .average(&mut logits, &[3.0, -3.0], network, told)
                .unwrap();
            assert_eq!((n_seen, n_told), (3, 5));
            let at = |head, x| logits[[head, 2, 2, x]];
            assert_eq!((at(0, 2), at(1, 2)), (1.0, 1.0));
            assert_eq!((at(0, 17), at(1, 17)), (3.0, -3.0));
            assert!(at(0, 10) > 1.0 && at(0, 10) < 3.0);
        }
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
