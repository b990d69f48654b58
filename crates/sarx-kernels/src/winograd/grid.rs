//! How an output is cut into tiles, and tiles into segments of rows.

use std::ops::Range;

use super::transform::points;

/// The tiles of all samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Voxels per axis of the output (and of the input).
    pub(crate) size: [usize; 3],
    /// Voxels of a tile per axis; 1 where the kernel has one voxel.
    pub(crate) tile: [usize; 3],
    /// Tiles per axis.
    pub(crate) tiles: [usize; 3],
    /// Samples.
    pub(crate) batch: usize,
}

impl Grid {
    pub(crate) fn new(size: [usize; 3], tile: [usize; 3], batch: usize) -> Self {
        Self {
            size,
            tile,
            tiles: [0, 1, 2].map(|a| size[a].div_ceil(tile[a])),
            batch,
        }
    }

    /// Tiles of a sample.
    pub(crate) fn per_sample(&self) -> usize {
        self.tiles.iter().product()
    }

    /// Tiles of all samples.
    pub(crate) fn len(&self) -> usize {
        self.batch * self.per_sample()
    }

    /// Points per axis of a tile.
    pub(crate) fn points(&self) -> [usize; 3] {
        self.tile.map(points)
    }

    /// Voxels that the kernel sees before the tile, per axis.
    pub(crate) fn before(&self) -> [usize; 3] {
        self.tile.map(|m| usize::from(m > 1))
    }

    /// The tiles `range`, counted over all samples with x fastest, as pieces of rows.
    pub(crate) fn segments(self, range: Range<usize>) -> impl Iterator<Item = Segment> {
        let mut next = range.start;
        let [_, ny, nx] = self.tiles;
        std::iter::from_fn(move || {
            (next < range.end).then(|| {
                let (row, x) = (next / nx, next % nx);
                let rest = row % (self.per_sample() / nx);
                let segment = Segment {
                    sample: next / self.per_sample(),
                    z: rest / ny,
                    y: rest % ny,
                    x,
                    count: (nx - x).min(range.end - next),
                    first: next - range.start,
                };
                next += segment.count;
                segment
            })
        })
    }
}

/// Tiles that lie side by side in x.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    /// The sample.
    pub(crate) sample: usize,
    /// The row of tiles.
    pub(crate) z: usize,
    pub(crate) y: usize,
    /// The first tile in the row.
    pub(crate) x: usize,
    /// Tiles.
    pub(crate) count: usize,
    /// Where the first tile is in the range that was cut.
    pub(crate) first: usize,
}
