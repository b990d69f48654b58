//! nnU-Net's options of planning and preprocessing, and files that sarx does not read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use serde_json::json;

const DATASET: &str = "cohort/Dataset101_T1Axial";

fn cohort() -> Bench {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 3 --matrix small --seed 3");
    bench
}

#[test]
fn plans_have_the_name_and_the_memory_that_were_asked_for() {
    let bench = cohort();
    let planned = bench.done(&format!(
        "plan {DATASET} --out pp --plans-name mine --gpu-memory-gb 2"
    ));
    assert_eq!(planned["plans_name"], "mine");
    assert!(!bench.path("pp/nnUNetPlans.json").exists());
    let small = bench.read_json("pp/mine.json");
    assert_eq!(small["plans_name"], "mine");
    let identifier = &small["configurations"]["3d_fullres"]["data_identifier"];
    assert_eq!(identifier, "mine_3d_fullres");
    bench.done(&format!("plan {DATASET} --out pp"));
    let large = bench.read_json("pp/nnUNetPlans.json");
    let voxels = |plans: &serde_json::Value| -> u64 {
        let patch = plans["configurations"]["2d"]["patch_size"].as_array();
        let batch = plans["configurations"]["2d"]["batch_size"].as_u64();
        let edges = patch.unwrap().iter().map(|edge| edge.as_u64().unwrap());
        edges.product::<u64>() * batch.unwrap()
    };
    assert!(voxels(&small) <= voxels(&large));
    let line = format!("plan {DATASET} --out pp");
    bench.refused(&format!("{line} --gpu-memory-gb 0"), &["memory"]);
    bench.refused(&format!("{line} --gpu-memory-gb NaN"), &["memory"]);
    bench.refused(&format!("{line} --plans-name a/b"), &["a/b"]);
    bench.refused(
        &format!("{line} --target-spacing 1,2"),
        &["three", "2 were given"],
    );
}

#[test]
fn several_configurations_are_preprocessed_in_one_call() {
    let bench = cohort();
    bench.done(&format!("plan {DATASET} --out pp"));
    let line = format!("preprocess {DATASET} --plans pp/nnUNetPlans.json --out pp");
    let before = bytes_below(&bench.path("pp"));
    bench.refused(
        &format!("{line} --configuration 2d 3d_lowres"),
        &["3d_lowres", "2d, 3d_fullres"],
    );
    assert_eq!(before, bytes_below(&bench.path("pp")), "nothing was begun");
    let both = bench.done(&format!("{line} --configuration 2d 3d_fullres 2d"));
    for name in ["2d", "3d_fullres"] {
        assert_eq!(both["configurations"][name]["made"], 3, "{both}");
        let store = bench.path(&format!("pp/nnUNetPlans_{name}"));
        assert!(store.join("sts_000.npy").exists());
    }
    // The flag may be repeated as well, and what is there is kept.
    let again = bench.done(&format!(
        "{line} --configuration 2d --configuration 3d_fullres"
    ));
    assert_eq!(again["configurations"]["2d"]["kept"], 3);
    assert_eq!(bench.done(&line)["kept"], 3, "3d_fullres without the flag");
}

#[test]
fn a_case_that_fails_is_named_with_its_configuration() {
    let bench = cohort();
    bench.done(&format!("plan {DATASET} --out pp"));
    let image = format!("{DATASET}/imagesTr/sts_001_0000.nii.gz");
    std::fs::write(bench.path(&image), b"no image").unwrap();
    let answer = bench.sarx(&format!(
        "preprocess {DATASET} --plans pp/nnUNetPlans.json --out pp --configuration 2d 3d_fullres"
    ));
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let failed: Vec<&str> = answer.json["failed"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|failure| failure.as_str())
        .collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed[0].contains("2d") && failed[0].contains("sts_001"));
    assert!(failed[1].contains("3d_fullres") && failed[1].contains("sts_001"));
}

#[test]
fn other_formats_and_readers_are_refused() {
    let bench = cohort();
    bench.done(&format!("plan {DATASET} --out pp"));
    let path = format!("{DATASET}/dataset.json");
    let sound = bench.read_json(&path);
    let verbs = [
        format!("verify {DATASET}"),
        format!("plan {DATASET} --out other"),
        format!("preprocess {DATASET} --plans pp/nnUNetPlans.json --out pp"),
        format!(
            "plan --fingerprint pp/dataset_fingerprint.json --dataset-json {path} --out p.json"
        ),
    ];
    for ending in [".png", ".bmp", ".tif"] {
        let mut document = sound.clone();
        document["file_ending"] = json!(ending);
        bench.write_json(&path, &document);
        for verb in &verbs {
            bench.refused(verb, &[ending, ".nii.gz", ".mha", ".mhd", ".nrrd"]);
        }
    }
    let mut document = sound.clone();
    document["overwrite_image_reader_writer"] = json!("NibabelIOWithReorient");
    bench.write_json(&path, &document);
    for verb in &verbs {
        bench.refused(verb, &["NibabelIOWithReorient", "RAS"]);
    }
    // The same in plans that come from elsewhere.
    bench.write_json(&path, &sound);
    let mut plans = bench.read_json("pp/nnUNetPlans.json");
    plans["image_reader_writer"] = json!("SimpleITKIOWithReorient");
    bench.write_json("pp/nnUNetPlans.json", &plans);
    bench.refused(&verbs[2], &["SimpleITKIOWithReorient", "RAS"]);
}
