//! The edge lengths of a voxel.

use std::fmt;

/// Voxel edge per axis in millimetres, array order `[z, y, x]`; finite and positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing([f64; 3]);

/// A spacing that no voxel can have.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "spacing along axis {axis} (of z, y, x = 0, 1, 2) is {found} mm; it must be a positive finite number"
)]
pub struct SpacingError {
    /// Index into `[z, y, x]`.
    pub axis: usize,
    /// What was found, mm.
    pub found: f64,
}

impl Spacing {
    /// Checks and wraps edge lengths in millimetres, `[z, y, x]`.
    ///
    /// # Errors
    ///
    /// [`SpacingError`] names the first axis that is zero, negative or not finite.
    pub fn new(spacing_mm: [f64; 3]) -> Result<Self, SpacingError> {
        match spacing_mm.iter().position(|&s| !(s.is_finite() && s > 0.0)) {
            Some(axis) => Err(SpacingError {
                axis,
                found: spacing_mm[axis],
            }),
            None => Ok(Self(spacing_mm)),
        }
    }

    /// Edge lengths in millimetres, `[z, y, x]`.
    #[must_use]
    pub fn zyx_mm(self) -> [f64; 3] {
        self.0
    }

    /// Volume of one voxel in millilitres.
    #[must_use]
    pub fn voxel_ml(self) -> f64 {
        self.0.iter().product::<f64>() / 1000.0
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{} mm", self.0[0], self.0[1], self.0[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_negative_and_nan_are_refused_with_their_axis() {
        for (axis, bad) in [0.0, -1.0, f64::NAN, f64::INFINITY].into_iter().enumerate() {
            let mut spacing = [1.0; 3];
            spacing[axis % 3] = bad;
            assert_eq!(Spacing::new(spacing).unwrap_err().axis, axis % 3);
        }
        assert_eq!(Spacing::new([5.0, 0.5, 0.5]).unwrap().voxel_ml(), 0.00125);
    }
}
