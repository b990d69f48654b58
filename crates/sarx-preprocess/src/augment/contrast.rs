//! Contrast about the mean of a channel.

use super::channels::for_each_channel;
use super::random::around_one;
use super::statistics::Statistics;
use ndarray::Array4;
use rand::Rng;

/// The range of factors (`nnUNetTrainer.get_training_transforms`).
const FACTORS: (f64, f64) = (0.75, 1.25);

/// A factor per channel: `(v - mean) * factor + mean`, within the channel's former range.
///
/// Source: batchgeneratorsv2, `transforms/intensity/contrast.py`, `preserve_range=True`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contrast {
    /// One factor per channel.
    pub(super) factors: Vec<f32>,
}

impl Contrast {
    pub(super) fn draw(n_channels: usize, rng: &mut impl Rng) -> Self {
        let factors = (0..n_channels)
            .map(|_| around_one(rng, FACTORS.0, FACTORS.1) as f32)
            .collect();
        Self { factors }
    }

    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        for_each_channel(image, |channel, voxels| {
            let factor = self.factors[channel];
            let Statistics { mean, min, max, .. } = Statistics::of(voxels);
            for voxel in voxels {
                // `max` then `min`, which unlike `clamp` do not panic on an image of NaN.
                *voxel = ((*voxel - mean) * factor + mean).max(min).min(max);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_kept() {
        let mut image = Array4::from_shape_vec((1, 1, 1, 4), vec![0.0, 1.0, 2.0, 9.0]).unwrap();
        Contrast {
            factors: vec![1.25],
        }
        .apply(&mut image);
        // The mean is 3; 0 would become -0.75 and 9 would become 10.5.
        assert_eq!(
            image.iter().copied().collect::<Vec<_>>(),
            [0.0, 0.5, 1.75, 9.0]
        );
    }
}
