//! Gamma correction that keeps mean and spread.

use super::channels::for_each_channel;
use super::random::around_one;
use super::statistics::Statistics;
use ndarray::Array4;
use rand::Rng;

/// The range of exponents (`nnUNetTrainer.get_training_transforms`).
const EXPONENTS: (f64, f64) = (0.7, 1.5);
/// The smallest divisor.
const EPSILON: f32 = 1e-7;

/// An exponent per channel, applied to the intensities scaled to `[0, 1]`.
///
/// Source: batchgeneratorsv2, `transforms/intensity/gamma.py`, `p_retain_stats=1`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gamma {
    /// One exponent per channel.
    pub(super) exponents: Vec<f32>,
    /// Whether the image is negated before and after.
    pub(super) inverted: bool,
}

impl Gamma {
    pub(super) fn draw(n_channels: usize, inverted: bool, rng: &mut impl Rng) -> Self {
        let exponents = (0..n_channels)
            .map(|_| around_one(rng, EXPONENTS.0, EXPONENTS.1) as f32)
            .collect();
        Self {
            exponents,
            inverted,
        }
    }

    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        for_each_channel(image, |channel, voxels| {
            if self.inverted {
                negate(voxels);
            }
            correct(voxels, self.exponents[channel]);
            if self.inverted {
                negate(voxels);
            }
        });
    }
}

fn negate(voxels: &mut [f32]) {
    voxels.iter_mut().for_each(|voxel| *voxel = -*voxel);
}

fn correct(voxels: &mut [f32], exponent: f32) {
    let before = Statistics::of(voxels);
    let range = before.max - before.min;
    let divisor = range.max(EPSILON);
    for voxel in voxels.iter_mut() {
        *voxel = ((*voxel - before.min) / divisor).powf(exponent) * range + before.min;
    }
    let after = Statistics::of(voxels);
    let factor = before.std / after.std.max(EPSILON);
    for voxel in voxels {
        *voxel = (*voxel - after.mean) * factor + before.mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Array4<f32> {
        Array4::from_shape_fn((2, 3, 4, 5), |(c, z, y, x)| {
            ((c * 17 + z * 11 + y * 7 + x * 3) % 23) as f32 / 7.0 - 1.0
        })
    }

    #[test]
    fn mean_and_spread_are_kept_and_the_shape_changes() {
        for inverted in [false, true] {
            let mut changed = image();
            Gamma {
                exponents: vec![0.7, 1.5],
                inverted,
            }
            .apply(&mut changed);
            for (before, after) in image().outer_iter().zip(changed.outer_iter()) {
                let before = Statistics::of(&before.iter().copied().collect::<Vec<_>>());
                let after = Statistics::of(&after.iter().copied().collect::<Vec<_>>());
                assert!((before.mean - after.mean).abs() < 1e-6);
                assert!((before.std - after.std).abs() < 1e-6);
                assert!((before.max - after.max).abs() > 1e-3);
            }
        }
    }

    #[test]
    fn a_constant_image_stays() {
        let mut flat = Array4::from_elem((1, 2, 2, 2), 0.25);
        Gamma {
            exponents: vec![1.3],
            inverted: true,
        }
        .apply(&mut flat);
        assert!(flat.iter().all(|&v| v == 0.25), "{flat}");
    }
}
