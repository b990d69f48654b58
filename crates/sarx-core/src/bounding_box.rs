//! Half-open boxes of voxels.

use ndarray::{ArrayView3, Slice};

/// A box `[lower, upper)` per axis in array order `[z, y, x]`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundingBox {
    /// First voxel inside, `[z, y, x]`.
    pub lower: [usize; 3],
    /// First voxel outside, `[z, y, x]`.
    pub upper: [usize; 3],
}

impl BoundingBox {
    /// The whole of an array of this shape.
    #[must_use]
    pub fn whole(size: [usize; 3]) -> Self {
        Self {
            lower: [0; 3],
            upper: size,
        }
    }

    /// The tight box around all true voxels, or `None` if there is none.
    #[must_use]
    pub fn around(mask: ArrayView3<'_, bool>) -> Option<Self> {
        let mut lower = [usize::MAX; 3];
        let mut upper = [0; 3];
        for (z, plane) in mask.outer_iter().enumerate() {
            for (y, row) in plane.rows().into_iter().enumerate() {
                let Some(first) = row.iter().position(|&inside| inside) else {
                    continue;
                };
                // The first of the reversed row is the last.
                let after = row.iter().rev().position(|&inside| inside);
                let last = row.len() - after.unwrap_or(0);
                for (axis, (from, to)) in [(z, z + 1), (y, y + 1), (first, last)]
                    .into_iter()
                    .enumerate()
                {
                    lower[axis] = lower[axis].min(from);
                    upper[axis] = upper[axis].max(to);
                }
            }
        }
        (upper[0] > 0).then_some(Self { lower, upper })
    }

    /// Voxels per axis, `[z, y, x]`.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.upper[axis] - self.lower[axis])
    }

    /// The range of one array axis, for `ndarray::ArrayBase::slice_axis`.
    #[must_use]
    pub fn slice(&self, axis: usize) -> Slice {
        Slice::from(self.lower[axis]..self.upper[axis])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn the_box_is_tight_and_half_open() {
        let mut mask = Array3::from_elem((4, 5, 6), false);
        assert_eq!(BoundingBox::around(mask.view()), None);
        mask[[1, 2, 3]] = true;
        mask[[3, 2, 5]] = true;
        let found = BoundingBox::around(mask.view()).unwrap();
        assert_eq!(
            found,
            BoundingBox {
                lower: [1, 2, 3],
                upper: [4, 3, 6]
            }
        );
        assert_eq!(found.size(), [3, 1, 3]);
    }
}
