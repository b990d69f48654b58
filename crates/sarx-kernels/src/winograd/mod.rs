//! Winograd convolution: stride 1, kernels of 3 (or 1) voxels per axis, with a quarter of the multiplications
//! or fewer.
//!
//! A tile of `m` outputs per axis is a product of polynomials: input and weights are evaluated at
//! `m + 2` points, multiplied point by point, and the outputs interpolated (see `transform`). In three
//! axes, F(4,4,4) multiplies 216 times where the direct algorithm does 1728 times. At every point, the
//! products over channels are a matrix product of tiles times weights, in which nearly all time should be
//! spent.
//!
//! * `grid`: tiles, and segments of rows of tiles.
//! * `input`, `gemm`, `output`: the three stages.
//! * `schedule`: layers with moderate weights are cut into tasks of 8 or 16 tiles that stay in the cache
//!   of their core through all stages; layers with large weights go through the stages together, so that
//!   weights are read once.
//! * `weights`: packed once for prediction, at every step of training.
//! * `rounding`: values and weights in 16 bits, if prediction asks for it.
//! * `cost`: which tile is the fastest.
//!
//! # Accuracy
//!
//! Relative RMS of the output against sums in f64, for random values (checked by the test
//! `accuracy_is_as_documented`):
//!
//! | tile | 32 channels in | 320 channels in |
//! |---|---|---|
//! | F(2,2,2) | 2.6e-7 | 7.4e-7 |
//! | F(1,4,4) | 6.1e-7 | 1.7e-6 |
//! | F(2,4,4) | 8.1e-7 | 2.2e-6 |
//! | F(4,4,4) | 1.4e-6 | 3.8e-6 |
//!
mod cost;
mod gemm;
mod grid;
mod input;
mod output;
mod rounding;
mod schedule;
mod transform;
mod weights;

use std::mem::MaybeUninit;

pub use cost::{choose_tile, choose_tile_in};
use gemm::Run;
use grid::Grid;
use input::Source;
pub use rounding::Precision;
use schedule::Job;
pub use weights::WinogradWeights;

use crate::memory::{Shared, written_vec};
use crate::{ChannelSums, FeatureShape, Features, Isa, LANES};

/// Convolution with stride 1 and padding `(kernel - 1) / 2`; several inputs are read as if their
/// channels were one after the other.
///
/// The result is a feature map with its borders and padding; `sums`, if any, become the sums of its
/// channels. Both are the same, bit by bit, for any number of threads.
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
