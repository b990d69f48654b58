//! Channels-last copies with a border of zeros: the form in which the kernels read.
//!
//! With channels innermost one scalar of the input meets a vector of output channels, whatever
//! the stride and however short a row is; with the border no kernel asks whether it is outside.

use rayon::prelude::*;

/// A batch as `[batch, z, y, x, channel]` with zeros around.
pub(super) struct ChannelsLast {
    pub(super) values: Vec<f32>,
    /// Sizes with the border, `[z, y, x]`.
    pub(super) size: [usize; 3],
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
        let plane = size[1] * size[2] * channels;
        let mut out = vec![0.0; batch * size[0] * plane];
        out.par_chunks_mut(plane)
            .enumerate()
            .for_each(|(index, plane)| {
                let (sample, z) = (index / size[0], index % size[0]);
                let Some(z) = z.checked_sub(border[0][0]).filter(|&z| z < nz) else {
                    return;
                };
                for y in 0..ny {
                    let start = ((y + border[1][0]) * size[2] + border[2][0]) * channels;
                    let row = &mut plane[start..start + nx * channels];
                    for c in 0..n_channels {
                        let from = (((sample * n_channels + c) * nz + z) * ny + y) * nx;
                        let voxels = row.chunks_exact_mut(channels);
                        for (voxel, &value) in voxels.zip(&values[from..from + nx]) {
                            voxel[c] = value;
                        }
                    }
                }
            });
        Self {
            values: out,
            size,
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

/// Copies `[batch, voxel, stride]` to `[batch, channel, voxel]` and adds a bias per channel.
pub(super) fn to_channels_first(
    values: &[f32],
    [n_channels, n_voxels, stride]: [usize; 3],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    /// Voxels copied at once, so that a cache line is used for all its channels.
    const BLOCK: usize = 64;
    let batch = values.len() / (n_voxels * stride);
    let mut out = vec![0.0; batch * n_channels * n_voxels];
    let per_sample = n_channels * n_voxels;
    out.par_chunks_mut(per_sample)
        .enumerate()
        .for_each(|(sample, out)| {
            let values = &values[sample * n_voxels * stride..][..n_voxels * stride];
            for start in (0..n_voxels).step_by(BLOCK) {
                let end = (start + BLOCK).min(n_voxels);
                for (c, row) in out.chunks_exact_mut(n_voxels).enumerate() {
                    let shift = bias.map_or(0.0, |bias| bias[c]);
                    let voxels = values[start * stride..end * stride].chunks_exact(stride);
                    for (value, voxel) in row[start..end].iter_mut().zip(voxels) {
                        *value = voxel[c] + shift;
                    }
                }
            }
        });
    out
}
