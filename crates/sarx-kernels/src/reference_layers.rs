//! The plain meaning of what stands between convolutions: norm, activation, head, pool, sums.
//!
//! As [`crate::reference`]: loops over arrays `[batch, channel, z, y, x]`, everything in f64.

use crate::reference::Array;

fn voxels(x: &Array) -> usize {
    x.shape[2..].iter().product()
}

/// One channel of one sample, in f64.
fn channel(x: &Array, sample: usize, channel: usize) -> Vec<f64> {
    let len = voxels(x);
    let start = (sample * x.shape[1] + channel) * len;
    let values = &x.values[start..start + len];
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Calls `with(sample, channel)` for each; the values that it gives are those of the new array.
fn by_channel(shape: [usize; 5], with: impl Fn(usize, usize) -> Vec<f64>) -> Array {
    let pairs = (0..shape[0]).flat_map(|n| (0..shape[1]).map(move |c| (n, c)));
    Array {
        values: pairs
            .flat_map(|(n, c)| with(n, c))
            .map(|v| v as f32)
            .collect(),
        shape,
    }
}

/// Values without their mean, over the root of their biased variance + `epsilon`; and that root.
fn normalised(values: &[f64], epsilon: f64) -> (Vec<f64>, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let root = (variance + epsilon).sqrt();
    (values.iter().map(|v| (v - mean) / root).collect(), root)
}

/// `v`, or `slope * v` below zero.
#[must_use]
pub fn leaky_relu(v: f64, slope: f64) -> f64 {
    if v > 0.0 { v } else { slope * v }
}

/// The derivative of [`leaky_relu`]; at zero it is `slope`, as in PyTorch.
#[must_use]
pub fn leaky_relu_derivative(v: f64, slope: f64) -> f64 {
    if v > 0.0 { 1.0 } else { slope }
}

/// Instance norm with weight and bias per channel, then leaky ReLU.
#[must_use]
pub fn norm_act(y: &Array, weight: &[f32], bias: &[f32], epsilon: f64, slope: f32) -> Array {
    by_channel(y.shape, |n, c| {
        let (weight, bias) = (f64::from(weight[c]), f64::from(bias[c]));
        let (hat, _) = normalised(&channel(y, n, c), epsilon);
        hat.iter()
            .map(|v| leaky_relu(v * weight + bias, f64::from(slope)))
            .collect()
    })
}

/// The gradients of [`norm_act`] for `y`, weight and bias.
#[must_use]
pub fn norm_act_backward(
    y: &Array,
    (weight, bias): (&[f32], &[f32]),
    epsilon: f64,
    slope: f32,
    gradient: &Array,
) -> (Array, [Vec<f64>; 2]) {
    // Of the norm's output: the gradient, and the gradient times the normalised values.
    let before = |n: usize, c: usize| {
        let (weight, bias) = (f64::from(weight[c]), f64::from(bias[c]));
        let (hat, root) = normalised(&channel(y, n, c), epsilon);
        let gradient: Vec<f64> = channel(gradient, n, c)
            .iter()
            .zip(&hat)
            .map(|(g, v)| g * leaky_relu_derivative(v * weight + bias, f64::from(slope)))
            .collect();
        let product: f64 = gradient.iter().zip(&hat).map(|(g, v)| g * v).sum();
        (hat, root, gradient, product)
    };
    let of_y = by_channel(y.shape, |n, c| {
        let (hat, root, gradient, product) = before(n, c);
        let len = hat.len() as f64;
        let sum: f64 = gradient.iter().sum();
        gradient
            .iter()
            .zip(&hat)
            .map(|(g, v)| f64::from(weight[c]) / root * (g - sum / len - v * product / len))
            .collect()
    });
    let mut sums = [vec![0.0; y.shape[1]], vec![0.0; y.shape[1]]];
    for (n, c) in (0..y.shape[0]).flat_map(|n| (0..y.shape[1]).map(move |c| (n, c))) {
        let (_, _, gradient, product) = before(n, c);
        sums[0][c] += product;
        sums[1][c] += gradient.iter().sum::<f64>();
    }
    (of_y, sums)
}

/// A convolution of one voxel: weights `[out, in]` and a bias per output channel.
#[must_use]
pub fn head(x: &Array, weight: &[f32], bias: &[f32]) -> Array {
    let [n, channels, z, y, x_] = x.shape;
    by_channel([n, bias.len(), z, y, x_], |n, k| {
        let mut sum = vec![f64::from(bias[k]); voxels(x)];
        for c in 0..channels {
            let weight = f64::from(weight[k * channels + c]);
            for (sum, v) in sum.iter_mut().zip(channel(x, n, c)) {
                *sum += weight * v;
            }
        }
        sum
    })
}

/// The gradients of [`head`] for `x`, weights and bias.
#[must_use]
pub fn head_backward(x: &Array, weight: &[f32], gradient: &Array) -> (Array, Vec<f64>, Vec<f64>) {
    let (channels, outputs) = (x.shape[1], gradient.shape[1]);
    let of_x = by_channel(x.shape, |n, c| {
        let mut sum = vec![0.0; voxels(x)];
        for k in 0..outputs {
            let weight = f64::from(weight[k * channels + c]);
            for (sum, g) in sum.iter_mut().zip(channel(gradient, n, k)) {
                *sum += weight * g;
            }
        }
        sum
    });
    let (mut of_weight, mut of_bias) = (vec![0.0; outputs * channels], vec![0.0; outputs]);
    for n in 0..x.shape[0] {
        for k in 0..outputs {
            let g = channel(gradient, n, k);
            of_bias[k] += g.iter().sum::<f64>();
            for c in 0..channels {
                let products = channel(x, n, c).into_iter().zip(&g).map(|(v, g)| v * g);
                of_weight[k * channels + c] += products.sum::<f64>();
            }
        }
    }
    (of_x, of_weight, of_bias)
}

/// Means over boxes of `stride` voxels.
#[must_use]
pub fn average_pool(x: &Array, stride: [usize; 3]) -> Array {
    let [n, c, z, y, x_] = x.shape;
    let [sz, sy, sx] = stride;
    let mut out = Array::zeros([n, c, z / sz, y / sy, x_ / sx]);
    let volume = (sz * sy * sx) as f64;
    for (at, value) in out.values.iter_mut().enumerate() {
        let [_, _, nz, ny, nx] = out.shape;
        let (row, ox) = (at / nx, at % nx);
        let (plane, oy) = (row / ny, row % ny);
        let (map, oz) = (plane / nz, plane % nz);
        let mut sum = 0.0;
        for tap in 0..sz * sy * sx {
            let (tz, ty, tx) = (tap / (sy * sx), tap / sx % sy, tap % sx);
            let from = ((map * z + oz * sz + tz) * y + oy * sy + ty) * x_ + ox * sx + tx;
            sum += f64::from(x.values[from]);
        }
        *value = (sum / volume) as f32;
    }
    out
}

/// The gradient of [`average_pool`].
#[must_use]
pub fn average_pool_backward(gradient: &Array, stride: [usize; 3]) -> Array {
    let [n, c, z, y, x] = gradient.shape;
    let [sz, sy, sx] = stride;
    let mut out = Array::zeros([n, c, z * sz, y * sy, x * sx]);
    let volume = (sz * sy * sx) as f64;
    for (at, value) in out.values.iter_mut().enumerate() {
        let (row, ox) = (at / (x * sx), at % (x * sx) / sx);
        let (plane, oy) = (row / (y * sy), row % (y * sy) / sy);
        let (map, oz) = (plane / (z * sz), plane % (z * sz) / sz);
        let from = ((map * z + oz) * y + oy) * x + ox;
        *value = (f64::from(gradient.values[from]) / volume) as f32;
    }
    out
}

/// Sums over samples and voxels, per channel.
#[must_use]
pub fn sum_per_channel(x: &Array) -> Vec<f64> {
    let sum = |c| (0..x.shape[0]).flat_map(|n| channel(x, n, c)).sum();
    (0..x.shape[1]).map(sum).collect()
}

/// The gradient of [`crate::reference::up_convolution`] for weights `[in, out, sz, sy, sx]`.
#[must_use]
pub fn up_convolution_backward_weight(x: &Array, gradient: &Array, shape: [usize; 5]) -> Array {
    let [inputs, outputs, sz, sy, sx] = shape;
    let [batch, _, z, y, x_] = x.shape;
    let mut out = Array::zeros(shape);
    for (at, value) in out.values.iter_mut().enumerate() {
        let (channel, tap) = (at / (sz * sy * sx), at % (sz * sy * sx));
        let (i, o) = (channel / outputs, channel % outputs);
        let tap = [tap / (sy * sx), tap / sx % sy, tap % sx];
        let mut sum = 0.0;
        for voxel in 0..batch * z * y * x_ {
            let n = voxel / (z * y * x_);
            let from = [voxel / (y * x_) % z, voxel / x_ % y, voxel % x_];
            let to = [
                from[0] * sz + tap[0],
                from[1] * sy + tap[1],
                from[2] * sx + tap[2],
            ];
            sum += f64::from(x.at([n, i, from[0], from[1], from[2]]))
                * f64::from(gradient.at([n, o, to[0], to[1], to[2]]));
        }
        *value = sum as f32;
    }
    debug_assert_eq!(inputs, x.shape[1], "channels of the input");
    out
}
