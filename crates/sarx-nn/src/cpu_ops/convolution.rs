//! Convolution, its gradients and the up-convolution in terms of the two kernels.

use super::layout::ChannelsLast;
use super::taps::{Phase, TapSum};
use super::weight_gradient::{self, WeightGradient};
use rayon::prelude::*;

/// Values with their shape.
#[derive(Clone, Copy)]
pub(super) struct Array<'a> {
    pub(super) values: &'a [f32],
    pub(super) shape: [usize; 5],
}

/// The shape `[batch, channel, z, y, x]` of values and their copy for the kernels.
#[derive(Clone, Copy)]
struct Operand<'a> {
    copy: &'a ChannelsLast,
    shape: [usize; 5],
}

/// Stride and zero padding, `[z, y, x]`, and direction of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(super) stride: [usize; 3],
    pub(super) padding: [usize; 3],
    /// A transposed convolution with kernel = stride and weights `[in, out, ..]`.
    pub(super) up: bool,
}

impl Window {
    /// Output size of a convolution.
    fn out_size(&self, input: [usize; 3], kernel: [usize; 3]) -> [usize; 3] {
        [0, 1, 2].map(|a| (input[a] + 2 * self.padding[a] - kernel[a]) / self.stride[a] + 1)
    }

    /// The copy of the side with more voxels (the input, or the output of an up-convolution).
    fn copy_large(&self, x: Array<'_>) -> ChannelsLast {
        ChannelsLast::new(x.values, x.shape, self.padding.map(|p| [p, p]), 1)
    }

    /// The copy of the other side, with enough zeros for every tap that reaches over an edge.
    fn copy_small(&self, x: Array<'_>, kernel: [usize; 3]) -> ChannelsLast {
        let border = kernel.map(|k| [k - 1, k]);
        ChannelsLast::new(x.values, x.shape, border, weight_gradient::lanes())
    }
}

fn spatial([_, _, z, y, x]: [usize; 5]) -> [usize; 3] {
    [z, y, x]
}

