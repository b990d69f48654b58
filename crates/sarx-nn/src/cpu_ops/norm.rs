//! Instance norm and leaky ReLU in one pass forward and one backward.
//!
//! Per sample and channel of `n` voxels, with `h = (x - mean) / sqrt(var + epsilon)` and
//! `y = leaky(h * weight + bias)`; backward with `g' = g * leaky'`:
//! `dbias = sum g'`, `dweight = sum g' h`,
//! `dx = weight / sqrt(var + epsilon) * (g' - dbias / n - h * dweight / n)`.

use super::NormConstants;
use rayon::prelude::*;

/// Values summed in f32 before the sum moves to f64.
const CHUNK: usize = 512;
const LANES: usize = 16;

/// Sum over `f(i)` for `i` below `n`: f32 lanes within chunks, f64 across them, in a fixed order.
#[inline(always)]
fn lane_sum(n: usize, f: impl Fn(usize) -> f32) -> f64 {
    let mut total = 0.0;
    for start in (0..n).step_by(CHUNK) {
        let end = (start + CHUNK).min(n);
        let mut lanes = [0.0f32; LANES];
        let whole = (end - start) / LANES * LANES;
        for i in (start..start + whole).step_by(LANES) {
            for (lane, sum) in lanes.iter_mut().enumerate() {
                *sum += f(i + lane);
            }
        }
        for (lane, i) in (start + whole..end).enumerate() {
            lanes[lane] += f(i);
        }
        total += lanes.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}

/// Sum of all values.
pub(super) fn sum(values: &[f32]) -> f64 {
    lane_sum(values.len(), |i| values[i])
}

/// Mean and `1 / sqrt(variance + epsilon)`.
fn statistics(x: &[f32], epsilon: f64) -> (f32, f32) {
    let n = x.len() as f64;
    let mean = (sum(x) / n) as f32;
    let variance = lane_sum(x.len(), |i| (x[i] - mean) * (x[i] - mean)) / n;
    (mean, (1.0 / (variance + epsilon).sqrt()) as f32)
}

/// `y` of `x`: `[batch, channel, voxel]` with `n_voxels` voxels.
pub(super) fn forward(
    x: &[f32],
    [weight, bias]: [&[f32]; 2],
    n_voxels: usize,
    constants: NormConstants,
) -> Vec<f32> {
    let slope = constants.slope as f32;
    let mut y = vec![0.0; x.len()];
    let rows = y
        .par_chunks_mut(n_voxels)
        .zip(x.par_chunks(n_voxels))
        .enumerate();
    rows.for_each(|(index, (y, x))| {
        let channel = index % weight.len();
        let (mean, inverse) = statistics(x, constants.epsilon);
        let (scale, shift) = (inverse * weight[channel], bias[channel]);
        for (y, &x) in y.iter_mut().zip(x) {
            let value = (x - mean) * scale + shift;
            *y = if value < 0.0 { value * slope } else { value };
        }
    });
    y
}

/// The gradients for `x`, weight and bias, given that of `y`.
pub(super) fn backward(
    [x, gradient]: [&[f32]; 2],
    [weight, bias]: [&[f32]; 2],
    n_voxels: usize,
    constants: NormConstants,
) -> [Vec<f32>; 3] {
    let (slope, channels) = (constants.slope as f32, weight.len());
    let mut dx = vec![0.0; x.len()];
    let rows = dx.par_chunks_mut(n_voxels).zip(x.par_chunks(n_voxels));
    let rows = rows.zip(gradient.par_chunks(n_voxels)).enumerate();
    let sums: Vec<[f64; 2]> = rows
        .map(|(index, ((dx, x), g))| {
            let (weight, bias) = (weight[index % channels], bias[index % channels]);
            let (mean, inverse) = statistics(x, constants.epsilon);
            let scale = inverse * weight;
            for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(g) {
                *dx = if (x - mean) * scale + bias < 0.0 {
                    g * slope
                } else {
                    g
                };
            }
            let d_bias = sum(dx);
            let d_weight = lane_sum(x.len(), |i| dx[i] * (x[i] - mean)) * f64::from(inverse);
            let n = n_voxels as f64;
            let (flat, tilted) = ((d_bias / n) as f32, (d_weight / n) as f32 * inverse);
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = (*dx - flat - (x - mean) * tilted) * scale;
            }
            [d_weight, d_bias]
        })
        .collect();
    let per_channel = |which: usize| {
        let total = |c: usize| {
            sums.iter()
                .skip(c)
                .step_by(channels)
                .map(|s| s[which])
                .sum::<f64>()
        };
        (0..channels).map(|c| total(c) as f32).collect()
    };
    [dx, per_channel(0), per_channel(1)]
}
