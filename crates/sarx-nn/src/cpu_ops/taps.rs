//! The one kernel behind convolution, its data gradient and the up-convolution.
//!
//! Every output voxel is a sum over taps: `out[v] = sum_t source[v * step + offset_t] * W_t`.
//! A convolution has one set of taps for all voxels. Its data gradient with stride `s` falls apart
//! into `s_z * s_y * s_x` phases: voxels `v = s * m + phase` see only the taps `k` with
//! `(phase + padding - k) % s == 0`, at source `m + (phase + padding - k) / s`. An up-convolution is
//! such a data gradient with kernel = stride.

use super::layout::ChannelsLast;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Output voxels `start + step * m`, `m` below `count`, and the taps they see.
pub(super) struct Phase {
    pub(super) start: [usize; 3],
    pub(super) count: [usize; 3],
    /// Source position of each tap for `m` = 0, and its weights `[channel_in][channel_out]`.
    pub(super) taps: Vec<([usize; 3], Vec<f32>)>,
}

/// A sum over taps for a whole batch.
pub(super) struct TapSum<'a> {
    pub(super) source: &'a ChannelsLast,
    pub(super) batch: usize,
    /// Source voxels per `m`.
    pub(super) source_step: [usize; 3],
    /// Output voxels per `m`.
    pub(super) out_step: [usize; 3],
    pub(super) out_size: [usize; 3],
    pub(super) channels: [usize; 2],
    pub(super) phases: Vec<Phase>,
}

impl TapSum<'_> {
    /// The sums as `[batch, z, y, x, stride]`, and the stride: output channels rounded up.
    pub(super) fn run(&self) -> (Vec<f32>, usize) {
        Arch::new().dispatch(Run(self))
    }
}

struct Run<'a>(&'a TapSum<'a>);

impl WithSimd for Run<'_> {
    type Output = (Vec<f32>, usize);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let _ = simd;
        if self.0.channels[1] <= S::F32_LANES {
            run::<S, 8, 1>(self.0)
        } else {
            run::<S, 4, 2>(self.0)
        }
    }
}

/// A phase with its taps as offsets and its weights as `[block][tap][channel_in][lane]`.
struct Packed {
    offsets: Vec<usize>,
    weights: Vec<f32>,
}

fn pack(job: &TapSum<'_>, phase: &Phase, width: usize) -> Packed {
    let [channels_in, channels_out] = job.channels;
    let steps = job.source.steps();
    let offset = |at: &[usize; 3]| (0..3).map(|axis| at[axis] * steps[axis]).sum();
    let offsets = phase.taps.iter().map(|(at, _)| offset(at)).collect();
    let n_blocks = channels_out.div_ceil(width);
    let mut weights = vec![0.0; n_blocks * phase.taps.len() * channels_in * width];
    let mut rows = weights.chunks_exact_mut(width);
    for block in 0..n_blocks {
        let from = block * width;
        let n = width.min(channels_out - from);
        for (_, tap) in &phase.taps {
            // The weights come first in the zip: it must not take a row too many.
            for (source, row) in tap.chunks_exact(channels_out).zip(rows.by_ref()) {
                row[..n].copy_from_slice(&source[from..from + n]);
            }
        }
    }
    Packed { offsets, weights }
}

fn run<S: Simd, const NX: usize, const OB: usize>(job: &TapSum<'_>) -> (Vec<f32>, usize) {
    let width = OB * S::F32_LANES;
    let stride = job.channels[1].next_multiple_of(width);
    let [oz, oy, ox] = job.out_size;
    let packed: Vec<Packed> = job
        .phases
        .iter()
        .map(|phase| pack(job, phase, width))
        .collect();
    let plane_len = oy * ox * stride;
    let mut out = vec![0.0; job.batch * oz * plane_len];
    out.par_chunks_mut(plane_len)
        .enumerate()
        .for_each(|(index, plane)| {
            let sample = &job.source.values[(index / oz) * job.source.sample_len()..];
            for (phase, packed) in job.phases.iter().zip(&packed) {
                let z = index % oz;
                if z % job.out_step[0] == phase.start[0] % job.out_step[0] {
                    let m = z / job.out_step[0];
                    Arch::new().dispatch(Plane::<NX, OB> {
                        job,
                        phase,
                        packed,
                        sample,
                        m,
                        plane,
                    });
                }
            }
        });
    (out, stride)
}

