//! The loss and its gradient against their meaning.

use super::softmax::exp;
use super::{LabelLoss, SMOOTH};
use crate::Isa;

#[test]
fn exponentials_are_right_to_one_part_in_ten_million() {
    for i in 0..87_000 {
        let x = -(i as f32) / 1000.0;
        let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
        assert!(
            (found - expected).abs() <= 2e-7 * expected,
            "{x}: {found:e}, {expected:e}"
        );
    }
    assert!(exp(-1e9) < 1e-37);
}

/// The loss in f64, word by word.
fn plain(loss: &LabelLoss<'_>) -> f64 {
    let (voxels, k) = (loss.voxels(), loss.n_labels);
    let mut overlaps = vec![vec![[0.0; 3]; k]; if loss.batch_dice { 1 } else { loss.batch }];
    let (mut entropy, mut counted) = (0.0, 0.0_f64);
    for (i, &label) in loss.labels.iter().enumerate() {
        if Some(label) == loss.ignore {
            continue;
        }
        counted += 1.0;
        let sample = i / voxels;
        let logit = |c: usize| f64::from(loss.logits[(sample * k + c) * voxels + i % voxels]);
        let total: f64 = (0..k).map(|c| logit(c).exp()).sum();
        let of_sample = &mut overlaps[if loss.batch_dice { 0 } else { sample }];
        for (c, to) in of_sample.iter_mut().enumerate() {
            let p = logit(c).exp() / total;
            let g = if label == c as i32 { 1.0 } else { 0.0 };
            entropy -= g * p.ln();
            *to = [to[0] + p * g, to[1] + p, to[2] + g];
        }
    }
    let dices = overlaps.iter().flat_map(|labels| &labels[1..]);
    let dices: Vec<f64> = dices
        .map(|[b, p, g]| (2.0 * b + SMOOTH) / (p + g + SMOOTH))
        .collect();
    entropy / counted.max(1.0) - dices.iter().sum::<f64>() / dices.len() as f64
}

#[test]
fn loss_and_gradient_are_what_they_mean() {
    let (batch, n_labels, voxels) = (2, 3, 700);
    let noise = |i: usize| ((i * 7919) % 2003) as f32 / 400.0 - 2.5;
    let logits: Vec<f32> = (0..batch * n_labels * voxels).map(noise).collect();
    let labels: Vec<i32> = (0..batch * voxels).map(|i| (i / 37 % 4) as i32).collect();
    for isa in Isa::available() {
        for (ignore, batch_dice) in [(Some(3), false), (None, true), (Some(1), true)] {
            let of = |logits| LabelLoss {
                logits,
                labels: &labels,
                batch,
                n_labels,
                ignore,
                batch_dice,
            };
            let loss = of(&logits);
            let sums = loss.sums(isa);
            let (found, expected) = (sums.loss(batch_dice), plain(&loss));
            assert!(
                (found - expected).abs() < 2e-6,
                "{isa:?}: {found}, expected {expected}"
            );
            let gradient = loss.gradient(isa, &sums, 3.0);
            for at in (0..logits.len()).step_by(97) {
                let moved = |by: f32| {
                    let mut moved = logits.clone();
                    moved[at] += by;
                    plain(&LabelLoss {
                        logits: &moved,
                        ..loss
                    })
                };
                let slope = 3.0 * (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let found = f64::from(gradient[at]);
                assert!(
                    (found - slope).abs() < 1e-6,
                    "{isa:?} {at}: {found}, expected {slope}"
                );
            }
        }
    }
}
