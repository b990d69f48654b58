//! Labels without probabilities: only where two labels compete are logits resampled.
//!
//! Linear and nearest interpolation are means with weights that sum to one. So where one label
//! leads in every logit that enters a block of output voxels, it leads in the block, and nothing
//! has to be computed there; a segmentation is like that nearly everywhere. The lead has to be
//! larger than what rounding to f32 can turn, so the labels are the ones that resampling every
//! voxel gives, in every voxel.

use super::Heads;
use crate::resample::{SliceResampler, Tap};
use ndarray::{ArrayViewMut2, ArrayViewMut3, Axis, s};
use rayon::prelude::*;
use sarx_core::Label;

/// Output voxels of one row that are decided together.
const BLOCK: usize = 64;

/// Rounding of interpolated logits, as a fraction of the largest of them: several times the
/// half unit in the last place of f32 on either side of a difference.
const ROUNDING: f32 = 1e-6;

/// Below this a sigmoid is 0.5 to f32.
const LEAST_LOGIT: f32 = 1e-5;

/// No label leads.
const OPEN: u32 = u32::MAX;

/// Logits `[heads, z, y, x]` in C order.
#[derive(Clone, Copy)]
pub(super) struct Logits<'a> {
    pub(super) values: &'a [f32],
    pub(super) size: [usize; 4],
}

impl<'a> Logits<'a> {
    fn row(self, head: usize, z: usize, y: usize) -> &'a [f32] {
        let [_, depth, height, width] = self.size;
        &self.values[((head * depth + z) * height + y) * width..][..width]
    }

    fn heads(self) -> usize {
        self.size[0]
    }

    /// The largest magnitude.
    fn largest(self) -> f32 {
        let chunks = self.values.par_chunks(1 << 14);
        let largest = |chunk: &[f32]| chunk.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        chunks.map(largest).reduce(|| 0.0, f32::max)
    }
}

/// Decides every voxel of `labels`, which is all 0.
pub(super) fn decide_where_open(
    logits: Logits<'_>,
    heads: &Heads,
    resampler: &SliceResampler,
    mut labels: ArrayViewMut3<'_, Label>,
) {
    let leads = Leads::new(logits, heads, resampler);
    let slices = labels.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
    slices.for_each_init(
        || Work::new(logits.heads(), leads.blocks.len()),
        |work, (z, mut out)| {
            work.begin_slice();
            for y in 0..out.nrows() {
                for (i, block) in leads.blocks.iter().enumerate() {
                    let mut out = out.slice_mut(s![y..=y, block.from..block.to]);
                    match leads.label([z, y, i], resampler) {
                        OPEN => work.decide(logits, heads, resampler, [z, y, i], block, out),
                        0 => {}
                        // Labels are 16 bits wide, and so is every value but OPEN.
                        label => out.fill(label as Label),
                    }
                }
            }
        },
    );
}

/// A run of output columns and the input columns that enter it.
struct Block {
    from: usize,
    to: usize,
    from_in: usize,
    to_in: usize,
}

/// Which label leads in each row and block of the input grid.
struct Leads {
    blocks: Vec<Block>,
    /// `[z, y, block]` of the input.
    leaders: Vec<u32>,
    height: usize,
}

impl Leads {
    fn new(logits: Logits<'_>, heads: &Heads, resampler: &SliceResampler) -> Self {
        let taps_x = resampler.taps(2);
        let blocks: Vec<Block> = (0..taps_x.len())
            .step_by(BLOCK)
            .map(|from| {
                let to = (from + BLOCK).min(taps_x.len());
                Block {
                    from,
                    to,
                    from_in: taps_x[from].lower,
                    to_in: taps_x[to - 1].upper + 1,
                }
            })
            .collect();
        let [_, depth, height, width] = logits.size;
        let margin = logits.largest() * ROUNDING;
        let mut leaders = vec![OPEN; depth * height * blocks.len()];
        leaders
            .par_chunks_exact_mut(height * blocks.len())
            .enumerate()
            .for_each_init(
                || RowLeads::new(width),
                |row, (z, leaders)| {
                    for (y, leaders) in leaders.chunks_exact_mut(blocks.len()).enumerate() {
                        row.find(logits, heads, [z, y], margin);
                        for (leader, block) in leaders.iter_mut().zip(&blocks) {
                            *leader = row.common(block);
                        }
                    }
                },
            );
        Self {
            blocks,
            leaders,
            height,
        }
    }

    /// The label of all voxels of an output block, or [`OPEN`].
    fn label(&self, [z, y, block]: [usize; 3], resampler: &SliceResampler) -> u32 {
        let [tap_z, tap_y] = [&resampler.taps(0)[z], &resampler.taps(1)[y]];
        let leader =
            |z: usize, y: usize| self.leaders[(z * self.height + y) * self.blocks.len() + block];
        let first = leader(tap_z.lower, tap_y.lower);
        let same = first == leader(tap_z.lower, tap_y.upper)
            && first == leader(tap_z.upper, tap_y.lower)
            && first == leader(tap_z.upper, tap_y.upper);
        if same { first } else { OPEN }
    }
}

/// Which label leads in each column of one row of the input.
struct RowLeads {
    leader: Vec<u32>,
    best: Vec<f32>,
    second: Vec<f32>,
}

