//! Feature maps in pieces for threads: rows that lie together in memory.
//!
//! The pieces depend on the shape alone, never on the number of threads, so sums over them do not
//! either.

use crate::{FeatureShape, LANES};

/// Floats of a piece, about: small enough to balance threads, large enough to be worth a task.
const SLAB_LEN: usize = 32 * 1024;

/// The pieces of a feature map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slabs {
    shape: FeatureShape,
    per_block: usize,
}

/// Rows of one block of channels of one sample, side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slab {
    /// Blocks before this one, over the whole batch.
    pub(crate) block: usize,
    /// The first row of the block, `z * y_size + y`.
    pub(crate) row: usize,
    /// Rows.
    pub(crate) rows: usize,
    /// Where the first row starts, with its border.
    pub(crate) start: usize,
}

impl Slabs {
    pub(crate) fn of(shape: FeatureShape) -> Self {
        let rows = shape.size[0] * shape.size[1];
        let per_block = (rows * shape.row_len())
            .div_ceil(SLAB_LEN)
            .clamp(1, rows.max(1));
        Self { shape, per_block }
    }

    /// The same for rows of all blocks: [`Slab::block`] is the sample, [`Slab::start`] has no meaning.
    pub(crate) fn of_all_blocks(shape: FeatureShape) -> Self {
        Self::of(FeatureShape {
            channels: LANES,
            ..shape
        })
    }

    /// Pieces of one block of one sample.
    pub(crate) fn per_block(&self) -> usize {
        self.per_block
    }

    /// All pieces.
    pub(crate) fn len(&self) -> usize {
        self.shape.batch * self.shape.blocks() * self.per_block
    }

    /// A piece; those of one block follow each other.
    pub(crate) fn get(&self, index: usize) -> Slab {
        let (block, part) = (index / self.per_block, index % self.per_block);
        let rows = self.shape.size[0] * self.shape.size[1];
        let [from, to] = [part, part + 1].map(|part| part * rows / self.per_block);
        Slab {
            block,
            row: from,
            rows: to - from,
            start: block * self.shape.block_len() + from * self.shape.row_len(),
        }
    }
}

/// Writes the zeros before and after a row.
///
/// # Safety
///
/// As [`crate::simd::Simd`]; `row` is valid for `voxels + 2` vectors.
#[inline(always)]
pub(crate) unsafe fn write_border<S: crate::simd::Simd>(row: *mut f32, voxels: usize) {
    // SAFETY: the caller's.
    unsafe {
        S::store(row, S::zero());
        S::store(row.add((voxels + 1) * LANES), S::zero());
    }
}
