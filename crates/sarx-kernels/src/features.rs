//! Feature maps in memory: blocks of 16 channels, rows with a zero before and after.
//!
//! `[batch, block, z, y, x + 2, 16]`: the 16 channels of a voxel lie together, so one vector
//! instruction serves 16 output channels; every row begins and ends with a voxel of zeros, so a
//! kernel three voxels wide needs no test at the sides. (Above and below, whole taps are left out
//! instead.) Channels beyond the real ones are zero.

use crate::LANES;

/// The shape of a feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureShape {
    /// Samples.
    pub batch: usize,
    /// Channels, without those that fill the last block.
    pub channels: usize,
    /// Voxels per axis, `[z, y, x]`, without the border.
    pub size: [usize; 3],
}

impl FeatureShape {
    /// Blocks of 16 channels.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// The array's shape: `[batch, block, z, y, x + 2, 16]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 6] {
        let [z, y, x] = self.size;
        [self.batch, self.blocks(), z, y, x + 2, LANES]
    }

    /// Floats in the array.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Voxels of one channel of one sample.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    /// Floats of a row, with its border.
    pub(crate) fn row_len(&self) -> usize {
        (self.size[2] + 2) * LANES
    }

    /// Floats of a plane.
    pub(crate) fn plane_len(&self) -> usize {
        self.size[1] * self.row_len()
    }

    /// Floats of a block of channels.
    pub(crate) fn block_len(&self) -> usize {
        self.size[0] * self.plane_len()
    }

    /// Floats of a sample.
    pub(crate) fn sample_len(&self) -> usize {
        self.blocks() * self.block_len()
    }

    /// Where the first voxel (after the border) of a row is.
    pub(crate) fn row(&self, sample: usize, block: usize, z: usize, y: usize) -> usize {
        sample * self.sample_len()
            + block * self.block_len()
            + z * self.plane_len()
            + y * self.row_len()
            + LANES
    }
}

/// A feature map that somebody else owns.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    /// [`FeatureShape::len`] values.
    pub values: &'a [f32],
    /// Their shape.
    pub shape: FeatureShape,
}

impl<'a> Features<'a> {
    /// Values with their shape.
    ///
    /// # Panics
    ///
    /// If their number is not [`FeatureShape::len`].
    #[must_use]
    pub fn new(values: &'a [f32], shape: FeatureShape) -> Self {
        assert_eq!(
            values.len(),
            shape.len(),
            "values of a feature map {shape:?}"
        );
        Self { values, shape }
    }
}

/// A feature map from an array `[batch, channel, z, y, x]`.
///
/// # Panics
///
/// If `values` does not have the shape's number of values.
#[must_use]
pub fn to_features(values: &[f32], shape: FeatureShape) -> Vec<f32> {
    let FeatureShape {
        batch,
        channels,
        size: [nz, ny, nx],
    } = shape;
    assert_eq!(
        values.len(),
        batch * channels * shape.voxels(),
        "values of {shape:?}"
    );
    let mut out = vec![0.0; shape.len()];
    for (plane, values) in values.chunks_exact((ny * nx).max(1)).enumerate() {
        let (sample, channel, z) = (plane / (channels * nz), plane / nz % channels, plane % nz);
        for (y, row) in values.chunks_exact(nx).enumerate() {
            let to = shape.row(sample, channel / LANES, z, y) + channel % LANES;
            for (to, &value) in out[to..].iter_mut().step_by(LANES).zip(row) {
                *to = value;
            }
        }
    }
    out
}

/// The array `[batch, channel, z, y, x]` of a feature map.
#[must_use]
pub fn from_features(x: Features<'_>) -> Vec<f32> {
    let FeatureShape {
        batch,
        channels,
        size: [nz, ny, nx],
    } = x.shape;
    let mut out = Vec::with_capacity(batch * channels * x.shape.voxels());
    for row in 0..batch * channels * nz * ny {
        let (sample, channel) = (row / (channels * nz * ny), row / (nz * ny) % channels);
        let from = x
            .shape
            .row(sample, channel / LANES, row / ny % nz, row % ny)
            + channel % LANES;
        out.extend(x.values[from..].iter().step_by(LANES).take(nx));
    }
    out
}
