//! Resampling of label maps: every label's indicator is interpolated and the largest wins.
//!
//! With linear interpolation an output voxel depends on eight input voxels at most, so the vote
//! is held among them and no indicator volume is ever made. Sums are taken in SciPy's order:
//! whether two labels tie exactly depends on it.

use super::apart::{resize_each_slice, resize_nearest_slices};
use super::axis_map::{AxisMap, Tap, nearest_index, taps};
use super::image::{apply_along, resize};
use super::separate_axis::separate_axis;
use super::{ResampleGeometry, Resampling, SplineOrder};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis, Zip};

/// Resamples a label map.
///
/// The label with the largest interpolated indicator wins. On an exact tie the label of the
/// nearest voxel wins if it is among the best, otherwise the smallest of the best. Where the
/// coarse axis is treated apart, this happens within each slice, followed by the nearest slice
/// (or, for another [`Resampling::order_z`], by the labels whose indicator rounds to one).
///
/// # Shapes
///
/// - `labels`: `[z, y, x]`, no axis empty; any memory layout. -1 is a label like others.
/// - result: `geometry.size`, C order.
///
/// # Source
///
/// nnU-Net `default_resampling.py`, `resample_data_or_seg`; batchgenerators 0.25.5
/// `resize_segmentation`. Earlier versions of batchgenerators decide ties otherwise. With order 3,
/// which nnU-Net never uses for labels, ties may fall otherwise by the rounding of f64.
#[must_use]
pub fn resample_labels(
    labels: ArrayView3<'_, i16>,
    geometry: &ResampleGeometry,
    resampling: &Resampling,
) -> Array3<i16> {
    let size = geometry.size;
    if labels.shape() == size {
        return labels.as_standard_layout().into_owned();
    }
    let resize = |labels: ArrayView3<'_, i16>, size| match resampling.order {
        SplineOrder::Nearest => resize_nearest(labels, size),
        SplineOrder::Linear => resize_linear(labels, size),
        SplineOrder::Cubic => resize_cubic(labels, size),
    };
    match separate_axis(
        geometry.from_mm,
        geometry.to_mm,
        resampling.force_separate_z,
    ) {
        None => resize(labels, size),
        Some(axis) if resampling.order_z == SplineOrder::Nearest => {
            resize_nearest_slices(labels, axis, size, resize)
        }
        Some(axis) => {
            let in_plane = resize_each_slice(labels, axis, size, resize);
            let along = AxisMap::new(labels.shape()[axis], size[axis], resampling.order_z);
            if along.is_identity() {
                in_plane
            } else {
                round_along(in_plane.view(), axis, &along)
            }
        }
    }
}

/// The label of the nearest voxel.
fn resize_nearest(labels: ArrayView3<'_, i16>, size: [usize; 3]) -> Array3<i16> {
    let [from_z, from_y, from_x] = nearest_indices(&labels, size);
    Array3::from_shape_fn(size, |(z, y, x)| labels[[from_z[z], from_y[y], from_x[x]]])
}

fn nearest_indices(labels: &ArrayView3<'_, i16>, size: [usize; 3]) -> [Vec<usize>; 3] {
    std::array::from_fn(|axis| {
        (0..size[axis])
            .map(|i| nearest_index(i, labels.shape()[axis], size[axis]))
            .collect()
    })
}

/// The vote of the eight voxels around each sample.
fn resize_linear(labels: ArrayView3<'_, i16>, size: [usize; 3]) -> Array3<i16> {
    let [taps_z, taps_y, taps_x]: [Vec<Tap>; 3] =
        std::array::from_fn(|axis| taps(labels.shape()[axis], size[axis], SplineOrder::Linear));
    let [near_z, near_y, near_x] = nearest_indices(&labels, size);
    let labels = labels.as_standard_layout();
    let mut output = Array3::default(size);
    output
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            let tap_z = &taps_z[z];
            for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                let tap_y = &taps_y[y];
                let line = |z: usize, y: usize| labels.slice(ndarray::s![z, y, ..]);
                let lines = [
                    line(tap_z.lower, tap_y.lower),
                    line(tap_z.lower, tap_y.upper),
                    line(tap_z.upper, tap_y.lower),
                    line(tap_z.upper, tap_y.upper),
                ];
                let lines = lines
                    .each_ref()
                    .map(|line| line.as_slice().unwrap_or_default());
                let nearest = line(near_z[z], near_y[y]);
                for ((x, out), tap_x) in row.iter_mut().enumerate().zip(&taps_x) {
                    let (l, u) = (tap_x.lower, tap_x.upper);
                    let [a, b, c, d] = lines;
                    let corners = [a[l], a[u], b[l], b[u], c[l], c[u], d[l], d[u]];
                    *out = if corners.iter().all(|&label| label == corners[0]) {
                        corners[0]
                    } else {
                        vote(
                            corners,
                            corner_weights(tap_z, tap_y, tap_x),
                            nearest[near_x[x]],
                        )
                    };
                }
            }
        });
    output
}

