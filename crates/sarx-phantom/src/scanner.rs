//! The scanners of the cohort: each has its own matrix, noise, shading and background.

use crate::{MatrixSize, Sequence};
use rand::{Rng, RngExt};

/// What stands where there is only air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Background {
    /// Noise: the magnitude of complex Gaussian noise.
    Rician,
    /// Exactly zero, as after the masking some scanners and archives do.
    Zero,
}

/// A scanner as its images betray it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner {
    pub(crate) name: &'static str,
    /// Share of patients.
    share: f64,
    pub(crate) background: Background,
    /// Standard deviation of the noise in either channel, muscle = 1.
    noise: f64,
    /// Strength of the smooth shading: the log of the signal varies by about so much.
    pub(crate) shading: f64,
    /// How often the fat suppression fails somewhere.
    pub(crate) failing_fat: f64,
    /// Stored value of muscle on T1.
    muscle_value: f64,
    /// Preference within the range of matrices and of thicknesses, 0 to 1.
    fineness: f64,
    thickness: f64,
}

/// Six scanners. One (about a fifth of the patients) zeroes its background.
const SCANNERS: [Scanner; 6] = [
    scanner(
        "A-1.5T",
        0.24,
        Background::Rician,
        (0.060, 0.22, 0.15),
        (210.0, 0.4, 0.5),
    ),
    scanner(
        "A-3T",
        0.20,
        Background::Rician,
        (0.045, 0.34, 0.25),
        (280.0, 0.9, 0.3),
    ),
    scanner(
        "B-1.5T",
        0.20,
        Background::Zero,
        (0.060, 0.20, 0.20),
        (420.0, 0.5, 0.6),
    ),
    scanner(
        "B-1T",
        0.12,
        Background::Rician,
        (0.095, 0.18, 0.35),
        (150.0, 0.1, 0.9),
    ),
    scanner(
        "C-1.5T",
        0.14,
        Background::Rician,
        (0.070, 0.26, 0.20),
        (330.0, 0.6, 0.2),
    ),
    scanner(
        "C-3T",
        0.10,
        Background::Rician,
        (0.050, 0.38, 0.15),
        (180.0, 1.0, 0.0),
    ),
];

const fn scanner(
    name: &'static str,
    share: f64,
    background: Background,
    (noise, shading, failing_fat): (f64, f64, f64),
    (muscle_value, fineness, thickness): (f64, f64, f64),
) -> Scanner {
    Scanner {
        name,
        share,
        background,
        noise,
        shading,
        failing_fat,
        muscle_value,
        fineness,
        thickness,
    }
}

/// The ranges a matrix size allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MatrixLimits {
    pub(crate) slices: (usize, usize),
    pub(crate) in_plane: (usize, usize),
    pub(crate) thickness_mm: (f64, f64),
    pub(crate) pixel_mm: (f64, f64),
}

impl MatrixSize {
    pub(crate) fn limits(self) -> MatrixLimits {
        match self {
            Self::Standard => MatrixLimits {
                slices: (28, 40),
                in_plane: (192, 320),
                thickness_mm: (3.0, 6.0),
                pixel_mm: (0.6, 1.4),
            },
            Self::Small => MatrixLimits {
                slices: (20, 28),
                in_plane: (80, 112),
                thickness_mm: (5.0, 8.0),
                pixel_mm: (2.2, 3.2),
            },
        }
    }
}

impl Scanner {
    /// The scanner a patient was sent to.
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let mut left: f64 = rng.random_range(0.0..1.0);
        for scanner in SCANNERS {
            if left < scanner.share {
                return scanner;
            }
            left -= scanner.share;
        }
        SCANNERS[0]
    }

    /// Voxels along the longer side of a slice that this scanner's protocol asks for.
    pub(crate) fn matrix(&self, limits: &MatrixLimits, rng: &mut impl Rng) -> usize {
        let (low, high) = (limits.in_plane.0 as f64, limits.in_plane.1 as f64);
        let wish = (self.fineness + rng.random_range(-0.2..0.2)).clamp(0.0, 1.0);
        // Protocols count in steps of eight.
        (((low + (high - low) * wish) / 8.0).round() * 8.0).clamp(low, high) as usize
    }

    /// The slice distance that this scanner's protocol asks for, mm.
    pub(crate) fn thickness_mm(&self, limits: &MatrixLimits, rng: &mut impl Rng) -> f64 {
        let (low, high) = limits.thickness_mm;
        let wish = (self.thickness + rng.random_range(-0.15..0.15)).clamp(0.0, 1.0);
        low + (high - low) * wish
    }

    /// Stored value of a signal of 1.
    pub(crate) fn gain(&self, sequence: Sequence) -> f64 {
        match sequence {
            Sequence::T1 => self.muscle_value,
            // Receivers are set so that fluid, six times muscle, fits the range.
            Sequence::T2 => 0.6 * self.muscle_value,
        }
    }

    /// Standard deviation of the noise, muscle = 1.
    pub(crate) fn noise(&self, sequence: Sequence, rng: &mut impl Rng) -> f64 {
        let sequence_gain = match sequence {
            Sequence::T1 => 1.0,
            Sequence::T2 => 1.7,
        };
        self.noise * sequence_gain * rng.random_range(0.85..1.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_one_fifth_has_a_zero_background() {
        assert!((SCANNERS.iter().map(|s| s.share).sum::<f64>() - 1.0).abs() < 1e-9);
        let zero = SCANNERS.iter().filter(|s| s.background == Background::Zero);
        assert!((zero.map(|s| s.share).sum::<f64>() - 0.2).abs() < 1e-9);
    }
}
