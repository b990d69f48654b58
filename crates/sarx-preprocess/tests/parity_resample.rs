//! Small arrays against nnU-Net's own resampling and foreground sampling
//! (`golden/make_resample.py`).
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use ndarray::{Array3, Ix2, Ix3};
use sarx_preprocess::{
    ResampleGeometry, Resampling, SplineOrder, find_class_locations, resample_image,
    resample_labels,
};
use sarx_testkit::read_npz;
use serde_json::Value;
use std::path::PathBuf;

/// Both compute in f64; the results differ in the last bit of f32, of values up to 1.
const TOLERANCE: f32 = 1.2e-7;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name)
}

fn document() -> Value {
    serde_json::from_slice(&std::fs::read(golden("resample.json")).unwrap()).unwrap()
}

fn array<T: ndarray_npy::ReadableElement>(name: String) -> Array3<T> {
    read_npz(&golden("resample.npz"), &name)
        .into_dimensionality::<Ix3>()
        .unwrap()
}

fn triple(value: &Value) -> [f64; 3] {
    std::array::from_fn(|axis| value[axis].as_f64().unwrap())
}

fn settings(case: &Value, size: &[usize]) -> (ResampleGeometry, Resampling) {
    let geometry = ResampleGeometry {
        from_mm: triple(&case["from_mm"]),
        to_mm: triple(&case["to_mm"]),
        size: [size[0], size[1], size[2]],
    };
    let order = |name: &str| SplineOrder::from_number(case[name].as_u64().unwrap()).unwrap();
    let resampling = Resampling {
        order: order("order"),
        order_z: order("order_z"),
        force_separate_z: case["force_separate_z"].as_bool(),
    };
    (geometry, resampling)
}

#[test]
fn images_are_nnunets_to_the_last_bit_of_f32() {
    let document = document();
    let cases = document["cases"].as_array().unwrap().iter().enumerate();
    let images: Vec<_> = cases.filter(|(_, case)| case["is_seg"] == false).collect();
    assert_eq!(images.len(), 16);
    for (i, case) in images {
        let expected: Array3<f32> = array(format!("out_{i}"));
        let (geometry, resampling) = settings(case, expected.shape());
        let input: Array3<f32> = array(format!("in_{i}"));
        let found = resample_image(input.view(), &geometry, &resampling);
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        assert!(largest <= TOLERANCE, "case {i}: {largest} {case}");
    }
}

#[test]
fn labels_are_nnunets_at_every_voxel_up_to_order_1() {
    let document = document();
    let cases = document["cases"].as_array().unwrap().iter().enumerate();
    let labels: Vec<_> = cases.filter(|(_, case)| case["is_seg"] == true).collect();
    assert_eq!(labels.len(), 16);
    for (i, case) in labels {
        let expected: Array3<i16> = array(format!("out_{i}"));
        let (geometry, resampling) = settings(case, expected.shape());
        let input: Array3<i16> = array(format!("in_{i}"));
        let found = resample_labels(input.view(), &geometry, &resampling);
        let different = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        // nnU-Net resamples labels with order 1. The ties of order 3 are decided by the last bit
        // of SciPy's sums over 64 coefficients, which are not repeated here.
        let allowed = if case["order"] == 3 {
            found.len() / 50
        } else {
            0
        };
        assert!(
            different <= allowed,
            "case {i}: {different} of {} voxels: {case}",
            found.len()
        );
    }
}

#[test]
fn foreground_locations_are_nnunets_in_their_order() {
    let document = document();
    let seg: Array3<i16> = array("seg".to_owned());
    let keys: Vec<Vec<i16>> = document["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| serde_json::from_value(key["labels"].clone()).unwrap())
        .collect();
    let (annotated, foreground) = keys.split_last().unwrap();
    // Label 4 is the ignore label; 7 does not occur, and must not be annotated either.
    let found = find_class_locations(seg.view(), foreground, Some(4));
    let found_annotated = found.annotated.unwrap();
    assert_eq!(found_annotated.labels[..4], annotated[..4]);
    for (i, (key, locations)) in document["keys"]
        .as_array()
        .unwrap()
        .iter()
        .zip(found.foreground.iter().chain([&found_annotated]))
        .enumerate()
    {
        assert_eq!(
            locations.voxels.len() as u64,
            key["count"].as_u64().unwrap(),
            "{key}"
        );
        let head = read_npz::<u32>(&golden("resample.npz"), &format!("locations_{i}"))
            .into_dimensionality::<Ix2>()
            .unwrap();
        for (voxel, expected) in locations.voxels.iter().zip(head.rows()) {
            assert_eq!(voxel.as_slice(), expected.as_slice().unwrap(), "{key}");
        }
        let checksum: u64 = (1u64..)
            .zip(&locations.voxels)
            .map(|(i, [z, y, x])| i * (u64::from(*z) * 1024 + u64::from(*y) * 32 + u64::from(*x)))
            .sum();
        assert_eq!(checksum, key["checksum"].as_u64().unwrap(), "{key}");
    }
}
