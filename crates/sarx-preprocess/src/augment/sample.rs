//! What goes into augmentation and what comes out of it.

use super::error::{AugmentError, Result};
use ndarray::{Array3, Array4};

/// A patch of a preprocessed case: the image and its labels on the same voxels.
///
/// Two-dimensional patches have one voxel along z.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Intensities, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`; -1 outside of the image or of its nonzero region.
    pub labels: Array3<i16>,
}

impl Sample {
    /// Voxels of the image, `[z, y, x]`.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        let (_, z, y, x) = self.image.dim();
        [z, y, x]
    }

    /// Checks that image and labels have `expected` voxels and `n_channels` channels.
    pub(super) fn check(&self, n_channels: usize, expected: [usize; 3]) -> Result<()> {
        let found = self.image.shape()[0];
        if found != n_channels {
            return Err(AugmentError::ChannelCount {
                what: "image",
                expected: n_channels,
                found,
            });
        }
        check_size("image", expected, self.size())?;
        check_size("label map", expected, self.labels.dim().into())
    }
}

pub(super) fn check_size(
    what: &'static str,
    expected: [usize; 3],
    found: [usize; 3],
) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(AugmentError::SampleShape {
            what,
            expected,
            found,
        })
    }
}

/// What the network is asked to give for one sample, highest resolution first.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// One label per voxel, `[z, y, x]` per supervised output.
    Labels(Vec<Array3<i16>>),
    /// One mask per region, `[region, z, y, x]` per supervised output; with an ignore label its
    /// mask is the last one.
    Regions(Vec<Array4<bool>>),
}

/// A sample ready for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSample {
    /// Intensities of the final patch, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Targets at every supervised resolution.
    pub targets: Targets,
}
