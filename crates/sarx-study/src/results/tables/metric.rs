//! The columns of the main table.

use crate::results::scores::ScoreRow;
use crate::{Better, Measure};
use serde::{Deserialize, Serialize};

/// One column: a score, or the error of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyMetric {
    /// [`Measure::Dice`].
    Dice,
    /// [`Measure::F2`].
    F2,
    /// [`Measure::Precision`].
    Precision,
    /// [`Measure::Recall`].
    Recall,
    /// [`Measure::AssdMm`].
    AssdMm,
    /// [`Measure::Hd95Mm`].
    Hd95Mm,
    /// [`Measure::Nsd2Mm`].
    #[serde(rename = "nsd_2mm")]
    Nsd2Mm,
    /// Absolute difference of the volumes by the volume of the reference, percent. A missed lesion
    /// has 100 %; without a lesion in the reference it is undefined.
    VolumeErrorPercent,
}

impl StudyMetric {
    /// Every column, in order.
    pub const ALL: [Self; 8] = [
        Self::Dice,
        Self::F2,
        Self::Precision,
        Self::Recall,
        Self::AssdMm,
        Self::Hd95Mm,
        Self::Nsd2Mm,
        Self::VolumeErrorPercent,
    ];

    /// The score behind the column, if it is one.
    #[must_use]
    pub fn measure(self) -> Option<Measure> {
        match self {
            Self::Dice => Some(Measure::Dice),
            Self::F2 => Some(Measure::F2),
            Self::Precision => Some(Measure::Precision),
            Self::Recall => Some(Measure::Recall),
            Self::AssdMm => Some(Measure::AssdMm),
            Self::Hd95Mm => Some(Measure::Hd95Mm),
            Self::Nsd2Mm => Some(Measure::Nsd2Mm),
            Self::VolumeErrorPercent => None,
        }
    }

    /// The name in CSV and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.measure().map_or("volume_error_percent", Measure::name)
    }

    /// The name for readers.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::AssdMm => "ASSD (mm)",
            Self::Hd95Mm => "HD95 (mm)",
            Self::Nsd2Mm => "NSD 2 mm",
            Self::VolumeErrorPercent => "Volume error (%)",
            _ => self.measure().map_or("", Measure::title),
        }
    }

    /// The definition in one line.
    #[must_use]
    pub fn definition(self) -> &'static str {
        self.measure().map_or(
            "absolute difference of the volumes by the volume of the reference, percent",
            Measure::definition,
        )
    }

    /// Which end is the good one.
    #[must_use]
    pub fn better(self) -> Better {
        self.measure().map_or(Better::Lower, Measure::better)
    }

    /// Decimals that a table shows.
    #[must_use]
    pub fn decimals(self) -> usize {
        self.measure().map_or(1, Measure::decimals)
    }

    /// The value of a row: infinite for the distance of a missed lesion, NaN where it is not
    /// defined, was not computed, or the case failed.
    #[must_use]
    pub fn of(self, row: &ScoreRow) -> f64 {
        self.measure().map_or_else(
            || {
                let reference_ml = row.score(Measure::VolumeRefMl);
                let predicted_ml = row.score(Measure::VolumePredMl);
                if reference_ml > 0.0 {
                    100.0 * (predicted_ml - reference_ml).abs() / reference_ml
                } else {
                    f64::NAN
                }
            },
            |measure| row.score(measure),
        )
    }
}
