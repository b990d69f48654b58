//! Channels-last copies with a border of zeros: the form in which the kernels read.
//!
//! With channels innermost one scalar of the input meets a vector of output channels, whatever
//! the stride and however short a row is; with the border no kernel asks whether it is outside.
//! Copies go through square tiles, so that both sides are read and written in runs.

use super::scratch::Scratch;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Edge of a tile that is transposed at once.
const TILE: usize = 8;

/// A batch as `[batch, z, y, x, channel]` with zeros around.
pub(super) struct ChannelsLast {
    pub(super) values: Scratch,
    /// Sizes with the border, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Zeros before the first voxel of each axis.
    pub(super) before: [usize; 3],
    /// Distance between voxels: channels rounded up, the rest zero.
    pub(super) channels: usize,
}

impl ChannelsLast {
    /// Copies `[batch, channel, z, y, x]`; `border` is (before, after) per axis.
    pub(super) fn new(
        values: &[f32],
        shape: [usize; 5],
        border: [[usize; 2]; 3],
        channel_multiple: usize,
    ) -> Self {
        let [batch, n_channels, nz, ny, nx] = shape;
        let channels = n_channels.next_multiple_of(channel_multiple);
        let size = [0, 1, 2].map(|axis| shape[2 + axis] + border[axis][0] + border[axis][1]);
        let before = border.map(|[before, _]| before);
        let row_len = size[2] * channels;
        let mut out = Scratch::take(batch * size[0] * size[1] * row_len);
        let planes = out.par_chunks_mut(size[1] * row_len).enumerate();
        planes.for_each(|(index, plane)| {
            let (sample, z) = (index / size[0], index % size[0]);
            let z = z.checked_sub(before[0]).filter(|&z| z < nz);
            for (y, row) in plane.chunks_exact_mut(row_len).enumerate() {
                let y = y.checked_sub(before[1]).filter(|&y| y < ny);
                let (Some(z), Some(y)) = (z, y) else {
                    row.fill(0.0);
                    continue;
                };
                let (head, rest) = row.split_at_mut(before[2] * channels);
                let (inside, tail) = rest.split_at_mut(nx * channels);
                head.fill(0.0);
                tail.fill(0.0);
                if channels > n_channels {
                    inside.fill(0.0);
                }
                let from = ((sample * n_channels * nz + z) * ny + y) * nx;
                Arch::new().dispatch(Interleave {
                    values: &values[from..],
                    step: nz * ny * nx,
                    n_channels,
                    out: inside,
                    channels,
                });
            }
        });
        Self {
            values: out,
            size,
            before,
            channels,
        }
    }

    /// Distance between neighbours along each axis, in values.
    pub(super) fn steps(&self) -> [usize; 3] {
        [
            self.size[1] * self.size[2] * self.channels,
            self.size[2] * self.channels,
            self.channels,
        ]
    }

    /// Values of one sample.
    pub(super) fn sample_len(&self) -> usize {
        self.size[0] * self.steps()[0]
    }
}

/// Copies one row per channel (they begin `step` values apart) to `[x, channels]`.
struct Interleave<'a> {
    values: &'a [f32],
    step: usize,
    n_channels: usize,
    out: &'a mut [f32],
    channels: usize,
}

impl WithSimd for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            values, step, out, ..
        } = self;
        let (n_channels, channels) = (self.n_channels, self.channels);
        let nx = out.len() / channels;
        let (whole_c, whole_x) = (n_channels / TILE * TILE, nx / TILE * TILE);
        for c in (0..whole_c).step_by(TILE) {
            for x in (0..whole_x).step_by(TILE) {
                let mut tile = [[0.0f32; TILE]; TILE];
                for (k, row) in tile.iter_mut().enumerate() {
                    row.copy_from_slice(&values[(c + k) * step + x..][..TILE]);
                }
                let tile = transpose(&tile);
                for (j, voxel) in tile.iter().enumerate() {
                    out[(x + j) * channels + c..][..TILE].copy_from_slice(voxel);
                }
            }
        }
        for c in 0..n_channels {
            let start = if c < whole_c { whole_x } else { 0 };
            let row = &values[c * step..][..nx];
            let voxels = out.chunks_exact_mut(channels).zip(row).skip(start);
            for (voxel, &value) in voxels {
                voxel[c] = value;
            }
        }
    }
}

#[inline(always)]
fn transpose(tile: &[[f32; TILE]; TILE]) -> [[f32; TILE]; TILE] {
    let mut turned = [[0.0; TILE]; TILE];
    for j in 0..TILE {
        for k in 0..TILE {
            turned[j][k] = tile[k][j];
        }
    }
    turned
}

/// Copies `[voxel, stride]` to one row per channel and adds a bias per channel.
pub(super) fn to_channels_first(
    values: &[f32],
    stride: usize,
    bias: Option<&[f32]>,
    out: &mut [&mut [f32]],
) {
    Arch::new().dispatch(Split {
        values,
        stride,
        bias,
        out,
    });
}

struct Split<'a, 'b> {
    values: &'a [f32],
    stride: usize,
    bias: Option<&'a [f32]>,
    out: &'a mut [&'b mut [f32]],
}

impl WithSimd for Split<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { values, stride, .. } = self;
        let whole = values.len() / stride / TILE * TILE;
        for (group, rows) in self.out.chunks_mut(TILE).enumerate() {
            let c = group * TILE;
            let mut shifts = [0.0; TILE];
            if let Some(bias) = self.bias {
                shifts[..rows.len()].copy_from_slice(&bias[c..c + rows.len()]);
            }
            let start = if rows.len() == TILE { whole } else { 0 };
            for x in (0..start).step_by(TILE) {
                let mut tile = [[0.0f32; TILE]; TILE];
                for (j, voxel) in tile.iter_mut().enumerate() {
                    let from = &values[(x + j) * stride + c..][..TILE];
                    for ((value, &from), shift) in voxel.iter_mut().zip(from).zip(shifts) {
                        *value = from + shift;
                    }
                }
                let tile = transpose(&tile);
                for (row, channel) in rows.iter_mut().zip(&tile) {
                    row[x..x + TILE].copy_from_slice(channel);
                }
            }
            for (k, (row, shift)) in rows.iter_mut().zip(shifts).enumerate() {
                let voxels = values.chunks_exact(stride).zip(row.iter_mut()).skip(start);
                for (voxel, value) in voxels {
                    *value = voxel[c + k] + shift;
                }
            }
        }
    }
}
