//! The innermost loops: a few voxels of a row times a few blocks of output channels, in registers.

use super::weights::Span;
use crate::LANES;
use crate::simd::Simd;

/// What a tile sums over.
pub(super) struct TileInput<'a> {
    /// The blocks of channels: where the voxel is that a tap of offset 0 reads.
    pub(super) blocks: &'a [*const f32],
    pub(super) spans: &'a [Span],
    /// Offset in floats and number of each tap that lies inside the volume.
    pub(super) taps: &'a [(isize, usize)],
    /// Taps of the kernel, also those outside.
    pub(super) n_taps: usize,
    /// `[block][tap][channel][OB * 16]`
    pub(super) weights: *const f32,
    /// Floats from one voxel of the tile to the next, if not known at compile time.
    pub(super) step: usize,
    /// Floats from one channel to the next, if not 1.
    pub(super) channel_step: usize,
}

/// Distance of neighbouring voxels and channels.
pub(super) trait Walk {
    fn voxel(step: usize) -> usize;
    fn channel(step: usize) -> usize;
}

/// Voxels in blocks of 16 channels, `STRIDE` voxels apart.
pub(super) struct Blocked<const STRIDE: usize>;

impl<const STRIDE: usize> Walk for Blocked<STRIDE> {
    #[inline(always)]
    fn voxel(_: usize) -> usize {
        STRIDE * LANES
    }

    #[inline(always)]
    fn channel(_: usize) -> usize {
        1
    }
}

/// Any distances.
pub(super) struct Free;

impl Walk for Free {
    #[inline(always)]
    fn voxel(step: usize) -> usize {
        step
    }

    #[inline(always)]
    fn channel(step: usize) -> usize {
        step
    }
}

/// Adds the products of `N` voxels from `x` floats on and `OB` blocks of output channels.
///
/// # Safety
///
/// Below [`crate::Isa::run`]; all that the input describes must be valid.
#[inline(always)]
pub(super) unsafe fn add<S: Simd, W: Walk, const N: usize, const OB: usize>(
    input: &TileInput<'_>,
    x: usize,
    sums: &mut [[S::V; OB]; N],
) {
    // SAFETY: the caller's.
    unsafe {
        let mut acc = *sums;
        let mut weights = input.weights;
        for (block, span) in input.blocks.iter().zip(input.spans) {
            for &(offset, tap) in input.taps {
                let from = block.offset(offset).add(x);
                let weights = weights.add(tap * span.len * OB * LANES);
                if span.len == LANES {
                    channels::<S, W, N, OB>(input, LANES, from, weights, &mut acc);
                } else {
                    channels::<S, W, N, OB>(input, span.len, from, weights, &mut acc);
                }
            }
            weights = weights.add(input.n_taps * span.len * OB * LANES);
        }
        *sums = acc;
    }
}

/// The channels of one block for one tap.
///
/// # Safety
///
/// As [`add`].
#[inline(always)]
unsafe fn channels<S: Simd, W: Walk, const N: usize, const OB: usize>(
    input: &TileInput<'_>,
    n_channels: usize,
    from: *const f32,
    weights: *const f32,
    acc: &mut [[S::V; OB]; N],
) {
    // SAFETY: the caller's.
    unsafe {
        for channel in 0..n_channels {
            let mut row = [S::zero(); OB];
            for (o, row) in row.iter_mut().enumerate() {
                *row = S::load(weights.add((channel * OB + o) * LANES));
            }
            for (j, acc) in acc.iter_mut().enumerate() {
                let at = j * W::voxel(input.step) + channel * W::channel(input.channel_step);
                let value = S::splat(*from.add(at));
                for (acc, &row) in acc.iter_mut().zip(&row) {
                    *acc = S::mul_add(value, row, *acc);
                }
            }
        }
    }
}
