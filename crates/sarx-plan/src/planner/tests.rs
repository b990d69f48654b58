//! Plans against those that nnU-Net wrote, and bad input.

mod golden;

use super::*;
use crate::fingerprint::IntensityProperties;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Relative difference of two floats that went through the same operations.
const TOLERANCE: f64 = 1e-9;

/// Presets of which the shared folder holds plans.
fn nnunet_presets() -> [Preset; 4] {
    [
        Preset::plain(),
        Preset::resenc_m(),
        Preset::resenc_l(),
        Preset::resenc_xl(),
    ]
}

/// Every path at which two documents differ; numbers by value, keys regardless of order.
fn differences(at: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for key in b.keys().filter(|key| !a.contains_key(*key)) {
                out.push(format!("{at}.{key} is not in nnU-Net's file"));
            }
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => differences(&format!("{at}.{key}"), value, other, out),
                    None => out.push(format!("{at}.{key} is missing")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{at}[{index}]"), a, b, out);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() > TOLERANCE * a.abs() {
                out.push(format!("{at}: {a} expected, {b} found"));
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{at}: {a} expected, {b} found")),
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn oracle_datasets() -> Vec<PathBuf> {
    let Some(folder) = sarx_testkit::shared("oracle/plans") else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

#[test]
fn plans_equal_nnunets_field_by_field() {
    let datasets = oracle_datasets();
    if datasets.is_empty() {
        return;
    }
    assert_eq!(datasets.len(), 9);
    let mut wrong = Vec::new();
    for folder in datasets {
        let dataset_json = DatasetJson::read(&folder.join("dataset.json")).unwrap();
        let fingerprint = Fingerprint::read(&folder.join("dataset_fingerprint.json")).unwrap();
        for preset in nnunet_presets() {
            let name = format!("{}.json", preset.plans_name);
            let expected = read(&folder.join(&name));
            let dataset_name = expected["dataset_name"].as_str().unwrap();
            let found = plan(dataset_name, &dataset_json, &fingerprint, &preset).unwrap();
            let found = Value::Object(found.to_json().clone());
            let at = format!("{}/{name}", folder.file_name().unwrap().display());
            differences(&at, &expected, &found, &mut wrong);
            let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&expected), keys(&found), "order of keys");
            for (name, configuration) in expected["configurations"].as_object().unwrap() {
                assert_eq!(keys(configuration), keys(&found["configurations"][name]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plans_of_a_real_cohort_equal_nnunets() {
    for cohort in ["t1_axial", "t1_axial_varied"] {
        let Some(folder) = sarx_testkit::shared(&format!("oracle/{cohort}")) else {
            return;
        };
        let dataset_json = DatasetJson::read(&folder.join("dataset.json")).unwrap();
        let fingerprint = Fingerprint::read(&folder.join("dataset_fingerprint.json")).unwrap();
        let expected = read(&folder.join("nnUNetPlans.json"));
        let dataset_name = expected["dataset_name"].as_str().unwrap();
        let found = plan(dataset_name, &dataset_json, &fingerprint, &Preset::plain()).unwrap();
        let mut wrong = Vec::new();
        differences(
            cohort,
            &expected,
            &Value::Object(found.to_json().clone()),
            &mut wrong,
        );
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn the_small_preset_plans_small_patches_for_sarcomas() {
    for folder in oracle_datasets() {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("sts_") {
            continue;
        }
        let dataset_json = DatasetJson::read(&folder.join("dataset.json")).unwrap();
        let fingerprint = Fingerprint::read(&folder.join("dataset_fingerprint.json")).unwrap();
        let plans = plan(
            "Dataset001_A",
            &dataset_json,
            &fingerprint,
            &Preset::small(),
        )
        .unwrap();
        let full = plans.configuration("3d_fullres").unwrap();
        let [z, y, x] = full.patch_size[..] else {
            panic!("three axes")
        };
        assert!((16..=24).contains(&z), "{name}: {:?}", full.patch_size);
        assert!(
            (64..=112).contains(&y) && (64..=112).contains(&x),
            "{name}: {:?}",
            full.patch_size
        );
        assert_eq!(full.batch_size, 2);
        println!("{name}: {:?}", full.patch_size);
        assert_eq!(plans.plans_name(), "sarxSmallPlans");
        assert_eq!(full.architecture.features_per_stage[0], 8);
        assert!(
            full.architecture
                .features_per_stage
                .iter()
                .all(|&f| f <= 80)
        );
    }
}

/// A sound dataset to break.
fn simple() -> (DatasetJson, Fingerprint) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.json");
    let text = r#"{"channel_names": {"0": "T1"}, "labels": {"background": 0, "a": 1},
        "numTraining": 10, "file_ending": ".nii.gz"}"#;
    std::fs::write(&path, text).unwrap();
    let intensity = IntensityProperties {
        max: 1.0,
        mean: 0.5,
        median: 0.5,
        min: 0.0,
        percentile_00_5: 0.0,
        percentile_99_5: 1.0,
        std: 0.1,
    };
    let fingerprint = Fingerprint {
        spacings_mm: vec![[5.0, 0.8, 0.8]; 10],
        sizes_after_crop: vec![[30, 300, 300]; 10],
        foreground_intensities: vec![intensity],
        median_relative_size_after_cropping: 1.0,
    };
    (DatasetJson::read(&path).unwrap(), fingerprint)
}

#[test]
fn bad_input_is_named() {
    let (json, good) = simple();
    let plan_with = |fingerprint: &Fingerprint, preset: &Preset| {
        plan("Dataset001_A", &json, fingerprint, preset).unwrap_err()
    };
    let mut two_channels = good.clone();
    two_channels
        .foreground_intensities
        .push(good.foreground_intensities[0]);
    let error = plan_with(&two_channels, &Preset::plain());
    assert!(matches!(
        error,
        PlanError::ChannelCount {
            expected: 1,
            found: 2
        }
    ));

    let empty = Fingerprint {
        spacings_mm: vec![],
        sizes_after_crop: vec![],
        ..good.clone()
    };
    assert!(matches!(
        plan_with(&empty, &Preset::plain()),
        PlanError::NoCases
    ));

    let mut broken = good.clone();
    broken.spacings_mm[3][1] = f64::NAN;
    let error = plan_with(&broken, &Preset::plain());
    assert!(matches!(error, PlanError::BadCase { case_index: 3, .. }));

    let tiny = Preset {
        memory_gb: 1e-9,
        ..Preset::plain()
    };
    assert!(matches!(
        plan_with(&good, &tiny),
        PlanError::NoPatchFits { .. }
    ));

    let negative = Preset {
        target_spacing_mm: Some([1.0, -1.0, 1.0]),
        ..Preset::plain()
    };
    assert!(matches!(
        plan_with(&good, &negative),
        PlanError::TargetSpacing { .. }
    ));

    let coarse = Preset {
        target_spacing_mm: Some([1e4, 1e4, 1e4]),
        ..Preset::plain()
    };
    assert!(matches!(
        plan_with(&good, &coarse),
        PlanError::EmptyPatch { .. }
    ));
}

#[test]
fn single_slices_get_a_2d_configuration_only() {
    let (json, mut fingerprint) = simple();
    fingerprint.sizes_after_crop = vec![[1, 300, 300]; 10];
    fingerprint.spacings_mm = vec![[999.0, 1.0, 1.0]; 10];
    let plans = plan("Dataset001_A", &json, &fingerprint, &Preset::plain()).unwrap();
    assert_eq!(plans.configuration_names().collect::<Vec<_>>(), ["2d"]);
    assert!(
        explain(&json, &fingerprint, &Preset::plain())
            .unwrap()
            .contains("single slices")
    );
}

#[test]
fn more_memory_gives_larger_patches() {
    let (json, fingerprint) = simple();
    let voxels = |memory_gb| {
        let preset = Preset {
            memory_gb,
            ..Preset::small()
        };
        let plans = plan("Dataset001_A", &json, &fingerprint, &preset).unwrap();
        plans
            .configuration("3d_fullres")
            .unwrap()
            .patch_size
            .iter()
            .product::<usize>()
    };
    assert!(voxels(1.0) < voxels(4.0));
}

#[test]
fn the_explanation_holds_the_numbers_of_the_plans() {
    let (json, fingerprint) = simple();
    let text = explain(&json, &fingerprint, &Preset::small()).unwrap();
    println!("{text}");
    let plans = plan("Dataset001_A", &json, &fingerprint, &Preset::small()).unwrap();
    for name in plans
        .configuration_names()
        .filter(|name| *name != "3d_cascade_fullres")
    {
        let configuration = plans.configuration(name).unwrap();
        let patch: Vec<String> = configuration
            .patch_size
            .iter()
            .map(usize::to_string)
            .collect();
        let expected = format!("{name}: patch {}", patch.join("x"));
        assert!(text.contains(&expected), "{expected}\n{text}");
        assert!(
            text.contains(&format!("batch {}:", configuration.batch_size)),
            "{text}"
        );
    }
    let begin =
        "target spacing: 5x0.8x0.8 mm along z, y, x of the files, because each axis has the median";
    assert!(text.starts_with(begin), "{text}");
    assert!(text.contains("10th percentile"), "{text}");
}
