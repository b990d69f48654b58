//! How good a registration is, in numbers, and what speaks against it.

use crate::spec::Limits;

/// The measured quality of a registration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Mutual information at the result on the finest level, nats.
    pub mutual_information: f64,
    /// Studholme's normalized mutual information there: 1 for images that know nothing of each other, 2 for
    /// images that determine each other.
    pub normalized_information: f64,
    /// The mutual information over the mean of that after the result is disturbed by
    /// [`DISTURBANCE_MM`](crate::DISTURBANCE_MM) in twelve directions: 1 where the result is no better than its
    /// surroundings.
    pub information_gain: f64,
    /// Mutual information where the headers alone put the images, nats; `None` where they hardly overlap.
    pub header_information: Option<f64>,
    /// The part of the smaller body that lies inside both images, 0 to 1.
    pub overlap: f64,
    /// How far the nearest of the other searches, with other starts and other samples, ends from the best: root
    /// mean square over the body, mm. Infinite when there was no other.
    pub spread_mm: f64,
    /// How far the result turns away from the headers, degrees.
    pub angle_deg: f64,
    /// How far the result moves the body away from where the headers put it: root mean square, mm.
    pub moved_mm: f64,
}

/// A limit that a result is beyond.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// Too little of the bodies lies in both images.
    #[error("overlap {found:.2} is below {limit:.2}")]
    Overlap {
        /// What was found.
        found: f64,
        /// What was asked for.
        limit: f64,
    },
    /// The result stands out too little from its surroundings.
    #[error("information gain {found:.2} is below {limit:.2}")]
    Gain {
        /// What was found.
        found: f64,
        /// What was asked for.
        limit: f64,
    },
    /// No second search came out at the same place.
    #[error("searches end {found:.2} mm apart, more than {limit:.2} mm")]
    Spread {
        /// What was found, mm.
        found: f64,
        /// What was allowed, mm.
        limit: f64,
    },
    /// The result is turned further than a patient who stays on the table.
    #[error("the result is turned by {found:.1} degrees, more than {limit:.1}")]
    Angle {
        /// What was found, degrees.
        found: f64,
        /// What was allowed, degrees.
        limit: f64,
    },
    /// The result moves the body further than was allowed.
    #[error("the body is moved by {found:.1} mm, more than {limit:.1} mm")]
    Moved {
        /// What was found, mm.
        found: f64,
        /// What was allowed, mm.
        limit: f64,
    },
}

impl Quality {
    /// Every limit that this is beyond; a NaN is beyond all.
    #[must_use]
    pub fn doubts(&self, limits: &Limits) -> Vec<Doubt> {
        let below = |found: f64, limit: f64| found.is_nan() || found < limit;
        let above = |found: f64, limit: f64| found.is_nan() || found > limit;
        let mut doubts = Vec::new();
        let (found, limit) = (self.overlap, limits.least_overlap);
        if below(found, limit) {
            doubts.push(Doubt::Overlap { found, limit });
        }
        let (found, limit) = (self.information_gain, limits.least_gain);
        if below(found, limit) {
            doubts.push(Doubt::Gain { found, limit });
        }
        let (found, limit) = (self.spread_mm, limits.largest_spread_mm);
        if above(found, limit) {
            doubts.push(Doubt::Spread { found, limit });
        }
        let (found, limit) = (self.angle_deg, limits.largest_angle_deg);
        if above(found, limit) {
            doubts.push(Doubt::Angle { found, limit });
        }
        let (found, limit) = (self.moved_mm, limits.largest_moved_mm);
        if above(found, limit) {
            doubts.push(Doubt::Moved { found, limit });
        }
        doubts
    }
}
