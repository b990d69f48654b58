//! Plain versions of everything in this module, written for being right, not fast: each output
//! voxel is a sum over its neighbourhood in the padded input.

use super::separate_axis::separate_axis;
use super::{ResampleGeometry, Resampling, SplineOrder};
use ndarray::{Array3, ArrayView3, Axis};

fn sample_at(i: usize, n_in: usize, n_out: usize) -> f64 {
    (i as f64 + 0.5) * (n_in as f64 / n_out as f64) - 0.5
}

/// The cubic B-spline centred at 0.
fn b_spline(x: f64) -> f64 {
    let x = x.abs();
    match x {
        _ if x < 1.0 => 2.0 / 3.0 - x * x + x * x * x / 2.0,
        _ if x < 2.0 => (2.0 - x).powi(3) / 6.0,
        _ => 0.0,
    }
}

/// Index into a line that is continued by reflection about its outer edges.
fn reflect(i: i64, n: usize) -> usize {
    let n = n as i64;
    let i = i.rem_euclid(2 * n);
    (if i < n { i } else { 2 * n - 1 - i }) as usize
}

/// Spline coefficients of a padded volume: convolution with the sampled cardinal spline.
fn coefficients(padded: &Array3<f64>) -> Array3<f64> {
    const REACH: i64 = 40;
    let pole = 3f64.sqrt() - 2.0;
    let gain = -6.0 * pole / (1.0 - pole * pole);
    let weights: Vec<f64> = (-REACH..=REACH)
        .map(|k| gain * pole.powi(k.abs() as i32))
        .collect();
    let mut volume = padded.clone();
    for axis in 0..3 {
        let n = volume.shape()[axis];
        for mut line in volume.lanes_mut(Axis(axis)) {
            let samples = line.to_vec();
            for (i, value) in line.iter_mut().enumerate() {
                *value = (-REACH..=REACH)
                    .zip(&weights)
                    .map(|(k, weight)| weight * samples[reflect(i as i64 + k, n)])
                    .sum();
            }
        }
    }
    volume
}

fn pad_edges(input: &Array3<f64>, pad: usize) -> Array3<f64> {
    let (nz, ny, nx) = input.dim();
    let clamp = |i: usize, n: usize| i.saturating_sub(pad).min(n - 1);
    Array3::from_shape_fn((nz + 2 * pad, ny + 2 * pad, nx + 2 * pad), |(z, y, x)| {
        input[[clamp(z, nz), clamp(y, ny), clamp(x, nx)]]
    })
}

/// Neighbours of a sample along one axis: index and weight.
fn neighbours(at: f64, n: usize, order: SplineOrder) -> Vec<(usize, f64)> {
    let clamped = at.clamp(0.0, (n - 1) as f64);
    match order {
        SplineOrder::Nearest => vec![((clamped + 0.5).floor() as usize, 1.0)],
        SplineOrder::Linear => {
            let lower = clamped.floor();
            let weight = 1.0 - (clamped - lower);
            let lower = lower as usize;
            vec![(lower, weight), ((lower + 1).min(n - 1), 1.0 - weight)]
        }
        SplineOrder::Cubic => {
            let at = at + 12.0;
            let knot = at.floor() as usize;
            (knot - 1..=knot + 2)
                .map(|k| (k, b_spline(at - k as f64)))
                .collect()
        }
    }
}

pub(crate) fn resize(input: &Array3<f64>, size: [usize; 3], order: SplineOrder) -> Array3<f64> {
    let shape = [input.dim().0, input.dim().1, input.dim().2];
    let source = if order == SplineOrder::Cubic {
        coefficients(&pad_edges(input, 12))
    } else {
        input.clone()
    };
    let low = input.iter().copied().fold(f64::INFINITY, f64::min);
    let high = input.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Array3::from_shape_fn(size, |(z, y, x)| {
        let around = |axis: usize, i: usize| {
            neighbours(sample_at(i, shape[axis], size[axis]), shape[axis], order)
        };
        let (rows, columns) = (around(1, y), around(2, x));
        let mut sum = 0.0;
        for (z, wz) in around(0, z) {
            for &(y, wy) in &rows {
                for &(x, wx) in &columns {
                    sum += source[[z, y, x]] * wz * wy * wx;
                }
            }
        }
        sum.clamp(low, high)
    })
}

