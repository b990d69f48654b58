//! From sums as tasks leave them to weights as the network has them.

use super::{Cut, geometry::Geometry};
use crate::{
    LANES,
    simd::{Kernel, Simd},
    written::Out,
};

/// Adds the parts for one block of output channels and one of input channels and puts them where
/// the network expects them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gather<'a> {
    pub(super) geometry: &'a Geometry<'a>,
    pub(super) cut: Cut,
    /// `block in * blocks out + block out`
    pub(super) pair: usize,
    pub(super) parts: &'a [f32],
    /// Weights from one output channel and one input channel to the next.
    pub(super) strides: [usize; 2],
    pub(super) weights: Out,
}

/// One of the sums: an input channel, a tap row and a tap in it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    channel: usize,
    tap_row: usize,
    tap: usize,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let Self {
            geometry,
            cut,
            strides,
            ..
        } = self;
        let shape = geometry.gradient.shape;
        let (block_in, block_out) = (self.pair / shape.blocks(), self.pair % shape.blocks());
        let (group_out, in_group) = (block_out / cut.blocks_out, block_out % cut.blocks_out);
        let together = (shape.blocks() - group_out * cut.blocks_out).min(cut.blocks_out);
        let (group_in, skipped) = (block_in / cut.blocks_in, block_in % cut.blocks_in);
        let taps_at_once = geometry.taps_at_once();
        let taps = geometry.tap_rows() * taps_at_once;
        let block = &geometry.blocks_in[block_in];
        let before = &geometry.blocks_in[block_in - skipped..block_in];
        let before: usize = before.iter().map(|block| block.channels).sum();
        let lanes = (shape.channels - block_out * LANES).min(LANES);
        // Weights of one output channel that lie side by side: of all channels or of one.
        let all = block.channels * taps;
        let run = if strides[1] == taps { all } else { taps };
        let (mut place, mut done) = (Place::default(), 0);
        while done < all {
            let count = (run - done % run).min(LANES);
            let to = block_out * LANES * strides[0]
                + (block.first + done / taps) * strides[1]
                + done % taps;
            // SAFETY: the sums of every part hold these vectors; nobody else writes these weights.
            unsafe {
                let mut sums = [S::zero(); LANES];
                for sum in &mut sums[..count] {
                    let vector = before * taps
                        + (place.tap_row * block.channels + place.channel) * taps_at_once
                        + place.tap;
                    for part in 0..cut.parts {
                        let task = (part * cut.groups[1] + group_in) * cut.groups[0] + group_out;
                        let start = task * cut.len + (vector * together + in_group) * LANES;
                        *sum = S::add(*sum, S::load(self.parts[start..].as_ptr()));
                    }
                    place.step(taps_at_once, taps);
                }
                for (lane, &row) in S::transpose(sums)[..lanes].iter().enumerate() {
                    let to = self.weights.at(to + lane * strides[0]);
                    if count == LANES {
                        S::store(to, row);
                    } else {
                        to.copy_from_nonoverlapping(S::to_array(row).as_ptr(), count);
                    }
                }
            }
            done += count;
        }
    }
}

impl Place {
    /// The next one, taps first.
    #[inline(always)]
    fn step(&mut self, taps_at_once: usize, taps: usize) {
        self.tap += 1;
        if self.tap == taps_at_once {
            (self.tap, self.tap_row) = (0, self.tap_row + 1);
            if self.tap_row * taps_at_once == taps {
                (self.tap_row, self.channel) = (0, self.channel + 1);
            }
        }
    }
}
