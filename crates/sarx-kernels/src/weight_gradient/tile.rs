//! The innermost loop: sums of products over rows of voxels, held in registers.
#![expect(
    clippy::needless_range_loop,
    reason = "loops over indices are unrolled as they stand, and arrays become registers"
)]

use crate::{LANES, simd::Simd};

/// Rows of voxels of one input block and of the output's gradient, walked side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// Rows.
    pub(super) rows: usize,
    /// Voxels of a row.
    pub(super) voxels: usize,
    /// Input of the first voxel and tap.
    pub(super) x: *const f32,
    /// Floats from row to row of the input.
    pub(super) x_row: usize,
    /// Floats from voxel to voxel of the input.
    pub(super) x_step: usize,
    /// Gradient of the first voxel, first block.
    pub(super) gradient: *const f32,
    /// Floats from block to block of the gradient.
    pub(super) gradient_block: usize,
    /// Floats from row to row of the gradient.
    pub(super) gradient_row: usize,
    /// Floats from voxel to voxel of the gradient.
    pub(super) gradient_step: usize,
}

/// Adds the sums of a walk to `sums`, `[channel, tap, block, 16]`: for `CHANNELS` input channels
/// from `channel` on, `TAPS` taps side by side in x and `BLOCKS` blocks of output channels.
///
/// # Safety
///
/// As [`Simd`]; the walk stays inside both maps and `sums` holds all those sums.
#[inline(always)]
pub(super) unsafe fn add_products<
    S: Simd,
    const TAPS: usize,
    const CHANNELS: usize,
    const BLOCKS: usize,
>(
    walk: &Walk,
    channel: usize,
    sums: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut held = [[[S::zero(); BLOCKS]; TAPS]; CHANNELS];
        for row in 0..walk.rows {
            let mut x = walk.x.add(row * walk.x_row + channel);
            let mut gradient = walk.gradient.add(row * walk.gradient_row);
            for _ in 0..walk.voxels {
                let mut g = [S::zero(); BLOCKS];
                for block in 0..BLOCKS {
                    g[block] = S::load(gradient.add(block * walk.gradient_block));
                }
                for channel in 0..CHANNELS {
                    for tap in 0..TAPS {
                        let value = S::splat(*x.add(tap * LANES + channel));
                        for block in 0..BLOCKS {
                            held[channel][tap][block] =
                                S::mul_add(value, g[block], held[channel][tap][block]);
                        }
                    }
                }
                // The last steps may lead past the end of the map, where nothing is read.
                x = x.wrapping_add(walk.x_step);
                gradient = gradient.wrapping_add(walk.gradient_step);
            }
        }
        for channel in 0..CHANNELS {
            for tap in 0..TAPS {
                for block in 0..BLOCKS {
                    let to = sums.add(((channel * TAPS + tap) * BLOCKS + block) * LANES);
                    S::store(to, S::add(S::load(to), held[channel][tap][block]));
                }
            }
        }
    }
}
