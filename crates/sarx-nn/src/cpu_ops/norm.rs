//! Instance norm and leaky ReLU in one pass forward and one backward.
//!
//! Per sample and channel of `n` voxels, with `h = (x - mean) / sqrt(var + epsilon)` and
//! `y = leaky(h * weight + bias)`; backward with `g' = g * leaky'`:
//! `dbias = sum g'`, `dweight = sum g' h`,
//! `dx = weight / sqrt(var + epsilon) * (g' - dbias / n - h * dweight / n)`.

use super::NormConstants;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Values summed in f32 before the sum moves to f64.
const CHUNK: usize = 1024;
const LANES: usize = 32;

/// Sums over `f(x, y)`: f32 lanes within chunks, f64 across them, in a fixed order.
#[inline(always)]
fn lane_sums<const N: usize>(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> [f32; N]) -> [f64; N] {
    let mut total = [0.0; N];
    for (x, y) in x.chunks(CHUNK).zip(y.chunks(CHUNK)) {
        let mut lanes = [[0.0f32; LANES]; N];
        let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
        for (x, y) in x.iter().zip(y) {
            for lane in 0..LANES {
                let terms = f(x[lane], y[lane]);
                for (lanes, term) in lanes.iter_mut().zip(terms) {
                    lanes[lane] += term;
                }
            }
        }
        for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
            for (lanes, term) in lanes.iter_mut().zip(f(x, y)) {
                lanes[lane] += term;
            }
        }
        for (total, lanes) in total.iter_mut().zip(lanes) {
            *total += lanes.iter().map(|&sum| f64::from(sum)).sum::<f64>();
        }
    }
    total
}

/// Sum of all values.
pub(super) fn sum(values: &[f32]) -> f64 {
    Arch::new().dispatch(Sum(values))
}

struct Sum<'a>(&'a [f32]);

impl WithSimd for Sum<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        lane_sums(self.0, self.0, |x, _| [x])[0]
    }
}

/// How one channel of one sample is normalised.
#[derive(Clone, Copy)]
struct Row {
    mean: f32,
    /// `1 / sqrt(variance + epsilon)`.
    inverse: f32,
    scale: f32,
    shift: f32,
    slope: f32,
}

impl Row {
    #[inline(always)]
    fn new(x: &[f32], [weight, bias]: [f32; 2], constants: NormConstants) -> Self {
        let n = x.len() as f64;
        let mean = (lane_sums(x, x, |x, _| [x])[0] / n) as f32;
        let variance = lane_sums(x, x, |x, _| [(x - mean) * (x - mean)])[0] / n;
        let inverse = (1.0 / (variance + constants.epsilon).sqrt()) as f32;
        Self {
            mean,
            inverse,
            scale: inverse * weight,
            shift: bias,
            slope: constants.slope as f32,
        }
    }

    /// The derivative of the leaky ReLU for this `x`.
    #[inline(always)]
    fn leaky_slope(self, x: f32) -> f32 {
        if (x - self.mean) * self.scale + self.shift < 0.0 {
            self.slope
        } else {
            1.0
        }
    }

    #[inline(always)]
    fn forward(self, x: &[f32], y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            let value = (x - self.mean) * self.scale + self.shift;
            *y = if value < 0.0 {
                value * self.slope
            } else {
                value
            };
        }
    }

    /// Turns the gradient of y into that of x; returns those of weight and bias.
    #[inline(always)]
    fn backward(self, x: &[f32], gradient: &mut [f32]) -> [f64; 2] {
        let [tilt, d_bias] = lane_sums(x, gradient, |x, g| {
            let g = g * self.leaky_slope(x);
            [g * (x - self.mean), g]
        });
        let (d_weight, n) = (tilt * f64::from(self.inverse), x.len() as f64);
        let (flat, tilted) = ((d_bias / n) as f32, (d_weight / n) as f32 * self.inverse);
        for (g, &x) in gradient.iter_mut().zip(x) {
            let through = *g * self.leaky_slope(x);
            *g = (through - flat - (x - self.mean) * tilted) * self.scale;
        }
        [d_weight, d_bias]
    }
}

/// One channel of one sample with its weight and bias.
#[derive(Clone, Copy)]
struct Channel<'a> {
    x: &'a [f32],
    affine: [f32; 2],
    constants: NormConstants,
}

struct Forward<'a> {
    row: Channel<'a>,
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Channel {
            x,
            affine,
            constants,
        } = self.row;
        Row::new(x, affine, constants).forward(x, self.y);
    }
}

struct Backward<'a> {
    row: Channel<'a>,
    gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let Channel {
            x,
            affine,
            constants,
        } = self.row;
        Row::new(x, affine, constants).backward(x, self.gradient)
    }
}

/// `y` of `x`: `[batch, channel, voxel]` with `n_voxels` voxels.
pub(super) fn forward(
    x: &[f32],
    [weight, bias]: [&[f32]; 2],
    n_voxels: usize,
    constants: NormConstants,
) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let rows = y.par_chunks_mut(n_voxels).zip(x.par_chunks(n_voxels));
    rows.enumerate().for_each(|(index, (y, x))| {
        let channel = index % weight.len();
        let affine = [weight[channel], bias[channel]];
        let row = Channel {
            x,
            affine,
            constants,
        };
        Arch::new().dispatch(Forward { row, y });
    });
    y
}

/// Turns the gradient of `y` into that of `x`; returns those of weight and bias.
pub(super) fn backward(
    x: &[f32],
    gradient: &mut [f32],
    [weight, bias]: [&[f32]; 2],
    n_voxels: usize,
    constants: NormConstants,
) -> [Vec<f32>; 2] {
    let channels = weight.len();
    let rows = gradient
        .par_chunks_mut(n_voxels)
        .zip(x.par_chunks(n_voxels));
    let sums = rows.enumerate().map(|(index, (gradient, x))| {
        let affine = [weight[index % channels], bias[index % channels]];
        let row = Channel {
            x,
            affine,
            constants,
        };
        Arch::new().dispatch(Backward { row, gradient })
    });
    let sums: Vec<[f64; 2]> = sums.collect();
    let per_channel = |which: usize| {
        let total = |c: usize| {
            let rows = sums.iter().skip(c).step_by(channels);
            rows.map(|s| s[which]).sum::<f64>()
        };
        (0..channels).map(|c| total(c) as f32).collect()
    };
    [per_channel(0), per_channel(1)]
}
