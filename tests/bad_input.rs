//! What can be wrong with a dataset or a folder: each a clear error, nothing overwritten.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use ndarray::Array3;
use sarx_core::{Grid, Size, Spacing, Volume};
use serde_json::json;

const DATASET: &str = "cohort/Dataset101_T1Axial";

fn cohort() -> Bench {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 3 --matrix small --seed 3");
    bench
}

/// `verify` must name the case and say the words; `plan` must refuse too.
fn faulty(bench: &Bench, case: &str, words: &[&str]) {
    let answer = bench.sarx(&format!("verify {DATASET}"));
    let text = answer.json.to_string();
    assert!(matches!(answer.code, 1 | 2), "{}", answer.stderr);
    for word in words.iter().chain(&[case]) {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

fn write_image(path: &std::path::Path, size: [usize; 3], value: f32) {
    let grid = Grid::axis_aligned(
        Size::new(size).unwrap(),
        Spacing::new([5.0, 1.0, 1.0]).unwrap(),
    );
    let image = Volume::new(Array3::from_elem(size, value), grid).unwrap();
    sarx_io::write_image(path, &image, None).unwrap();
}

#[test]
fn wrong_channel_count() {
    let bench = cohort();
    let path = format!("{DATASET}/dataset.json");
    let mut document = bench.read_json(&path);
    document["channel_names"] = json!({"0": "T1", "1": "T2"});
    bench.write_json(&path, &document);
    faulty(&bench, "sts_000", &["channel"]);
}

#[test]
fn channels_on_different_grids() {
    let bench = cohort();
    let path = format!("{DATASET}/dataset.json");
    let mut document = bench.read_json(&path);
    document["channel_names"] = json!({"0": "T1", "1": "T2"});
    bench.write_json(&path, &document);
    for case in ["sts_000", "sts_001", "sts_002"] {
        write_image(
            &bench.path(&format!("{DATASET}/imagesTr/{case}_0001.nii.gz")),
            [4, 5, 6],
            1.0,
        );
    }
    faulty(&bench, "sts_001", &["4x5x6"]);
}

#[test]
fn undeclared_labels() {
    let bench = cohort();
    let path = bench.path(&format!("{DATASET}/labelsTr/sts_001.nii.gz"));
    let image = sarx_io::read_labels(&path).unwrap();
    let mut labels = image.labels;
    labels.voxels_mut()[[0, 0, 0]] = 7;
    sarx_io::write_labels(&path, &labels, Some(&image.header)).unwrap();
    faulty(&bench, "sts_001", &["7"]);
}

#[test]
fn missing_label() {
    let bench = cohort();
    std::fs::remove_file(bench.path(&format!("{DATASET}/labelsTr/sts_002.nii.gz"))).unwrap();
    faulty(&bench, "sts_002", &["label"]);
}

#[test]
fn a_case_listed_twice() {
    let bench = cohort();
    let path = format!("{DATASET}/dataset.json");
    let text = std::fs::read_to_string(bench.path(&path)).unwrap();
    let case =
        r#""a": {"images": ["imagesTr/sts_000_0000.nii.gz"], "label": "labelsTr/sts_000.nii.gz"}"#;
    let twice = text.replacen('{', &format!("{{\"dataset\": {{{case}, {case}}},"), 1);
    std::fs::write(bench.path(&path), twice).unwrap();
    bench.refused(&format!("verify {DATASET}"), &["twice", "\"a\""]);
}

#[test]
fn empty_folders_and_folders_that_are_not_there() {
    let bench = Bench::new();
    bench.refused("verify nowhere", &["dataset.json"]);
    std::fs::create_dir_all(bench.path("empty/imagesTr")).unwrap();
    std::fs::create_dir_all(bench.path("empty/labelsTr")).unwrap();
    let dataset = json!({
        "channel_names": {"0": "T1"}, "labels": {"background": 0, "tumour": 1},
        "numTraining": 0, "file_ending": ".nii.gz",
    });
    bench.write_json("empty/dataset.json", &dataset);
    let answer = bench.sarx("verify empty");
    assert!(matches!(answer.code, 1 | 2), "an empty dataset is a fault");
    let answer = bench.sarx("plan empty --out pp");
    assert_eq!(answer.code, 2);
    assert!(!bench.path("pp/nnUNetPlans.json").exists());
}

#[test]
fn unreadable_images() {
    let bench = cohort();
    let path = bench.path(&format!("{DATASET}/imagesTr/sts_000_0000.nii.gz"));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    faulty(&bench, "sts_000", &["sts_000_0000.nii.gz"]);
    let answer = bench.sarx(&format!("plan {DATASET} --out pp"));
    assert_eq!(answer.code, 2);
    assert!(answer.json["error"].as_str().unwrap().contains("sts_000"));
}

#[test]
fn every_fault_of_every_case_is_listed() {
    let bench = cohort();
    std::fs::write(
        bench.path(&format!("{DATASET}/imagesTr/sts_000_0000.nii.gz")),
        b"no",
    )
    .unwrap();
    std::fs::remove_file(bench.path(&format!("{DATASET}/labelsTr/sts_002.nii.gz"))).unwrap();
    let answer = bench.sarx(&format!("verify {DATASET}"));
    assert_eq!(answer.code, 1);
    let text = answer.json.to_string();
    assert!(
        text.contains("sts_000") && text.contains("sts_002"),
        "{text}"
    );
}

#[test]
fn a_phantom_is_not_written_over_other_files() {
    let bench = cohort();
    let before = bytes_below(&bench.path("cohort"));
    bench.refused(
        "phantom --out cohort --cases 3 --matrix small --seed 4",
        &["empty"],
    );
    assert_eq!(before, bytes_below(&bench.path("cohort")));
}

#[test]
fn a_results_folder_of_another_plan_is_left_alone() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("model", "--no-validation"));
    let before = bytes_below(&bench.path("model"));
    // Other plans and their own preprocessed cases, the same model folder.
    bench.done(&format!("plan {DATASET} --out pp2 --preset small"));
    bench.shrink_network("pp2/sarxSmallPlans.json");
    let mut plans = bench.read_json("pp2/sarxSmallPlans.json");
    plans["configurations"]["3d_fullres"]["spacing"] = json!([6.5, 3.0, 3.0]);
    bench.write_json("pp2/sarxSmallPlans.json", &plans);
    bench.done(&format!(
        "preprocess {DATASET} --plans pp2/sarxSmallPlans.json --out pp2"
    ));
    let line = bench
        .train_line("model", "--no-validation")
        .replace("train pp ", "train pp2 ");
    bench.refused(&line, &["plans"]);
    // Preprocessing with other plans into the store of the first is refused as well.
    let store = bytes_below(&bench.path("pp"));
    bench.refused(
        &format!("preprocess {DATASET} --plans pp2/sarxSmallPlans.json --out pp"),
        &["plans"],
    );
    assert_eq!(store, bytes_below(&bench.path("pp")));
    assert_eq!(before, bytes_below(&bench.path("model")));
    bench.refused(
        &bench
            .train_line("other", "")
            .replace("--fold 0", "--fold 9"),
        &["9", "fold"],
    );
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_stays() {
    let bench = cohort();
    // A file where a folder is needed fails like a disk that takes no more files.
    std::fs::write(bench.path("blocked"), b"").unwrap();
    bench.refused(&format!("plan {DATASET} --out blocked"), &["blocked"]);
    assert_eq!(std::fs::read(bench.path("blocked")).unwrap(), b"");
}

#[test]
fn prediction_names_the_case_that_failed_and_does_the_others() {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    bench.done(&bench.train_line("model", "--no-validation"));
    let images = bench.path(&format!("{DATASET}/imagesTs"));
    std::fs::write(images.join("sts_005_0000.nii.gz"), b"no image").unwrap();
    let line = format!("predict --model model --input {DATASET}/imagesTs --output out");
    let answer = bench.sarx(&line);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert!(
        answer.json["failed"][0]
            .as_str()
            .unwrap()
            .contains("sts_005")
    );
    assert!(
        bench.path("out/sts_006.nii.gz").exists() && !bench.path("out/sts_005.nii.gz").exists()
    );
    bench.refused(&format!("{line} --folds 3"), &["fold 3"]);
    bench.refused(&format!("{line} --step 0"), &["step"]);

    let answer = bench.sarx(&format!(
        "evaluate --reference {DATASET}/labelsTs --prediction out --out scores.json"
    ));
    assert_eq!(answer.code, 2);
    assert!(answer.json["error"].as_str().unwrap().contains("sts_005"));
    assert!(!bench.path("scores.json").exists());
    let rest = bench.sarx(&format!(
        "evaluate --reference {DATASET}/labelsTs --prediction out --out scores.json --allow-missing"
    ));
    assert!(
        rest.json.to_string().contains("sts_005"),
        "a missing case is named"
    );
    assert!(bench.path("scores.json").exists());
}
