//! The input transform: rows of tiles, one pair of points in z at a time.
//!
//! A column (all z and y that a tile sees, at one x) is transformed in z and y while it is in
//! registers, and kept for as many tiles as see it: neighbours share two columns of six. Then each
//! tile is transformed in x from the columns, which the first-level cache holds.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::grid::{Grid, Segment};
use super::transform::{MAX_POINTS, input, input_pair, points};
use crate::simd::{Kernel, Simd};
use crate::{FeatureShape, LANES};

/// A block of 16 input channels of all samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// The border voxel before the first row of the first sample.
    pub(crate) start: *const f32,
    /// The shape of the feature map that it belongs to.
    pub(crate) shape: FeatureShape,
    /// Where its channels begin in a row of transformed values.
    pub(crate) channel: usize,
}

// SAFETY: it stands for a shared slice.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

/// Transforms tiles for the pair of z points `PAIR`, into `to[pair's point z, y, x][tile][channel]`.
#[derive(Debug)]
pub(crate) struct InputStage<'a, const MZ: usize, const PAIR: usize, const MY: usize> {
    pub(crate) grid: Grid,
    pub(crate) sources: &'a [Source],
    pub(crate) range: Range<usize>,
    /// A row of zeros, for rows outside of the volume.
    pub(crate) zeros: *const f32,
    /// The first point of the pair, the first tile of the range.
    pub(crate) to: *mut f32,
    pub(crate) point_stride: usize,
    pub(crate) tile_stride: usize,
}

/// Columns in the ring; a power of two that holds those of a tile.
const RING: usize = 8;

/// Floats of a column: two z points times the y points.
const COLUMN: usize = 2 * MAX_POINTS * LANES;

#[repr(align(64))]
struct Ring([MaybeUninit<f32>; RING * COLUMN]);

impl<const MZ: usize, const PAIR: usize, const MY: usize> Kernel for InputStage<'_, MZ, PAIR, MY> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        // SAFETY: the caller's; whoever made the stage gave it valid memory.
        unsafe {
            match self.grid.tile[2] {
                1 => self.segments::<S, 1>(),
                2 => self.segments::<S, 2>(),
                _ => self.segments::<S, 4>(),
            }
        }
    }
}

impl<const MZ: usize, const PAIR: usize, const MY: usize> InputStage<'_, MZ, PAIR, MY> {
    #[inline(always)]
    unsafe fn segments<S: Simd, const MX: usize>(&self) {
        for segment in self.grid.segments(self.range.clone()) {
            for source in self.sources {
                let rows = self.rows(&segment, source);
                // SAFETY: `rows` are whole rows; the target holds the range.
                unsafe {
                    let to = self
                        .to
                        .add(segment.first * self.tile_stride + source.channel);
                    self.row_of_tiles::<S, MX>(&segment, &rows, to);
                }
            }
        }
    }

    /// The rows that a row of tiles sees, `[z][y]`, from their border on.
    #[inline(always)]
    fn rows(&self, segment: &Segment, source: &Source) -> [[*const f32; MAX_POINTS]; MAX_POINTS] {
        let [before_z, before_y, _] = self.grid.before();
        let mut rows = [[self.zeros; MAX_POINTS]; MAX_POINTS];
        for (z, plane) in rows.iter_mut().enumerate().take(points(MZ)) {
            let z = (segment.z * MZ + z).wrapping_sub(before_z);
            for (y, row) in plane.iter_mut().enumerate().take(points(MY)) {
                let y = (segment.y * MY + y).wrapping_sub(before_y);
                if z < self.grid.size[0] && y < self.grid.size[1] {
                    let shape = &source.shape;
                    let offset = shape.row(segment.sample, 0, z, y) - LANES;
                    // SAFETY: a row of the source.
                    *row = unsafe { source.start.add(offset) };
                }
            }
        }
        rows
    }

    #[inline(always)]
    unsafe fn row_of_tiles<S: Simd, const MX: usize>(
        &self,
        segment: &Segment,
        rows: &[[*const f32; MAX_POINTS]; MAX_POINTS],
        to: *mut f32,
    ) {
        let mut ring = Ring([MaybeUninit::uninit(); RING * COLUMN]);
        let ring = ring.0.as_mut_ptr().cast::<f32>();
        let width = self.grid.size[2] + 2;
        // The border is the first column, which a kernel of one voxel does not see.
        let first = segment.x * MX + 1 - self.grid.before()[2];
        let mut next = 0;
        for tile in 0..segment.count {
            // SAFETY: columns below the width are in the rows; the ring holds the columns of a tile,
            // the target the tiles of the range.
            unsafe {
                while next < tile * MX + points(MX) {
                    let column = ring.add(next % RING * COLUMN);
                    if first + next < width {
                        Self::column::<S>(rows, (first + next) * LANES, column);
                    } else {
                        for i in 0..COLUMN / LANES {
                            S::store(column.add(i * LANES), S::zero());
                        }
                    }
                    next += 1;
                }
                let to = to.add(tile * self.tile_stride);
                Self::along_x::<S, MX>(ring, tile * MX, to, self.point_stride);
            }
        }
    }

    /// Transforms one column in z and y.
    #[inline(always)]
    unsafe fn column<S: Simd>(
        rows: &[[*const f32; MAX_POINTS]; MAX_POINTS],
        x: usize,
        to: *mut f32,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let mut planes = [[S::zero(); MAX_POINTS]; 2];
            for y in 0..points(MY) {
                let pair = input_pair::<S, MZ, PAIR>(|z| S::load(rows[z][y].add(x)));
                planes[0][y] = pair[0];
                planes[1][y] = pair[1];
            }
            for (z, plane) in planes.into_iter().enumerate().take(points(MZ)) {
                let at_points = input::<S, MY>(plane);
                for (y, &v) in at_points.iter().enumerate().take(points(MY)) {
                    S::store(to.add((z * MAX_POINTS + y) * LANES), v);
                }
            }
        }
    }

    /// Transforms the columns of one tile in x.
    #[inline(always)]
    unsafe fn along_x<S: Simd, const MX: usize>(
        ring: *const f32,
        first: usize,
        to: *mut f32,
        point_stride: usize,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let columns: [*const f32; MAX_POINTS] =
                std::array::from_fn(|x| ring.add((first + x) % RING * COLUMN));
            let mut to = to;
            for z in 0..points(MZ).min(2) {
                for y in 0..points(MY) {
                    let mut d = [S::zero(); MAX_POINTS];
                    for x in 0..points(MX) {
                        d[x] = S::load(columns[x].add((z * MAX_POINTS + y) * LANES));
                    }
                    let at_points = input::<S, MX>(d);
                    for &v in at_points.iter().take(points(MX)) {
                        S::store(to, v);
                        to = to.wrapping_add(point_stride);
                    }
                }
            }
        }
    }
}
