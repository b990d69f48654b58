//! Voxels counted by agreement.

use crate::LabelOrRegion;
use ndarray::{Axis, Zip};
use rayon::prelude::*;
use sarx_core::{Label, LabelMap};
use std::iter::Sum;

/// How many voxels both, one or none of two masks hold.
///
/// Voxels that the reference marks as ignored are in none of the four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In both masks.
    pub tp: u64,
    /// Only in the prediction.
    pub fp: u64,
    /// Only in the reference.
    pub fn_: u64,
    /// In neither mask.
    pub tn: u64,
}

impl Counts {
    /// Counts one label or region of two label maps of one size.
    ///
    /// Voxels where `reference` holds `ignore` are not counted at all.
    ///
    /// # Panics
    ///
    /// If the two maps differ in size; compare the grids first.
    ///
    /// # Source
    ///
    /// nnU-Net v2, `evaluation/evaluate_predictions.py`, `compute_tp_fp_fn_tn`.
    #[must_use]
    pub fn of(
        reference: &LabelMap,
        prediction: &LabelMap,
        what: &LabelOrRegion,
        ignore: Option<Label>,
    ) -> Self {
        let slices = reference.voxels().axis_iter(Axis(0)).into_par_iter();
        slices
            .zip(prediction.voxels().axis_iter(Axis(0)))
            .map(|(reference, prediction)| {
                let mut cells = [0u64; 4];
                Zip::from(reference).and(prediction).for_each(|&r, &p| {
                    if Some(r) != ignore {
                        cells[usize::from(what.contains(r)) * 2 + usize::from(what.contains(p))] +=
                            1;
                    }
                });
                let [tn, fp, fn_, tp] = cells;
                Self { tp, fp, fn_, tn }
            })
            .sum()
    }

    /// Dice = 2 TP / (2 TP + FP + FN); undefined if both masks are empty.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }

    /// Intersection over union = TP / (TP + FP + FN); undefined if both masks are empty.
    #[must_use]
    pub fn iou(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp + self.fn_)
    }

    /// Voxels of the prediction, `tp + fp`.
    #[must_use]
    pub fn n_pred(&self) -> u64 {
        self.tp + self.fp
    }

    /// Voxels of the reference, `tp + fn`.
    #[must_use]
    pub fn n_ref(&self) -> u64 {
        self.tp + self.fn_
    }
}

/// A share of a whole, if there is one.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| Self {
            tp: a.tp + b.tp,
            fp: a.fp + b.fp,
            fn_: a.fn_ + b.fn_,
            tn: a.tn + b.tn,
        })
    }
}
