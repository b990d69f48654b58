//! Direct convolution, its data gradient, and the up-convolution with its data gradient.
//!
//! Kernels have 1 or 3 voxels per axis and zero padding `(kernel - 1) / 2`; an up-convolution's
//! kernel is its stride. All four operations are one sum over taps, see `tap_sum.rs`.

mod tap_sum;
mod tile;
mod weights;

use crate::memory::Shared;
use crate::{ChannelSums, FeatureShape, Features, Isa, LANES};
use tap_sum::{Phase, ReadOnly, Steps, Tap, TapSum, TaskSums};
pub use weights::DirectWeights;

/// Output size of a convolution with zero padding `(kernel - 1) / 2`: `ceil(size / stride)`.
#[must_use]
pub fn conv_out_size(size: [usize; 3], stride: [usize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|a| size[a].div_ceil(stride[a]))
}

/// A few channels as they come from a file: `[batch, channel, z, y, x + 2]`, a zero before and after
/// each row. The first convolution reads them without spreading them over blocks of 16.
#[derive(Debug, Clone)]
pub struct PlainImage {
    values: Vec<f32>,
    batch: usize,
    channels: usize,
    size: [usize; 3],
}

impl PlainImage {
    /// The image from an array `[batch, channel, z, y, x]`.
    ///
    /// # Panics
    ///
    /// If the number of values is not that of the shape.
    #[must_use]
    pub fn new(values: &[f32], [batch, channels, z, y, x]: [usize; 5]) -> Self {
        assert_eq!(
            values.len(),
            batch * channels * z * y * x,
            "values of an image"
        );
        let mut padded = Vec::with_capacity(batch * channels * z * y * (x + 2));
        for row in values.chunks_exact(x.max(1)) {
            padded.push(0.0);
            padded.extend_from_slice(row);
            padded.push(0.0);
        }
        Self {
            values: padded,
            batch,
            channels,
            size: [z, y, x],
        }
    }
}

