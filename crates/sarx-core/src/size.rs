//! How many voxels an array has along each axis.

use std::fmt;

/// Voxels per axis in array order `[z, y, x]`; no axis is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size([usize; 3]);

/// A size that no array can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// An axis has no voxels.
    #[error("axis {axis} (of z, y, x = 0, 1, 2) has no voxels; every axis needs at least one")]
    EmptyAxis {
        /// Index into `[z, y, x]`.
        axis: usize,
    },
    /// The number of voxels does not fit into memory addresses.
    #[error("{}x{}x{} voxels are more than this machine can address", .size[0], .size[1], .size[2])]
    TooLarge {
        /// What was asked for, `[z, y, x]`.
        size: [usize; 3],
    },
}

impl Size {
    /// Checks and wraps voxel counts in `[z, y, x]` order.
    ///
    /// # Errors
    ///
    /// [`SizeError`] if an axis is empty or the product overflows.
    pub fn new(size: [usize; 3]) -> Result<Self, SizeError> {
        if let Some(axis) = size.iter().position(|&n| n == 0) {
            return Err(SizeError::EmptyAxis { axis });
        }
        size.iter()
            .try_fold(1usize, |product, &n| product.checked_mul(n))
            .filter(|&n| isize::try_from(n).is_ok())
            .ok_or(SizeError::TooLarge { size })?;
        Ok(Self(size))
    }

    /// Voxels per axis, `[z, y, x]`.
    #[must_use]
    pub fn zyx(self) -> [usize; 3] {
        self.0
    }

    /// Number of voxels in total.
    #[must_use]
    pub fn n_voxels(self) -> usize {
        self.0.iter().product()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.0[0], self.0[1], self.0[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_overflowing_sizes_are_refused() {
        assert_eq!(Size::new([3, 0, 2]), Err(SizeError::EmptyAxis { axis: 1 }));
        assert!(matches!(
            Size::new([usize::MAX, 2, 1]),
            Err(SizeError::TooLarge { .. })
        ));
        assert_eq!(Size::new([2, 3, 4]).unwrap().n_voxels(), 24);
    }
}
