//! What a registration may be told.

use crate::error::RegisterError;

/// How to register, and when not to trust the result.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisterSpec {
    /// Seed of everything random. Equal seeds give equal results, whatever the number of threads.
    pub seed: u64,
    /// Finest detail of each level of the pyramid, mm, from coarse to fine. Levels finer than the voxels of
    /// both images are left out.
    pub levels_mm: Vec<f64>,
    /// Changes of brightness slower than this are the coil's and are taken out first, mm; `None` leaves images as
    /// they are.
    pub shading_mm: Option<f64>,
    /// Bins of the joint histogram along each image, 8 to 256.
    pub bins: usize,
    /// Points of the body at which the images are compared on every level but the coarsest, at least 1000.
    pub n_samples: usize,
    /// Starts drawn around the header's position and around the one where the bodies' centres coincide.
    pub n_starts: usize,
    /// Largest turn of such a start, degrees.
    pub start_angle_deg: f64,
    /// Largest shift of such a start, mm.
    pub start_shift_mm: f64,
    /// When the result is refused.
    pub limits: Limits,
}

/// Limits beyond which a registration is refused as [`RegisterError::Unreliable`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Least [`Quality::overlap`](crate::Quality::overlap), 0 to 1.
    pub least_overlap: f64,
    /// Least [`Quality::information_gain`](crate::Quality::information_gain).
    pub least_gain: f64,
    /// Largest [`Quality::spread_mm`](crate::Quality::spread_mm).
    pub largest_spread_mm: f64,
    /// Largest turn away from the headers, degrees: they know how the patient lay.
    pub largest_angle_deg: f64,
    /// Largest [`Quality::moved_mm`](crate::Quality::moved_mm). Lower it for series of one frame of reference.
    pub largest_moved_mm: f64,
}

impl Default for RegisterSpec {
    fn default() -> Self {
        Self {
            seed: 0,
            levels_mm: vec![8.0, 4.0, 2.0, 1.0],
            shading_mm: Some(60.0),
            bins: 32,
            n_samples: 40_000,
            n_starts: 24,
            start_angle_deg: 12.0,
            start_shift_mm: 20.0,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            least_overlap: 0.3,
            least_gain: 1.25,
            largest_spread_mm: 2.0,
            largest_angle_deg: 20.0,
            largest_moved_mm: 100.0,
        }
    }
}

impl RegisterSpec {
    /// # Errors
    ///
    /// [`RegisterError::Spec`] names the first field with a value that means nothing.
    pub(crate) fn check(&self) -> Result<(), RegisterError> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let falling = self.levels_mm.windows(2).all(|pair| pair[0] > pair[1]);
        let levels = !self.levels_mm.is_empty() && falling;
        let l = &self.limits;
        let rules = [
            (
                levels && self.levels_mm.iter().all(|&mm| positive(mm)),
                "levels_mm",
                "positive millimetres, falling",
            ),
            ((8..=256).contains(&self.bins), "bins", "8 to 256"),
            (self.n_samples >= 1000, "n_samples", "1000 or more"),
            (
                self.shading_mm.is_none_or(|mm| positive(mm) && mm >= 20.0),
                "shading_mm",
                "20 or more, or none",
            ),
            (
                l.largest_moved_mm > 0.0,
                "limits.largest_moved_mm",
                "more than 0",
            ),
            (
                (0.0..=90.0).contains(&self.start_angle_deg),
                "start_angle_deg",
                "0 to 90",
            ),
            (
                self.start_shift_mm.is_finite() && self.start_shift_mm >= 0.0,
                "start_shift_mm",
                "0 or more",
            ),
            (
                (0.01..=1.0).contains(&l.least_overlap),
                "limits.least_overlap",
                "0.01 to 1",
            ),
            (l.least_gain >= 0.0, "limits.least_gain", "0 or more"),
            (
                l.largest_spread_mm > 0.0,
                "limits.largest_spread_mm",
                "more than 0",
            ),
            (
                l.largest_angle_deg > 0.0,
                "limits.largest_angle_deg",
                "more than 0",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, expected)) => Err(RegisterError::Spec { field, expected }),
            None => Ok(()),
        }
    }
}
