//! `out[v] = sum over taps of weight[tap] * source[v * step + tap]`, which all direct operations are.
//!
//! A convolution has one phase; its data gradient and an up-convolution with stride `s` have
//! `sz * sy * sx` phases, each with the taps that reach its output voxels. Tasks are (sample, group of
//! output channels, phase, some rows), group by group, so that a thread finds its weights in the
//! cache. Weights that would not stay there are used in chunks of input channels; the sums wait in
//! the output.

use super::tile::{self, Blocked, Free, TileInput, Walk};
use super::weights::{DirectWeights, Group};
use crate::channel_sums::BlockSums;
use crate::memory::Shared;
use crate::simd::{Kernel, Simd};
use crate::{Isa, LANES};
use rayon::prelude::*;

/// Weights of one chunk, so that they stay in the second cache.
const CHUNK_BYTES: usize = 300 << 10;
/// Output voxels of a task, about.
const TASK_VOXELS: usize = 512;

/// A tap: its distance from the voxel in source voxels, and its number in the kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub(super) at: [isize; 3],
    pub(super) index: usize,
}

/// Output voxels that see the same taps: `start + out_step * m` for m below `count`.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    pub(super) start: [usize; 3],
    pub(super) count: [usize; 3],
    pub(super) taps: Vec<Tap>,
}

/// A pointer to values that are only read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadOnly(pub(super) *const f32);

// SAFETY: what it points to is only read while the operation runs.
unsafe impl Send for ReadOnly {}
// SAFETY: as above.
unsafe impl Sync for ReadOnly {}

/// Where voxels are, in floats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) z: usize,
    pub(super) y: usize,
    pub(super) x: usize,
    pub(super) channel: usize,
}

/// The whole operation.
pub(super) struct TapSum<'a> {
    pub(super) weights: &'a DirectWeights,
    /// `[sample][block]`: voxel (0, 0, 0).
    pub(super) source: Vec<Vec<ReadOnly>>,
    pub(super) source_size: [usize; 3],
    pub(super) source_steps: Steps,
    /// Source voxels per output voxel of a phase.
    pub(super) source_step: [usize; 3],
    /// `[sample][block]`: voxel (0, 0, 0), after the border.
    pub(super) out: Vec<Vec<Shared>>,
    pub(super) out_size: [usize; 3],
    pub(super) out_step: [usize; 3],
    pub(super) phases: Vec<Phase>,
    /// A value per channel, rounded up to blocks.
    pub(super) bias: Option<&'a [f32]>,
}

/// What one task found for the blocks of its group.
pub(super) struct TaskSums {
    pub(super) sample: usize,
    pub(super) first_block: usize,
    pub(super) blocks: Vec<BlockSums>,
}

#[derive(Clone)]
struct Task {
    sample: usize,
    group: Group,
    phase: usize,
    rows: std::ops::Range<usize>,
}

impl TapSum<'_> {
    /// Writes the whole output, borders too; the sums of what each task wrote if `with_sums`.
    pub(super) fn run(&self, isa: Isa, with_sums: bool) -> Vec<TaskSums> {
        let work = |task: Task| {
            isa.run(Run {
                job: self,
                task,
                with_sums,
            })
        };
        self.tasks().into_par_iter().map(work).collect()
    }

    fn tasks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for group in &self.weights.groups {
            for sample in 0..self.out.len() {
                for (phase, Phase { count, .. }) in self.phases.iter().enumerate() {
                    let n_rows = count[0] * count[1];
                    let rows = (TASK_VOXELS / count[2].max(1)).max(1);
                    for from in (0..n_rows).step_by(rows) {
                        tasks.push(Task {
                            sample,
                            group: *group,
                            phase,
                            rows: from..(from + rows).min(n_rows),
                        });
                    }
                }
            }
        }
        tasks
    }
}

struct Run<'a> {
    job: &'a TapSum<'a>,
    task: Task,
    with_sums: bool,
}

