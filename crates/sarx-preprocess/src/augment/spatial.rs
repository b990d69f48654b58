//! Rotation and scaling: the only transforms that move voxels off their grid.
//!
//! Each voxel of the final patch is looked up in the initial patch: its coordinate relative to
//! the patch's centre is scaled, rotated, and counted from the centre of the initial patch.
//! Images are interpolated linearly; a label is the one with the largest interpolated share.
//!
//! Source: batchgeneratorsv2, `transforms/spatial/spatial.py`, `SpatialTransform` as nnU-Net
//! sets it up (no elastic deformation, no random crop), `grid_sample` with
//! `align_corners=False`.

mod image;
mod labels;
mod lattice;
#[cfg(test)]
mod reference;

use super::plan::AugmentationPlan;
use super::random::{fires, uniform};
use super::sample::Sample;
use image::sample_image;
use labels::sample_labels;
use lattice::Lattice;
use ndarray::{Array3, Array4};
use rand::Rng;

/// The range of scales (`nnUNetTrainer.get_training_transforms`); above 1 objects shrink.
const SCALES: (f64, f64) = (0.7, 1.4);

/// One rotation and scaling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spatial {
    /// Angles about the array axes z, y, x, radians; in-plane only the first is not 0.
    pub(super) angles_rad: [f64; 3],
    /// Factor of the sampling coordinates of all axes that take part.
    pub(super) scale: f64,
}

impl Spatial {
    /// Draws parameters, or `None` if neither rotation nor scaling fires.
    pub(super) fn draw(plan: &AugmentationPlan, rng: &mut impl Rng) -> Option<Self> {
        let rotates = fires(rng, plan.probabilities().rotation);
        let scales = fires(rng, plan.probabilities().scaling);
        let mut angles_rad = [0.0; 3];
        if rotates {
            let limit = plan.rotation().max_angle_rad;
            let n_angles = if plan.in_plane() { 1 } else { 3 };
            for angle in &mut angles_rad[..n_angles] {
                *angle = uniform(rng, -limit, limit);
            }
        }
        let scale = if scales {
            uniform(rng, SCALES.0, SCALES.1)
        } else {
            1.0
        };
        (rotates || scales).then_some(Self { angles_rad, scale })
    }

    /// The final patch of `patch` voxels out of the initial one.
    ///
    /// In-plane, both have the same slices.
    pub(super) fn apply(&self, sample: &Sample, patch: [usize; 3], in_plane: bool) -> Sample {
        let n_channels = sample.image.shape()[0];
        let [z, y, x] = patch;
        let mut image = Array4::zeros((n_channels, z, y, x));
        let from_image = sample.image.as_standard_layout();
        let geometry = self.geometry(sample.size(), patch, in_plane);
        if let (Some(source), Some(target)) = (from_image.as_slice(), image.as_slice_mut()) {
            geometry.image(source, target);
        }
        let moved = |labels: &Array3<i16>| {
            let mut target = Array3::zeros(patch);
            let source = labels.as_standard_layout();
            if let (Some(source), Some(target)) = (source.as_slice(), target.as_slice_mut()) {
                geometry.labels(source, target);
            }
            target
        };
        Sample {
            image,
            labels: moved(&sample.labels),
            previous: sample.previous.as_ref().map(moved),
        }
    }

    fn geometry(&self, source: [usize; 3], target: [usize; 3], in_plane: bool) -> Geometry {
        if in_plane {
            let ([_, source @ ..], [_, target @ ..]) = (source, target);
            Geometry::Slices(Lattice {
                matrix: self.matrix_2d(),
                source,
                target,
            })
        } else {
            Geometry::Volume(Lattice {
                matrix: self.matrix_3d(),
                source,
                target,
            })
        }
    }

    /// Source from target coordinates `(y, x)`, both relative to the centre.
    pub(super) fn matrix_2d(&self) -> [[f64; 2]; 2] {
        let (s, c) = self.angles_rad[0].sin_cos();
        [[c, -s], [s, c]].map(|row| row.map(|entry| entry * self.scale))
    }

    /// Source from target coordinates `(z, y, x)`: first scaled, then turned about z, y and x.
    pub(super) fn matrix_3d(&self) -> [[f64; 3]; 3] {
        let [(s0, c0), (s1, c1), (s2, c2)] = self.angles_rad.map(f64::sin_cos);
        let about_0 = [[1.0, 0.0, 0.0], [0.0, c0, -s0], [0.0, s0, c0]];
        let about_1 = [[c1, 0.0, s1], [0.0, 1.0, 0.0], [-s1, 0.0, c1]];
        let about_2 = [[c2, -s2, 0.0], [s2, c2, 0.0], [0.0, 0.0, 1.0]];
        let turned = product(product(about_2, about_1), about_0);
        turned.map(|row| row.map(|entry| entry * self.scale))
    }
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    a.map(|row| std::array::from_fn(|j| (0..3).map(|k| row[k] * b[k][j]).sum()))
}

/// Channels as whole volumes, or slices of all channels that are treated alike.
enum Geometry {
    Volume(Lattice<3>),
    Slices(Lattice<2>),
}

impl Geometry {
    fn image(&self, source: &[f32], target: &mut [f32]) {
        match self {
            Self::Volume(lattice) => each_part(lattice, source, target, sample_image),
            Self::Slices(lattice) => each_part(lattice, source, target, sample_image),
        }
    }

    fn labels(&self, source: &[i16], target: &mut [i16]) {
        match self {
            Self::Volume(lattice) => each_part(lattice, source, target, sample_labels),
            Self::Slices(lattice) => each_part(lattice, source, target, sample_labels),
        }
    }
}

/// Calls `sample` for each stretch of memory that is as large as the lattice.
fn each_part<T, const D: usize>(
    lattice: &Lattice<D>,
    source: &[T],
    target: &mut [T],
    sample: impl Fn(&Lattice<D>, &[T], &mut [T]),
) {
    let parts = source.chunks_exact(lattice.source.iter().product());
    for (source, target) in parts.zip(target.chunks_exact_mut(lattice.target.iter().product())) {
        sample(lattice, source, target);
    }
}

#[cfg(test)]
mod tests;
