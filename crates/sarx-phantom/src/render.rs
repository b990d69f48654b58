//! From a scene to voxels: partial volume, shading, noise, whole numbers.

use crate::Series;
use crate::scanner::Background;
use crate::scene::{Content, Scene};
use crate::seeding::{Stream, stream};
use crate::shapes::{Point, add, dot, smoothstep, sub};
use crate::tissue::{Palette, Tissue};
use ndarray::Axis;
use ndarray::parallel::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rand_distr::{Distribution, StandardNormal};
use sarx_core::{Affine, Grid, Label, LabelMap, Volume};

/// Points per voxel; odd, so that a majority always exists.
const N_SAMPLES: usize = 7;

/// The largest value a 12-bit image holds.
const LARGEST_VALUE: f64 = 4095.0;

/// The tumour's label.
const TUMOUR: Label = 1;

/// Wavelengths of the shading and of the failing fat suppression, mm.
const SHADING_MM: f64 = 170.0;
const FAT_FAILURE_MM: f64 = 80.0;

/// How one series is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acquisition {
    pub(crate) seed: u64,
    pub(crate) patient: usize,
    pub(crate) series: Series,
    pub(crate) background: Background,
    /// Stored value of a signal of 1.
    pub(crate) gain: f64,
    /// Standard deviation in either channel, muscle = 1.
    pub(crate) noise: f64,
    /// The log of the signal varies by about so much.
    pub(crate) shading: f64,
    /// Direction to the most sensitive coil.
    pub(crate) coil: Point,
    /// Fat is brighter by up to this factor, less 1, where its suppression fails.
    pub(crate) fat_failure: f64,
    /// Moves the fields, so that no two series share them.
    pub(crate) field_shift: Point,
    /// How the patient lay turned about the tumour's centre (rows of a rotation) ..
    pub(crate) turn: [Point; 3],
    /// .. and moved, mm.
    pub(crate) shift: Point,
}

impl Acquisition {
    /// The point of the scene that lies at a place in the scanner, after the motion of this series; `centre` is
    /// the tumour's.
    pub(crate) fn moved(&self, centre: Point, world: Point) -> Point {
        let q = sub(world, centre);
        let turned = self.turn.map(|row| dot(row, q));
        add(add(turned, centre), self.shift)
    }
}

/// The mean over a voxel.
#[derive(Debug, Clone, Copy, Default)]
struct VoxelMean {
    signal: f64,
    is_tumour: bool,
    has_body: bool,
}

/// Takes an image of a scene; the second result is the tumour: voxels more than half filled by
/// it.
///
/// The noise of each slice has its own random stream: the result does not depend on the number
/// of threads.
pub(crate) fn render(
    scene: &Scene,
    grid: &Grid,
    acquisition: &Acquisition,
    palette: &Palette,
) -> (Volume<f32>, LabelMap) {
    let mut image = Volume::filled(*grid, 0.0f32);
    let mut label = Volume::filled(*grid, 0 as Label);
    let sampler = Sampler::new(scene, grid, acquisition, palette);
    let mut image_voxels = image.voxels_mut();
    let mut label_voxels = label.voxels_mut();
    image_voxels
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(label_voxels.axis_iter_mut(Axis(0)).into_par_iter())
        .enumerate()
        .for_each(|(z, (mut image, mut label))| {
            let part = acquisition.series as usize * 4096 + z;
            let mut rng = stream(
                acquisition.seed,
                acquisition.patient,
                Stream::SliceNoise,
                part,
            );
            for ((y, x), value) in image.indexed_iter_mut() {
                let mean = sampler.voxel([z as f64, y as f64, x as f64]);
                let (a, b): (f64, f64) = (
                    StandardNormal.sample(&mut rng),
                    StandardNormal.sample(&mut rng),
                );
                *value = sampler.stored(&mean, a, b);
                label[[y, x]] = if mean.is_tumour { TUMOUR } else { 0 };
            }
        });
    (image, label)
}