impl RowLeads {
    fn new(width: usize) -> Self {
        Self {
            leader: vec![0; width],
            best: vec![0.0; width],
            second: vec![0.0; width],
        }
    }

    fn find(&mut self, logits: Logits<'_>, heads: &Heads, [z, y]: [usize; 2], margin: f32) {
        self.leader.fill(0);
        match heads {
            Heads::Labels { count } => {
                self.best.copy_from_slice(logits.row(0, z, y));
                self.second.fill(f32::NEG_INFINITY);
                for head in 1..*count {
                    self.compete(head as u32, logits.row(head, z, y));
                }
                let leads = self.best.iter().zip(&self.second);
                for (leader, (best, second)) in self.leader.iter_mut().zip(leads) {
                    *leader = if best - second > margin {
                        *leader
                    } else {
                        OPEN
                    };
                }
            }
            Heads::Regions { class_order } => {
                let margin = margin.max(LEAST_LOGIT);
                for (head, &painted) in class_order.iter().enumerate() {
                    let row = logits.row(head, z, y);
                    for (leader, &value) in self.leader.iter_mut().zip(row) {
                        if value > margin && *leader != OPEN {
                            *leader = u32::from(painted);
                        } else if value.abs() <= margin {
                            *leader = OPEN;
                        }
                    }
                }
            }
        }
    }

    fn compete(&mut self, head: u32, row: &[f32]) {
        let held = self.leader.iter_mut().zip(&mut self.best);
        for (((leader, best), second), &value) in held.zip(&mut self.second).zip(row) {
            let wins = value > *best;
            *second = second.max(value.min(*best));
            *leader = if wins { head } else { *leader };
            *best = best.max(value);
        }
    }

    /// What leads in all columns of a block.
    fn common(&self, block: &Block) -> u32 {
        let columns = &self.leader[block.from_in..block.to_in];
        let first = columns.first().copied().unwrap_or(OPEN);
        if columns.iter().all(|&leader| leader == first) {
            first
        } else {
            OPEN
        }
    }
}

/// One thread's work space: two rows of the input grid, resampled along z and x where needed.
struct Work {
    n_heads: usize,
    /// `[row % 2, block, head, column]`: neighbouring rows are never in each other's place.
    rows: Vec<f64>,
    /// Which row is held, `[row % 2, block]`.
    held: Vec<Option<usize>>,
    line: Vec<f64>,
    values: Vec<f32>,
}

impl Work {
    fn new(n_heads: usize, n_blocks: usize) -> Self {
        Self {
            n_heads,
            rows: vec![0.0; 2 * n_blocks * n_heads * BLOCK],
            held: vec![None; 2 * n_blocks],
            line: Vec::new(),
            values: vec![0.0; n_heads * BLOCK],
        }
    }

    fn begin_slice(&mut self) {
        self.held.fill(None);
    }

    fn decide(
        &mut self,
        logits: Logits<'_>,
        heads: &Heads,
        resampler: &SliceResampler,
        [z, y, i]: [usize; 3],
        block: &Block,
        out: ArrayViewMut2<'_, Label>,
    ) {
        let (tap_z, tap_y) = (&resampler.taps(0)[z], &resampler.taps(1)[y]);
        let taps_x = &resampler.taps(2)[block.from..block.to];
        for row in [tap_y.lower, tap_y.upper] {
            self.hold(logits, (row, tap_z), i, block, taps_x);
        }
        let n = taps_x.len();
        for head in 0..self.n_heads {
            let lower = &self.rows[self.place(tap_y.lower, i, head)..][..n];
            let upper = &self.rows[self.place(tap_y.upper, i, head)..][..n];
            let values = &mut self.values[head * n..][..n];
            for ((value, &a), &b) in values.iter_mut().zip(lower).zip(upper) {
                *value = tap_y.blend(a, b) as f32;
            }
        }
        heads.decide_logits(&self.values[..self.n_heads * n], out);
    }

    /// Makes sure that an input row is resampled along z and x in a block.
    fn hold(
        &mut self,
        logits: Logits<'_>,
        (row, tap_z): (usize, &Tap),
        i: usize,
        block: &Block,
        taps_x: &[Tap],
    ) {
        let n_blocks = self.held.len() / 2;
        if self.held[row % 2 * n_blocks + i].replace(row) == Some(row) {
            return;
        }
        let columns = block.from_in..block.to_in;
        for head in 0..self.n_heads {
            let lower = &logits.row(head, tap_z.lower, row)[columns.clone()];
            let upper = &logits.row(head, tap_z.upper, row)[columns.clone()];
            self.line.clear();
            self.line.extend(
                lower
                    .iter()
                    .zip(upper)
                    .map(|(&a, &b)| tap_z.blend(f64::from(a), f64::from(b))),
            );
            let place = self.place(row, i, head);
            for (value, tap) in self.rows[place..].iter_mut().zip(taps_x) {
                let [a, b] = [tap.lower, tap.upper].map(|at| self.line[at - block.from_in]);
                *value = tap.blend(a, b);
            }
        }
    }

    /// Where a row's block of one head begins in `rows`.
    fn place(&self, row: usize, block: usize, head: usize) -> usize {
        let n_blocks = self.held.len() / 2;
        ((row % 2 * n_blocks + block) * self.n_heads + head) * BLOCK
    }
}
