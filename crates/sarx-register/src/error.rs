//! What goes wrong when two images are brought together.

use crate::{Doubt, Registration};
use std::fmt;

/// Which of the two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The image that stays.
    Fixed,
    /// The image that is moved onto it.
    Moving,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => "fixed",
            Self::Moving => "moving",
        })
    }
}

/// A registration that was not made, or is not to be trusted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A field of the specification that means nothing.
    #[error("{field} of a registration must be {expected}")]
    Spec {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// A voxel that is NaN or infinite.
    #[error("voxel [{}, {}, {}] (z, y, x) of the {side} image is not a finite number", .index[0], .index[1], .index[2])]
    NotFinite {
        /// Which image.
        side: Side,
        /// Where, `[z, y, x]`.
        index: [usize; 3],
    },
    /// Fewer than four voxels along an axis: six degrees of freedom cannot be told from so few slices.
    #[error(
        "the {side} image has {found} voxels along axis {axis} (of z, y, x = 0, 1, 2); a registration needs at least 4"
    )]
    TooThin {
        /// Which image.
        side: Side,
        /// Index into `[z, y, x]`.
        axis: usize,
        /// Voxels along it.
        found: usize,
    },
    /// Every voxel has the same value.
    #[error("the {side} image has one value everywhere; there is nothing to align")]
    NoContrast {
        /// Which image.
        side: Side,
    },
    /// The axes of a grid do not span space.
    #[error("the axes of the {side} image's grid are not independent; repair its header first")]
    Singular {
        /// Which image.
        side: Side,
    },
    /// No start brought enough of the two bodies together.
    #[error("no position was found at which {:.0} % of the smaller body lies in both images", 100.0 * .least_overlap)]
    NoOverlap {
        /// The limit of the specification.
        least_overlap: f64,
    },
    /// A result was found, but it is not to be trusted.
    #[error("the registration is not reliable: {}; align the images by hand or leave them as their headers say", reasons(.doubts))]
    Unreliable {
        /// Every limit that it is beyond.
        doubts: Vec<Doubt>,
        /// What was found, for a person to look at.
        registration: Box<Registration>,
    },
}

fn reasons(doubts: &[Doubt]) -> String {
    let each: Vec<String> = doubts.iter().map(Doubt::to_string).collect();
    each.join(", ")
}
