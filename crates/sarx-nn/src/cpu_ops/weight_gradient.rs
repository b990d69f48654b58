//! The weight gradient of a convolution: `dW[k] = sum over voxels of source[v * s + k] x g[v]`.
//!
//! The voxels are walked in short strips: every tap and every pair of channels uses a strip while
//! it is in the nearest cache. Sums over a strip stay in registers and are then added to `dW`.

use super::layout::ChannelsLast;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Voxels of a strip, about.
const STRIP: usize = 96;
/// Input channels per task.
const TASK_IN: usize = 16;
/// Groups of planes that are summed on their own, at most.
const MAX_GROUPS: usize = 8;
/// Values that the sums of all groups may take together (unless one alone takes more).
const MAX_VALUES: usize = 1 << 22;

/// What the sum runs over.
#[derive(Clone, Copy)]
pub(super) struct WeightGradient<'a> {
    /// The input with its border.
    pub(super) source: &'a ChannelsLast,
    /// The gradient of the output, channels a multiple of [`lanes`].
    pub(super) gradient: &'a ChannelsLast,
    /// Batch and voxels of the gradient without border, `[z, y, x]`.
    pub(super) batch: usize,
    pub(super) size: [usize; 3],
    pub(super) channels_in: usize,
    pub(super) kernel: [usize; 3],
    pub(super) stride: [usize; 3],
}

/// Values in a vector of this processor.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

impl WeightGradient<'_> {
    /// `[channel_in, tap, channel_out]`, output channels rounded up as in the gradient.
    ///
    /// Tasks are (group of planes, range of input channels); groups depend on the sizes only and
    /// are added in order, so the result does not depend on the number of threads.
    pub(super) fn run(self) -> Vec<f32> {
        let row = self.kernel.iter().product::<usize>() * self.gradient.channels;
        let n_values = self.channels_in * row;
        let n_planes = self.batch * self.size[0];
        let n_groups = (MAX_VALUES / n_values.max(1)).clamp(1, MAX_GROUPS.min(n_planes));
        let mut sums = vec![0.0; n_groups * n_values];
        let groups = sums.par_chunks_mut(n_values).enumerate();
        groups.for_each(|(group, sums)| {
            let first = group * n_planes / n_groups;
            let planes = first..(group + 1) * n_planes / n_groups;
            let ranges = sums.par_chunks_mut(TASK_IN * row).enumerate();
            ranges.for_each(|(range, out)| {
                let task = Task {
                    job: self,
                    planes: planes.clone(),
                    first_channel: range * TASK_IN,
                    out,
                };
                Arch::new().dispatch(task);
            });
        });
        let (total, rest) = sums.split_at_mut(n_values);
        for part in rest.chunks_exact(n_values) {
            let values = total.iter_mut().zip(part);
            values.for_each(|(total, &value)| *total += value);
        }
        sums.truncate(n_values);
        sums
    }
}

struct Task<'a> {
    job: WeightGradient<'a>,
    planes: std::ops::Range<usize>,
    first_channel: usize,
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [_, ny, nx] = self.job.size;
        let rows = (STRIP / nx).max(1);
        for plane in self.planes {
            for y in (0..ny).step_by(rows) {
                let strip = Strip {
                    job: &self.job,
                    plane,
                    rows: y..(y + rows).min(ny),
                    first_channel: self.first_channel,
                };
                if self.job.gradient.channels.is_multiple_of(2 * S::F32_LANES) {
                    strip.add::<S, 4, 2>(simd, self.out);
                } else {
                    strip.add::<S, 8, 1>(simd, self.out);
                }
            }
        }
    }
}

/// Some rows of one plane, for input channels from `first_channel` on.
struct Strip<'a> {
    job: &'a WeightGradient<'a>,
    plane: usize,
    rows: std::ops::Range<usize>,
    first_channel: usize,
}

impl Strip<'_> {
    /// Adds the sums of the strip to `out`, `BI` input channels times `OB` vectors at once.
    #[inline(always)]
    fn add<S: Simd, const BI: usize, const OB: usize>(&self, simd: S, out: &mut [f32]) {
        let job = self.job;
        let [kz, ky, kx] = job.kernel;
        let n_out = job.gradient.channels;
        let row = kz * ky * kx * n_out;
        let n_in = out.len() / row;
        let whole = n_in / BI * BI;
        for block in (0..n_out).step_by(OB * S::F32_LANES) {
            for tap in 0..kz * ky * kx {
                let at = [tap / (ky * kx), tap / kx % ky, tap % kx];
                let to = tap * n_out + block;
                for i in (0..whole).step_by(BI) {
                    let sums = self.sum::<S, BI, OB>(simd, at, [i, block]);
                    add::<S, BI, OB>(simd, &mut out[i * row + to..], row, sums);
                }
                for i in whole..n_in {
                    let sums = self.sum::<S, 1, OB>(simd, at, [i, block]);
                    add::<S, 1, OB>(simd, &mut out[i * row + to..], row, sums);
                }
            }
        }
    }

    /// The outer products of channels `[in, out]` for tap `at`, summed over the strip.
    #[inline(always)]
    fn sum<S: Simd, const BI: usize, const OB: usize>(
        &self,
        simd: S,
        at: [usize; 3],
        [channel_in, channel_out]: [usize; 2],
    ) -> [[S::f32s; OB]; BI] {
        let job = self.job;
        let (sample, z) = (self.plane / job.size[0], self.plane % job.size[0]);
        let steps = job.source.steps();
        let from = sample * job.source.sample_len()
            + (z * job.stride[0] + at[0]) * steps[0]
            + at[2] * steps[2]
            + self.first_channel
            + channel_in;
        let (g_steps, before) = (job.gradient.steps(), job.gradient.before);
        let g_from = sample * job.gradient.sample_len()
            + (z + before[0]) * g_steps[0]
            + before[2] * g_steps[2]
            + channel_out;
        let mut sums = [[simd.splat_f32s(0.0); OB]; BI];
        for y in self.rows.clone() {
            let row = &job.source.values[from + (y * job.stride[1] + at[1]) * steps[1]..];
            let voxels = row.chunks(job.stride[2] * steps[2]);
            let g_row = &job.gradient.values[g_from + (y + before[1]) * g_steps[1]..];
            let gradients = g_row.chunks(g_steps[2]).take(job.size[2]);
            for (voxel, gradient) in voxels.zip(gradients) {
                let (gradient, _) = S::as_simd_f32s(gradient);
                let (Some(voxel), Some(gradient)) =
                    (voxel.first_chunk::<BI>(), gradient.first_chunk::<OB>())
                else {
                    unreachable!("rows hold whole voxels");
                };
                for (sums, &value) in sums.iter_mut().zip(voxel) {
                    let value = simd.splat_f32s(value);
                    for (sum, &gradient) in sums.iter_mut().zip(gradient) {
                        *sum = simd.mul_add_e_f32s(value, gradient, *sum);
                    }
                }
            }
        }
        sums
    }
}

/// Adds the vectors of each input channel to its row.
#[inline(always)]
fn add<S: Simd, const BI: usize, const OB: usize>(
    simd: S,
    out: &mut [f32],
    row: usize,
    sums: [[S::f32s; OB]; BI],
) {
    for (i, sums) in sums.iter().enumerate() {
        let (to, _) = S::as_mut_simd_f32s(&mut out[i * row..][..OB * S::F32_LANES]);
        for (to, &sum) in to.iter_mut().zip(sums) {
            *to = simd.add_f32s(*to, sum);
        }
    }
}
