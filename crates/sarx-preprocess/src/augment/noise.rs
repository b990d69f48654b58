//! Gaussian noise.

use super::channels::for_each_channel;
use super::random::uniform;
use ndarray::Array4;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The largest standard deviation. nnU-Net calls it a variance but uses it as it is here.
const MAX_STD: f64 = 0.1;

/// Independent normal noise of one strength for all channels.
///
/// Source: batchgeneratorsv2, `transforms/intensity/gaussian_noise.py`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation, in units of the normalized image.
    pub(super) std: f32,
    /// Seed of the noise itself.
    pub(super) seed: u64,
}

impl Noise {
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        Self {
            std: uniform(rng, 0.0, MAX_STD) as f32,
            seed: rng.next_u64(),
        }
    }

    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        for_each_channel(image, |_, voxels| {
            for voxel in voxels {
                let noise: f32 = StandardNormal.sample(&mut rng);
                *voxel += self.std * noise;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::statistics::Statistics;
    use crate::augment::{Purpose, sample_rng};

    #[test]
    fn noise_has_the_drawn_spread_and_differs_between_channels() {
        let mut image = Array4::from_elem((2, 10, 40, 50), 3.0f32);
        Noise { std: 0.08, seed: 4 }.apply(&mut image);
        let found = Statistics::of(image.as_slice().unwrap());
        // 40,000 values: standard errors 4e-4 and 2.8e-4, five of each.
        assert!(
            (found.mean - 3.0).abs() < 2e-3 && (found.std - 0.08).abs() < 1.4e-3,
            "{found:?}"
        );
        let channels: Vec<_> = image.outer_iter().collect();
        assert_ne!(channels[0], channels[1]);
    }

    #[test]
    fn strengths_are_uniform_up_to_a_tenth() {
        let mut rng = sample_rng(1, 0, 0, 0, Purpose::Preview);
        let draws: Vec<f32> = (0..4000).map(|_| Noise::draw(&mut rng).std).collect();
        let found = Statistics::of(&draws);
        assert!(found.min >= 0.0 && found.min < 0.001 && found.max < 0.1 && found.max > 0.099);
        assert!((found.mean - 0.05).abs() < 0.0023); // 5 standard errors of a uniform
    }
}
