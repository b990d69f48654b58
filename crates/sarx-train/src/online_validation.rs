//! Pseudo Dice on validation patches, as nnU-Net shows it while training.
//!
//! Counts are summed over all patches of an epoch, so it is the Dice of one large pseudo-case.
//! Source: nnU-Net v2, `nnUNetTrainer.validation_step` and `on_validation_epoch_end`.

/// Summed voxel counts of one label or region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PseudoCounts {
    /// Voxels in both.
    pub tp: u64,
    /// Voxels in the prediction only.
    pub fp: u64,
    /// Voxels in the reference only.
    pub fn_: u64,
}

impl PseudoCounts {
    /// Adds the counts of another patch.
    pub fn add(&mut self, other: Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
    }

    /// `2 tp / (2 tp + fp + fn)`, or `None` where the label occurs in neither.
    #[must_use]
    pub fn dice(&self) -> Option<f64> {
        let denominator = 2 * self.tp + self.fp + self.fn_;
        (denominator > 0).then(|| 2.0 * self.tp as f64 / denominator as f64)
    }
}

/// Mean of the defined values, or `None` if none is.
#[must_use]
pub fn mean_dice(per_label: &[Option<f64>]) -> Option<f64> {
    let defined: Vec<f64> = per_label.iter().copied().flatten().collect();
    (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
}

/// `0.9 * old + 0.1 * new`; the first value is taken as it is.
///
/// An epoch without a defined Dice leaves the average alone. In nnU-Net it poisons the average
/// for the rest of the run, and no best checkpoint is written any more.
#[must_use]
pub fn ema(old: Option<f64>, new: Option<f64>) -> Option<f64> {
    match (old, new) {
        (Some(old), Some(new)) => Some(0.9 * old + 0.1 * new),
        (old, new) => new.or(old),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_summed_counts() {
        let mut counts = PseudoCounts {
            tp: 3,
            fp: 1,
            fn_: 0,
        };
        counts.add(PseudoCounts {
            tp: 0,
            fp: 0,
            fn_: 3,
        });
        assert_eq!(counts.dice(), Some(0.6));
        assert_eq!(PseudoCounts::default().dice(), None);
        assert_eq!(
            mean_dice(&[Some(0.2), None, Some(0.4)]).map(|d| (d * 10.0).round()),
            Some(3.0)
        );
    }

    #[test]
    fn an_undefined_epoch_leaves_the_average_alone() {
        assert_eq!(ema(None, Some(0.5)), Some(0.5));
        assert_eq!(ema(Some(0.5), None), Some(0.5));
        assert!((ema(Some(0.5), Some(1.0)).unwrap() - 0.55).abs() < 1e-12);
    }
}