impl Kernel for Run<'_> {
    type Output = TaskSums;

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> TaskSums {
        // SAFETY: the job describes valid memory, see `TapSum`.
        unsafe {
            let steps = self.job.source_steps;
            let blocked = steps.channel == 1;
            match self.job.source_step[2] {
                1 if blocked => self.blocks::<S, Blocked<1>, NX, OB>(),
                2 if blocked => self.blocks::<S, Blocked<2>, NX, OB>(),
                _ => self.blocks::<S, Free, NX, OB>(),
            }
        }
    }
}

impl Run<'_> {
    /// # Safety
    ///
    /// As [`Kernel::run`].
    #[inline(always)]
    unsafe fn blocks<S: Simd, W: Walk, const NX: usize, const OB: usize>(self) -> TaskSums {
        // SAFETY: the caller's.
        unsafe {
            if self.task.group.blocks == OB {
                self.rows::<S, W, NX, OB>()
            } else {
                self.rows::<S, W, NX, 1>()
            }
        }
    }

    /// # Safety
    ///
    /// As [`Kernel::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd, W: Walk, const NX: usize, const OB: usize>(self) -> TaskSums {
        let Run {
            job,
            task,
            with_sums,
        } = self;
        let phase = &job.phases[task.phase];
        let n_taps = job.weights.kernel.iter().product::<usize>();
        let spans = &job.weights.spans_in;
        let blocks = &job.source[task.sample];
        let per_chunk = (CHUNK_BYTES / (n_taps * OB * LANES * LANES * 4)).max(1);
        let mut sums = vec![BlockSums::default(); if with_sums { OB } else { 0 }];
        let mut weights = job.weights.group_values(&task.group);
        let mut taps = Vec::with_capacity(phase.taps.len());
        let mut pointers = Vec::with_capacity(per_chunk);
        for first in (0..spans.len()).step_by(per_chunk) {
            let chunk = first..(first + per_chunk).min(spans.len());
            let last = chunk.end == spans.len();
            for row in task.rows.clone() {
                let at = [row / phase.count[1], row % phase.count[1]];
                // SAFETY: taps outside in z and y are left out; in x the border is there.
                unsafe {
                    let origin = job.inside(phase, at, &mut taps);
                    pointers.clear();
                    pointers.extend(
                        blocks[chunk.clone()]
                            .iter()
                            .map(|block| block.0.add(origin)),
                    );
                    let input = TileInput {
                        blocks: &pointers,
                        spans: &spans[chunk.clone()],
                        taps: &taps,
                        n_taps,
                        weights,
                        step: job.source_step[2] * job.source_steps.x,
                        channel_step: job.source_steps.channel,
                    };
                    let out = RowOut::<OB>::new(job, &task, phase, at);
                    out.write::<S, W, NX>(&input, first == 0, phase.count[2]);
                    if last {
                        if phase.start[2] == 0 {
                            out.close::<S>(job.out_size[2]);
                        }
                        for (sums, out) in sums.iter_mut().zip(out.at) {
                            sums.add_row::<S>(out, phase.count[2]);
                        }
                    }
                }
            }
            let channels: usize = spans[chunk].iter().map(|span| span.len).sum();
            // SAFETY: the chunk's weights end here.
            weights = unsafe { weights.add(channels * n_taps * OB * LANES) };
        }
        TaskSums {
            sample: task.sample,
            first_block: task.group.first_block,
            blocks: sums,
        }
    }
}

