//! The series of one examination, and the datasets they become.

use std::fmt;

/// The contrast of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sequence {
    /// Fat-suppressed T1 after contrast.
    T1,
    /// Fat-suppressed T2.
    T2,
}

/// One series: a sequence in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// Fat-suppressed contrast-enhanced T1, slices stacked head to foot.
    T1Axial,
    /// Fat-suppressed contrast-enhanced T1, slices stacked left to right.
    T1Sagittal,
    /// Fat-suppressed T2, slices stacked head to foot.
    T2Axial,
}

impl Series {
    /// All series of an examination, in the order of their datasets.
    pub const ALL: [Self; 3] = [Self::T1Axial, Self::T1Sagittal, Self::T2Axial];

    /// The contrast.
    #[must_use]
    pub fn sequence(self) -> Sequence {
        match self {
            Self::T1Axial | Self::T1Sagittal => Sequence::T1,
            Self::T2Axial => Sequence::T2,
        }
    }

    /// nnU-Net's number of the dataset.
    #[must_use]
    pub fn dataset_id(self) -> u16 {
        match self {
            Self::T1Axial => 101,
            Self::T1Sagittal => 102,
            Self::T2Axial => 103,
        }
    }

    /// The folder of the dataset, such as `Dataset101_T1Axial`.
    #[must_use]
    pub fn dataset_name(self) -> &'static str {
        match self {
            Self::T1Axial => "Dataset101_T1Axial",
            Self::T1Sagittal => "Dataset102_T1Sagittal",
            Self::T2Axial => "Dataset103_T2Axial",
        }
    }

    /// The column of `cohort.csv` with the image; the label's column ends in `_label`.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::T1Axial => "t1_axial",
            Self::T1Sagittal => "t1_sagittal",
            Self::T2Axial => "t2_axial",
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::T1Axial => "T1 axial",
            Self::T1Sagittal => "T1 sagittal",
            Self::T2Axial => "T2 axial",
        })
    }
}

impl Sequence {
    /// The channel's name in `dataset.json`.
    #[must_use]
    pub fn channel_name(self) -> &'static str {
        match self {
            Self::T1 => "T1",
            Self::T2 => "T2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_starts_with_the_number() {
        for series in Series::ALL {
            let start = format!("Dataset{}_", series.dataset_id());
            assert!(series.dataset_name().starts_with(&start));
        }
    }
}
