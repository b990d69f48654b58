//! One case of a study: its name, its strata and its scores.

use crate::Measure;
use sarx_metrics::{Emptiness, LabelScores};

/// What became of the lesion of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// Reference and prediction overlap.
    Overlap,
    /// Both hold foreground but share no voxel.
    NoOverlap,
    /// The prediction is empty, the reference is not.
    Missed,
    /// The reference is empty, the prediction is not.
    FalseAlarm,
    /// Both are empty.
    BothEmpty,
}

/// The scores of one case for one label. What was not computed is NaN; a distance to an empty
/// mask is infinite and stays so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    values: [f64; Measure::ALL.len()],
    /// What became of the lesion.
    pub finding: Finding,
}

/// One line of the table of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRow {
    /// Name of the case.
    pub case: String,
    /// Column and value, as the cohort gives them: `("site", "extremity")`.
    pub strata: Vec<(String, String)>,
    /// The scores.
    pub scores: Scores,
}

impl Finding {
    /// The word in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::NoOverlap => "no overlap",
            Self::Missed => "missed",
            Self::FalseAlarm => "false alarm",
            Self::BothEmpty => "both empty",
        }
    }
}

impl Scores {
    /// No score yet: every value is NaN.
    #[must_use]
    pub fn none(finding: Finding) -> Self {
        Self {
            values: [f64::NAN; Measure::ALL.len()],
            finding,
        }
    }

    /// The same with one score set.
    #[must_use]
    pub fn with(mut self, measure: Measure, value: f64) -> Self {
        self.values[measure.index()] = value;
        self
    }

    /// One score; NaN if it was not computed.
    #[must_use]
    pub fn get(&self, measure: Measure) -> f64 {
        self.values[measure.index()]
    }
}

impl From<&LabelScores> for Scores {
    fn from(scores: &LabelScores) -> Self {
        let (overlap, surface) = (&scores.overlap, &scores.surface);
        let finding = match scores.emptiness {
            Some(Emptiness::Missed) => Finding::Missed,
            Some(Emptiness::FalseAlarm) => Finding::FalseAlarm,
            Some(Emptiness::BothEmpty) => Finding::BothEmpty,
            None if overlap.counts.tp == 0 => Finding::NoOverlap,
            None => Finding::Overlap,
        };
        let nsd = |name: &str| {
            scores
                .nsd
                .iter()
                .find(|n| n.name == name)
                .map_or(f64::NAN, |n| n.nsd)
        };
        Self::none(finding)
            .with(Measure::Dice, overlap.dice())
            .with(Measure::F2, overlap.f2())
            .with(Measure::Precision, overlap.precision())
            .with(Measure::Recall, overlap.recall())
            .with(Measure::Hd95Mm, surface.hd95_mm)
            .with(Measure::Hd95PooledMm, surface.hd95_pooled_mm)
            .with(Measure::AssdMm, surface.assd_mm)
            .with(Measure::AssdMasdMm, surface.assd_masd_mm)
            .with(Measure::Nsd2Mm, nsd("2mm"))
            .with(Measure::NsdSlice, nsd("slice"))
            .with(Measure::VolumeRefMl, overlap.volume_ref_ml)
            .with(Measure::VolumePredMl, overlap.volume_pred_ml)
    }
}

impl CaseRow {
    /// The value of a stratum column, or `None` if the case has no such column.
    #[must_use]
    pub fn stratum(&self, column: &str) -> Option<&str> {
        self.strata
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| value.as_str())
    }
}
