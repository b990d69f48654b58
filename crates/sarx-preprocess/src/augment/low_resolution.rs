//! Simulation of an image that was taken with larger voxels.

use super::channels::for_each_channel;
use super::random::{fires, uniform};
use super::targets::{nearest_index, target_size};
use ndarray::Array4;
use rand::Rng;

/// Probability that a channel is degraded (`nnUNetTrainer.get_training_transforms`).
const PER_CHANNEL: f64 = 0.5;
/// The range of scales.
const SCALES: (f64, f64) = (0.5, 1.0);

/// Reduction to fewer voxels by the nearest one, and linear enlargement back.
///
/// Source: batchgeneratorsv2, `transforms/spatial/low_resolution.py`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LowResolution {
    /// Scale along z, y, x for each channel that is degraded.
    pub(super) scales: Vec<Option<[f64; 3]>>,
}

impl LowResolution {
    /// One scale for all axes; in-plane z keeps its voxels.
    pub(super) fn draw(n_channels: usize, in_plane: bool, rng: &mut impl Rng) -> Self {
        let mut one = || {
            fires(rng, PER_CHANNEL).then(|| {
                // PyTorch holds the scale as `f32` before it computes sizes.
                let scale = f64::from(uniform(rng, SCALES.0, SCALES.1) as f32);
                [if in_plane { 1.0 } else { scale }, scale, scale]
            })
        };
        Self {
            scales: (0..n_channels).map(|_| one()).collect(),
        }
    }

    /// An axis keeps at least one voxel (nnU-Net would stop with an error).
    pub(super) fn apply(&self, image: &mut Array4<f32>) {
        let size = [image.shape()[1], image.shape()[2], image.shape()[3]];
        for_each_channel(image, |channel, voxels| {
            let Some(scale) = self.scales[channel] else {
                return;
            };
            let small = target_size(size, scale).map(|n| n.max(1));
            let reduced = reduce(voxels, size, small);
            enlarge(reduced, small, size, voxels);
        });
    }
}

/// The nearest voxel of `size` for each voxel of `small`.
fn reduce(voxels: &[f32], size: [usize; 3], small: [usize; 3]) -> Vec<f32> {
    let index = |axis: usize, i| nearest_index(i, size[axis], small[axis]);
    let columns: Vec<usize> = (0..small[2]).map(|x| index(2, x)).collect();
    let mut reduced = Vec::with_capacity(small.iter().product());
    for z in 0..small[0] {
        for y in 0..small[1] {
            let start = (index(0, z) * size[1] + index(1, y)) * size[2];
            let row = &voxels[start..start + size[2]];
            reduced.extend(columns.iter().map(|&x| row[x]));
        }
    }
    reduced
}

/// Linear interpolation from `small` to `size`, axis by axis from the fastest.
fn enlarge(mut voxels: Vec<f32>, small: [usize; 3], size: [usize; 3], target: &mut [f32]) {
    let mut shape = small;
    for axis in [2, 1, 0] {
        if shape[axis] != size[axis] {
            voxels = enlarge_axis(&voxels, shape, axis, size[axis]);
            shape[axis] = size[axis];
        }
    }
    target.copy_from_slice(&voxels);
}

/// Both neighbours of a target voxel and the share of the second.
///
/// PyTorch's `area_pixel_compute_source_index` with `align_corners=False`.
fn neighbours(i: usize, source: usize, target: usize) -> (usize, usize, f32) {
    let scale = source as f32 / target as f32;
    let position = ((i as f32 + 0.5) * scale - 0.5).max(0.0);
    let first = (position as usize).min(source - 1);
    (first, (first + 1).min(source - 1), position - first as f32)
}

fn enlarge_axis(voxels: &[f32], shape: [usize; 3], axis: usize, n: usize) -> Vec<f32> {
    let inner: usize = shape[axis + 1..].iter().product();
    let table: Vec<_> = (0..n).map(|i| neighbours(i, shape[axis], n)).collect();
    let mut enlarged = Vec::with_capacity(voxels.len() / shape[axis] * n);
    for block in voxels.chunks_exact(shape[axis] * inner) {
        if inner == 1 {
            enlarged.extend(
                table
                    .iter()
                    .map(|&(a, b, t)| (1.0 - t) * block[a] + t * block[b]),
            );
            continue;
        }
        for &(a, b, t) in &table {
            let first = &block[a * inner..(a + 1) * inner];
            let second = &block[b * inner..(b + 1) * inner];
            enlarged.extend(first.iter().zip(second).map(|(a, b)| (1.0 - t) * a + t * b));
        }
    }
    enlarged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Purpose, sample_rng};

    #[test]
    fn a_ramp_becomes_steps_of_two_joined_linearly() {
        let mut image = Array4::from_shape_fn((1, 1, 1, 8), |(_, _, _, x)| x as f32);
        LowResolution {
            scales: vec![Some([1.0, 1.0, 0.5])],
        }
        .apply(&mut image);
        // Kept are 1, 3, 5, 7, at 0.5, 2.5, 4.5, 6.5.
        let expected = [1.0, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.0];
        assert_eq!(image.iter().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn channels_that_are_not_drawn_and_scale_one_stay() {
        let image = Array4::from_shape_fn((2, 3, 4, 5), |(c, z, y, x)| {
            ((c * 7 + z * 5 + y * 3 + x) % 11) as f32
        });
        let mut changed = image.clone();
        LowResolution {
            scales: vec![None, Some([1.0; 3])],
        }
        .apply(&mut changed);
        assert_eq!(changed, image);
    }

    #[test]
    fn half_of_the_channels_are_drawn_and_in_plane_z_is_kept() {
        let mut rng = sample_rng(10, 0, 0, 0, Purpose::Preview);
        for in_plane in [false, true] {
            let drawn = LowResolution::draw(4000, in_plane, &mut rng);
            let scales: Vec<[f64; 3]> = drawn.scales.into_iter().flatten().collect();
            assert!(scales.len().abs_diff(2000) < 159); // 5 standard deviations
            for scale in scales {
                assert!((0.5..=1.0).contains(&scale[1]) && scale[1] == scale[2]);
                assert_eq!(scale[0], if in_plane { 1.0 } else { scale[1] });
            }
        }
    }
}
