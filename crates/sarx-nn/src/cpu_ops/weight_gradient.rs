//! The weight gradient of a convolution: `dW[k] = sum over voxels of source[v * s + k] x g[v]`.

use super::layout::ChannelsLast;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Input channels per task: their outer products with the output channels stay in registers.
pub(super) const BLOCK_IN: usize = 4;
/// Output channels are rounded up to this, so that every vector width divides them.
pub(super) const BLOCK_OUT: usize = 16;

/// What the sum runs over.
#[derive(Clone, Copy)]
pub(super) struct WeightGradient<'a> {
    /// The input with its border, channels a multiple of [`BLOCK_IN`].
    pub(super) source: &'a ChannelsLast,
    /// The gradient of the output without border, channels a multiple of [`BLOCK_OUT`].
    pub(super) gradient: &'a ChannelsLast,
    pub(super) batch: usize,
    pub(super) kernel: [usize; 3],
    pub(super) stride: [usize; 3],
}

impl WeightGradient<'_> {
    /// `[tap, channel_in, channel_out]`, channels rounded up as in the operands.
    ///
    /// Tasks are (tap, block of input channels); each sums planes in a fixed order, so the result
    /// does not depend on the number of threads.
    pub(super) fn run(self) -> Vec<f32> {
        let n_taps: usize = self.kernel.iter().product();
        let (channels_in, channels_out) = (self.source.channels, self.gradient.channels);
        let mut out = vec![0.0; n_taps * channels_in * channels_out];
        let n_blocks = channels_in / BLOCK_IN;
        out.par_chunks_mut(BLOCK_IN * channels_out)
            .enumerate()
            .for_each(|(task, out)| {
                let (tap, first) = (task / n_blocks, task % n_blocks * BLOCK_IN);
                Arch::new().dispatch(Task {
                    job: self,
                    tap,
                    first,
                    out,
                });
            });
        out
    }
}

struct Task<'a> {
    job: WeightGradient<'a>,
    tap: usize,
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            job,
            tap,
            first,
            out,
        } = self;
        let [_, ky, kx] = job.kernel;
        let at = [tap / (ky * kx), tap / kx % ky, tap % kx];
        let (steps, g_steps) = (job.source.steps(), job.gradient.steps());
        let offset = at[0] * steps[0] + at[1] * steps[1] + at[2] * steps[2] + first;
        let [nz, ny, nx] = job.gradient.size;
        let width = 2 * S::F32_LANES;
        for block in (0..job.gradient.channels).step_by(width) {
            for plane in 0..job.batch * nz {
                let (sample, z) = (plane / nz, plane % nz);
                let from = sample * job.source.sample_len() + z * job.stride[0] * steps[0] + offset;
                let mut sums = [[simd.splat_f32s(0.0); 2]; BLOCK_IN];
                for y in 0..ny {
                    let row = &job.source.values[from + y * job.stride[1] * steps[1]..];
                    let voxels = row.chunks(job.stride[2] * steps[2]);
                    let g_row = &job.gradient.values[plane * g_steps[0] + y * g_steps[1]..];
                    let gradients = g_row[..nx * g_steps[2]].chunks_exact(g_steps[2]);
                    for (voxel, gradient) in voxels.zip(gradients) {
                        let (gradient, _) = S::as_simd_f32s(&gradient[block..block + width]);
                        let (g0, g1) = (gradient[0], gradient[1]);
                        let voxel = &voxel[..BLOCK_IN];
                        for (sums, &value) in sums.iter_mut().zip(voxel) {
                            let value = simd.splat_f32s(value);
                            sums[0] = simd.mul_add_e_f32s(value, g0, sums[0]);
                            sums[1] = simd.mul_add_e_f32s(value, g1, sums[1]);
                        }
                    }
                }
                for (i, sums) in sums.iter().enumerate() {
                    let to = &mut out[i * job.gradient.channels + block..][..width];
                    let (to, _) = S::as_mut_simd_f32s(to);
                    to[0] = simd.add_f32s(to[0], sums[0]);
                    to[1] = simd.add_f32s(to[1], sums[1]);
                }
            }
        }
    }
}
