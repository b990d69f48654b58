//! Sums per channel, from which instance norm takes mean and variance.

use crate::{FeatureShape, LANES};

/// Sum and sum of squares over the voxels of each channel of each sample.
///
/// Kernels collect them while their output is still in the cache: rows are summed in f32, everything
/// above in f64, in an order that does not depend on the number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSums {
    /// `[batch, channel]` with the channels that fill the last block: sum, sum of squares.
    pub sums: Vec<[f64; 2]>,
    /// Voxels that each sum runs over.
    pub voxels: usize,
}

impl ChannelSums {
    /// Zeros for a feature map.
    #[must_use]
    pub fn zeros(shape: FeatureShape) -> Self {
        Self {
            sums: vec![[0.0; 2]; shape.batch * shape.blocks() * LANES],
            voxels: shape.voxels(),
        }
    }

    /// Adds what one task found for one block of one sample (`block` counts over the batch).
    pub(crate) fn add(&mut self, block: usize, part: &BlockSums) {
        for (lane, to) in self.sums[block * LANES..][..LANES].iter_mut().enumerate() {
            to[0] += part.sum[lane];
            to[1] += part.square[lane];
        }
    }

    /// Mean and biased variance of a channel (`channel` counts over blocks and batch).
    #[must_use]
    pub fn mean_and_variance(&self, channel: usize) -> [f64; 2] {
        let [sum, square] = self.sums[channel];
        let n = self.voxels as f64;
        let mean = sum / n;
        [mean, (square / n - mean * mean).max(0.0)]
    }
}

/// The sums of one block of channels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BlockSums {
    pub(crate) sum: [f64; LANES],
    pub(crate) square: [f64; LANES],
}

impl BlockSums {
    /// Adds `voxels` voxels that lie side by side.
    ///
    /// # Safety
    ///
    /// As [`crate::simd::Simd`]; `from` is valid for `voxels` vectors.
    #[inline(always)]
    pub(crate) unsafe fn add_row<S: crate::simd::Simd>(&mut self, from: *const f32, voxels: usize) {
        // SAFETY: the caller's.
        unsafe {
            let (mut sum, mut square) = (S::zero(), S::zero());
            for voxel in 0..voxels {
                let v = S::load(from.add(voxel * LANES));
                sum = S::add(sum, v);
                square = S::mul_add(v, v, square);
            }
            let (sum, square) = (S::to_array(sum), S::to_array(square));
            for lane in 0..LANES {
                self.sum[lane] += f64::from(sum[lane]);
                self.square[lane] += f64::from(square[lane]);
            }
        }
    }
}