/// One phase in one output plane.
struct Plane<'a, const NX: usize, const OB: usize> {
    job: &'a TapSum<'a>,
    phase: &'a Phase,
    packed: &'a Packed,
    sample: &'a [f32],
    m: usize,
    plane: &'a mut [f32],
}

impl<const NX: usize, const OB: usize> WithSimd for Plane<'_, NX, OB> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            job,
            phase,
            packed,
            sample,
            m,
            plane,
        } = self;
        let width = OB * S::F32_LANES;
        let (channels_in, steps) = (job.channels[0], job.source.steps());
        let stride = job.channels[1].next_multiple_of(width);
        let block_len = packed.offsets.len() * channels_in * width;
        if block_len == 0 {
            return;
        }
        let from_z = m * job.source_step[0] * steps[0];
        let step_x = job.source_step[2] * steps[2];
        for (block, weights) in packed.weights.chunks_exact(block_len).enumerate() {
            let (weights, _) = S::as_simd_f32s(weights);
            for my in 0..phase.count[1] {
                let row = from_z + my * job.source_step[1] * steps[1];
                let y = phase.start[1] + my * job.out_step[1];
                let mut mx = 0;
                while mx < phase.count[2] {
                    let source = &sample[row + mx * step_x..];
                    let x = phase.start[2] + mx * job.out_step[2];
                    let to = (y * job.out_size[2] + x) * stride + block * width;
                    let taps = Taps {
                        offsets: &packed.offsets,
                        weights,
                        channels_in,
                        step_x,
                    };
                    let out_step = job.out_step[2] * stride;
                    if mx + NX <= phase.count[2] {
                        let sums = taps.sum::<S, NX, OB>(simd, source);
                        store::<S, NX, OB>(sums, &mut plane[to..], out_step);
                        mx += NX;
                    } else {
                        let sums = taps.sum::<S, 1, OB>(simd, source);
                        store::<S, 1, OB>(sums, &mut plane[to..], out_step);
                        mx += 1;
                    }
                }
            }
        }
    }
}

struct Taps<'a, V> {
    offsets: &'a [usize],
    weights: &'a [V],
    channels_in: usize,
    step_x: usize,
}

impl<V: Copy> Taps<'_, V> {
    /// `NX` neighbouring voxels times `OB` vectors of output channels, in registers.
    #[inline(always)]
    fn sum<S: Simd<f32s = V>, const NX: usize, const OB: usize>(
        &self,
        simd: S,
        source: &[f32],
    ) -> [[V; OB]; NX] {
        let mut sums = [[simd.splat_f32s(0.0); OB]; NX];
        let per_tap = self.weights.chunks_exact(self.channels_in * OB);
        for (&offset, weights) in self.offsets.iter().zip(per_tap) {
            let rows: [&[f32]; NX] =
                std::array::from_fn(|j| &source[offset + j * self.step_x..][..self.channels_in]);
            for (c, weights) in weights.chunks_exact(OB).enumerate() {
                for j in 0..NX {
                    let value = simd.splat_f32s(rows[j][c]);
                    for o in 0..OB {
                        sums[j][o] = simd.mul_add_e_f32s(value, weights[o], sums[j][o]);
                    }
                }
            }
        }
        sums
    }
}

#[inline(always)]
fn store<S: Simd, const NX: usize, const OB: usize>(
    sums: [[S::f32s; OB]; NX],
    out: &mut [f32],
    step: usize,
) {
    for (j, sums) in sums.iter().enumerate() {
        let (to, _) = S::as_mut_simd_f32s(&mut out[j * step..][..OB * S::F32_LANES]);
        to.copy_from_slice(sums);
    }
}
