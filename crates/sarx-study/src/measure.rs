//! The columns of every table: what each score is called, means, and when it is better.

/// One score of one case. The name says the definition; there is no bare "HD95".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// 2 TP / (2 TP + FP + FN).
    Dice,
    /// 5 TP / (5 TP + 4 FN + FP).
    F2,
    /// TP / (TP + FP).
    Precision,
    /// TP / (TP + FN).
    Recall,
    /// The larger of the two directed 95th percentiles of the surface distance, mm.
    Hd95Mm,
    /// The 95th percentile of both directions pooled, mm.
    Hd95PooledMm,
    /// Mean of all surface distances of both directions pooled, mm.
    AssdMm,
    /// Mean of the two directed mean surface distances, mm.
    AssdMasdMm,
    /// Share of the surface voxels of both masks within 2 mm of the other surface.
    Nsd2Mm,
    /// The same within one slice thickness.
    NsdSlice,
    /// Volume of the reference, ml.
    VolumeRefMl,
    /// Volume of the prediction, ml.
    VolumePredMl,
}

/// Which end of a score is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// 1 is perfect.
    Higher,
    /// 0 is perfect.
    Lower,
    /// A description, not a score.
    Neither,
}

impl Measure {
    /// Every measure, in the order of the columns.
    pub const ALL: [Self; 12] = [
        Self::Dice,
        Self::F2,
        Self::Precision,
        Self::Recall,
        Self::Hd95Mm,
        Self::Hd95PooledMm,
        Self::AssdMm,
        Self::AssdMasdMm,
        Self::Nsd2Mm,
        Self::NsdSlice,
        Self::VolumeRefMl,
        Self::VolumePredMl,
    ];

    /// The four that a study reports first.
    pub const HEADLINE: [Self; 4] = [Self::Dice, Self::F2, Self::Hd95Mm, Self::AssdMm];

    /// The name in CSV, JSON and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::F2 => "f2",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Hd95Mm => "hd95_mm",
            Self::Hd95PooledMm => "hd95_pooled_mm",
            Self::AssdMm => "assd_mm",
            Self::AssdMasdMm => "assd_masd_mm",
            Self::Nsd2Mm => "nsd_2mm",
            Self::NsdSlice => "nsd_slice",
            Self::VolumeRefMl => "volume_ref_ml",
            Self::VolumePredMl => "volume_pred_ml",
        }
    }

    /// The name for readers, with unit and kind; what it means says [`Measure::definition`].
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Dice => "Dice",
            Self::F2 => "F2",
            Self::Precision => "Precision",
            Self::Recall => "Recall",
            Self::Hd95Mm => "HD95, larger (mm)",
            Self::Hd95PooledMm => "HD95, pooled (mm)",
            Self::AssdMm => "ASSD, pooled (mm)",
            Self::AssdMasdMm => "ASSD, mean of both (mm)",
            Self::Nsd2Mm => "NSD, 2 mm",
            Self::NsdSlice => "NSD, one slice",
            Self::VolumeRefMl => "Reference (ml)",
            Self::VolumePredMl => "Prediction (ml)",
        }
    }

    /// The definition in one line, for the legend of a table.
    #[must_use]
    pub fn definition(self) -> &'static str {
        match self {
            Self::Dice => "2 TP / (2 TP + FP + FN), voxels",
            Self::F2 => {
                "5 TP / (5 TP + 4 FN + FP), voxels: a missed voxel weighs more than an extra one"
            }
            Self::Precision => "TP / (TP + FP), voxels",
            Self::Recall => "TP / (TP + FN), voxels",
            Self::Hd95Mm => {
                "larger of the two directed 95th percentiles of the surface distance, mm"
            }
            Self::Hd95PooledMm => {
                "95th percentile of the surface distances of both directions pooled, mm"
            }
            Self::AssdMm => "mean of the surface distances of both directions pooled, mm",
            Self::AssdMasdMm => "mean of the two directed mean surface distances, mm",
            Self::Nsd2Mm => {
                "share of the surface voxels of both masks within 2 mm of the other surface"
            }
            Self::NsdSlice => {
                "share of the surface voxels of both masks within one slice thickness of the other surface"
            }
            Self::VolumeRefMl => "volume of the reference, ml",
            Self::VolumePredMl => "volume of the prediction, ml",
        }
    }

    /// Which end is the good one.
    #[must_use]
    pub fn better(self) -> Better {
        match self {
            Self::Dice
            | Self::F2
            | Self::Precision
            | Self::Recall
            | Self::Nsd2Mm
            | Self::NsdSlice => Better::Higher,
            Self::Hd95Mm | Self::Hd95PooledMm | Self::AssdMm | Self::AssdMasdMm => Better::Lower,
            Self::VolumeRefMl | Self::VolumePredMl => Better::Neither,
        }
    }

    /// Decimals that a table shows: thousandths of a ratio, tenths of a millimetre or millilitre
    /// (hundredths of a millimetre where the mean is taken).
    #[must_use]
    pub fn decimals(self) -> usize {
        match self {
            Self::Hd95Mm | Self::Hd95PooledMm | Self::VolumeRefMl | Self::VolumePredMl => 1,
            Self::AssdMm | Self::AssdMasdMm => 2,
            _ => 3,
        }
    }

    /// Position in [`Measure::ALL`].
    #[must_use]
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_stands_at_its_index_with_a_name_of_its_own() {
        for (at, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure.index(), at);
            assert!(
                Measure::ALL[..at]
                    .iter()
                    .all(|m| m.name() != measure.name() && m.title() != measure.title())
            );
        }
    }
}
