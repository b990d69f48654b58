//! Where the voxels of an image are in the patient.

use crate::{Affine, Size, SizeError, Spacing, SpacingError};
use std::fmt;

/// How far apart two spacings may be that are called one: `SPACING_ABSOLUTE_MM` plus this part of
/// the spacing. Source: `numpy.allclose`, with which nnU-Net compares images and labels.
const SPACING_RELATIVE: f64 = 1e-5;
const SPACING_ABSOLUTE_MM: f64 = 1e-8;

/// Size, spacing, direction and origin of an image.
///
/// Spacing is kept as the file gives it, not recomputed from a matrix, so that two readers of
/// one file agree to the last bit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Voxels per axis, array order.
    pub size: Size,
    /// Voxel edges, mm, array order.
    pub spacing: Spacing,
    /// Columns are unit vectors of the file axes x, y, z (= array axes 2, 1, 0) in RAS+ world;
    /// `direction[row][column]`.
    pub direction: [[f64; 3]; 3],
    /// Centre of the first voxel, RAS+ mm.
    pub origin_mm: [f64; 3],
}

/// A grid that cannot exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// Bad voxel counts.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Bad voxel edges.
    #[error(transparent)]
    Spacing(#[from] SpacingError),
    /// A direction or origin that is NaN or infinite.
    #[error("direction or origin holds a value that is not finite")]
    NotFinite,
    /// The three axes do not span space.
    #[error(
        "the directions of the axes are not independent (determinant {determinant}); repair the header first"
    )]
    Singular {
        /// Determinant of the direction matrix.
        determinant: f64,
    },
}

/// How two grids differ that should be one.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GridMismatch {
    /// Different voxel counts.
    #[error("size {found} instead of {expected} voxels")]
    Size {
        /// Size of the first grid.
        expected: Size,
        /// Size of the second grid.
        found: Size,
    },
    /// Different voxel edges.
    #[error("spacing {found} instead of {expected}")]
    Spacing {
        /// Spacing of the first grid.
        expected: Spacing,
        /// Spacing of the second grid.
        found: Spacing,
    },
    /// Same voxels in another place or orientation.
    #[error(
        "corners of the two grids are up to {distance_mm:.3} mm apart (origin or direction differ)"
    )]
    Position {
        /// Largest distance between corresponding corners, mm.
        distance_mm: f64,
    },
}

/// The patient axis along which the slices of a series are stacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SliceAxis {
    /// Slices stacked head to foot.
    Axial,
    /// Slices stacked left to right.
    Sagittal,
    /// Slices stacked front to back.
    Coronal,
}

impl fmt::Display for SliceAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Axial => "axial",
            Self::Sagittal => "sagittal",
            Self::Coronal => "coronal",
        })
    }
}

impl Grid {
    /// Checks and builds a grid; see the fields for units and orders.
    ///
    /// # Errors
    ///
    /// [`GridError`] if direction or origin is not finite or the direction is singular.
    pub fn new(
        size: Size,
        spacing: Spacing,
        direction: [[f64; 3]; 3],
        origin_mm: [f64; 3],
    ) -> Result<Self, GridError> {
        if !direction
            .iter()
            .flatten()
            .chain(&origin_mm)
            .all(|v| v.is_finite())
        {
            return Err(GridError::NotFinite);
        }
        let grid = Self {
            size,
            spacing,
            direction,
            origin_mm,
        };
        let determinant = grid.determinant();
        if determinant.abs() < 1e-6 {
            return Err(GridError::Singular { determinant });
        }
        Ok(grid)
    }

    /// A grid whose array axes z, y, x point to superior, anterior, right, with voxel 0 at the origin.
    #[must_use]
    pub fn axis_aligned(size: Size, spacing: Spacing) -> Self {
        Self {
            size,
            spacing,
            direction: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            origin_mm: [0.0; 3],
        }
    }

    /// `world_from_voxel` of this grid.
    #[must_use]
    pub fn affine(&self) -> Affine {
        let [z, y, x] = self.spacing.zyx_mm();
        let step = [x, y, z];
        Affine(std::array::from_fn(|row| {
            std::array::from_fn(|col| match col {
                3 => self.origin_mm[row],
                _ => self.direction[row][col] * step[col],
            })
        }))
    }

    /// World position (RAS+ mm) of an array index `[z, y, x]`, which may be fractional.
    #[must_use]
    pub fn world_from_index(&self, [z, y, x]: [f64; 3]) -> [f64; 3] {
        self.affine().apply([x, y, z])
    }

