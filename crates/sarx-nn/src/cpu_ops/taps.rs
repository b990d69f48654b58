//! The one kernel behind convolution, its data gradient and the up-convolution.
//!
//! Every output voxel is a sum over taps: `out[v] = sum_t source[v * step + offset_t] * W_t`.
//! A convolution has one set of taps for all voxels. Its data gradient with stride `s` falls apart
//! into `s_z * s_y * s_x` phases: voxels `v = s * m + phase` see only the taps `k` with
//! `(phase + padding - k) % s == 0`, at source `m + (phase + padding - k) / s`. An up-convolution is
//! such a data gradient with kernel = stride.

use super::layout::{ChannelsLast, to_channels_first};
use super::scratch::Scratch;
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
    /// The sums plus a bias per channel as `[batch, channel, z, y, x]`.
    pub(super) fn run(&self, bias: Option<&[f32]>) -> Vec<f32> {
        Arch::new().dispatch(Run { job: self, bias })
    }

    /// The shortest row of any phase.
    fn shortest_row(&self) -> usize {
        let counts = self.phases.iter().map(|phase| phase.count[2]);
        counts.min().unwrap_or(0)
    }
}

struct Run<'a> {
    job: &'a TapSum<'a>,
    bias: Option<&'a [f32]>,
}

impl WithSimd for Run<'_> {
    type Output = Vec<f32>;

    /// Chooses the register tile: `NX` voxels times `OB` vectors of output channels.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { job, bias } = self;
        let n_x = job.shortest_row();
        if job.channels[1] <= S::F32_LANES {
            match n_x {
                0..4 => run::<S, 1, 1>(job, bias),
                4..8 => run::<S, 4, 1>(job, bias),
                _ => run::<S, 8, 1>(job, bias),
            }
        } else {
            match n_x {
                0..4 => run::<S, 1, 2>(job, bias),
                4..6 => run::<S, 4, 2>(job, bias),
                _ => run::<S, 6, 2>(job, bias),
            }
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

/// Input channels taken at once where their number allows it.
const BLOCK_IN: usize = 8;

fn run<S: Simd, const NX: usize, const OB: usize>(
    job: &TapSum<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let width = OB * S::F32_LANES;
    let stride = job.channels[1].next_multiple_of(width);
    let [oz, oy, ox] = job.out_size;
    let phases = job.phases.iter();
    let packed: Vec<Packed> = phases.map(|phase| pack(job, phase, width)).collect();
    let mut out = vec![0.0; job.batch * job.channels[1] * oz * oy * ox];
    let planes = planes_of_all_channels(&mut out, job);
    let scratch = || Scratch::take(oy * ox * stride);
    let planes = planes.into_par_iter().enumerate();
    planes.for_each_init(scratch, |plane, (index, mut rows)| {
        // Voxels that no tap reaches stay zero.
        plane.fill(0.0);
        let sample = &job.source.values[(index / oz) * job.source.sample_len()..];
        for (phase, packed) in job.phases.iter().zip(&packed) {
            let z = index % oz;
            if z % job.out_step[0] != phase.start[0] % job.out_step[0] {
                continue;
            }
            let at = Position {
                job,
                phase,
                packed,
                sample,
                m: z / job.out_step[0],
            };
            if job.channels[0].is_multiple_of(BLOCK_IN) {
                Arch::new().dispatch(Plane::<BLOCK_IN, NX, OB> { at, plane });
            } else {
                Arch::new().dispatch(Plane::<1, NX, OB> { at, plane });
            }
        }
        to_channels_first(plane, stride, bias, &mut rows);
    });
    out
}

/// Per plane `(batch, z)` its part of every channel.
fn planes_of_all_channels<'a>(out: &'a mut [f32], job: &TapSum<'_>) -> Vec<Vec<&'a mut [f32]>> {
    let ([oz, oy, ox], n_channels) = (job.out_size, job.channels[1]);
    let planes = (0..job.batch * oz).map(|_| Vec::with_capacity(n_channels));
    let mut planes: Vec<Vec<_>> = planes.collect();
    for (index, plane) in out.chunks_exact_mut(oy * ox).enumerate() {
        planes[index / (n_channels * oz) * oz + index % oz].push(plane);
    }
    planes
}

/// Where one phase lies in one output plane.
#[derive(Clone, Copy)]
struct Position<'a> {
    job: &'a TapSum<'a>,
    phase: &'a Phase,
    packed: &'a Packed,
    sample: &'a [f32],
    m: usize,
}

