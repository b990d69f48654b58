//! Gaussian blur with its own strength per channel and axis.

use super::channels::for_each_channel;
use super::random::{fires, uniform};
use ndarray::Array4;
use rand::Rng;

/// Probability that a channel is blurred (`nnUNetTrainer.get_training_transforms`).
const PER_CHANNEL: f64 = 0.5;
/// The range of standard deviations, voxels.
const SIGMAS: (f64, f64) = (0.5, 1.0);
/// Kernel length in standard deviations (`gaussian_blur.py`, `blur_dimension`).
const LENGTH_IN_SIGMAS: f64 = 6.0;

/// Separable blur; borders are mirrored without repeating the border voxel.
///
/// Source: batchgeneratorsv2, `transforms/noise/gaussian_blur.py`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blur {
    /// Standard deviations along z, y, x in voxels for each channel that is blurred.
    pub(super) sigmas: Vec<Option<[f64; 3]>>,
}

impl Blur {
    pub(super) fn draw(n_channels: usize, rng: &mut impl Rng) -> Self {
        let mut one =
            || fires(rng, PER_CHANNEL).then(|| [0; 3].map(|_| uniform(rng, SIGMAS.0, SIGMAS.1)));
        Self {
            sigmas: (0..n_channels).map(|_| one()).collect(),
        }
    }

    /// Axes of a single voxel have nothing to blur.
    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        let size = [image.shape()[1], image.shape()[2], image.shape()[3]];
        for_each_channel(image, |channel, voxels| {
            let Some(sigmas) = self.sigmas[channel] else {
                return;
            };
            for axis in (0..3).filter(|&axis| size[axis] > 1) {
                convolve(voxels, size, axis, &kernel(sigmas[axis]));
            }
        });
    }
}

/// The kernel's length: the odd number nearest to `6 sigma + 0.5`.
///
/// Even numbers are moved as Python's `round` and nnU-Net's `_round_to_nearest_odd` do.
pub(super) fn kernel_length(sigma: f64) -> usize {
    let wanted = sigma * LENGTH_IN_SIGMAS + 0.5;
    let rounded = wanted.round_ties_even();
    let odd = if rounded % 2.0 == 1.0 {
        rounded
    } else if wanted - rounded >= 0.0 {
        rounded + 1.0
    } else {
        rounded - 1.0
    };
    odd.max(1.0) as usize
}

/// A normalized Gaussian.
fn kernel(sigma: f64) -> Vec<f32> {
    let n = kernel_length(sigma);
    let half = (n as f64 - 1.0) / 2.0;
    let density: Vec<f64> = (0..n)
        .map(|i| (-0.5 * ((i as f64 - half) / sigma).powi(2)).exp())
        .collect();
    let sum: f64 = density.iter().sum();
    density.into_iter().map(|d| (d / sum) as f32).collect()
}

/// The index mirrored into `0..n` without repeating the ends.
fn reflected(index: isize, n: usize) -> usize {
    let period = 2 * (n as isize - 1).max(1);
    let folded = index.rem_euclid(period);
    folded.min(period - folded) as usize % n
}

/// Convolves one axis in place.
///
/// The array is seen as `[outer, n, inner]`; each line of `inner` voxels is a weighted sum of
/// whole lines, so that the compiler vectorizes it. Along x the lines are the kernel's shifts of
/// one padded row.
fn convolve(voxels: &mut [f32], size: [usize; 3], axis: usize, kernel: &[f32]) {
    let n = size[axis];
    let inner: usize = size[axis + 1..].iter().product();
    let half = kernel.len() / 2;
    let source_of = |i: usize| reflected(i as isize - half as isize, n);
    let mut padded = vec![0.0; (n + 2 * half) * inner];
    for block in voxels.chunks_exact_mut(n * inner) {
        for (i, line) in padded.chunks_exact_mut(inner).enumerate() {
            let from = source_of(i) * inner;
            line.copy_from_slice(&block[from..from + inner]);
        }
        block.fill(0.0);
        for (shift, &weight) in kernel.iter().enumerate() {
            let lines = &padded[shift * inner..shift * inner + block.len()];
            for (voxel, &source) in block.iter_mut().zip(lines) {
                *voxel += weight * source;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Purpose, sample_rng};

    #[test]
    fn kernels_have_three_five_or_seven_entries() {
        let lengths = [0.5, 0.58, 0.584, 0.75, 0.916, 0.918, 1.0].map(kernel_length);
        // Read from batchgeneratorsv2's _compute_kernel_size(sigma, truncate=6).
        assert_eq!(lengths, [3, 3, 5, 5, 5, 7, 7]);
        assert!((kernel(0.8).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn indices_are_mirrored_without_the_border() {
        let around: Vec<usize> = (-3..8).map(|i| reflected(i, 4)).collect();
        assert_eq!(around, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert!((-3..4).all(|i| reflected(i, 1) == 0));
        assert_eq!(
            (-3..4).map(|i| reflected(i, 2)).collect::<Vec<_>>(),
            [1, 0, 1, 0, 1, 0, 1]
        );
    }

    #[test]
    fn each_axis_is_a_plain_convolution() {
        let size = [5, 4, 6];
        let at = |z: usize, y: usize, x: usize| ((z * 31 + y * 17 + x * 7) % 13) as f32;
        let kernel = kernel(0.9);
        for axis in 0..3 {
            let mut voxels: Vec<f32> = Vec::new();
            let mut expected = Vec::new();
            for (z, y, x) in
                (0..5).flat_map(|z| (0..4).flat_map(move |y| (0..6).map(move |x| (z, y, x))))
            {
                voxels.push(at(z, y, x));
                let sum: f32 = (kernel.iter().enumerate())
                    .map(|(k, w)| {
                        let mut index = [z, y, x];
                        index[axis] = reflected((index[axis] + k) as isize - 2, size[axis]);
                        w * at(index[0], index[1], index[2])
                    })
                    .sum();
                expected.push(sum);
            }
            convolve(&mut voxels, size, axis, &kernel);
            for (v, e) in voxels.iter().zip(&expected) {
                assert!((v - e).abs() < 1e-5, "axis {axis}: {v} {e}");
            }
        }
    }

    #[test]
    fn half_of_the_channels_are_blurred_with_strengths_in_range() {
        let mut rng = sample_rng(9, 0, 0, 0, Purpose::Preview);
        let drawn = Blur::draw(4000, &mut rng);
        let blurred: Vec<[f64; 3]> = drawn.sigmas.into_iter().flatten().collect();
        assert!(blurred.len().abs_diff(2000) < 159); // 5 standard deviations
        assert!(blurred.iter().flatten().all(|s| (0.5..1.0).contains(s)));
        assert!(blurred.iter().all(|s| s[0] != s[1] && s[1] != s[2]));
    }
}
