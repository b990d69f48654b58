//! What a configuration, a dataset or a user may choose about augmentation.

use super::error::{AugmentError, Result};
use std::fmt;
use std::str::FromStr;

/// How much of a training sample is random beside its case and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Augmentation {
    /// nnU-Net's list of transforms.
    #[default]
    Default,
    /// Nothing: the patch as it is, and no mirroring at prediction either (`nnUNetTrainerNoDA`).
    None,
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::None => "none",
        })
    }
}

impl FromStr for Augmentation {
    type Err = AugmentError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "default" => Ok(Self::Default),
            "none" => Ok(Self::None),
            _ => Err(AugmentError::UnknownAugmentation {
                found: text.to_owned(),
            }),
        }
    }
}

/// How often each random transform fires; the defaults are nnU-Net's.
///
/// Source: nnU-Net v2, `nnUNetTrainer.get_training_transforms`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probabilities {
    /// Rotation about all axes.
    pub rotation: f64,
    /// Scaling of all axes together.
    pub scaling: f64,
    /// Gaussian noise.
    pub noise: f64,
    /// Gaussian blur; half of the channels then are blurred.
    pub blur: f64,
    /// Multiplicative brightness.
    pub brightness: f64,
    /// Contrast.
    pub contrast: f64,
    /// Simulation of low resolution; half of the channels then are degraded.
    pub low_resolution: f64,
    /// Gamma on the inverted image.
    pub inverted_gamma: f64,
    /// Gamma.
    pub gamma: f64,
    /// Mirroring, for each allowed axis by itself.
    pub mirror: f64,
    /// Cascade: masks of the previous stage grow, shrink, are closed or opened; half of the labels
    /// then take part.
    pub morphology: f64,
    /// Cascade: a small component of the previous stage is left out; half of the labels then
    /// take part.
    pub component_removal: f64,
}

impl Default for Probabilities {
    fn default() -> Self {
        Self {
            rotation: 0.2,
            scaling: 0.2,
            noise: 0.1,
            blur: 0.2,
            brightness: 0.15,
            contrast: 0.15,
            low_resolution: 0.25,
            inverted_gamma: 0.1,
            gamma: 0.3,
            mirror: 0.5,
            morphology: 0.4,
            component_removal: 0.2,
        }
    }
}

impl Probabilities {
    /// Nothing ever fires.
    pub const NEVER: Self = Self {
        rotation: 0.0,
        scaling: 0.0,
        noise: 0.0,
        blur: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        low_resolution: 0.0,
        inverted_gamma: 0.0,
        gamma: 0.0,
        mirror: 0.0,
        morphology: 0.0,
        component_removal: 0.0,
    };

    /// Refuses what is not from 0 to 1.
    pub(super) fn check(&self) -> Result<()> {
        let all = [
            ("rotation", self.rotation),
            ("scaling", self.scaling),
            ("noise", self.noise),
            ("blur", self.blur),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("low resolution", self.low_resolution),
            ("inverted gamma", self.inverted_gamma),
            ("gamma", self.gamma),
            ("mirror", self.mirror),
            ("morphology", self.morphology),
            ("component removal", self.component_removal),
        ];
        match all
            .into_iter()
            .find(|(_, value)| !(0.0..=1.0).contains(value))
        {
            Some((transform, value)) => Err(AugmentError::Probability { transform, value }),
            None => Ok(()),
        }
    }
}

/// What the network is trained to predict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TargetKind {
    /// One label per voxel.
    #[default]
    Labels,
    /// Overlapping regions, each the union of some labels.
    Regions {
        /// The labels of each foreground region, in the order of the network's outputs.
        regions: Vec<Vec<i16>>,
        /// The ignore label, whose mask becomes the last channel.
        ignore: Option<i16>,
    },
}

/// What a configuration and a dataset choose.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AugmentationOptions {
    /// Axes of the patch (from 0) along which samples may be mirrored; `None` for all of them.
    pub mirror_axes: Option<Vec<usize>>,
    /// nnU-Net's `use_mask_for_norm` per channel: those channels are 0 where the label is
    /// negative. Empty for none.
    pub use_mask_for_norm: Vec<bool>,
    /// Labels or regions.
    pub targets: TargetKind,
    /// Strides of the network's stages, per stage and patch axis, for deep supervision; empty
    /// for a single target of full resolution.
    pub strides: Vec<Vec<usize>>,
    /// How often transforms fire.
    pub probabilities: Probabilities,
    /// The list of transforms or nothing; with nothing, probabilities and mirror axes do not count.
    pub augmentation: Augmentation,
    /// The foreground labels that a cascade's previous stage predicts, one channel each; empty
    /// without a cascade.
    pub previous_labels: Vec<i16>,
}