impl TapSum<'_> {
    /// The taps of a row that lie inside in z and y, as distances in floats from the returned origin:
    /// the row's first voxel as a tap of offset 0 sees it.
    fn inside(&self, phase: &Phase, at: [usize; 2], taps: &mut Vec<(isize, usize)>) -> usize {
        let Steps { z, y, x, .. } = self.source_steps;
        let [from_z, from_y] = [0, 1].map(|a| at[a] * self.source_step[a]);
        taps.clear();
        for tap in &phase.taps {
            let inside = |from: usize, a: usize| {
                from.checked_add_signed(tap.at[a])
                    .is_some_and(|v| v < self.source_size[a])
            };
            if inside(from_z, 0) && inside(from_y, 1) {
                let [dz, dy, dx] = tap.at;
                let offset = dz * z as isize + dy * y as isize + dx * x as isize;
                taps.push((offset, tap.index));
            }
        }
        from_z * z + from_y * y
    }
}

/// Where a row of the output goes.
struct RowOut<'a, const OB: usize> {
    /// The first voxel of the phase in this row.
    at: [*mut f32; OB],
    /// Floats from one voxel of the phase to the next.
    step: usize,
    bias: [Option<&'a [f32]>; OB],
}

impl<'a, const OB: usize> RowOut<'a, OB> {
    /// # Safety
    ///
    /// The job's output must be valid.
    unsafe fn new(job: &TapSum<'a>, task: &Task, phase: &Phase, at: [usize; 2]) -> Self {
        let [z, y] = [0, 1].map(|a| phase.start[a] + at[a] * job.out_step[a]);
        let row = (job.out_size[2] + 2) * LANES;
        let offset = (z * job.out_size[1] + y) * row + phase.start[2] * LANES;
        let first = task.group.first_block;
        Self {
            // SAFETY: z, y and x lie inside the output.
            at: std::array::from_fn(|o| unsafe { job.out[task.sample][first + o].0.add(offset) }),
            step: job.out_step[2] * LANES,
            bias: std::array::from_fn(|o| {
                job.bias.map(|bias| &bias[(first + o) * LANES..][..LANES])
            }),
        }
    }

    /// # Safety
    ///
    /// As [`Kernel::run`].
    #[inline(always)]
    unsafe fn write<S: Simd, W: Walk, const NX: usize>(
        &self,
        input: &TileInput<'_>,
        begin: bool,
        voxels: usize,
    ) {
        // SAFETY: the tiles together are the row's voxels.
        unsafe {
            let mut x = 0;
            while x + NX <= voxels {
                self.tile::<S, W, NX>(input, begin, x);
                x += NX;
            }
            while x + 4 <= voxels {
                self.tile::<S, W, 4>(input, begin, x);
                x += 4;
            }
            while x + 2 <= voxels {
                self.tile::<S, W, 2>(input, begin, x);
                x += 2;
            }
            if x < voxels {
                self.tile::<S, W, 1>(input, begin, x);
            }
        }
    }

    /// # Safety
    ///
    /// As [`Kernel::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, W: Walk, const N: usize>(
        &self,
        input: &TileInput<'_>,
        begin: bool,
        x: usize,
    ) {
        // SAFETY: `x` to `x + N` are voxels of the row.
        unsafe {
            let mut sums = [[S::zero(); OB]; N];
            for (j, sums) in sums.iter_mut().enumerate() {
                for (o, sum) in sums.iter_mut().enumerate() {
                    if !begin {
                        *sum = S::load(self.at[o].add((x + j) * self.step));
                    } else if let Some(bias) = self.bias[o] {
                        *sum = S::load(bias.as_ptr());
                    }
                }
            }
            tile::add::<S, W, N, OB>(input, x * W::voxel(input.step), &mut sums);
            for (j, sums) in sums.iter().enumerate() {
                for (o, &sum) in sums.iter().enumerate() {
                    S::store(self.at[o].add((x + j) * self.step), sum);
                }
            }
        }
    }

    /// Writes the zeros before and after the row, of a phase that begins at x = 0.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`].
    #[inline(always)]
    unsafe fn close<S: Simd>(&self, size_x: usize) {
        for at in self.at {
            // SAFETY: the row has a voxel before and after.
            unsafe {
                S::store(at.sub(LANES), S::zero());
                S::store(at.add(size_x * LANES), S::zero());
            }
        }
    }
}
