//! Overlap and volume of two masks, all from the four counts.

use crate::Counts;
use crate::confusion::ratio;
use sarx_core::Spacing;

/// Overlap scores and volumes of one label or region.
///
/// Two empty masks agree: every ratio is 1. If one mask is empty every ratio is 0, also those
/// that would be 0/0 (precision of an empty prediction, recall of an empty reference), so that
/// a miss is never better than a bad answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// The counts behind the ratios.
    pub counts: Counts,
    /// Volume of the reference, ml.
    pub volume_ref_ml: f64,
    /// Volume of the prediction, ml.
    pub volume_pred_ml: f64,
}

impl Overlap {
    /// Scores of these counts of voxels of this size.
    #[must_use]
    pub fn new(counts: Counts, spacing: Spacing) -> Self {
        let voxel_ml = spacing.voxel_ml();
        Self {
            counts,
            volume_ref_ml: counts.n_ref() as f64 * voxel_ml,
            volume_pred_ml: counts.n_pred() as f64 * voxel_ml,
        }
    }

    /// Dice = 2 TP / (2 TP + FP + FN); 1 if both masks are empty.
    #[must_use]
    pub fn dice(&self) -> f64 {
        self.dice_nnunet().unwrap_or(1.0)
    }

    /// nnU-Net's Dice: as [`Overlap::dice`], but undefined if both masks are empty.
    ///
    /// # Source
    ///
    /// nnU-Net v2, `evaluation/evaluate_predictions.py`, `compute_metrics`.
    #[must_use]
    pub fn dice_nnunet(&self) -> Option<f64> {
        self.counts.dice()
    }

    /// Intersection over union = TP / (TP + FP + FN); 1 if both masks are empty.
    #[must_use]
    pub fn iou(&self) -> f64 {
        self.iou_nnunet().unwrap_or(1.0)
    }

    /// nnU-Net's IoU: as [`Overlap::iou`], but undefined if both masks are empty.
    #[must_use]
    pub fn iou_nnunet(&self) -> Option<f64> {
        self.counts.iou()
    }

    /// F-beta = (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP); recall weighs `beta` times as much
    /// as precision. 1 if both masks are empty.
    #[must_use]
    pub fn f_beta(&self, beta: f64) -> f64 {
        let b2 = beta * beta;
        let [tp, fp, fn_] = [self.counts.tp, self.counts.fp, self.counts.fn_].map(|n| n as f64);
        if tp + fp + fn_ == 0.0 {
            return 1.0;
        }
        // With beta = 0 and an empty prediction the quotient is 0/0; no overlap is no score.
        if tp == 0.0 {
            return 0.0;
        }
        (1.0 + b2) * tp / ((1.0 + b2) * tp + b2 * fn_ + fp)
    }

    /// F2 = 5 TP / (5 TP + 4 FN + FP).
    #[must_use]
    pub fn f2(&self) -> f64 {
        self.f_beta(2.0)
    }

    /// TP / (TP + FP); see the type for empty masks.
    #[must_use]
    pub fn precision(&self) -> f64 {
        let Counts { tp, fp, fn_, .. } = self.counts;
        ratio(tp, tp + fp).unwrap_or(if fn_ == 0 { 1.0 } else { 0.0 })
    }

    /// TP / (TP + FN); see the type for empty masks.
    #[must_use]
    pub fn recall(&self) -> f64 {
        let Counts { tp, fp, fn_, .. } = self.counts;
        ratio(tp, tp + fn_).unwrap_or(if fp == 0 { 1.0 } else { 0.0 })
    }

    /// Predicted minus reference volume, ml: positive when too much was segmented.
    #[must_use]
    pub fn volume_error_ml(&self) -> f64 {
        self.volume_pred_ml - self.volume_ref_ml
    }

    /// Predicted minus reference volume as a fraction of the reference volume: 0 if both masks
    /// are empty, infinite if only the reference is.
    #[must_use]
    pub fn volume_error_frac(&self) -> f64 {
        let (pred, reference) = (self.counts.n_pred(), self.counts.n_ref());
        match (pred, reference) {
            (0, 0) => 0.0,
            (_, 0) => f64::INFINITY,
            _ => (pred as f64 - reference as f64) / reference as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(tp: u64, fp: u64, fn_: u64) -> Overlap {
        let spacing = Spacing::new([5.0, 2.0, 1.0]).unwrap();
        Overlap::new(Counts { tp, fp, fn_, tn: 7 }, spacing)
    }

    #[test]
    fn the_formulas_by_hand() {
        let o = overlap(6, 2, 4);
        assert_eq!(o.dice(), 12.0 / 18.0);
        assert_eq!(o.iou(), 0.5);
        assert_eq!(o.f2(), 30.0 / (30.0 + 16.0 + 2.0));
        assert!((o.f_beta(1.0) - o.dice()).abs() < 1e-15);
        assert_eq!((o.precision(), o.recall()), (0.75, 0.6));
        assert_eq!((o.volume_ref_ml, o.volume_pred_ml), (0.1, 0.08));
        assert!((o.volume_error_ml() + 0.02).abs() < 1e-15);
        assert_eq!(o.volume_error_frac(), -0.2);
    }

    #[test]
    fn two_empty_masks_agree_and_nnunet_says_undefined() {
        let o = overlap(0, 0, 0);
        assert_eq!(
            [o.dice(), o.iou(), o.f2(), o.precision(), o.recall()],
            [1.0; 5]
        );
        assert_eq!((o.dice_nnunet(), o.iou_nnunet()), (None, None));
        assert_eq!(o.volume_error_frac(), 0.0);
    }

    #[test]
    fn one_empty_mask_scores_zero_everywhere() {
        for o in [overlap(0, 3, 0), overlap(0, 0, 3)] {
            assert_eq!(
                [o.dice(), o.iou(), o.f2(), o.precision(), o.recall()],
                [0.0; 5]
            );
            assert_eq!(o.f_beta(0.0), 0.0);
            assert_eq!((o.dice_nnunet(), o.iou_nnunet()), (Some(0.0), Some(0.0)));
        }
        assert_eq!(overlap(0, 3, 0).volume_error_frac(), f64::INFINITY);
        assert_eq!(overlap(0, 0, 3).volume_error_frac(), -1.0);
    }
}
