//! Soft Dice plus cross-entropy of labels that exclude each other: the loss of nnU-Net, and its
//! gradient, without keeping probabilities.
//!
//! With `p = softmax(logits)` and `g` the one-hot labels, over the voxels that count:
//!
//! ```text
//! cross-entropy = -sum(g log p) / n
//! Dice          = -mean over samples and labels but 0 of (2 sum(p g) + s) / (sum(p) + sum(g) + s)
//! ```
//!
//! Voxels are walked twice: once for the sums, once (when the gradient is asked for) for the gradient.
//! Source: nnU-Net v2, `DC_and_CE_loss` with `MemoryEfficientSoftDiceLoss`.

mod softmax;
#[cfg(test)]
mod tests;

use crate::Isa;
use crate::simd::{Kernel, Simd};
use rayon::prelude::*;
use softmax::{Block, IGNORED};

/// nnU-Net's smoothing term.
const SMOOTH: f64 = 1e-5;
/// nnU-Net's floor of the denominator.
const FLOOR: f64 = 1e-8;
/// Voxels that are worked on at once.
const CHUNK: usize = 256;
/// Voxels of a task.
const TASK: usize = 16 * CHUNK;

/// Logits and labels of one head of a network.
#[derive(Debug, Clone, Copy)]
pub struct LabelLoss<'a> {
    /// `[batch, label, voxel]`
    pub logits: &'a [f32],
    /// `[batch, voxel]`; a voxel whose label is not below `n_labels` belongs to none.
    pub labels: &'a [i32],
    /// Samples.
    pub batch: usize,
    /// Labels with background.
    pub n_labels: usize,
    /// Voxels with this label do not count.
    pub ignore: Option<i32>,
    /// Whether Dice pools its sums over the batch.
    pub batch_dice: bool,
}

/// What the first walk finds.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelLossSums {
    /// `[sample][label]`: sum of p g, of p, of g; over the voxels that count.
    overlaps: Vec<Vec<[f64; 3]>>,
    /// Sum of -log p(label).
    cross_entropy: f64,
    /// Voxels that count.
    counted: usize,
}

/// What one task finds.
struct Part {
    overlaps: Vec<[f64; 3]>,
    cross_entropy: f64,
    counted: usize,
}

impl LabelLoss<'_> {
    fn voxels(&self) -> usize {
        self.labels.len() / self.batch.max(1)
    }

    fn tasks(&self) -> Vec<(usize, std::ops::Range<usize>)> {
        let voxels = self.voxels();
        let of = |sample| {
            let starts = (0..voxels).step_by(TASK);
            starts.map(move |from| (sample, from..(from + TASK).min(voxels)))
        };
        (0..self.batch).flat_map(of).collect()
    }

    /// The sums of the loss.
    ///
    /// # Panics
    ///
    /// If logits and labels do not have the same number of voxels.
    #[must_use]
    pub fn sums(&self, isa: Isa) -> LabelLossSums {
        assert_eq!(
            self.logits.len(),
            self.labels.len() * self.n_labels,
            "logits and labels of the same voxels"
        );
        let tasks = self.tasks();
        let work = |(sample, range): &(usize, std::ops::Range<usize>)| {
            isa.run(SumsOf {
                loss: self,
                sample: *sample,
                range: range.clone(),
            })
        };
        let parts: Vec<Part> = tasks.par_iter().map(work).collect();
        let mut sums = LabelLossSums {
            overlaps: vec![vec![[0.0; 3]; self.n_labels]; self.batch],
            cross_entropy: 0.0,
            counted: 0,
        };
        for ((sample, _), part) in tasks.iter().zip(parts) {
            for (to, from) in sums.overlaps[*sample].iter_mut().zip(part.overlaps) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
            sums.cross_entropy += part.cross_entropy;
            sums.counted += part.counted;
        }
        sums
    }

    /// `factor` times the gradient for the logits, `[batch, label, voxel]`.
    #[must_use]
    pub fn gradient(&self, isa: Isa, sums: &LabelLossSums, factor: f64) -> Vec<f32> {
        let voxels = self.voxels();
        let dice = sums.dice_slopes(self.batch_dice, factor);
        let cross_entropy = (factor / (sums.counted as f64).max(1.0)) as f32;
        let mut gradient = vec![0.0; self.logits.len()];
        let mut rows: Vec<&mut [f32]> = gradient.chunks_mut(voxels.max(1)).collect();
        // Tasks own the same range of every label of a sample.
        let mut pieces: Vec<Vec<&mut [f32]>> = Vec::new();
        for sample in rows.chunks_mut(self.n_labels.max(1)) {
            let mut of_sample: Vec<Vec<&mut [f32]>> = Vec::new();
            for row in sample {
                for (task, piece) in std::mem::take(row).chunks_mut(TASK).enumerate() {
                    match of_sample.get_mut(task) {
                        Some(pieces) => pieces.push(piece),
                        None => of_sample.push(vec![piece]),
                    }
                }
            }
            pieces.append(&mut of_sample);
        }
        let work = pieces.into_par_iter().zip(self.tasks());
        work.for_each(|(out, (sample, range))| {
            isa.run(GradientOf {
                loss: self,
                range,
                sample,
                slopes: &dice[sample],
                cross_entropy,
                out,
            });
        });
        gradient
    }
}

struct SumsOf<'a> {
    loss: &'a LabelLoss<'a>,
    sample: usize,
    range: std::ops::Range<usize>,
}

