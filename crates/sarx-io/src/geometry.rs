//! From the geometry of a file to a grid and back.
//!
//! Text formats and SimpleITK speak of an LPS+ world and file order; a grid is RAS+ and in array
//! order. All conversion happens here.

use crate::ReadFault;
use sarx_core::{Grid, Size, Spacing};

/// Geometry as SimpleITK holds it: file order (x, y, z), LPS+ mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LpsGeometry {
    /// Voxels along x, y, z.
    pub(crate) size: [usize; 3],
    /// Edges along x, y, z, mm. A negative edge turns its axis round, as in ITK's
    /// `ImageFileReader`.
    pub(crate) spacing_mm: [f64; 3],
    /// `axes[i]` is the unit vector of file axis i.
    pub(crate) axes: [[f64; 3]; 3],
    /// Centre of the first voxel.
    pub(crate) origin_mm: [f64; 3],
}

/// The axes of a file that says nothing about them.
pub(crate) const IDENTITY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

impl LpsGeometry {
    /// The same as a grid.
    pub(crate) fn to_grid(self) -> Result<Grid, ReadFault> {
        let [x, y, z] = self.size;
        let size = Size::new([z, y, x])?;
        let [sx, sy, sz] = self.spacing_mm;
        let spacing = Spacing::new([sz.abs(), sy.abs(), sx.abs()])?;
        let direction = std::array::from_fn(|row| {
            std::array::from_fn(|axis| {
                let turned = if self.spacing_mm[axis] < 0.0 {
                    -1.0
                } else {
                    1.0
                };
                flip(row, turned * self.axes[axis][row])
            })
        });
        let origin_mm = std::array::from_fn(|row| flip(row, self.origin_mm[row]));
        Ok(Grid::new(size, spacing, direction, origin_mm)?)
    }

    /// The geometry of a grid.
    pub(crate) fn of(grid: &Grid) -> Self {
        let [z, y, x] = grid.size.zyx();
        let [sz, sy, sx] = grid.spacing.zyx_mm();
        Self {
            size: [x, y, z],
            spacing_mm: [sx, sy, sz],
            axes: std::array::from_fn(|axis| {
                std::array::from_fn(|row| flip(row, grid.direction[row][axis]))
            }),
            origin_mm: std::array::from_fn(|row| flip(row, grid.origin_mm[row])),
        }
    }
}

/// One coordinate from LPS to RAS or back. Adding zero makes minus zero a plain zero.
pub(crate) fn flip(row: usize, value: f64) -> f64 {
    if row < 2 { -value + 0.0 } else { value + 0.0 }
}

/// Length of a vector.
pub(crate) fn norm(v: [f64; 3]) -> f64 {
    (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_survives_the_way_there_and_back() {
        let geometry = LpsGeometry {
            size: [4, 5, 6],
            spacing_mm: [0.5, 0.6, 4.0],
            axes: [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]],
            origin_mm: [1.0, 2.0, 3.0],
        };
        let grid = geometry.to_grid().unwrap();
        assert_eq!(grid.size.zyx(), [6, 5, 4]);
        assert_eq!(grid.spacing.zyx_mm(), [4.0, 0.6, 0.5]);
        assert_eq!(grid.origin_mm, [-1.0, -2.0, 3.0]);
        // x runs to posterior (L, P, S has +P), so anterior is negative.
        assert_eq!(grid.direction.map(|row| row[0]), [0.0, -1.0, 0.0]);
        assert_eq!(LpsGeometry::of(&grid), geometry);
    }

    #[test]
    fn a_negative_edge_turns_its_axis() {
        let geometry = LpsGeometry {
            size: [1; 3],
            spacing_mm: [1.0, -2.0, 1.0],
            axes: IDENTITY,
            origin_mm: [0.0; 3],
        };
        let grid = geometry.to_grid().unwrap();
        assert_eq!(grid.spacing.zyx_mm(), [1.0, 2.0, 1.0]);
        assert_eq!(grid.direction[1], [0.0, 1.0, 0.0]);
    }
}
