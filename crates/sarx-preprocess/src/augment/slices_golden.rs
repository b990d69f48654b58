//! 2D patches (one voxel along z) against batchgeneratorsv2's transforms of 2D arrays.
//!
//! `golden/slices.json` is written by `golden/make_slices.py`. Noise, brightness, contrast and gamma
//! know no axes and are tested in three.

use super::blur::Blur;
use super::low_resolution::LowResolution;
use super::mirror::Mirror;
use super::spatial::Spatial;
use super::{Sample, deep_supervision_scales, deep_supervision_targets};
use ndarray::{Array3, Array4};
use serde::Deserialize;

/// As in three dimensions: values of order 1, summed in another order.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    shape: [usize; 2],
    image: Vec<f32>,
    labels: Vec<i16>,
    blur: Vec<BlurResult>,
    low_resolution: Vec<LowResolutionResult>,
    mirror: Vec<MirrorResult>,
    spatial: Vec<SpatialResult>,
    strides: Vec<[usize; 2]>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct BlurResult {
    sigmas: Vec<[f64; 2]>,
    image: Vec<f32>,
}

#[derive(Deserialize)]
struct LowResolutionResult {
    scales: Vec<f64>,
    image: Vec<f32>,
}

#[derive(Deserialize)]
struct MirrorResult {
    axes: Vec<usize>,
    labels: Vec<i16>,
}

#[derive(Deserialize)]
struct SpatialResult {
    patch: [usize; 2],
    angle_rad: f64,
    scale: f64,
    image: Vec<f32>,
    labels: Vec<i16>,
}

#[derive(Deserialize)]
struct Target {
    shape: [usize; 2],
    labels: Vec<i16>,
}

fn golden() -> (Golden, Sample) {
    let golden: Golden = serde_json::from_str(include_str!("../../golden/slices.json")).unwrap();
    let [y, x] = golden.shape;
    let sample = Sample {
        image: Array4::from_shape_vec((2, 1, y, x), golden.image.clone()).unwrap(),
        labels: Array3::from_shape_vec((1, y, x), golden.labels.clone()).unwrap(),
        previous: None,
    };
    (golden, sample)
}

fn assert_close(found: &Array4<f32>, expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() < TOLERANCE, "{what}: {f} {e}");
    }
}

#[test]
fn rotation_scaling_and_mirroring() {
    let (golden, sample) = golden();
    for (index, result) in golden.spatial.into_iter().enumerate() {
        let spatial = Spatial {
            angles_rad: [result.angle_rad, 0.0, 0.0],
            scale: result.scale,
        };
        let [y, x] = result.patch;
        let moved = spatial.apply(&sample, [1, y, x], true);
        assert_close(&moved.image, &result.image, &format!("spatial {index}"));
        let labels: Vec<i16> = moved.labels.into_iter().collect();
        assert_eq!(labels, result.labels, "spatial {index}");
    }
    for result in golden.mirror {
        let axes = std::array::from_fn(|axis| axis > 0 && result.axes.contains(&(axis - 1)));
        let labels = Mirror { axes }.apply(sample.clone()).labels;
        let labels: Vec<i16> = labels.into_iter().collect();
        assert_eq!(labels, result.labels, "mirror {:?}", result.axes);
    }
}

#[test]
fn blur_and_low_resolution() {
    let (golden, sample) = golden();
    for result in golden.blur {
        let mut found = sample.image.clone();
        // The first deviation would act across slices, of which there is one.
        let sigmas = result.sigmas.iter().map(|&[y, x]| Some([0.7, y, x]));
        Blur {
            sigmas: sigmas.collect(),
        }
        .apply(&mut found);
        assert_close(&found, &result.image, &format!("blur {:?}", result.sigmas));
    }
    for result in golden.low_resolution {
        let mut found = sample.image.clone();
        let scales = result.scales.iter().map(|&s| Some([1.0, s, s]));
        LowResolution {
            scales: scales.collect(),
        }
        .apply(&mut found);
        let what = format!("low resolution {:?}", result.scales);
        assert_close(&found, &result.image, &what);
    }
}

#[test]
fn targets_of_supervised_outputs() {
    let (golden, sample) = golden();
    let scales = deep_supervision_scales(&golden.strides);
    let found = deep_supervision_targets(&sample.labels, &scales).unwrap();
    assert_eq!(found.len(), golden.targets.len());
    for (found, expected) in found.into_iter().zip(golden.targets) {
        let [y, x] = expected.shape;
        assert_eq!(found.dim(), (1, y, x));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected.labels);
    }
}
