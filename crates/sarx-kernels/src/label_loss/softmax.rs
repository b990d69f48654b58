//! Probabilities of some voxels at once.

use super::{CHUNK, LabelLoss};

/// A voxel that does not count.
pub(super) const IGNORED: i32 = -1;
/// A voxel that belongs to no label.
const NONE: i32 = -2;

/// Scratch of one task.
pub(super) struct Block {
    pub(super) n: usize,
    pub(super) max: [f32; CHUNK],
    pub(super) sum: [f32; CHUNK],
    pub(super) label: [i32; CHUNK],
    pub(super) dot: [f32; CHUNK],
    /// `[label][CHUNK]`
    pub(super) p: Vec<f32>,
}

impl Block {
    pub(super) fn new(n_labels: usize) -> Self {
        Self {
            n: 0,
            max: [0.0; CHUNK],
            sum: [0.0; CHUNK],
            label: [0; CHUNK],
            dot: [0.0; CHUNK],
            p: vec![0.0; n_labels * CHUNK],
        }
    }
}

/// `e^x` for x from -87 to 0 to one part in 10^7; what is smaller counts as -87.
///
/// `x = n ln 2 + r`, and a polynomial of degree 7 for `e^r` (Taylor; the remainder is below 1e-8 for
/// `|r| <= ln 2 / 2`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = if x < -87.0 { -87.0 } else { x };
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    // ln 2 in two parts, the first exact in few bits.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut e = 1.0 / 5040.0_f32;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        e = e * r + coefficient;
    }
    e * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

impl LabelLoss<'_> {
    /// Probabilities of some voxels, the maximum that was taken off their logits, and the logarithm of
    /// the sum of exponentials.
    #[inline(always)]
    pub(super) fn softmax(&self, sample: usize, from: usize, block: &mut Block) {
        let (voxels, n) = (self.voxels(), block.n);
        let row =
            |label: usize| &self.logits[(sample * self.n_labels + label) * voxels + from..][..n];
        block.max[..n].copy_from_slice(row(0));
        for label in 1..self.n_labels {
            for (max, &logit) in block.max[..n].iter_mut().zip(row(label)) {
                *max = if logit > *max { logit } else { *max };
            }
        }
        block.sum[..n].fill(0.0);
        for label in 0..self.n_labels {
            let p = &mut block.p[label * CHUNK..][..n];
            let rest = block.max[..n].iter().zip(&mut block.sum[..n]);
            for ((p, &logit), (&max, sum)) in p.iter_mut().zip(row(label)).zip(rest) {
                *p = exp(logit - max);
                *sum += *p;
            }
        }
        for label in 0..self.n_labels {
            let p = &mut block.p[label * CHUNK..][..n];
            for (p, &sum) in p.iter_mut().zip(&block.sum[..n]) {
                *p /= sum;
            }
        }
        let labels = &self.labels[sample * voxels + from..][..n];
        for (to, &label) in block.label[..n].iter_mut().zip(labels) {
            *to = match label {
                _ if Some(label) == self.ignore => IGNORED,
                label if (0..self.n_labels as i32).contains(&label) => label,
                _ => NONE,
            };
        }
    }
}
