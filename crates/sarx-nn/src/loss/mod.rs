//! nnU-Net's loss: Dice plus cross-entropy over several resolutions.
//!
//! Labels exclude each other (softmax, background left out of Dice) or regions overlap (sigmoid,
//! binary cross-entropy, every region in Dice). Voxels with the ignore label count nowhere.

mod cross_entropy;
mod deep_supervision;
mod dice;
mod target;

pub use deep_supervision::{DeepSupervisionLoss, LossConfig, deep_supervision_weights};
pub use target::Target;
