//! The points of a source image that the voxels of a patch are looked up at.

use std::ops::Range;

/// Neighbours of a point in space.
pub(super) const MAX_CORNERS: usize = 8;

/// Source points of all voxels of a target, an affine map about both centres.
///
/// Source position, in source voxels: `matrix * (voxel - (target - 1) / 2) + (source - 1) / 2`.
/// This is `grid_sample` with `align_corners=False`, without the detour over `[-1, 1]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice<const D: usize> {
    /// Source from target coordinates, slowest axis first.
    pub(super) matrix: [[f64; D]; D],
    /// Voxels of the source per axis.
    pub(super) source: [usize; D],
    /// Voxels of the target per axis.
    pub(super) target: [usize; D],
}

impl<const D: usize> Lattice<D> {
    /// Distance in memory between neighbours along each axis of the source.
    pub(super) fn strides(&self) -> [usize; D] {
        std::array::from_fn(|axis| self.source[axis + 1..].iter().product())
    }

    /// Voxels of the fastest target axis.
    pub(super) fn row_length(&self) -> usize {
        self.target[D - 1]
    }

    /// The points of row `row`, counted in memory order.
    pub(super) fn row(&self, row: usize) -> Row<D> {
        let mut voxel = [0; D];
        let mut rest = row;
        for axis in (0..D - 1).rev() {
            voxel[axis] = rest % self.target[axis];
            rest /= self.target[axis];
        }
        let base = self.position(voxel).map(|p| p as f32);
        Row {
            base,
            step: self.matrix.map(|row| row[D - 1] as f32),
            source: self.source,
        }
    }

    /// The exact source position of one voxel.
    pub(super) fn position(&self, voxel: [usize; D]) -> [f64; D] {
        std::array::from_fn(|axis| {
            let centre = (self.source[axis] as f64 - 1.0) / 2.0;
            (0..D).fold(centre, |sum, k| {
                let from_centre = voxel[k] as f64 - (self.target[k] as f64 - 1.0) / 2.0;
                sum + self.matrix[axis][k] * from_centre
            })
        })
    }
}

/// The points of one row of the target: they lie on a straight line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<const D: usize> {
    base: [f32; D],
    step: [f32; D],
    source: [usize; D],
}

impl<const D: usize> Row<D> {
    /// Source position of voxel `x` of the row.
    #[inline]
    pub(super) fn at(&self, x: usize) -> [f32; D] {
        std::array::from_fn(|axis| self.base[axis] + self.step[axis] * x as f32)
    }

    /// Splits the `n` voxels of the row by where their neighbours lie.
    pub(super) fn split(&self, n: usize) -> Split {
        let reach = self.span(n, -1.0, 0.0);
        let interior = self.span(n, 0.0, -1.0);
        let interior = if interior.is_empty() {
            reach.end..reach.end
        } else {
            interior
        };
        Split { reach, interior }
    }

    /// The voxels at which every coordinate is in `[low, size + margin)`.
    ///
    /// [`Row::at`] is monotonic in `x` also after rounding, so these are consecutive, and it is
    /// enough to test both ends.
    fn span(&self, n: usize, low: f32, margin: f32) -> Range<usize> {
        let (mut first, mut end) = (0, n);
        let inside = |axis: usize, x: usize| {
            let p = self.base[axis] + self.step[axis] * x as f32;
            p >= low && p < self.source[axis] as f32 + margin
        };
        for axis in 0..D {
            let (base, step) = (f64::from(self.base[axis]), f64::from(self.step[axis]));
            if step != 0.0 {
                let high = self.source[axis] as f64 + f64::from(margin);
                let (a, b) = ((f64::from(low) - base) / step, (high - base) / step);
                // One voxel wider than computed; saturating casts keep it within the row.
                first = first.max((a.min(b) - 1.0) as usize).min(n);
                end = end.min((a.max(b) + 2.0) as usize);
            }
            while first < end && !inside(axis, first) {
                first += 1;
            }
            while first < end && !inside(axis, end - 1) {
                end -= 1;
            }
        }
        first..end.max(first)
    }
}

/// The parts of a row; all voxels outside of `reach` have no neighbour in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    reach: Range<usize>,
    interior: Range<usize>,
}

impl Split {
    /// Voxels whose neighbours all lie in the source.
    pub(super) fn interior(&self) -> Range<usize> {
        self.interior.clone()
    }

    /// Voxels some of whose neighbours may lie outside of the source.
    pub(super) fn border(&self) -> impl Iterator<Item = usize> {
        (self.reach.start..self.interior.start).chain(self.interior.end..self.reach.end)
    }

    /// Sets the voxels without neighbours.
    pub(super) fn fill_outside<T: Copy>(&self, row: &mut [T], fill: T) {
        row[..self.reach.start].fill(fill);
        row[self.reach.end..].fill(fill);
    }
}

/// A point between voxels: the voxel before it, and how far it is to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<const D: usize> {
    /// The voxel at or before the point, per axis; -1 before the source.
    pub(super) floor: [isize; D],
    /// Fraction of the way to the next voxel, per axis.
    pub(super) fraction: [f32; D],
}

impl<const D: usize> Cell<D> {
    #[inline]
    pub(super) fn of(position: [f32; D]) -> Self {
        let floor = position.map(f32::floor);
        Self {
            floor: floor.map(|f| f as isize),
            fraction: std::array::from_fn(|axis| position[axis] - floor[axis]),
        }
    }

    /// Share of corner `corner`; bit 0 of its number is the fastest axis.
    #[inline]
    pub(super) fn weight(&self, corner: usize) -> f32 {
        (0..D).rev().fold(1.0, |weight, axis| {
            let f = self.fraction[axis];
            weight * if upper(corner, axis, D) { f } else { 1.0 - f }
        })
    }

    /// Memory offset of corner `corner`, or `None` outside of a source of `size`.
    pub(super) fn offset(&self, corner: usize, size: [usize; D]) -> Option<usize> {
        let mut offset = 0;
        for (axis, &n) in size.iter().enumerate() {
            let at = self.floor[axis] + isize::from(upper(corner, axis, D));
            let at = usize::try_from(at).ok().filter(|&at| at < n)?;
            offset = offset * n + at;
        }
        Some(offset)
    }
}

/// The voxel before a position that is not negative, where truncation is the floor.
///
/// By way of `i32`, to which processors convert fastest; no axis has 2^31 voxels.
#[inline]
pub(super) fn voxel_before(position: f32) -> usize {
    position as i32 as usize
}

/// Whether a corner is the upper one along an axis.
#[inline]
pub(super) fn upper(corner: usize, axis: usize, n_axes: usize) -> bool {
    corner >> (n_axes - 1 - axis) & 1 == 1
}

/// Memory offset of a corner relative to the first corner.
#[inline]
pub(super) fn corner_offset<const D: usize>(corner: usize, strides: [usize; D]) -> usize {
    (0..D)
        .map(|axis| {
            if upper(corner, axis, D) {
                strides[axis]
            } else {
                0
            }
        })
        .sum()
}
