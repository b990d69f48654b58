//! Where the voxels of a target grid are in a source array.

use super::ResampleError;
use crate::Rigid;
use sarx_core::{Affine, Grid};

/// An index this near to a whole number is that number: far below any voxel, far above the rounding of
/// a chain of matrices in f64.
const SNAP_VOXELS: f64 = 1e-6;

/// Steps through a source array along the rows of a target grid.
pub(super) struct Steps {
    /// Source index `(x, y, z)` from target index `(x, y, z)`.
    source_from_target: Affine,
    /// Voxels of the source, `(x, y, z)`.
    size: [usize; 3],
}

/// A place between voxels of the source.
pub(super) struct Place {
    /// The voxel before, `[z, y, x]`.
    pub(super) low: [usize; 3],
    /// How far behind it, 0 to 1 exclusive, `[z, y, x]`; where it is not 0 there is a next voxel.
    pub(super) fraction: [f32; 3],
}

impl Steps {
    pub(super) fn new(
        source: &Grid,
        target: &Grid,
        target_from_source: &Rigid,
    ) -> Result<Self, ResampleError> {
        let voxel_from_source = source.affine().inverse().ok_or(ResampleError::Singular)?;
        let source_from_target = target_from_source.inverse().affine();
        let [z, y, x] = source.size.zyx();
        Ok(Self {
            source_from_target: product(
                &product(&voxel_from_source, &source_from_target),
                &target.affine(),
            ),
            size: [x, y, z],
        })
    }

    /// The source index `(x, y, z)` of the first voxel of a row of the target.
    pub(super) fn start(&self, z: usize, y: usize) -> [f64; 3] {
        self.source_from_target.apply([0.0, y as f64, z as f64])
    }

    /// The place `x` voxels along a row, or `None` outside the source's voxels.
    #[inline]
    pub(super) fn place(&self, start: [f64; 3], x: usize) -> Option<Place> {
        let mut place = Place {
            low: [0; 3],
            fraction: [0.0; 3],
        };
        for (axis, begin) in start.into_iter().enumerate() {
            let mut at = begin + self.source_from_target.0[axis][0] * x as f64;
            let whole = at.round();
            if (at - whole).abs() < SNAP_VOXELS {
                at = whole;
            }
            let last = (self.size[axis] - 1) as f64;
            // The snap above is granted to the edge as well.
            if !(at >= -0.5 - SNAP_VOXELS && at <= last + 0.5 + SNAP_VOXELS) {
                return None;
            }
            let at = at.clamp(0.0, last);
            let low = at.floor();
            place.low[2 - axis] = low as usize;
            place.fraction[2 - axis] = (at - low) as f32;
            // 1 - 1e-9 rounds to 1 in f32: that is the next voxel.
            if place.fraction[2 - axis] >= 1.0 {
                place.low[2 - axis] += 1;
                place.fraction[2 - axis] = 0.0;
            }
        }
        Some(place)
    }
}

impl Place {
    /// The nearest voxel, `[z, y, x]`; on a tie the later one.
    #[inline]
    pub(super) fn nearest(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.low[axis] + usize::from(self.fraction[axis] >= 0.5))
    }
}

/// `a` after `b`.
fn product(a: &Affine, b: &Affine) -> Affine {
    Affine(std::array::from_fn(|row| {
        std::array::from_fn(|col| {
            let sum: f64 = (0..3).map(|k| a.0[row][k] * b.0[k][col]).sum();
            if col == 3 { sum + a.0[row][3] } else { sum }
        })
    }))
}
