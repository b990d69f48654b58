//! What goes into augmentation and what comes out of it.

use super::error::{AugmentError, Result};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4};

/// A preprocessed case as samples are cut from it; everything on the same voxels.
#[derive(Debug, Clone, Copy)]
pub struct CaseArrays<'a> {
    /// Intensities, `[c, z, y, x]`.
    pub image: ArrayView4<'a, f32>,
    /// Labels, `[z, y, x]`.
    pub labels: ArrayView3<'a, i16>,
    /// What a cascade's previous stage predicted, `[z, y, x]`.
    pub previous: Option<ArrayView3<'a, i16>>,
}

/// A patch of a preprocessed case: the image and its labels on the same voxels.
///
/// Two-dimensional patches have one voxel along z.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Intensities, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`; -1 outside of the image or of its nonzero region.
    pub labels: Array3<i16>,
    /// Labels of a cascade's previous stage, `[z, y, x]`; -1 outside of the image.
    pub previous: Option<Array3<i16>>,
}

impl Sample {
    /// Voxels of the image, `[z, y, x]`.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        let (_, z, y, x) = self.image.dim();
        [z, y, x]
    }

    pub(super) fn arrays(&self) -> CaseArrays<'_> {
        CaseArrays {
            image: self.image.view(),
            labels: self.labels.view(),
            previous: self.previous.as_ref().map(|labels| labels.view()),
        }
    }

    /// Checks that image and labels have `expected` voxels, `n_channels` channels, and labels of a
    /// previous stage exactly in a cascade.
    pub(super) fn check(
        &self,
        n_channels: usize,
        expected: [usize; 3],
        is_cascade: bool,
    ) -> Result<()> {
        let found = self.image.shape()[0];
        if found != n_channels {
            return Err(AugmentError::ChannelCount {
                what: "image",
                expected: n_channels,
                found,
            });
        }
        check_size("image", expected, self.size())?;
        check_size("label map", expected, self.labels.dim().into())?;
        if self.previous.is_some() != is_cascade {
            return Err(AugmentError::PreviousStage {
                expected: is_cascade,
            });
        }
        match &self.previous {
            None => Ok(()),
            Some(previous) => check_size("previous stage", expected, previous.dim().into()),
        }
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
    /// Intensities of the final patch, `[c, z, y, x]`; in a cascade the masks of the previous stage
    /// are the last channels.
    pub image: Array4<f32>,
    /// Targets at every supervised resolution.
    pub targets: Targets,
}
