//! Hard predictions of a validation patch, counted.

use crate::online_validation::PseudoCounts;
use sarx_nn::{LossConfig, Target};

/// Counts per foreground label or region of one batch.
///
/// # Shapes
///
/// - `logits`: `[batch, heads, voxels]`, flat
/// - `labels`: `[batch, voxels]`, flat
/// - `counts`: one per foreground label (background left out) or region
pub(crate) fn count(
    logits: &[f32],
    labels: &[i16],
    batch_size: usize,
    config: &LossConfig,
    counts: &mut [PseudoCounts],
) {
    let n_heads = config.target.n_heads();
    let n_voxels = labels.len() / batch_size;
    for sample in 0..batch_size {
        let logits = &logits[sample * n_heads * n_voxels..][..n_heads * n_voxels];
        let labels = &labels[sample * n_voxels..][..n_voxels];
        for (voxel, &label) in labels.iter().enumerate() {
            let label = i64::from(label);
            if config.ignore_label == Some(label) {
                continue;
            }
            let logit = |head: usize| logits[head * n_voxels + voxel];
            match &config.target {
                Target::Labels { .. } => count_label(argmax(n_heads, logit), label, counts),
                Target::Regions { regions } => {
                    for (head, (region, counts)) in regions.iter().zip(&mut *counts).enumerate() {
                        // sigmoid(x) > 0.5 exactly where x > 0.
                        tally(logit(head) > 0.0, region.contains(&label), counts);
                    }
                }
            }
        }
    }
}

fn count_label(predicted: usize, label: i64, counts: &mut [PseudoCounts]) {
    for (index, counts) in counts.iter_mut().enumerate() {
        let foreground = index + 1;
        tally(predicted == foreground, label == foreground as i64, counts);
    }
}

fn tally(predicted: bool, reference: bool, counts: &mut PseudoCounts) {
    match (predicted, reference) {
        (true, true) => counts.tp += 1,
        (true, false) => counts.fp += 1,
        (false, true) => counts.fn_ += 1,
        (false, false) => {}
    }
}

/// The first of the largest, as PyTorch's argmax.
fn argmax(n: usize, value: impl Fn(usize) -> f32) -> usize {
    (1..n).fold(0, |best, i| if value(i) > value(best) { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_by_hand() {
        let config = LossConfig {
            target: Target::Labels { n_labels: 3 },
            ignore_label: Some(3),
            batch_dice: false,
        };
        // Four voxels predicted 1, 2, 0, 1 with references 1, 1, 2, 3 (ignored).
        let logits = [0., 0., 9., 0., 5., 0., 0., 5., 0., 5., 0., 0.];
        let mut counts = [PseudoCounts::default(); 2];
        count(&logits, &[1, 1, 2, 3], 1, &config, &mut counts);
        assert_eq!(
            counts[0],
            PseudoCounts {
                tp: 1,
                fp: 0,
                fn_: 1
            }
        );
        assert_eq!(
            counts[1],
            PseudoCounts {
                tp: 0,
                fp: 1,
                fn_: 1
            }
        );
    }

    #[test]
    fn regions_may_overlap() {
        let config = LossConfig {
            target: Target::Regions {
                regions: vec![vec![1, 2], vec![2]],
            },
            ignore_label: None,
            batch_dice: false,
        };
        let mut counts = [PseudoCounts::default(); 2];
        count(&[1., -1., 1., 1.], &[2, 1], 1, &config, &mut counts);
        assert_eq!(
            counts[0],
            PseudoCounts {
                tp: 1,
                fp: 0,
                fn_: 1
            }
        );
        assert_eq!(
            counts[1],
            PseudoCounts {
                tp: 1,
                fp: 1,
                fn_: 0
            }
        );
    }
}
