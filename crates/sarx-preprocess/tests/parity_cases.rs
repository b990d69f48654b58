//! Whole cases against the folders that nnU-Net's preprocessor wrote.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use ndarray::{Axis, Ix4};
use sarx_core::BoundingBox;
use sarx_io::{read_image, read_labels};
use sarx_preprocess::{
    Normalization, PreprocessSpec, PreprocessedCase, Resampling, SplineOrder, TargetSpacing,
    preprocess,
};
use sarx_testkit::{read_npz, shared};
use serde_json::Value;
use std::path::Path;

/// Mean and deviation are summed in f32 by NumPy, in f64 here; intensities reach about 10.
const TOLERANCE: f32 = 2e-5;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn resampling(kwargs: &Value) -> Resampling {
    let order = |name: &str| SplineOrder::from_number(kwargs[name].as_u64().unwrap()).unwrap();
    Resampling {
        order: order("order"),
        order_z: order("order_z"),
        force_separate_z: kwargs["force_separate_z"].as_bool(),
    }
}

/// The numbers of a plans file that preprocessing needs; all channels z-score.
fn spec(folder: &Path) -> PreprocessSpec {
    let plans = json(&folder.join("nnUNetPlans.json"));
    let configuration = &plans["configurations"]["3d_fullres"];
    let schemes = configuration["normalization_schemes"].as_array().unwrap();
    assert!(schemes.iter().all(|scheme| scheme == "ZScoreNormalization"));
    let masks: Vec<bool> =
        serde_json::from_value(configuration["use_mask_for_norm"].clone()).unwrap();
    PreprocessSpec {
        transpose_forward: serde_json::from_value(plans["transpose_forward"].clone()).unwrap(),
        target_spacing_mm: TargetSpacing::Volume(
            serde_json::from_value(configuration["spacing"].clone()).unwrap(),
        ),
        normalization: masks
            .into_iter()
            .map(|masked| Normalization::ZScore { masked })
            .collect(),
        image_resampling: resampling(&configuration["resampling_fn_data_kwargs"]),
        label_resampling: resampling(&configuration["resampling_fn_seg_kwargs"]),
        logits_resampling: resampling(&configuration["resampling_fn_probabilities_kwargs"]),
        foreground: vec![vec![1]],
        ignore: None,
    }
}

/// Properties of the json, as nnU-Net names them.
fn compare_properties(case: &PreprocessedCase, expected: &Value) {
    let properties = &case.properties;
    let size =
        |name: &str| -> [usize; 3] { serde_json::from_value(expected[name].clone()).unwrap() };
    let spacing: [f64; 3] = serde_json::from_value(expected["spacing"].clone()).unwrap();
    assert_eq!(properties.spacing_mm, spacing, "to the last bit");
    assert_eq!(properties.size_before_crop, size("shape_before_cropping"));
    assert_eq!(
        properties.size_after_crop,
        size("shape_after_cropping_and_before_resampling")
    );
    let bounds: [[usize; 2]; 3] =
        serde_json::from_value(expected["bbox_used_for_cropping"].clone()).unwrap();
    let expected_box = BoundingBox {
        lower: bounds.map(|b| b[0]),
        upper: bounds.map(|b| b[1]),
    };
    assert_eq!(properties.bounding_box, expected_box);
    let locations = &case.class_locations.as_ref().unwrap().foreground[0].voxels;
    assert_eq!(
        locations.len() as u64,
        expected["foreground_voxels_sampled"]["1"].as_u64().unwrap()
    );
}

fn compare_folder(folder: &Path, cases: &[&str]) {
    let spec = spec(folder);
    for case in cases {
        let image = read_image(&folder.join(format!("raw/imagesTr/{case}_0000.nii.gz"))).unwrap();
        let labels = read_labels(&folder.join(format!("raw/labelsTr/{case}.nii.gz"))).unwrap();
        let found = preprocess(&[&image.volume], Some(&labels.labels), &spec).unwrap();
        let preprocessed = folder.join("preprocessed");
        compare_properties(&found, &json(&preprocessed.join(format!("{case}.json"))));
        let path = preprocessed.join(format!("{case}.npz"));
        let expected = read_npz::<f32>(&path, "image")
            .into_dimensionality::<Ix4>()
            .unwrap();
        assert_eq!(found.image.dim(), expected.dim());
        let largest = found
            .image
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(largest <= TOLERANCE, "{case}: {largest}");
        let expected = read_npz::<i16>(&path, "seg")
            .into_dimensionality::<Ix4>()
            .unwrap();
        let expected = expected.index_axis(Axis(0), 0);
        let labels = found.labels.unwrap();
        assert_eq!(labels.shape(), expected.shape());
        let different = labels.iter().zip(expected).filter(|(a, b)| a != b).count();
        assert_eq!(different, 0, "{case}: labels of {} voxels", labels.len());
    }
}

#[test]
fn cases_of_one_spacing() {
    let Some(folder) = shared("oracle/t1_axial") else {
        return;
    };
    compare_folder(&folder, &["sts_7_000", "sts_7_001"]);
}

#[test]
fn cases_of_varied_spacing() {
    let Some(folder) = shared("oracle/t1_axial_varied") else {
        return;
    };
    compare_folder(&folder, &["sts_31_000", "sts_31_001", "sts_31_002"]);
}
