//! Made-up datasets at the corners of the rules, planned by nnU-Net 2.8.1's own planners
//! (`golden/plans/README.md`).

use super::{differences, simple};
use crate::dataset_json::DatasetJson;
use crate::fingerprint::Fingerprint;
use crate::planner::{Preset, explain, plan};
use serde_json::Value;
use std::path::Path;

struct Golden {
    name: String,
    json: DatasetJson,
    fingerprint: Fingerprint,
    document: Value,
}

fn all() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/plans");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Golden {
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let part = |name: &str| {
        let path = scratch.path().join(name);
        std::fs::write(&path, document[name].to_string()).unwrap();
        path
    };
    Golden {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        json: DatasetJson::read(&part("dataset_json")).unwrap(),
        fingerprint: Fingerprint::read(&part("fingerprint")).unwrap(),
        document,
    }
}

/// The preset with nnU-Net's options of the case.
fn preset(name: &str, options: &Value) -> Preset {
    let mut preset = Preset::all()
        .into_iter()
        .find(|preset| preset.name == name)
        .unwrap();
    if let Some(gb) = options["gpu_memory_target"].as_f64() {
        preset.memory_gb = gb;
    }
    if let Some(name) = options["overwrite_plans_name"].as_str() {
        name.clone_into(&mut preset.plans_name);
    }
    if let Ok(target) = serde_json::from_value(options["overwrite_target_spacing"].clone()) {
        preset.target_spacing_mm = Some(target);
    }
    preset
}

#[test]
fn plans_at_the_corners_of_the_rules_equal_nnunets() {
    let cases = all();
    assert!(cases.len() >= 8);
    let mut wrong = Vec::new();
    for case in &cases {
        for (name, expected) in case.document["plans"].as_object().unwrap() {
            let preset = preset(name, &case.document["options"]);
            let dataset_name = expected["dataset_name"].as_str().unwrap();
            let found = plan(dataset_name, &case.json, &case.fingerprint, &preset).unwrap();
            let found = Value::Object(found.to_json().clone());
            let at = format!("{} {name}", case.name);
            differences(&at, expected, &found, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_plan_can_be_explained() {
    for case in all() {
        for name in case.document["plans"].as_object().unwrap().keys() {
            let preset = preset(name, &case.document["options"]);
            let text = explain(&case.json, &case.fingerprint, &preset).unwrap();
            println!("== {} {name}\n{text}\n", case.name);
            let plans = plan("Dataset001_A", &case.json, &case.fingerprint, &preset).unwrap();
            for configuration in plans.configuration_names() {
                assert!(text.contains(&format!("\n{configuration}: ")), "{text}");
            }
            for axis in 0..3 {
                assert!(
                    text.contains(&format!("axis {axis} (")) || axis == 0,
                    "{text}"
                );
            }
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

#[test]
fn a_name_that_is_no_file_name_is_refused() {
    let (json, fingerprint) = simple();
    for name in ["", "a/b", "..", ".hidden", "a b", "a\\b"] {
        let preset = Preset {
            plans_name: name.to_owned(),
            ..Preset::plain()
        };
        let error = plan("Dataset001_A", &json, &fingerprint, &preset).unwrap_err();
        assert!(error.to_string().contains("name of plans"), "{error}");
    }
}

#[test]
fn another_name_moves_the_cases_of_the_default_planner_only() {
    let (json, fingerprint) = simple();
    let identifier = |preset: Preset| {
        let preset = Preset {
            plans_name: "mine".to_owned(),
            ..preset
        };
        let plans = plan("Dataset001_A", &json, &fingerprint, &preset).unwrap();
        plans.configuration("3d_fullres").unwrap().data_identifier
    };
    assert_eq!(identifier(Preset::plain()), "mine_3d_fullres");
    assert_eq!(identifier(Preset::resenc_m()), "nnUNetPlans_3d_fullres");
}