/// One phase in one output plane `[y, x, channel]`.
struct Plane<'a, const CB: usize, const NX: usize, const OB: usize> {
    at: Position<'a>,
    plane: &'a mut [f32],
}

impl<const CB: usize, const NX: usize, const OB: usize> WithSimd for Plane<'_, CB, NX, OB> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { at, plane } = self;
        let Position { job, phase, .. } = at;
        let width = OB * S::F32_LANES;
        let (channels_in, steps) = (job.channels[0], job.source.steps());
        let stride = job.channels[1].next_multiple_of(width);
        let block_len = at.packed.offsets.len() * channels_in * width;
        let n_x = phase.count[2];
        if block_len == 0 || n_x < NX {
            return;
        }
        let from_z = at.m * job.source_step[0] * steps[0];
        let step_x = job.source_step[2] * steps[2];
        let out_step = job.out_step[2] * stride;
        for (block, weights) in at.packed.weights.chunks_exact(block_len).enumerate() {
            let taps = Taps {
                offsets: &at.packed.offsets,
                weights: S::as_simd_f32s(weights).0.as_chunks::<OB>().0,
                channels_in,
                step_x,
            };
            for my in 0..phase.count[1] {
                let row = from_z + my * job.source_step[1] * steps[1];
                let y = phase.start[1] + my * job.out_step[1];
                for tile in 0..n_x.div_ceil(NX) {
                    // The last tile ends with the row, so it may repeat voxels of the one before.
                    let mx = (tile * NX).min(n_x - NX);
                    let x = phase.start[2] + mx * job.out_step[2];
                    let to = (y * job.out_size[2] + x) * stride + block * width;
                    let sums = taps.sum::<S, CB, NX>(simd, &at.sample[row + mx * step_x..]);
                    store::<S, NX, OB>(sums, &mut plane[to..], out_step);
                }
            }
        }
    }
}

struct Taps<'a, V, const OB: usize> {
    offsets: &'a [usize],
    weights: &'a [[V; OB]],
    channels_in: usize,
    step_x: usize,
}

impl<V: Copy, const OB: usize> Taps<'_, V, OB> {
    /// `NX` neighbouring voxels times `OB` vectors of output channels, in registers; `CB` divides
    /// the input channels.
    #[inline(always)]
    fn sum<S: Simd<f32s = V>, const CB: usize, const NX: usize>(
        &self,
        simd: S,
        source: &[f32],
    ) -> [[V; OB]; NX] {
        let mut sums = [[simd.splat_f32s(0.0); OB]; NX];
        let per_tap = self.weights.chunks_exact(self.channels_in);
        for (&offset, weights) in self.offsets.iter().zip(per_tap) {
            let rows: [&[[f32; CB]]; NX] = std::array::from_fn(|j| {
                let voxel = &source[offset + j * self.step_x..][..self.channels_in];
                voxel.as_chunks::<CB>().0
            });
            for (block, weights) in weights.as_chunks::<CB>().0.iter().enumerate() {
                let values: [&[f32; CB]; NX] = std::array::from_fn(|j| &rows[j][block]);
                for c in 0..CB {
                    for j in 0..NX {
                        let value = simd.splat_f32s(values[j][c]);
                        for o in 0..OB {
                            sums[j][o] = simd.mul_add_e_f32s(value, weights[c][o], sums[j][o]);
                        }
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
