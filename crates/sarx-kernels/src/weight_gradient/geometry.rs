//! Which rows of the input meet which rows of the gradient.

use super::tile::Walk;
use crate::{FeatureShape, Features, LANES};

/// What is walked and how.
#[derive(Debug)]
pub(super) struct Geometry<'a> {
    /// The blocks of all inputs, one input after the other.
    pub(super) blocks_in: Vec<BlockIn<'a>>,
    /// The gradient of the output.
    pub(super) gradient: Features<'a>,
    /// Voxels of the kernel, `[z, y, x]`.
    pub(super) kernel: [usize; 3],
    /// Voxels of the larger map per voxel of the smaller.
    pub(super) stride: [usize; 3],
    /// Whether the gradient is the larger map, each voxel of it made from one of the input.
    pub(super) up: bool,
}

/// 16 channels of an input.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockIn<'a> {
    /// The input.
    pub(super) x: Features<'a>,
    /// Which of its blocks.
    pub(super) block: usize,
    /// The block's first channel among those of all inputs.
    pub(super) first: usize,
    /// Real channels of the block.
    pub(super) channels: usize,
}

/// Some rows of one plane of the smaller map.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) sample: usize,
    pub(super) z: usize,
    pub(super) y: [usize; 2],
}

impl<'a> Geometry<'a> {
    /// The blocks of all inputs.
    pub(super) fn blocks_of(inputs: &[Features<'a>]) -> Vec<BlockIn<'a>> {
        let mut first = 0;
        let mut blocks = Vec::new();
        for &x in inputs {
            for block in 0..x.shape.blocks() {
                let channels = (x.shape.channels - block * LANES).min(LANES);
                blocks.push(BlockIn {
                    x,
                    block,
                    first,
                    channels,
                });
                first += channels;
            }
        }
        blocks
    }

    /// The map whose voxels are walked: the smaller.
    pub(super) fn walked(&self) -> FeatureShape {
        if self.up {
            self.blocks_in[0].x.shape
        } else {
            self.gradient.shape
        }
    }

    /// Taps that are summed in one walk, because they lie side by side in x.
    pub(super) fn taps_at_once(&self) -> usize {
        if self.up { 1 } else { self.kernel[2] }
    }

    /// Walks per kernel.
    pub(super) fn tap_rows(&self) -> usize {
        self.kernel.iter().product::<usize>() / self.taps_at_once()
    }

    /// The walk for one of the tap rows, or none if that lies outside the volume.
    pub(super) fn walk(
        &self,
        rows: Rows,
        tap_row: usize,
        from: &BlockIn<'_>,
        block_out: usize,
    ) -> Option<Walk> {
        if self.up {
            Some(self.walk_up(rows, tap_row, from, block_out))
        } else {
            self.walk_conv(rows, tap_row, from, block_out)
        }
    }

    fn walk_conv(
        &self,
        rows: Rows,
        tap_row: usize,
        from: &BlockIn<'_>,
        block_out: usize,
    ) -> Option<Walk> {
        let (shape, stride) = (from.x.shape, self.stride);
        let padding = self.kernel.map(|k| (k - 1) / 2);
        let tap = [tap_row / self.kernel[1], tap_row % self.kernel[1]];
        let z = (rows.z * stride[0] + tap[0]).checked_sub(padding[0]);
        let z = z.filter(|&z| z < shape.size[0])?;
        // Rows with 0 <= y * stride + tap - padding < size.
        let first = padding[1].saturating_sub(tap[1]).div_ceil(stride[1]);
        let end = (shape.size[1] + padding[1])
            .saturating_sub(tap[1])
            .div_ceil(stride[1]);
        let (y0, y1) = (rows.y[0].max(first), rows.y[1].min(end));
        if y0 >= y1 {
            return None;
        }
        let x_start = shape.row(
            rows.sample,
            from.block,
            z,
            y0 * stride[1] + tap[1] - padding[1],
        ) - padding[2] * LANES;
        Some(Walk {
            rows: y1 - y0,
            voxels: self.gradient.shape.size[2],
            x: from.x.values[x_start..].as_ptr(),
            x_row: stride[1] * shape.row_len(),
            x_step: stride[2] * LANES,
            gradient: self.gradient_at(rows.sample, block_out, [rows.z, y0, 0]),
            gradient_block: self.gradient.shape.block_len(),
            gradient_row: self.gradient.shape.row_len(),
            gradient_step: LANES,
        })
    }

    fn walk_up(&self, rows: Rows, tap_row: usize, from: &BlockIn<'_>, block_out: usize) -> Walk {
        let (shape, stride) = (from.x.shape, self.stride);
        let tap = [
            tap_row / (stride[1] * stride[2]),
            tap_row / stride[2] % stride[1],
            tap_row % stride[2],
        ];
        let to = [
            rows.z * stride[0] + tap[0],
            rows.y[0] * stride[1] + tap[1],
            tap[2],
        ];
        let x_start = shape.row(rows.sample, from.block, rows.z, rows.y[0]);
        Walk {
            rows: rows.y[1] - rows.y[0],
            voxels: shape.size[2],
            x: from.x.values[x_start..].as_ptr(),
            x_row: shape.row_len(),
            x_step: LANES,
            gradient: self.gradient_at(rows.sample, block_out, to),
            gradient_block: self.gradient.shape.block_len(),
            gradient_row: stride[1] * self.gradient.shape.row_len(),
            gradient_step: stride[2] * LANES,
        }
    }

    fn gradient_at(&self, sample: usize, block: usize, [z, y, x]: [usize; 3]) -> *const f32 {
        let start = self.gradient.shape.row(sample, block, z, y) + x * LANES;
        self.gradient.values[start..].as_ptr()
    }
}
