//! Models of nnU-Net predicted in place, against nnU-Net's own predictions (shared/oracle).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array3, Array4, Ix4};
use sarx_core::Label;
use sarx_infer::{PredictOptions, Predictor};
use sarx_model::{ModelFolder, heads};
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseReader, discover_images};
use sarx_preprocess::{preprocess, probabilities_to_native};
use std::path::Path;

/// nnU-Net adds tiles in half precision, so a voxel on the edge of a decision may fall either way.
const MOST_DIFFERENT: f64 = 1e-4;
const LEAST_DICE: f64 = 0.999;
/// Half precision of a logit near 10, times the slope of the softmax.
const PROBABILITY_TOLERANCE: f32 = 0.01;
const MEAN_PROBABILITY_TOLERANCE: f64 = 1e-3;

fn dice(a: &Array3<Label>, b: &Array3<Label>) -> f64 {
    let both = a.iter().zip(b).filter(|&(&a, &b)| a > 0 && b > 0).count();
    let sum = a.iter().chain(b).filter(|&&label| label > 0).count();
    if sum == 0 {
        1.0
    } else {
        2.0 * both as f64 / sum as f64
    }
}

#[expect(clippy::print_stderr, reason = "the measured figures are the point")]
fn check_labels(case: &str, found: &Array3<Label>, expected: &Array3<Label>) {
    assert_eq!(found.dim(), expected.dim(), "{case}");
    let n_different = found.iter().zip(expected).filter(|(a, b)| a != b).count();
    let dice = dice(found, expected);
    eprintln!(
        "{case}: {n_different} of {} voxels differ, Dice {dice:.6}",
        found.len()
    );
    assert!(n_different as f64 <= MOST_DIFFERENT * found.len() as f64);
    assert!(dice >= LEAST_DICE, "{case}: {dice}");
}

#[expect(clippy::print_stderr, reason = "the measured figures are the point")]
fn check_probabilities(case: &str, found: &Array4<f32>, file: &Path) {
    let expected = sarx_testkit::read_npz::<f32>(file, "probabilities");
    let expected = expected.into_dimensionality::<Ix4>().unwrap();
    assert_eq!(found.dim(), expected.dim(), "{case}");
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    let (mut worst, mut sum) = (0f32, 0f64);
    for difference in differences {
        worst = worst.max(difference);
        sum += f64::from(difference);
    }
    let mean = sum / found.len() as f64;
    eprintln!("{case}: probabilities differ by {worst:.6} at most, {mean:.2e} on average");
    assert!(worst <= PROBABILITY_TOLERANCE, "{case}: {worst}");
    assert!(mean <= MEAN_PROBABILITY_TOLERANCE, "{case}: {mean}");
}

/// Predicts every image that nnU-Net's folder has a segmentation of.
fn check(dataset: &str, predictions: &str, mirroring: bool) {
    let Some(folder) = sarx_testkit::shared(&format!("oracle/{dataset}")) else {
        return;
    };
    let model = ModelFolder::open(&folder.join("model")).unwrap();
    let options = PredictOptions {
        mirroring,
        ..PredictOptions::default()
    };
    let predictor = Predictor::load(&model, &options, DeviceChoice::Cpu.inference()).unwrap();
    let images = folder.join("raw/imagesTs");
    let cases = discover_images(&images, ".nii.gz", model.dataset().n_channels()).unwrap();
    let mut n_checked = 0;
    for files in &cases {
        let expected = folder
            .join(predictions)
            .join(format!("{}.nii.gz", files.id));
        if !expected.exists() {
            continue;
        }
        let case = CaseReader::new(model.dataset()).read_case(files).unwrap();
        let channels: Vec<_> = case.channels.iter().collect();
        let spec = model.preprocess_spec();
        let preprocessed = preprocess(&channels, None, spec).unwrap();
        let logits = predictor
            .logits(preprocessed.image.view(), |_| true)
            .unwrap();
        let heads = heads(model.dataset());
        let native =
            probabilities_to_native(logits.view(), &heads, &preprocessed.properties, spec).unwrap();
        let name = format!("{dataset} {predictions} {}", files.id);
        let expected = sarx_io::read_labels(&expected).unwrap();
        check_labels(&name, &native.labels, expected.labels.voxels());
        let probabilities = folder.join(predictions).join(format!("{}.npz", files.id));
        if probabilities.exists() {
            check_probabilities(&name, &native.probabilities, &probabilities);
        }
        n_checked += 1;
    }
    assert!(n_checked > 0);
}

#[test]
fn on_its_own_grid_with_mirroring() {
    check("t1_axial", "prediction_mirroring", true);
}

#[test]
fn on_its_own_grid_without_mirroring() {
    check("t1_axial", "prediction_no_mirroring", false);
}

#[test]
fn resampled_both_ways_with_mirroring() {
    check("t1_axial_varied", "prediction_mirroring", true);
}

#[test]
fn resampled_both_ways_without_mirroring() {
    check("t1_axial_varied", "prediction_no_mirroring", false);
}