/// Weights of the eight corners in C order, multiplied from the slowest axis on.
fn corner_weights(z: &Tap, y: &Tap, x: &Tap) -> [f64; 8] {
    let of = |tap: &Tap, upper: usize| {
        if upper == 1 {
            tap.weight_upper
        } else {
            tap.weight_lower
        }
    };
    std::array::from_fn(|corner| of(z, corner >> 2) * of(y, corner >> 1 & 1) * of(x, corner & 1))
}

/// The label with the largest sum of weights; see [`resample_labels`] for ties.
fn vote(corners: [i16; 8], weights: [f64; 8], nearest: i16) -> i16 {
    let (mut winner, mut best, mut nearest_score) = (i16::MAX, -1.0, 0.0);
    for (i, &label) in corners.iter().enumerate() {
        if corners[..i].contains(&label) {
            continue;
        }
        let votes = corners.iter().zip(&weights).filter(|(l, _)| **l == label);
        let score = votes.fold(0.0, |sum, (_, weight)| sum + weight).min(1.0);
        if score > best || (score == best && label < winner) {
            (winner, best) = (label, score);
        }
        if label == nearest {
            nearest_score = score;
        }
    }
    if nearest_score == best {
        nearest
    } else {
        winner
    }
}

/// The vote among whole indicator volumes, label by label: cubic splines reach far.
fn resize_cubic(labels: ArrayView3<'_, i16>, size: [usize; 3]) -> Array3<i16> {
    let nearest = resize_nearest(labels, size);
    let mut winner = Array3::<i16>::zeros(size);
    let mut best = Array3::from_elem(size, f64::NEG_INFINITY);
    let mut nearest_is_best = Array3::from_elem(size, false);
    for label in distinct(labels) {
        let indicator = labels.map(|&l| u8::from(l == label));
        let score = resize(indicator.view(), size, SplineOrder::Cubic, |v| v);
        Zip::from(&mut winner)
            .and(&mut best)
            .and(&mut nearest_is_best)
            .and(&score)
            .and(&nearest)
            .par_for_each(|winner, best, nearest_is_best, &score, &nearest| {
                if score > *best {
                    (*winner, *best, *nearest_is_best) = (label, score, nearest == label);
                } else if score == *best {
                    *nearest_is_best |= nearest == label;
                }
            });
    }
    Zip::from(&mut winner)
        .and(&nearest_is_best)
        .and(&nearest)
        .par_for_each(|winner, &nearest_is_best, &nearest| {
            if nearest_is_best {
                *winner = nearest;
            }
        });
    winner
}

/// Labels along one axis whose interpolated indicator is above a half; the largest wins, and
/// where there is none, 0.
fn round_along(labels: ArrayView3<'_, i16>, axis: usize, along: &AxisMap) -> Array3<i16> {
    let mut size = [labels.shape()[0], labels.shape()[1], labels.shape()[2]];
    size[axis] = along.n_out();
    let mut output = Array3::zeros(size);
    for label in distinct(labels) {
        let indicator = labels.map(|&l| u8::from(l == label));
        let above_half = apply_along(indicator.view(), axis, along, |v| v > 0.5);
        output.zip_mut_with(&above_half, |out, &above| {
            if above {
                *out = label;
            }
        });
    }
    output
}

/// All labels that occur, ascending.
fn distinct(labels: ArrayView3<'_, i16>) -> Vec<i16> {
    let mut occurs = vec![false; 1 << 16];
    for &label in labels {
        occurs[(i32::from(label) - i32::from(i16::MIN)) as usize] = true;
    }
    (i16::MIN..=i16::MAX)
        .zip(occurs)
        .filter_map(|(label, occurs)| occurs.then_some(label))
        .collect()
}
