//! Transformed values and weights as pairs of 16-bit numbers.

use rayon::prelude::*;

use super::WinogradWeights;
use crate::LANES;
use crate::memory::{Scratch, Shared};
use crate::simd::pairs::rounded;
use crate::simd::{PairKernel, Pairs, Simd};

/// In what precision values and weights are multiplied. Sums, transforms and feature maps have 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// bfloat16: 8 bits of fraction, for prediction; see the table of accuracy in `docs/kernels.md`.
    Bf16,
}

/// Rounds rows of values to pairs, each in its own place.
#[derive(Debug)]
pub(super) struct RoundStage {
    /// `[point][tile][channel in, in blocks]`
    pub(super) values: *mut f32,
    pub(super) value_point: usize,
    pub(super) value_tile: usize,
    pub(super) points: usize,
    pub(super) tiles: usize,
}

impl PairKernel for RoundStage {
    #[inline(always)]
    unsafe fn run<S: Simd, P: Pairs<S>, const NX: usize, const OB: usize>(self) {
        for point in 0..self.points {
            for tile in 0..self.tiles {
                // SAFETY: the rows are there; a block is read before its first half is written, and
                // no later block lies there.
                unsafe {
                    let row = self
                        .values
                        .add(point * self.value_point + tile * self.value_tile);
                    for block in 0..self.value_tile / LANES {
                        let to = row.cast::<u32>().add(block * LANES / 2);
                        P::round(row.add(block * LANES), to);
                    }
                }
            }
        }
    }
}

/// Weights as pairs of input channels, `[point][out group][pair][blocks of the group * 16]`; a channel
/// that is left over at the end of an input has zero for its partner.
pub(super) fn in_pairs(weights: &WinogradWeights) -> Scratch {
    let pairs = pairs_of(&weights.channels_in);
    let (from_len, to_len) = (
        weights.point_len(),
        pairs.len() * weights.out_blocks() * LANES + LANES,
    );
    let mut packed = Scratch::take(weights.points() * to_len);
    let to = Shared(packed.as_mut_ptr());
    let channels: usize = weights.channels_in.iter().sum();
    let (blocks, at_once) = (weights.out_blocks(), weights.isa.out_blocks());
    let from = Shared(weights.packed.as_ptr().cast_mut());
    (0..weights.points()).into_par_iter().for_each(|point| {
        let mut block = 0;
        while block < blocks {
            // Left-over blocks are groups of one.
            let group = if block + at_once <= blocks {
                at_once
            } else {
                1
            };
            let width = group * LANES;
            for (i, pair) in pairs.iter().enumerate() {
                for lane in 0..width {
                    let channel = |channel: usize| {
                        let at =
                            point * from_len + block * channels * LANES + channel * width + lane;
                        // SAFETY: the weights of all channels have been packed.
                        u32::from(rounded(unsafe { *from.get().add(at) }))
                    };
                    let (first, second) = *pair;
                    let bits = channel(first) | second.map_or(0, channel) << 16;
                    let at = point * to_len + block * pairs.len() * LANES + i * width + lane;
                    // SAFETY: inside of the buffer, and each point has places of its own.
                    unsafe { to.get().cast::<u32>().add(at).write(bits) };
                }
            }
            block += group;
        }
    });
    packed
}

/// Input channels of each pair.
fn pairs_of(channels_in: &[usize]) -> Vec<(usize, Option<usize>)> {
    let mut pairs = Vec::new();
    let mut first = 0;
    for &channels in channels_in {
        let of_input = (0..channels).step_by(2);
        pairs.extend(of_input.map(|c| (first + c, (c + 1 < channels).then_some(first + c + 1))));
        first += channels;
    }
    pairs
}