/// Everything one voxel needs.
struct Sampler<'a> {
    scene: &'a Scene,
    world_from_voxel: Affine,
    acquisition: &'a Acquisition,
    palette: &'a Palette,
    centre: Point,
    /// Half the diagonal of a voxel, mm.
    half_diagonal: f64,
    /// Where in a voxel the points lie, array units from its centre.
    offsets: [Point; N_SAMPLES],
}

impl<'a> Sampler<'a> {
    fn new(
        scene: &'a Scene,
        grid: &'a Grid,
        acquisition: &'a Acquisition,
        palette: &'a Palette,
    ) -> Self {
        let spacing = grid.spacing.zyx_mm();
        let half_diagonal = 0.5 * dot(spacing, spacing).sqrt();
        let centre = scene.tumour_centre();
        let offsets = offsets();
        Self {
            scene,
            world_from_voxel: grid.affine(),
            acquisition,
            palette,
            centre,
            half_diagonal,
            offsets,
        }
    }

    /// The scene's point under an array index, after the motion of this series.
    fn scene_point(&self, [z, y, x]: [f64; 3]) -> Point {
        let world = self.world_from_voxel.apply([x, y, z]);
        self.acquisition.moved(self.centre, world)
    }

    fn voxel(&self, index: [f64; 3]) -> VoxelMean {
        let middle = self.scene_point(index);
        if self.scene.is_air_around(middle, self.half_diagonal) {
            return VoxelMean::default();
        }
        let moved = add(middle, self.acquisition.field_shift);
        let failing = self.scene.field(moved, FAT_FAILURE_MM);
        let fat_gain = 1.0 + self.acquisition.fat_failure * smoothstep(0.2, 0.75, failing);
        let sequence = self.acquisition.series.sequence();
        let (mut sum, mut n_tumour, mut n_body) = (0.0, 0usize, 0usize);
        for offset in &self.offsets {
            let p = self.scene_point(std::array::from_fn(|axis| index[axis] + offset[axis]));
            let content = self.scene.content(p);
            n_tumour += usize::from(matches!(content, Content::Tumour { .. }));
            n_body += usize::from(!matches!(
                content,
                Content::Healthy {
                    tissue: Tissue::Air,
                    ..
                }
            ));
            sum += self
                .scene
                .signal(p, content, (sequence, self.palette, fat_gain));
        }
        let coil = dot(self.acquisition.coil, sub(middle, self.centre)) / 160.0;
        let shading = self.acquisition.shading * (self.scene.field(moved, SHADING_MM) + 0.6 * coil);
        VoxelMean {
            signal: sum / N_SAMPLES as f64 * shading.clamp(-0.7, 0.7).exp(),
            is_tumour: 2 * n_tumour > N_SAMPLES,
            has_body: n_body > 0,
        }
    }

    /// The magnitude of signal plus complex noise (`a`, `b` standard normal), as stored.
    fn stored(&self, mean: &VoxelMean, a: f64, b: f64) -> f32 {
        if self.acquisition.background == Background::Zero && !mean.has_body {
            return 0.0;
        }
        let noise = self.acquisition.noise;
        let magnitude = (mean.signal + noise * a).hypot(noise * b);
        (magnitude * self.acquisition.gain)
            .round()
            .min(LARGEST_VALUE) as f32
    }
}

/// Points spread evenly over a voxel: the additive sequence of the plastic number's analogue in
/// three dimensions (Roberts 2018, "R3").
fn offsets() -> [Point; N_SAMPLES] {
    const G: f64 = 1.220_744_084_605_759_5;
    let step = [1.0 / G, 1.0 / (G * G), 1.0 / (G * G * G)];
    std::array::from_fn(|n| step.map(|s| (0.5 + (n + 1) as f64 * s).fract() - 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_points_lie_in_the_voxel_and_balance() {
        let points = offsets();
        for axis in 0..3 {
            assert!(points.iter().all(|p| p[axis].abs() <= 0.5));
            let mean = points.iter().map(|p| p[axis]).sum::<f64>() / N_SAMPLES as f64;
            assert!(mean.abs() < 0.12, "axis {axis}: {mean}");
        }
    }
}