impl Kernel for SumsOf<'_> {
    type Output = Part;

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> Part {
        let Self {
            loss,
            sample,
            range,
        } = self;
        let voxels = loss.voxels();
        let mut block = Block::new(loss.n_labels);
        let mut part = Part {
            overlaps: vec![[0.0; 3]; loss.n_labels],
            cross_entropy: 0.0,
            counted: 0,
        };
        for from in range.clone().step_by(CHUNK) {
            block.n = CHUNK.min(range.end - from);
            loss.softmax(sample, from, &mut block);
            let n = block.n;
            for (label, sums) in part.overlaps.iter_mut().enumerate() {
                let (mut both, mut p_sum, mut g_sum) = (0.0_f32, 0.0_f32, 0.0_f32);
                let p = &block.p[label * CHUNK..][..n];
                for (&p, &of) in p.iter().zip(&block.label[..n]) {
                    let p = if of == IGNORED { 0.0 } else { p };
                    let g = if of == label as i32 { 1.0 } else { 0.0 };
                    both += p * g;
                    p_sum += p;
                    g_sum += g;
                }
                for (to, from) in sums.iter_mut().zip([both, p_sum, g_sum]) {
                    *to += f64::from(from);
                }
            }
            for (i, &of) in block.label[..n].iter().enumerate() {
                part.counted += usize::from(of != IGNORED);
                if of >= 0 {
                    let at = (sample * loss.n_labels + of as usize) * voxels + from + i;
                    let log_p = loss.logits[at] - block.max[i] - block.sum[i].ln();
                    part.cross_entropy -= f64::from(log_p);
                }
            }
        }
        part
    }
}

struct GradientOf<'a> {
    loss: &'a LabelLoss<'a>,
    sample: usize,
    range: std::ops::Range<usize>,
    /// Of each label: what a voxel's probability changes, if it has the label and if not.
    slopes: &'a [[f32; 2]],
    cross_entropy: f32,
    /// The range of each label.
    out: Vec<&'a mut [f32]>,
}

impl Kernel for GradientOf<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(mut self) {
        let loss = self.loss;
        let mut block = Block::new(loss.n_labels);
        for from in self.range.clone().step_by(CHUNK) {
            block.n = CHUNK.min(self.range.end - from);
            loss.softmax(self.sample, from, &mut block);
            let n = block.n;
            // d loss / d logit_j = p_j (s_j - sum_k s_k p_k) + ce (p_j - g_j), s the slope of Dice
            block.dot[..n].fill(0.0);
            for (label, slope) in self.slopes.iter().enumerate() {
                let p = &block.p[label * CHUNK..][..n];
                let dot = block.dot[..n].iter_mut().zip(&block.label[..n]);
                for (&p, (dot, &of)) in p.iter().zip(dot) {
                    *dot += p * slope[usize::from(of != label as i32)];
                }
            }
            for (label, slope) in self.slopes.iter().enumerate() {
                let p = &block.p[label * CHUNK..][..n];
                let out = &mut self.out[label][from - self.range.start..][..n];
                let voxel = block.dot[..n].iter().zip(&block.label[..n]);
                for ((out, &p), (&dot, &of)) in out.iter_mut().zip(p).zip(voxel) {
                    let has = of == label as i32;
                    let dice = p * (slope[usize::from(!has)] - dot);
                    let entropy = p - if has { 1.0 } else { 0.0 };
                    let entropy = if of >= 0 {
                        self.cross_entropy * entropy
                    } else {
                        0.0
                    };
                    *out = if of == IGNORED { 0.0 } else { dice + entropy };
                }
            }
        }
    }
}

impl LabelLossSums {
    /// The sums that one Dice is made of: per sample, or of the whole batch.
    fn groups(&self, batch_dice: bool) -> Vec<Vec<[f64; 3]>> {
        if !batch_dice {
            return self.overlaps.clone();
        }
        let mut total = vec![[0.0; 3]; self.overlaps.first().map_or(0, Vec::len)];
        for sample in &self.overlaps {
            for (to, from) in total.iter_mut().zip(sample) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        vec![total]
    }

    /// Cross-entropy plus Dice.
    #[must_use]
    pub fn loss(&self, batch_dice: bool) -> f64 {
        let groups = self.groups(batch_dice);
        let dices = groups.iter().flat_map(|labels| {
            labels
                .iter()
                .skip(1)
                .map(|[both, p, g]| (2.0 * both + SMOOTH) / (p + g + SMOOTH).max(FLOOR))
        });
        let (n, sum) = dices.fold((0, 0.0), |(n, sum), dice| (n + 1, sum + dice));
        self.cross_entropy / (self.counted as f64).max(1.0) - sum / f64::from(n.max(1))
    }

    /// `[sample][label]`: the derivative of Dice for the probability of a voxel with the label and of
    /// one without it.
    fn dice_slopes(&self, batch_dice: bool, factor: f64) -> Vec<Vec<[f32; 2]>> {
        let groups = self.groups(batch_dice);
        let n_labels = self.overlaps.first().map_or(0, Vec::len);
        let n = (groups.len() * n_labels.saturating_sub(1)).max(1) as f64;
        let slopes = groups.iter().map(|labels| {
            let of = |(label, [both, p, g]): (usize, &[f64; 3])| {
                let size = p + g + SMOOTH;
                if label == 0 || size < FLOOR {
                    return [0.0; 2];
                }
                let without = (2.0 * both + SMOOTH) / (size * size);
                [(without - 2.0 / size), without].map(|slope| (slope * factor / n) as f32)
            };
            labels.iter().enumerate().map(of).collect()
        });
        let slopes: Vec<Vec<[f32; 2]>> = slopes.collect();
        (0..self.overlaps.len())
            .map(|sample| slopes[if batch_dice { 0 } else { sample }].clone())
            .collect()
    }
}
