//! The output transform: each plane of points in x and y, then in z, into the rows of the result.

use std::ops::Range;

use super::grid::{Grid, Segment};
use super::transform::{MAX_POINTS, output, points};
use crate::channel_sums::BlockSums;
use crate::simd::{Kernel, Simd};
use crate::{FeatureShape, LANES};

/// Transforms one plane of points (one z point) of all tiles and blocks in x and y.
#[derive(Debug)]
pub(crate) struct PlaneStage<const MY: usize, const MX: usize> {
    /// `[point y, x][tile][block]`
    pub(crate) products: *const f32,
    pub(crate) product_point: usize,
    pub(crate) product_tile: usize,
    /// `[tile][block][z point][y, x]`, at the plane's z point.
    pub(crate) planes: *mut f32,
    /// Floats of a tile and a block there.
    pub(crate) plane_block: usize,
    pub(crate) tiles: usize,
    pub(crate) blocks: usize,
}

impl<const MY: usize, const MX: usize> Kernel for PlaneStage<MY, MX> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        for tile in 0..self.tiles {
            for block in 0..self.blocks {
                // SAFETY: the caller's; whoever made the stage gave it valid memory.
                unsafe {
                    let from = self.products.add(tile * self.product_tile + block * LANES);
                    let to = self
                        .planes
                        .add((tile * self.blocks + block) * self.plane_block);
                    self.plane::<S>(from, to);
                }
            }
        }
    }
}

impl<const MY: usize, const MX: usize> PlaneStage<MY, MX> {
    #[inline(always)]
    unsafe fn plane<S: Simd>(&self, from: *const f32, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            let mut rows = [[S::zero(); 4]; MAX_POINTS];
            let mut from = from;
            for row in rows.iter_mut().take(points(MY)) {
                let mut p = [S::zero(); MAX_POINTS];
                for p in p.iter_mut().take(points(MX)) {
                    *p = S::load(from);
                    from = from.wrapping_add(self.product_point);
                }
                *row = output::<S, MX>(p);
            }
            for x in 0..MX {
                let mut p = [S::zero(); MAX_POINTS];
                for (p, row) in p.iter_mut().zip(&rows) {
                    *p = row[x];
                }
                let column = output::<S, MY>(p);
                for (y, &v) in column.iter().enumerate().take(MY) {
                    S::store(to.add((y * MX + x) * LANES), v);
                }
            }
        }
    }
}

/// Transforms tiles in z, writes them where they belong (with the border of their rows), and sums.
#[derive(Debug)]
pub(crate) struct FinishStage<'a, const MZ: usize> {
    pub(crate) grid: Grid,
    pub(crate) range: Range<usize>,
    /// Blocks of output channels that `planes` holds.
    pub(crate) blocks: Range<usize>,
    /// `[tile][block][z point][y, x]`
    pub(crate) planes: *const f32,
    /// The result, and its shape.
    pub(crate) out: *mut f32,
    pub(crate) shape: FeatureShape,
    /// `[sample from the range's first one][block of blocks]`
    pub(crate) sums: Option<&'a mut [BlockSums]>,
}

impl<const MZ: usize> Kernel for FinishStage<'_, MZ> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(mut self) {
        let first_sample = self.range.start / self.grid.per_sample();
        let blocks = self.blocks.len();
        for segment in self.grid.segments(self.range.clone()) {
            for block in 0..blocks {
                let mut sums = BlockSums::default();
                // SAFETY: the caller's; whoever made the stage gave it valid memory.
                unsafe {
                    for tile in 0..segment.count {
                        self.tile::<S>(&segment, tile, block, &mut sums);
                    }
                    self.borders::<S>(&segment, block);
                }
                if let Some(all) = &mut self.sums {
                    let to = &mut all[(segment.sample - first_sample) * blocks + block];
                    for lane in 0..LANES {
                        to.sum[lane] += sums.sum[lane];
                        to.square[lane] += sums.square[lane];
                    }
                }
            }
        }
    }
}

impl<const MZ: usize> FinishStage<'_, MZ> {
    #[inline(always)]
    unsafe fn tile<S: Simd>(
        &self,
        segment: &Segment,
        tile: usize,
        block: usize,
        sums: &mut BlockSums,
    ) {
        let [_, my, mx] = self.grid.tile;
        let plane = my * mx * LANES;
        let [z, y, x] = [segment.z * MZ, segment.y * my, (segment.x + tile) * mx];
        let [nz, ny, nx] = self.grid.size;
        let (deep, high, wide) = ((nz - z).min(MZ), (ny - y).min(my), (nx - x).min(mx));
        let (row_len, plane_len) = (self.shape.row_len(), self.shape.plane_len());
        let counted = self.sums.is_some();
        // SAFETY: the caller's; only voxels inside are written.
        unsafe {
            let from = self
                .planes
                .add(((segment.first + tile) * self.blocks.len() + block) * points(MZ) * plane);
            let to = self.out.add(
                self.shape
                    .row(segment.sample, self.blocks.start + block, z, y)
                    + x * LANES,
            );
            let (mut sum, mut square) = ([S::zero(); 4], [S::zero(); 4]);
            for y in 0..high {
                for x in 0..wide {
                    let mut p = [S::zero(); MAX_POINTS];
                    for (z, p) in p.iter_mut().enumerate().take(points(MZ)) {
                        *p = S::load(from.add(z * plane + (y * mx + x) * LANES));
                    }
                    let voxels = output::<S, MZ>(p);
                    for z in 0..MZ {
                        if z < deep {
                            let v = voxels[z];
                            S::store(to.add(z * plane_len + y * row_len + x * LANES), v);
                            if counted {
                                sum[z] = S::add(sum[z], v);
                                square[z] = S::mul_add(v, v, square[z]);
                            }
                        }
                    }
                }
            }
            if counted {
                let total =
                    |v: [S::V; 4]| S::to_array(S::add(S::add(v[0], v[1]), S::add(v[2], v[3])));
                let (sum, square) = (total(sum), total(square));
                for lane in 0..LANES {
                    sums.sum[lane] += f64::from(sum[lane]);
                    sums.square[lane] += f64::from(square[lane]);
                }
            }
        }
    }

    /// Writes the zero voxels before and after the rows that begin or end in a segment.
    #[inline(always)]
    unsafe fn borders<S: Simd>(&self, segment: &Segment, block: usize) {
        let [_, my, _] = self.grid.tile;
        let [nz, ny, nx] = self.grid.size;
        let begins = segment.x == 0;
        let ends = segment.x + segment.count == self.grid.tiles[2];
        for z in segment.z * MZ..((segment.z + 1) * MZ).min(nz) {
            for y in segment.y * my..((segment.y + 1) * my).min(ny) {
                let row = self
                    .shape
                    .row(segment.sample, self.blocks.start + block, z, y);
                // SAFETY: every row has a voxel before and after.
                unsafe {
                    if begins {
                        S::store(self.out.add(row - LANES), S::zero());
                    }
                    if ends {
                        S::store(self.out.add(row + nx * LANES), S::zero());
                    }
                }
            }
        }
    }
}