/// Convolution of one or more maps as if concatenated, without bias; the sums of the output if
/// `sums` is given.
///
/// # Panics
///
/// If the maps do not fit each other or the weights.
#[must_use]
pub fn conv_forward(
    isa: Isa,
    inputs: &[Features<'_>],
    weights: &DirectWeights,
    channels_out: usize,
    stride: [usize; 3],
    sums: Option<&mut ChannelSums>,
) -> Vec<f32> {
    let source = Source::of(inputs);
    forward(isa, source, weights, channels_out, stride, sums)
}

/// [`conv_forward`] of a plain image.
///
/// # Panics
///
/// If the image does not fit the weights.
#[must_use]
pub fn conv_forward_image(
    isa: Isa,
    image: &PlainImage,
    weights: &DirectWeights,
    channels_out: usize,
    stride: [usize; 3],
    sums: Option<&mut ChannelSums>,
) -> Vec<f32> {
    forward(
        isa,
        Source::of_image(image),
        weights,
        channels_out,
        stride,
        sums,
    )
}

fn forward(
    isa: Isa,
    source: Source,
    weights: &DirectWeights,
    channels_out: usize,
    stride: [usize; 3],
    sums: Option<&mut ChannelSums>,
) -> Vec<f32> {
    let shape = FeatureShape {
        batch: source.blocks.len(),
        channels: channels_out,
        size: conv_out_size(source.size, stride),
    };
    let padding = weights.kernel.map(|k| (k - 1) / 2);
    let (map, found) = gather(isa, source, weights, shape, stride, padding, sums.is_some());
    if let Some(sums) = sums {
        collect(sums, shape, &found);
    }
    map
}

/// A new map of a convolution with that stride and padding, and the sums of each task.
fn gather(
    isa: Isa,
    source: Source,
    weights: &DirectWeights,
    shape: FeatureShape,
    stride: [usize; 3],
    padding: [usize; 3],
    with_sums: bool,
) -> (Vec<f32>, Vec<TaskSums>) {
    let taps = taps(weights.kernel).map(|(index, k)| Tap {
        at: [0, 1, 2].map(|a| k[a] as isize - padding[a] as isize),
        index,
    });
    let phase = Phase {
        start: [0; 3],
        count: shape.size,
        taps: taps.collect(),
    };
    let run = |out: Vec<Vec<Shared>>| {
        let job = TapSum {
            weights,
            source: source.blocks,
            source_size: source.size,
            source_steps: source.steps,
            source_step: stride,
            out,
            out_size: shape.size,
            out_step: [1; 3],
            phases: vec![phase],
            bias: None,
        };
        job.run(isa, with_sums)
    };
    let (mut maps, found) = write_maps(&[shape], weights, run);
    (maps.pop().unwrap_or_default(), found)
}

/// The gradients of [`conv_forward`] for its inputs of these shapes, given that of its output.
///
/// `weights` are [`DirectWeights::transposed`], with the channels of each input.
///
/// # Panics
///
/// If the shapes do not fit.
#[must_use]
pub fn conv_backward_data(
    isa: Isa,
    gradient: Features<'_>,
    weights: &DirectWeights,
    stride: [usize; 3],
    inputs: &[FeatureShape],
) -> Vec<Vec<f32>> {
    let padding = weights.kernel.map(|k| (k - 1) / 2);
    transposed(isa, gradient, weights, stride, padding, inputs, None)
}

/// Up-convolution with kernel = stride, and a bias per output channel (rounded up to blocks).
///
/// `weights` are [`DirectWeights::transposed`].
///
/// # Panics
///
/// If the shapes do not fit.
#[must_use]
pub fn up_forward(
    isa: Isa,
    x: Features<'_>,
    weights: &DirectWeights,
    channels_out: usize,
    bias: &[f32],
) -> Vec<f32> {
    let stride = weights.kernel;
    let mut padded = bias.to_vec();
    padded.resize(weights.n_blocks_out * LANES, 0.0);
    let shape = FeatureShape {
        channels: channels_out,
        size: [0, 1, 2].map(|a| x.shape.size[a] * stride[a]),
        ..x.shape
    };
    let mut maps = transposed(isa, x, weights, stride, [0; 3], &[shape], Some(&padded));
    maps.pop().unwrap_or_default()
}

/// The gradient of [`up_forward`] for its input with `channels` channels.
///
/// `weights` are [`DirectWeights::forward`] of the up-convolution's `[in, out, ..]`.
///
/// # Panics
///
/// If the shapes do not fit.
#[must_use]
pub fn up_backward_data(
    isa: Isa,
    gradient: Features<'_>,
    weights: &DirectWeights,
    channels: usize,
) -> Vec<f32> {
    let stride = weights.kernel;
    let shape = FeatureShape {
        channels,
        size: [0, 1, 2].map(|a| gradient.shape.size[a] / stride[a]),
        ..gradient.shape
    };
    // A convolution whose kernel is its stride, without padding.
    let source = Source::of(&[gradient]);
    gather(isa, source, weights, shape, stride, [0; 3], false).0
}

/// The transpose of a convolution with that stride and padding.
fn transposed(
    isa: Isa,
    x: Features<'_>,
    weights: &DirectWeights,
    stride: [usize; 3],
    padding: [usize; 3],
    outputs: &[FeatureShape],
    bias: Option<&[f32]>,
) -> Vec<Vec<f32>> {
    let source = Source::of(&[x]);
    let size = outputs[0].size;
    let phase = |start: [usize; 3]| {
        let taps = taps(weights.kernel).filter_map(|(index, k)| {
            let mut at = [0; 3];
            for a in 0..3 {
                let distance = (start[a] + padding[a]) as isize - k[a] as isize;
                if distance.rem_euclid(stride[a] as isize) != 0 {
                    return None;
                }
                at[a] = distance.div_euclid(stride[a] as isize);
            }
            Some(Tap { at, index })
        });
        Phase {
            start,
            count: [0, 1, 2].map(|a| size[a].saturating_sub(start[a]).div_ceil(stride[a])),
            taps: taps.collect(),
        }
    };
    let run = |out: Vec<Vec<Shared>>| {
        let job = TapSum {
            weights,
            source: source.blocks,
            source_size: source.size,
            source_steps: source.steps,
            source_step: [1; 3],
            out,
            out_size: size,
            out_step: stride,
            phases: taps(stride).map(|(_, start)| phase(start)).collect(),
            bias,
        };
        job.run(isa, false)
    };
    write_maps(outputs, weights, run).0
}

/// Positions in a kernel with their numbers, x fastest.
fn taps(kernel: [usize; 3]) -> impl Iterator<Item = (usize, [usize; 3])> {
    let [_, ky, kx] = kernel;
    (0..kernel.iter().product()).map(move |i: usize| (i, [i / (ky * kx), i / kx % ky, i % kx]))
}

/// What is read.
struct Source {
    blocks: Vec<Vec<ReadOnly>>,
    size: [usize; 3],
    steps: Steps,
}

impl Source {
    fn of(inputs: &[Features<'_>]) -> Self {
        let first = inputs[0].shape;
        for input in inputs {
            let (found, expected) = (input.shape, first);
            assert_eq!(
                (found.batch, found.size),
                (expected.batch, expected.size),
                "batch and size of maps that are used together"
            );
        }
        let sample = |sample: usize| {
            let maps = inputs.iter().flat_map(|input| {
                (0..input.shape.blocks()).map(move |block| {
                    let row = input.shape.row(sample, block, 0, 0);
                    ReadOnly(input.values[row..].as_ptr())
                })
            });
            maps.collect()
        };
        Self {
            blocks: (0..first.batch).map(sample).collect(),
            size: first.size,
            steps: Steps {
                z: first.plane_len(),
                y: first.row_len(),
                x: LANES,
                channel: 1,
            },
        }
    }

    fn of_image(image: &PlainImage) -> Self {
        let [z, y, x] = image.size;
        let row = x + 2;
        let volume = z * y * row;
        let sample = |sample: usize| {
            let blocks = (0..image.channels).step_by(LANES).map(|channel| {
                let from = (sample * image.channels + channel) * volume + 1;
                ReadOnly(image.values[from..].as_ptr())
            });
            blocks.collect()
        };
        Self {
            blocks: (0..image.batch).map(sample).collect(),
            size: image.size,
            steps: Steps {
                z: y * row,
                y: row,
                x: 1,
                channel: volume,
            },
        }
    }
}

/// New maps of these shapes, written by a job that gets `[sample][block]` of all of them.
fn write_maps(
    shapes: &[FeatureShape],
    weights: &DirectWeights,
    run: impl FnOnce(Vec<Vec<Shared>>) -> Vec<TaskSums>,
) -> (Vec<Vec<f32>>, Vec<TaskSums>) {
    let blocks: usize = shapes.iter().map(FeatureShape::blocks).sum();
    assert_eq!(weights.n_blocks_out, blocks, "blocks of output channels");
    let mut maps: Vec<Vec<f32>> = shapes
        .iter()
        .map(|shape| Vec::with_capacity(shape.len()))
        .collect();
    let sample = |sample: usize| {
        let blocks = maps.iter_mut().zip(shapes).flat_map(|(map, shape)| {
            let at = map.as_mut_ptr();
            // SAFETY: the row lies inside the capacity.
            (0..shape.blocks())
                .map(move |block| Shared(unsafe { at.add(shape.row(sample, block, 0, 0)) }))
        });
        blocks.collect()
    };
    let out = (0..shapes[0].batch).map(sample).collect();
    let found = run(out);
    for (map, shape) in maps.iter_mut().zip(shapes) {
        // SAFETY: the phases of a job cover every voxel of every row, and rows are closed with zeros.
        unsafe { map.set_len(shape.len()) };
    }
    (maps, found)
}

fn collect(sums: &mut ChannelSums, shape: FeatureShape, found: &[TaskSums]) {
    for task in found {
        for (o, part) in task.blocks.iter().enumerate() {
            sums.add(task.sample * shape.blocks() + task.first_block + o, part);
        }
    }
}
