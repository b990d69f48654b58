//! Where the pixels of a frame fall on a grid.

use super::SegmentationError;
use crate::Frame;
use crate::geometry::{Axes, flip, minus};
use sarx_core::Grid;

/// A pixel may lie this far beside a voxel's centre, in voxels.
const TOLERANCE: f64 = 0.05;

/// The map from row and column of a frame to indices `[z, y, x]` of a grid, in whole steps.
pub(super) struct Place {
    origin: [i64; 3],
    per_row: [i64; 3],
    per_column: [i64; 3],
    size: [usize; 3],
}

impl Place {
    pub(super) fn new(frame: &Frame, grid: &Grid) -> Result<Self, SegmentationError> {
        let no_place = SegmentationError::NoPlace {
            frame: frame.number,
        };
        let (Some(position), Some(axes), Some([row_mm, column_mm])) = (
            frame.position_mm,
            frame.orientation.and_then(Axes::new),
            frame.pixel_spacing_mm,
        ) else {
            return Err(no_place);
        };
        let voxel_from_world = grid.affine().inverse().ok_or(no_place)?;
        let index_of = |lps: [f64; 3]| {
            let [x, y, z] = voxel_from_world.apply(flip(lps));
            [z, y, x]
        };
        let origin = index_of(position);
        let beyond = |direction: [f64; 3], mm: f64| {
            let end = index_of(std::array::from_fn(|i| position[i] + direction[i] * mm));
            minus(end, origin)
        };
        // The next row is one step along a column, and the other way round.
        let per_row = beyond(axes.column, row_mm);
        let per_column = beyond(axes.row, column_mm);
        let off = [(origin, 1.0), (per_row, 100.0), (per_column, 100.0)]
            .iter()
            .flat_map(|(step, weight)| step.map(|v| (v - v.round()).abs() * weight))
            .fold(0.0, f64::max);
        // A step that is off by a hundredth of the tolerance is off by all of it after 100 pixels.
        let moves = |step: [f64; 3]| step.iter().map(|v| v.round().abs()).sum::<f64>() == 1.0;
        if off > TOLERANCE || !moves(per_row) || !moves(per_column) {
            return Err(SegmentationError::OffGrid {
                frame: frame.number,
                off,
            });
        }
        let whole = |step: [f64; 3]| step.map(|v| v.round() as i64);
        Ok(Self {
            origin: whole(origin),
            per_row: whole(per_row),
            per_column: whole(per_column),
            size: grid.size.zyx(),
        })
    }

    /// The voxel of a pixel, `[z, y, x]`; `None` outside the grid.
    pub(super) fn index(&self, row: usize, column: usize) -> Option<[usize; 3]> {
        let mut index = [0; 3];
        for (axis, place) in index.iter_mut().enumerate() {
            let at = self.origin[axis]
                + self.per_row[axis] * row as i64
                + self.per_column[axis] * column as i64;
            *place = usize::try_from(at).ok().filter(|&i| i < self.size[axis])?;
        }
        Some(index)
    }
}