    /// The patient axis that the slice axis is closest to. Slices are stacked along the axis
    /// with the largest spacing; on a tie along the first array axis.
    #[must_use]
    pub fn slice_axis(&self) -> SliceAxis {
        let spacing = self.spacing.zyx_mm();
        let mut array_axis = 0;
        for axis in 1..3 {
            // A scanner's rounding must not decide between two equal axes.
            if spacing[axis] > spacing[array_axis] * 1.001 {
                array_axis = axis;
            }
        }
        let column = 2 - array_axis;
        let along = |row: usize| self.direction[row][column].abs();
        if along(2) >= along(0) && along(2) >= along(1) {
            SliceAxis::Axial
        } else if along(0) >= along(1) {
            SliceAxis::Sagittal
        } else {
            SliceAxis::Coronal
        }
    }

    /// Checks that `other` has the same voxels in the same place.
    ///
    /// Size must be equal, spacing within 1e-5 relative, corners within `tolerance_mm`.
    ///
    /// # Errors
    ///
    /// [`GridMismatch`] says the first difference found, in the order size, spacing, position.
    pub fn require_same(&self, other: &Self, tolerance_mm: f64) -> Result<(), GridMismatch> {
        if self.size != other.size {
            return Err(GridMismatch::Size {
                expected: self.size,
                found: other.size,
            });
        }
        let (a, b) = (self.spacing.zyx_mm(), other.spacing.zyx_mm());
        if a.iter()
            .zip(&b)
            .any(|(a, b)| (a - b).abs() > SPACING_ABSOLUTE_MM + SPACING_RELATIVE * a.abs())
        {
            return Err(GridMismatch::Spacing {
                expected: self.spacing,
                found: other.spacing,
            });
        }
        let distance_mm = self.largest_corner_distance_mm(other);
        if distance_mm > tolerance_mm {
            return Err(GridMismatch::Position { distance_mm });
        }
        Ok(())
    }

    fn largest_corner_distance_mm(&self, other: &Self) -> f64 {
        let far = self.size.zyx().map(|n| (n - 1) as f64);
        (0..8)
            .map(|corner| {
                let index: [f64; 3] =
                    std::array::from_fn(|a| if corner >> a & 1 == 1 { far[a] } else { 0.0 });
                let (p, q) = (self.world_from_index(index), other.world_from_index(index));
                p.iter()
                    .zip(&q)
                    .map(|(p, q)| (p - q).powi(2))
                    .sum::<f64>()
                    .sqrt()
            })
            .fold(0.0, f64::max)
    }

    fn determinant(&self) -> f64 {
        let d = &self.direction;
        d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1])
            - d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0])
            + d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid::axis_aligned(
            Size::new([4, 5, 6]).unwrap(),
            Spacing::new([5.0, 1.0, 0.5]).unwrap(),
        )
    }

    #[test]
    fn world_position_uses_array_order() {
        assert_eq!(grid().world_from_index([1.0, 2.0, 3.0]), [1.5, 2.0, 5.0]);
    }

    #[test]
    fn slice_axis_follows_direction_not_array_axis() {
        assert_eq!(grid().slice_axis(), SliceAxis::Axial);
        let sagittal = Grid {
            direction: [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            ..grid()
        };
        assert_eq!(sagittal.slice_axis(), SliceAxis::Sagittal);
    }

    #[test]
    fn a_shifted_grid_is_reported_with_its_distance() {
        let moved = Grid {
            origin_mm: [3.0, 4.0, 0.0],
            ..grid()
        };
        assert_eq!(
            grid().require_same(&moved, 0.1),
            Err(GridMismatch::Position { distance_mm: 5.0 })
        );
        assert!(grid().require_same(&grid(), 0.0).is_ok());
    }

    #[test]
    fn spacing_may_differ_by_the_rounding_of_headers_only() {
        let with = |z: f64| Grid {
            spacing: Spacing::new([z, 1.0, 0.5]).unwrap(),
            ..grid()
        };
        assert!(grid().require_same(&with(5.0 * (1.0 + 5e-6)), 0.1).is_ok());
        let error = grid().require_same(&with(5.0 * (1.0 + 2e-5)), 0.1);
        assert!(matches!(error, Err(GridMismatch::Spacing { .. })));
    }

    #[test]
    fn nan_and_flat_directions_are_refused() {
        let g = grid();
        let nan = Grid::new(g.size, g.spacing, [[f64::NAN; 3]; 3], [0.0; 3]);
        assert_eq!(nan, Err(GridError::NotFinite));
        let flat = Grid::new(g.size, g.spacing, [[1.0, 1.0, 0.0]; 3], [0.0; 3]);
        assert!(matches!(flat, Err(GridError::Singular { .. })));
    }
}
