//! The numbers of a training run.

use sarx_preprocess::augment::Augmentation;
use std::num::NonZeroUsize;

/// How to train; defaults are nnU-Net's.
///
/// Source: nnU-Net v2, `training/nnUNetTrainer/nnUNetTrainer.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Number of epochs; the learning rate falls to zero over them.
    pub n_epochs: NonZeroUsize,
    /// Training iterations per epoch.
    pub n_iterations: NonZeroUsize,
    /// Validation iterations per epoch.
    pub n_val_iterations: NonZeroUsize,
    /// Learning rate of the first epoch.
    pub initial_lr: f64,
    /// Share of each batch that must hold foreground.
    pub oversample_foreground: f64,
    /// How training samples are changed at random.
    pub augmentation: Augmentation,
    /// Seed of weights, patches and augmentation.
    pub seed: u64,
    /// Threads that make batches.
    pub n_workers: NonZeroUsize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        let count = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            n_epochs: count(1000),
            n_iterations: count(250),
            n_val_iterations: count(50),
            initial_lr: 0.01,
            oversample_foreground: 0.33,
            augmentation: Augmentation::Default,
            seed: 12345,
            n_workers: count(1),
        }
    }
}
