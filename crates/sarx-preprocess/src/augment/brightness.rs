//! Multiplicative brightness.

use super::channels::for_each_channel;
use super::random::around_one;
use ndarray::Array4;
use rand::Rng;

/// The range of factors (`nnUNetTrainer.get_training_transforms`).
const FACTORS: (f64, f64) = (0.75, 1.25);

/// A factor per channel.
///
/// Source: batchgeneratorsv2, `transforms/intensity/brightness.py`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Brightness {
    /// One factor per channel.
    pub(super) factors: Vec<f32>,
}

impl Brightness {
    pub(super) fn draw(n_channels: usize, rng: &mut impl Rng) -> Self {
        let factors = (0..n_channels)
            .map(|_| around_one(rng, FACTORS.0, FACTORS.1) as f32)
            .collect();
        Self { factors }
    }

    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        for_each_channel(image, |channel, voxels| {
            let factor = self.factors[channel];
            voxels.iter_mut().for_each(|voxel| *voxel *= factor);
        });
    }
}