/// Stable argmax of indicators with the tie rule.
fn resize_labels(labels: &Array3<i16>, size: [usize; 3], order: SplineOrder) -> Array3<i16> {
    let as_f64 = labels.map(|&l| f64::from(l));
    let nearest = resize(&as_f64, size, SplineOrder::Nearest).map(|&l| l as i16);
    let mut names: Vec<i16> = labels.iter().copied().collect();
    names.sort_unstable();
    names.dedup();
    if order == SplineOrder::Nearest {
        return nearest;
    }
    let scores: Vec<Array3<f64>> = names
        .iter()
        .map(|&name| {
            resize(
                &labels.map(|&l| f64::from(u8::from(l == name))),
                size,
                order,
            )
        })
        .collect();
    Array3::from_shape_fn(size, |at| {
        let best = scores
            .iter()
            .map(|s| s[at])
            .fold(f64::NEG_INFINITY, f64::max);
        let tied: Vec<i16> = names
            .iter()
            .zip(&scores)
            .filter(|(_, s)| s[at] == best)
            .map(|(&l, _)| l)
            .collect();
        if tied.contains(&nearest[at]) {
            nearest[at]
        } else {
            tied[0]
        }
    })
}

fn nearest_along(axis: usize, n_in: usize, n_out: usize) -> impl Fn([usize; 3]) -> [usize; 3] {
    move |mut at| {
        let t = sample_at(at[axis], n_in, n_out).clamp(0.0, (n_in - 1) as f64);
        at[axis] = (t + 0.5).floor() as usize;
        at
    }
}

pub(crate) fn resample_image(
    image: ArrayView3<'_, f32>,
    geometry: &ResampleGeometry,
    resampling: &Resampling,
) -> Array3<f32> {
    let input = image.map(|&v| f64::from(v));
    let Some(axis) = separate_axis(
        geometry.from_mm,
        geometry.to_mm,
        resampling.force_separate_z,
    ) else {
        return resize(&input, geometry.size, resampling.order).map(|&v| v as f32);
    };
    assert_eq!(resampling.order_z, SplineOrder::Nearest);
    let in_plane = each_slice(&input, axis, geometry.size, |s, n| {
        resize(s, n, resampling.order)
    });
    let from = nearest_along(axis, image.shape()[axis], geometry.size[axis]);
    Array3::from_shape_fn(geometry.size, |(z, y, x)| in_plane[from([z, y, x])] as f32)
}

pub(crate) fn resample_labels(
    labels: ArrayView3<'_, i16>,
    geometry: &ResampleGeometry,
    resampling: &Resampling,
) -> Array3<i16> {
    let input = labels.to_owned();
    let Some(axis) = separate_axis(
        geometry.from_mm,
        geometry.to_mm,
        resampling.force_separate_z,
    ) else {
        return resize_labels(&input, geometry.size, resampling.order);
    };
    assert_eq!(resampling.order_z, SplineOrder::Nearest);
    let in_plane = each_slice(&input, axis, geometry.size, |s, n| {
        resize_labels(s, n, resampling.order)
    });
    let from = nearest_along(axis, labels.shape()[axis], geometry.size[axis]);
    Array3::from_shape_fn(geometry.size, |(z, y, x)| in_plane[from([z, y, x])])
}

fn each_slice<T: Clone + Default>(
    input: &Array3<T>,
    axis: usize,
    size: [usize; 3],
    resize: impl Fn(&Array3<T>, [usize; 3]) -> Array3<T>,
) -> Array3<T> {
    let mut out_size = size;
    out_size[axis] = input.shape()[axis];
    let mut slice_size = size;
    slice_size[axis] = 1;
    let mut output = Array3::default(out_size);
    for (mut out, slice) in output
        .axis_chunks_iter_mut(Axis(axis), 1)
        .zip(input.axis_chunks_iter(Axis(axis), 1))
    {
        out.assign(&resize(&slice.to_owned(), slice_size));
    }
    output
}
