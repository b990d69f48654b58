//! Resampling of intensities and logits: tensor-product splines, one axis at a time.

use super::apart::{resize_each_slice, resize_nearest_slices};
use super::axis_map::AxisMap;
use super::separate_axis::separate_axis;
use super::{ResampleGeometry, Resampling, SplineOrder};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};

/// Lines that are worked on side by side; a tile of 512 samples fits into the second-level cache.
const TILE: usize = 32;

/// Resamples one channel.
///
/// Values are computed in f64 and clipped to the range of the input: of the whole channel, or of
/// each slice where the coarse axis is treated apart (then slices are resampled within their
/// plane first, and along the coarse axis with [`Resampling::order_z`], without clipping). An
/// image that has the target size already is returned as it is.
///
/// # Shapes
///
/// - `image`: `[z, y, x]`, no axis empty, values finite; any memory layout.
/// - result: `geometry.size`, C order.
///
/// # Source
///
/// nnU-Net `default_resampling.py`, `resample_data_or_seg`; scikit-image `resize`.
#[must_use]
pub fn resample_image(
    image: ArrayView3<'_, f32>,
    geometry: &ResampleGeometry,
    resampling: &Resampling,
) -> Array3<f32> {
    if image.shape() == geometry.size {
        return image.as_standard_layout().into_owned();
    }
    match separate_axis(
        geometry.from_mm,
        geometry.to_mm,
        resampling.force_separate_z,
    ) {
        None => resize(image, geometry.size, resampling.order, |v| v as f32),
        Some(axis) if resampling.order_z == SplineOrder::Nearest => {
            let order = resampling.order;
            resize_nearest_slices(image, axis, geometry.size, |slice, size| {
                resize(slice, size, order, |v| v as f32)
            })
        }
        Some(axis) => resize_slices_spline(image, axis, geometry.size, resampling),
    }
}

/// In-plane resampling of all slices, then a spline along the coarse axis, which is not clipped.
fn resize_slices_spline(
    image: ArrayView3<'_, f32>,
    axis: usize,
    size: [usize; 3],
    resampling: &Resampling,
) -> Array3<f32> {
    let n_in = image.shape()[axis];
    let order = resampling.order;
    let in_plane = resize_each_slice(image, axis, size, |s, size| resize(s, size, order, |v| v));
    let along = AxisMap::new(n_in, size[axis], resampling.order_z);
    apply_along(in_plane.view(), axis, &along, |v| v as f32)
}

/// Tensor-product resampling of all axes at once, clipped to the range of the input.
///
/// Source: scikit-image `resize` with `mode="edge"`, `clip=True`, `anti_aliasing=False`.
pub(crate) fn resize<A, T>(
    input: ArrayView3<'_, A>,
    size: [usize; 3],
    order: SplineOrder,
    store: impl Fn(f64) -> T + Sync,
) -> Array3<T>
where
    A: Copy + Into<f64> + Send + Sync,
    T: Clone + Default + Send + Sync,
{
    let (minimum, maximum) = range(&input);
    let clipped = |v: f64| store(v.clamp(minimum, maximum));
    let maps: [AxisMap; 3] =
        std::array::from_fn(|axis| AxisMap::new(input.shape()[axis], size[axis], order));
    let mut axes: Vec<usize> = (0..3).filter(|&axis| !maps[axis].is_identity()).collect();
    // Axes that shrink most come first, so that the others have less to do.
    let growth = |axis: usize| size[axis] as f64 / input.shape()[axis] as f64;
    axes.sort_by(|&a, &b| growth(a).total_cmp(&growth(b)));
    match axes[..] {
        [] => Array3::from_shape_fn(size, |at| store(input[at].into())),
        [a] => apply_along(input, a, &maps[a], clipped),
        [a, ref middle @ .., z] => {
            let mut work = apply_along(input, a, &maps[a], |v| v);
            for &axis in middle {
                work = apply_along(work.view(), axis, &maps[axis], |v| v);
            }
            apply_along(work.view(), z, &maps[z], clipped)
        }
    }
}

fn range<A: Copy + Into<f64>>(input: &ArrayView3<'_, A>) -> (f64, f64) {
    input
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| {
            let v = v.into();
            (low.min(v), high.max(v))
        })
}

/// Applies the map of one axis to all lines of a volume, in parallel.
pub(crate) fn apply_along<A, T>(
    input: ArrayView3<'_, A>,
    axis: usize,
    map: &AxisMap,
    store: impl Fn(f64) -> T + Sync,
) -> Array3<T>
where
    A: Copy + Into<f64> + Send + Sync,
    T: Clone + Default + Send + Sync,
{
    let mut size = [input.shape()[0], input.shape()[1], input.shape()[2]];
    size[axis] = map.n_out();
    let mut output = Array3::default(size);
    // Lines of one tile should be neighbours in memory; the remaining axis is shared out.
    let outer = if axis == 0 { Axis(1) } else { Axis(0) };
    // Axes left after taking `outer` away, `axis` first.
    let flip = axis == 2;
    output
        .axis_iter_mut(outer)
        .into_par_iter()
        .zip(input.axis_iter(outer))
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |buffers, (out, lines)| {
                let (out, lines) = if flip {
                    (out.reversed_axes(), lines.reversed_axes())
                } else {
                    (out, lines)
                };
                apply_to_plane(lines, out, map, &store, buffers);
            },
        );
    output
}

/// Applies a map along axis 0 of a plane, tile by tile.
fn apply_to_plane<A: Copy + Into<f64>, T>(
    lines: ArrayView2<'_, A>,
    mut out: ArrayViewMut2<'_, T>,
    map: &AxisMap,
    store: &impl Fn(f64) -> T,
    (scratch, result): &mut (Vec<f64>, Vec<f64>),
) {
    let tiles = lines.axis_chunks_iter(Axis(1), TILE);
    for (tile, mut out) in tiles.zip(out.axis_chunks_iter_mut(Axis(1), TILE)) {
        let width = tile.ncols();
        map.apply(width, scratch, result, |i, row| {
            for (to, &from) in row.iter_mut().zip(tile.row(i)) {
                *to = from.into();
            }
        });
        for (mut out, row) in out.rows_mut().into_iter().zip(result.chunks_exact(width)) {
            for (to, &from) in out.iter_mut().zip(row) {
                *to = store(from);
            }
        }
    }
}
