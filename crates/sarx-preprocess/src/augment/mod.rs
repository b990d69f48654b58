//! Random patches of preprocessed cases, changed at random, as nnU-Net trains on them.
//!
//! A training sample comes about in four steps: [`choose_case`] and [`is_forced`] say which case
//! and whether foreground must show; [`sample_box`] says where; [`training_sample`] cuts, turns,
//! scales, degrades and mirrors; and deep supervision asks for its labels at several
//! resolutions. [`validation_sample`] does the same without anything random.
//! [`BatchLoader`] does it all on threads, ahead of the network.
//!
//! Everything is a pure function of its arguments; random numbers come from [`sample_rng`],
//! which knows the place of a sample in the run. Arrays are `[z, y, x]` and `[c, z, y, x]`; a
//! 2D patch has one voxel along z.
//!
//! Transforms in order of application, with nnU-Net's [`Probabilities`]: rotation and scaling,
//! noise, blur, brightness, contrast, low resolution, gamma of the inverted image, gamma,
//! mirroring, masking of the outside; in a cascade then the masks of the previous stage, spoilt.
//! Each is a small struct of drawn parameters.

mod blur;
mod brightness;
mod channels;
mod contrast;
mod crop;
mod error;
mod gamma;
#[cfg(test)]
mod golden;
mod initial_patch;
mod loader;
mod low_resolution;
mod mask;
mod mirror;
mod morphology;
mod noise;
mod options;
mod plan;
mod previous_stage;
mod random;
mod recipe;
mod sample;
mod sampling;
#[cfg(test)]
mod slices_golden;
mod spatial;
mod statistics;
mod targets;

pub use crop::crop_padded;
pub use error::AugmentError;
pub use initial_patch::{RotationSetting, initial_patch_size};
pub use loader::{BatchLoader, LoaderError, LoaderOptions};
pub use options::{Augmentation, AugmentationOptions, Probabilities, TargetKind};
pub use plan::AugmentationPlan;
pub use previous_stage::with_previous_stage;
pub use random::{Purpose, sample_rng};
pub use recipe::{Recipe, augment, crop_sample, training_sample, validation_sample};
pub use sample::{CaseArrays, Sample, Targets, TrainingSample};
pub use sampling::{
    FORCED_FOREGROUND_FRACTION, Locations, PatchBox, choose_case, is_forced, sample_box,
};
pub use targets::{deep_supervision_scales, deep_supervision_targets, make_targets};
