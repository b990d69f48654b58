//! Winograd convolution.
mod gemm;
mod grid;
mod input;
mod output;
mod schedule;
mod transform;
mod weights;

use std::mem::MaybeUninit;

use gemm::Run;
use grid::Grid;
use input::Source;
pub use schedule::FORCE;
use schedule::Job;
pub use weights::WinogradWeights;

use crate::memory::{Shared, written_vec};
use crate::{ChannelSums, FeatureShape, Features, Isa, LANES};

/// Convolution with stride 1 and padding `(kernel - 1) / 2`; several inputs are read as if their
/// channels were one after the other.
///
/// `sums`, if any, become the sums of the result's channels.
///
/// # Panics
///
/// If inputs differ in batch or size, or their channels are not those of the weights; if the weights
/// were packed for another instruction set.
#[must_use]
pub fn winograd_forward(
    isa: Isa,
    inputs: &[Features<'_>],
    weights: &WinogradWeights,
    sums: Option<&mut ChannelSums>,
) -> Vec<f32> {
    let shape = out_shape(inputs, weights);
    // SAFETY: all of the output is written below.
    unsafe {
        written_vec(shape.len(), |out| {
            winograd_forward_into(isa, inputs, weights, sums, out)
        })
    }
}

/// [`winograd_forward`] into memory that may be uninitialised, all of which it writes. Fastest if
/// aligned to 64 bytes.
///
/// # Panics
///
/// As [`winograd_forward`]; if `out` has not as many floats as the result.
pub fn winograd_forward_into(
    isa: Isa,
    inputs: &[Features<'_>],
    weights: &WinogradWeights,
    sums: Option<&mut ChannelSums>,
    out: &mut [MaybeUninit<f32>],
) {
    let shape = out_shape(inputs, weights);
    assert_eq!(out.len(), shape.len(), "values of {shape:?}");
    assert_eq!(isa, weights.isa, "instruction set of packed weights");
    if shape.is_empty() {
        return;
    }
    let (sources, runs) = sources(inputs);
    let zeros = vec![0.0; shape.row_len()];
    let job = Job {
        isa,
        grid: Grid::new(shape.size, weights.tile, shape.batch),
        sources: &sources,
        runs: &runs,
        zeros: &zeros,
        weights,
        out: Shared(out.as_mut_ptr().cast()),
        shape,
    };
    job.run(sums);
}

/// The result's shape.
fn out_shape(inputs: &[Features<'_>], weights: &WinogradWeights) -> FeatureShape {
    let channels: Vec<usize> = inputs.iter().map(|input| input.shape.channels).collect();
    assert_eq!(channels, weights.channels_in, "channels of the inputs");
    let first = inputs[0].shape;
    for input in inputs {
        assert_eq!(
            (input.shape.batch, input.shape.size),
            (first.batch, first.size),
            "batch and size of the inputs"
        );
    }
    FeatureShape {
        channels: weights.channels_out,
        ..first
    }
}

/// The blocks of all inputs, and where their channels are in a row of transformed values.
fn sources(inputs: &[Features<'_>]) -> (Vec<Source>, Vec<Run>) {
    let mut sources = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    for input in inputs {
        let offset = sources.len() * LANES;
        sources.extend((0..input.shape.blocks()).map(|block| Source {
            // Empty maps have been sorted out, so the block is there.
            start: input.values[block * input.shape.block_len()..].as_ptr(),
            shape: input.shape,
            channel: offset + block * LANES,
        }));
        let channels = input.shape.channels;
        match runs.last_mut() {
            Some(last) if last.offset + last.channels == offset => last.channels += channels,
            _ => runs.push(Run { offset, channels }),
        }
    }
    (sources, runs)
}
