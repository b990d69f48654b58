//! Convolution, its gradients and the up-convolution in terms of the two kernels.

use super::layout::{ChannelsLast, to_channels_first};
use super::taps::{Phase, TapSum};
use super::weight_gradient::{BLOCK_IN, BLOCK_OUT, WeightGradient};
use rayon::prelude::*;

/// Values with their shape.
#[derive(Clone, Copy)]
pub(super) struct Array<'a> {
    pub(super) values: &'a [f32],
    pub(super) shape: [usize; 5],
}

impl Array<'_> {
    fn spatial(&self) -> [usize; 3] {
        [self.shape[2], self.shape[3], self.shape[4]]
    }
}

/// Stride and zero padding, `[z, y, x]`.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) stride: [usize; 3],
    pub(super) padding: [usize; 3],
}

impl Window {
    /// Output size of a convolution.
    pub(super) fn out_size(&self, input: [usize; 3], kernel: [usize; 3]) -> [usize; 3] {
        [0, 1, 2].map(|a| (input[a] + 2 * self.padding[a] - kernel[a]) / self.stride[a] + 1)
    }
}

/// All positions below `size`, x fastest.
fn positions(size: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..size.iter().product())
        .map(move |i: usize| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
}

/// `[batch, channels_out, ..]` of weights `[channels_out, channels_in, ..]`.
pub(super) fn forward(
    x: Array<'_>,
    weight: Array<'_>,
    bias: Option<&[f32]>,
    window: Window,
) -> Vec<f32> {
    let [channels_out, channels_in, ..] = weight.shape;
    let kernel = weight.spatial();
    let volume: usize = kernel.iter().product();
    let source = ChannelsLast::new(x.values, x.shape, window.padding.map(|p| [p, p]), 1);
    let out_size = window.out_size(x.spatial(), kernel);
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
        source: &source,
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
    let (sums, stride) = job.run();
    to_channels_first(
        &sums,
        [channels_out, out_size.iter().product(), stride],
        bias,
    )
}

/// The gradient of [`forward`] for its input of size `out_size`, given that of its output; also
/// the transposed convolution with these weights.
pub(super) fn backward_data(
    gradient: Array<'_>,
    weight: Array<'_>,
    bias: Option<&[f32]>,
    window: Window,
    out_size: [usize; 3],
) -> Vec<f32> {
    // Channels of the gradient come in, channels of the input go out.
    let [channels_in, channels_out, ..] = weight.shape;
    let (kernel, Window { stride, padding }) = (weight.spatial(), window);
    let volume: usize = kernel.iter().product();
    // Enough zeros for every tap that reaches over an edge.
    let border = kernel.map(|k| [k - 1, k]);
    let source = ChannelsLast::new(gradient.values, gradient.shape, border, 1);
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
                if shifted % stride[a] != 0 {
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
        source: &source,
        batch: gradient.shape[0],
        source_step: [1; 3],
        out_step: stride,
        out_size,
        channels: [channels_in, channels_out],
        phases: positions(stride).map(phase).collect(),
    };
    let (sums, row) = job.run();
    to_channels_first(&sums, [channels_out, out_size.iter().product(), row], bias)
}

/// The gradient of [`forward`] for its weights: `[channels_out, channels_in, ..]`.
pub(super) fn backward_weight(
    x: Array<'_>,
    gradient: Array<'_>,
    kernel: [usize; 3],
    window: Window,
) -> Vec<f32> {
    let (channels_in, channels_out) = (x.shape[1], gradient.shape[1]);
    let source = ChannelsLast::new(x.values, x.shape, window.padding.map(|p| [p, p]), BLOCK_IN);
    let gradient_last = ChannelsLast::new(gradient.values, gradient.shape, [[0; 2]; 3], BLOCK_OUT);
    let job = WeightGradient {
        source: &source,
        gradient: &gradient_last,
        batch: x.shape[0],
        kernel,
        stride: window.stride,
    };
    let sums = job.run();
    let volume: usize = kernel.iter().product();
    let mut out = vec![0.0; channels_out * channels_in * volume];
    for (index, value) in out.iter_mut().enumerate() {
        let (tap, i, o) = (
            index % volume,
            index / volume % channels_in,
            index / volume / channels_in,
        );
        *value = sums[(tap * source.channels + i) * gradient_last.channels + o];
    }
    out
}

/// Sum per channel of `[batch, channel, ..]`.
pub(super) fn channel_sums(gradient: Array<'_>) -> Vec<f32> {
    let [batch, channels, ..] = gradient.shape;
    let voxels: usize = gradient.spatial().iter().product();
    let sum = |c: usize| {
        let rows = (0..batch).map(|b| &gradient.values[(b * channels + c) * voxels..][..voxels]);
        rows.map(super::norm::sum).sum::<f64>() as f32
    };
    (0..channels).into_par_iter().map(sum).collect()
}