/// Gradients of a convolution or up-convolution.
pub(super) struct ConvGradients {
    /// `None` if nobody asked.
    pub(super) x: Option<Vec<f32>>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// Convolution or up-convolution with bias: values and shape.
pub(super) fn convolve(
    x: Array<'_>,
    weight: Array<'_>,
    bias: &[f32],
    window: Window,
) -> (Vec<f32>, [usize; 5]) {
    let (shape, kernel) = (x.shape, spatial(weight.shape));
    let size = spatial(shape);
    let (values, channels, [z, y, x]) = if window.up {
        let size = [0, 1, 2].map(|a| size[a] * window.stride[a]);
        let copy = &window.copy_small(x, kernel);
        let values = backward_data(Operand { copy, shape }, weight, Some(bias), window, size);
        (values, weight.shape[1], size)
    } else {
        let copy = &window.copy_large(x);
        let values = forward(Operand { copy, shape }, weight, Some(bias), window);
        (values, weight.shape[0], window.out_size(size, kernel))
    };
    (values, [shape[0], channels, z, y, x])
}

/// The gradients of [`convolve`], given that of its output; that for x only if `needs_x`.
pub(super) fn gradients(
    x: Array<'_>,
    weight: Array<'_>,
    gradient: Array<'_>,
    window: Window,
    needs_x: bool,
) -> ConvGradients {
    // An up-convolution is the data gradient of a convolution: input and gradient change places.
    let (small, large) = if window.up {
        (x, gradient)
    } else {
        (gradient, x)
    };
    let kernel = spatial(weight.shape);
    let (small_copy, large_copy) = (window.copy_small(small, kernel), window.copy_large(large));
    let small = Operand {
        copy: &small_copy,
        shape: small.shape,
    };
    let large = Operand {
        copy: &large_copy,
        shape: large.shape,
    };
    let data = || {
        if window.up {
            forward(large, weight, None, window)
        } else {
            backward_data(small, weight, None, window, spatial(x.shape))
        }
    };
    ConvGradients {
        x: needs_x.then(data),
        weight: backward_weight(large, small, kernel, window.stride),
        bias: channel_sums(gradient),
    }
}

/// All positions below `size`, x fastest.
fn positions(size: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..size.iter().product())
        .map(move |i: usize| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
}

/// `[batch, channels_out, ..]` of weights `[channels_out, channels_in, ..]`.
fn forward(x: Operand<'_>, weight: Array<'_>, bias: Option<&[f32]>, window: Window) -> Vec<f32> {
    let [channels_out, channels_in, ..] = weight.shape;
    let kernel = spatial(weight.shape);
    let volume: usize = kernel.iter().product();
    let out_size = window.out_size(spatial(x.shape), kernel);
    let tap_weights = |tap: usize| {
        let pairs = (0..channels_in).flat_map(|i| (0..channels_out).map(move |o| (i, o)));
        pairs
            .map(|(i, o)| weight.values[(o * channels_in + i) * volume + tap])
            .collect()
    };
    let taps = positions(kernel)
        .enumerate()
        .map(|(tap, at)| (at, tap_weights(tap)))
        .collect();
    let job = TapSum {
        source: x.copy,
        batch: x.shape[0],
        source_step: window.stride,
        out_step: [1; 3],
        out_size,
        channels: [channels_in, channels_out],
        phases: vec![Phase {
            start: [0; 3],
            count: out_size,
            taps,
        }],
    };
    job.run(bias)
}

/// The gradient of [`forward`] for its input of size `out_size`, given that of its output; also
/// the transposed convolution with these weights.
fn backward_data(
    gradient: Operand<'_>,
    weight: Array<'_>,
    bias: Option<&[f32]>,
    window: Window,
    out_size: [usize; 3],
) -> Vec<f32> {
    // Channels of the gradient come in, channels of the input go out.
    let [channels_in, channels_out, ..] = weight.shape;
    let (
        kernel,
        Window {
            stride, padding, ..
        },
    ) = (spatial(weight.shape), window);
    let volume: usize = kernel.iter().product();
    let tap_weights = |tap: usize| {
        let pairs = (0..channels_in).flat_map(|i| (0..channels_out).map(move |o| (i, o)));
        pairs
            .map(|(i, o)| weight.values[(i * channels_out + o) * volume + tap])
            .collect()
    };
    let phase = |start: [usize; 3]| {
        let seen = positions(kernel).enumerate().filter_map(|(tap, k)| {
            let mut at = [0; 3];
            for a in 0..3 {
                // Shifted by a multiple of the stride so that it is never negative.
                let shifted = start[a] + padding[a] + (kernel[a] - 1) * stride[a] - k[a];
                if !shifted.is_multiple_of(stride[a]) {
                    return None;
                }
                at[a] = shifted / stride[a];
            }
            Some((at, tap_weights(tap)))
        });
        let count =
            [0, 1, 2].map(|a| (out_size[a] - start[a].min(out_size[a])).div_ceil(stride[a]));
        Phase {
            start,
            count,
            taps: seen.collect(),
        }
    };
    let job = TapSum {
        source: gradient.copy,
        batch: gradient.shape[0],
        source_step: [1; 3],
        out_step: stride,
        out_size,
        channels: [channels_in, channels_out],
        phases: positions(stride).map(phase).collect(),
    };
    job.run(bias)
}

/// The gradient of [`forward`] for its weights: `[channels_out, channels_in, ..]`.
fn backward_weight(
    source: Operand<'_>,
    gradient: Operand<'_>,
    kernel: [usize; 3],
    stride: [usize; 3],
) -> Vec<f32> {
    let [batch, channels_out, z, y, x] = gradient.shape;
    let channels_in = source.shape[1];
    let job = WeightGradient {
        source: source.copy,
        gradient: gradient.copy,
        batch,
        size: [z, y, x],
        channels_in,
        kernel,
        stride,
    };
    let sums = job.run();
    let volume: usize = kernel.iter().product();
    let row = gradient.copy.channels;
    let value = |index: usize| {
        let (tap, i, o) = (
            index % volume,
            index / volume % channels_in,
            index / volume / channels_in,
        );
        sums[(i * volume + tap) * row + o]
    };
    let n_values = channels_out * channels_in * volume;
    (0..n_values).map(value).collect()
}

/// Sum per channel of `[batch, channel, ..]`.
fn channel_sums(gradient: Array<'_>) -> Vec<f32> {
    let [batch, channels, ..] = gradient.shape;
    let voxels: usize = spatial(gradient.shape).iter().product();
    let sum = |c: usize| {
        let rows = (0..batch).map(|b| &gradient.values[(b * channels + c) * voxels..][..voxels]);
        rows.map(super::norm::sum).sum::<f64>() as f32
    };
    (0..channels).into_par_iter().map(sum).collect()
}
