//! Masks that cannot be measured.

use sarx_core::GridMismatch;

/// A mask, an option or a sample that cannot be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Nothing is inside.
    #[error(
        "the mask of the {what} is empty, so it has no size and no distance; report it as absent"
    )]
    Empty {
        /// Which mask.
        what: &'static str,
    },
    /// Two masks do not lie on one grid.
    #[error(
        "the mask of the {what} lies on another grid than the lesion: {source}; resample it first"
    )]
    Grid {
        /// Which mask.
        what: &'static str,
        /// The first difference.
        source: GridMismatch,
    },
    /// The axes of the grid are not at right angles.
    #[error(
        "axes {first} and {second} (of z, y, x = 0, 1, 2) of the grid are {angle_deg:.2} degrees apart instead of 90, \
         and distances are measured along them; resample the mask to a grid with right angles first"
    )]
    Sheared {
        /// First array axis.
        first: usize,
        /// Second array axis.
        second: usize,
        /// The angle between them, degrees.
        angle_deg: f64,
    },
    /// A direction without length.
    #[error("the direction ({}, {}, {}) has no length or is not finite", .found[0], .found[1], .found[2])]
    Direction {
        /// What was given, RAS+.
        found: [f64; 3],
    },
    /// An array axis that does not exist.
    #[error("array axis {found}; there are 0, 1 and 2 for z, y and x")]
    Axis {
        /// What was given.
        found: usize,
    },
    /// Distances of shells that are not positive and ascending, or too many.
    #[error(
        "distance {index} of the margin is {found} mm; distances must be finite, positive and ascending, and at most 65535"
    )]
    Margin {
        /// Index into the distances.
        index: usize,
        /// What was given, mm.
        found: f64,
    },
    /// No distances of shells.
    #[error("no distance is given for the margin; give at least one, in mm")]
    NoMargin,
    /// A tolerance that is negative or not finite.
    #[error("the tolerance of contact is {found} mm; it must be 0 or more and finite")]
    Tolerance {
        /// What was given, mm.
        found: f64,
    },
    /// A volume that cannot be one.
    #[error("{what} volume {index} is {found} ml; volumes are 0 or more and finite")]
    Volume {
        /// `reference` or `predicted`, or `new`.
        what: &'static str,
        /// Index into the pairs; 0 for a new volume.
        index: usize,
        /// What was found, ml.
        found: f64,
    },
    /// A level of confidence outside of 0 to 1.
    #[error("confidence {found}; it must lie between 0 and 1, both excluded")]
    Confidence {
        /// What was given.
        found: f64,
    },
    /// Too few cases for the confidence that was asked for.
    #[error(
        "{found} validation cases with a predicted volume; an interval with confidence {confidence} needs at least {least}"
    )]
    TooFewCases {
        /// Cases with a predicted volume above 0.
        found: usize,
        /// How many are needed.
        least: usize,
        /// The confidence that was asked for.
        confidence: f64,
    },
}
