//! Every transform against batchgeneratorsv2 and PyTorch with the same parameters.
//!
//! `golden/augment.json` is written by `golden/make_augment.py`.

use super::blur::Blur;
use super::brightness::Brightness;
use super::contrast::Contrast;
use super::gamma::Gamma;
use super::low_resolution::LowResolution;
use super::spatial::Spatial;
use super::{
    RotationSetting, Sample, deep_supervision_scales, deep_supervision_targets, initial_patch_size,
};
use ndarray::{Array3, Array4};
use serde::Deserialize;

/// Intensities are of order 1; torch computes in `f32`, some of it in another order.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    spatial: Vec<SpatialCase>,
    intensity: Intensity,
    deep_supervision: DeepSupervision,
    kernel_lengths: Vec<(f64, usize)>,
    initial_patches: Vec<InitialPatch>,
}

#[derive(Deserialize)]
struct SpatialCase {
    name: String,
    shape: [usize; 4],
    image: Vec<f32>,
    labels: Vec<i16>,
    results: Vec<SpatialResult>,
}

#[derive(Deserialize)]
struct SpatialResult {
    angles_rad: [f64; 3],
    scale: f64,
    in_plane: bool,
    patch: [usize; 3],
    image: Vec<f32>,
    labels: Vec<i16>,
}

#[derive(Deserialize)]
struct Intensity {
    shape: [usize; 4],
    image: Vec<f32>,
    factors: Vec<f32>,
    brightness: Vec<f32>,
    contrast: Vec<f32>,
    blur: Vec<BlurResult>,
    low_resolution: Vec<LowResolutionResult>,
    gamma: Vec<GammaResult>,
}

#[derive(Deserialize)]
struct BlurResult {
    sigmas: Vec<Option<[f64; 3]>>,
    image: Vec<f32>,
}

#[derive(Deserialize)]
struct LowResolutionResult {
    scales: Vec<Option<[f64; 3]>>,
    image: Vec<f32>,
}

#[derive(Deserialize)]
struct GammaResult {
    inverted: bool,
    exponents: Vec<f32>,
    image: Vec<f32>,
}

#[derive(Deserialize)]
struct DeepSupervision {
    shape: [usize; 3],
    labels: Vec<i16>,
    results: Vec<DeepSupervisionResult>,
}

#[derive(Deserialize)]
struct DeepSupervisionResult {
    strides: Vec<[usize; 3]>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    shape: [usize; 3],
    labels: Vec<i16>,
}

#[derive(Deserialize)]
struct InitialPatch {
    patch: Vec<usize>,
    initial: Vec<usize>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../golden/augment.json")).unwrap()
}

fn assert_close(found: &Array4<f32>, expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(f, e)| (f - e).abs())
        .fold(0.0, |a: f32, b| a.max(b));
    assert!(worst < TOLERANCE, "{what}: {worst} away");
}

#[test]
fn rotation_and_scaling() {
    for case in golden().spatial {
        let [_, z, y, x] = case.shape;
        let sample = Sample {
            image: Array4::from_shape_vec(case.shape, case.image).unwrap(),
            labels: Array3::from_shape_vec((z, y, x), case.labels).unwrap(),
            previous: None,
        };
        for (index, result) in case.results.into_iter().enumerate() {
            let what = format!("{} {index}", case.name);
            let spatial = Spatial {
                angles_rad: result.angles_rad,
                scale: result.scale,
            };
            let moved = spatial.apply(&sample, result.patch, result.in_plane);
            assert_close(&moved.image, &result.image, &what);
            let labels: Vec<i16> = moved.labels.into_iter().collect();
            let differ = labels
                .iter()
                .zip(&result.labels)
                .filter(|(a, b)| a != b)
                .count();
            assert_eq!(differ, 0, "{what}: of {}", result.labels.len());
        }
    }
}

#[test]
fn brightness_and_contrast() {
    let golden = golden().intensity;
    let image = Array4::from_shape_vec(golden.shape, golden.image).unwrap();
    let mut found = image.clone();
    Brightness {
        factors: golden.factors.clone(),
    }
    .apply(&mut found);
    assert_close(&found, &golden.brightness, "brightness");
    let mut found = image;
    Contrast {
        factors: golden.factors,
    }
    .apply(&mut found);
    assert_close(&found, &golden.contrast, "contrast");
}

#[test]
fn blur_low_resolution_and_gamma() {
    let golden = golden().intensity;
    let image = Array4::from_shape_vec(golden.shape, golden.image).unwrap();
    for result in golden.blur {
        let mut found = image.clone();
        Blur {
            sigmas: result.sigmas.clone(),
        }
        .apply(&mut found);
        assert_close(&found, &result.image, &format!("blur {:?}", result.sigmas));
    }
    for result in golden.low_resolution {
        let mut found = image.clone();
        LowResolution {
            scales: result.scales.clone(),
        }
        .apply(&mut found);
        assert_close(
            &found,
            &result.image,
            &format!("low resolution {:?}", result.scales),
        );
    }
    for GammaResult {
        inverted,
        exponents,
        image: expected,
    } in golden.gamma
    {
        let what = format!("gamma {exponents:?}, inverted: {inverted}");
        let mut found = image.clone();
        Gamma {
            exponents,
            inverted,
        }
        .apply(&mut found);
        assert_close(&found, &expected, &what);
    }
}

#[test]
fn kernel_lengths_of_the_blur() {
    for (sigma, length) in golden().kernel_lengths {
        assert_eq!(super::blur::kernel_length(sigma), length, "sigma {sigma}");
    }
}

#[test]
fn deep_supervision() {
    let golden = golden().deep_supervision;
    let labels = Array3::from_shape_vec(golden.shape, golden.labels).unwrap();
    for result in golden.results {
        let scales = deep_supervision_scales(&result.strides);
        let targets = deep_supervision_targets(&labels, &scales).unwrap();
        assert_eq!(targets.len(), result.targets.len());
        for (found, expected) in targets.into_iter().zip(result.targets) {
            let expected = Array3::from_shape_vec(expected.shape, expected.labels).unwrap();
            assert_eq!(found, expected, "strides {:?}", result.strides);
        }
    }
}

#[test]
fn initial_patches() {
    for InitialPatch { patch, initial } in golden().initial_patches {
        let rotation = RotationSetting::for_patch(&patch).unwrap();
        assert_eq!(
            initial_patch_size(&patch, rotation).unwrap(),
            initial,
            "{patch:?}"
        );
    }
}
