//! What can be wrong with a stack of slices, and what is only worth saying.

use std::fmt;

/// Why a stack cannot be a volume.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StackFault {
    /// Slices without a position.
    #[error("{n} of {of} slices have no ImagePositionPatient")]
    NoPosition {
        /// Slices without one.
        n: usize,
        /// All slices.
        of: usize,
    },
    /// No usable orientation.
    #[error("ImageOrientationPatient is missing or not two perpendicular unit vectors")]
    NoOrientation,
    /// Slices that are slightly turned against each other.
    #[error("orientations of slices differ by up to {difference:.5} in a direction cosine")]
    Orientations {
        /// Largest difference of a component.
        difference: f64,
    },
    /// No usable pixel spacing.
    #[error("PixelSpacing is missing or not positive")]
    NoPixelSpacing,
    /// Slices of differing pixel spacing.
    #[error("pixel spacings of slices differ by up to {difference_mm} mm")]
    PixelSpacings {
        /// Largest difference, mm.
        difference_mm: f64,
    },
    /// Several slices at one place, which nothing in the header tells apart.
    #[error(
        "{n} slices lie at {at_mm:.3} mm along the normal and differ in no echo, time, acquisition or diffusion weighting"
    )]
    Duplicate {
        /// Where, mm along the normal.
        at_mm: f64,
        /// How many.
        n: usize,
    },
    /// A gap in an otherwise even stack.
    #[error(
        "{n} slices are missing between slice {after} and the next: the gap is {gap_mm:.3} mm instead of {expected_mm:.3} mm; fetch the series again"
    )]
    Missing {
        /// Number of the slice before the gap, from 1.
        after: usize,
        /// How many slices fit into the gap.
        n: usize,
        /// The gap, mm.
        gap_mm: f64,
        /// Distance of the other slices, mm.
        expected_mm: f64,
    },
    /// A distance that is no multiple of the others.
    #[error("slices {after} and {} are {gap_mm:.3} mm apart instead of {expected_mm:.3} mm", .after + 1)]
    Uneven {
        /// Number of the first of the two slices, from 1.
        after: usize,
        /// Their distance, mm.
        gap_mm: f64,
        /// Distance of the other slices, mm.
        expected_mm: f64,
    },
    /// Slices that are not stacked along their normal.
    #[error(
        "slice {slice} lies {offset_mm:.3} mm beside the normal through the first slice (tilted gantry or shifted slices); resample the series upright first"
    )]
    Sheared {
        /// Number of the slice, from 1.
        slice: usize,
        /// How far beside, mm.
        offset_mm: f64,
    },
    /// One slice of unknown thickness.
    #[error("a single slice without SliceThickness or SpacingBetweenSlices has no extent")]
    NoThickness,
    /// Slices of several coordinate systems.
    #[error("the series has {n} frames of reference; its positions cannot be compared")]
    FramesOfReference {
        /// How many.
        n: usize,
    },
    /// Voxels that are not one grey value.
    #[error("{what} is not supported; only images of one grey value per voxel make volumes")]
    Pixels {
        /// What the image has.
        what: String,
    },
}

/// What a user should know of a stack although it is no fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StackNote {
    /// Part of a localizer: named so, or slices in several directions in one MR series.
    Localizer {
        /// Directions in the series.
        n_orientations: usize,
    },
    /// The file says another distance of slices than their positions; the positions count.
    StatedSpacing {
        /// What the file says, mm.
        stated_mm: f64,
        /// What the positions say, mm.
        measured_mm: f64,
    },
    /// One slice only; its thickness is taken as its extent.
    SingleSlice,
    /// A picture may have names written into it.
    BurnedIn,
}

impl fmt::Display for StackNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localizer { n_orientations } => write!(
                f,
                "a localizer or several planes in one series ({n_orientations} directions)"
            ),
            Self::StatedSpacing {
                stated_mm,
                measured_mm,
            } => write!(
                f,
                "SpacingBetweenSlices says {stated_mm} mm, the positions say {measured_mm:.4} mm; the positions count"
            ),
            Self::SingleSlice => {
                f.write_str("a single slice; its thickness is taken as its extent")
            }
            Self::BurnedIn => f.write_str(
                "BurnedInAnnotation says that names may be written into the pictures; look at them",
            ),
        }
    }
}
