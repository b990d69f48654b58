//! What can be wrong with a dataset or a folder: each a clear error, nothing overwritten.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use ndarray::Array3;
use sarx_core::{Grid, Size, Spacing, Volume};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

const DATASET: &str = "cohort/Dataset101_T1Axial";

fn cohort() -> Bench {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 3 --matrix small --seed 3");
    bench
}

/// `verify` must find a fault of this kind in the case, with the words in its message, and `plan` must
/// refuse the dataset.
fn faulty(bench: &Bench, case: &str, kind: &str, words: &[&str]) {
    let answer = bench.sarx(&format!("verify {DATASET}"));
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let faults = answer.json["faults"].as_array().unwrap();
    let messages: Vec<&str> = faults
        .iter()
        .filter(|fault| fault["case"] == case && fault["kind"] == kind)
        .filter_map(|fault| fault["message"].as_str())
        .collect();
    let found = messages
        .iter()
        .any(|message| words.iter().all(|word| message.contains(word)));
    assert!(found, "no {kind} of {case} with {words:?} in {faults:?}");
    let planned = bench.sarx(&format!("plan {DATASET} --out planned"));
    assert_eq!(planned.code, 2, "{}", planned.stderr);
    assert!(!bench.path("planned/nnUNetPlans.json").exists());
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
    faulty(&bench, "sts_000", "missing_channel", &["channel 1"]);
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
    faulty(&bench, "sts_001", "channel_grid", &["4x5x6"]);
}

#[test]
fn undeclared_labels() {
    let bench = cohort();
    let path = bench.path(&format!("{DATASET}/labelsTr/sts_001.nii.gz"));
    let image = sarx_io::read_labels(&path).unwrap();
    let mut labels = image.labels;
    labels.voxels_mut()[[0, 0, 0]] = 7;
    sarx_io::write_labels(&path, &labels, Some(&image.header)).unwrap();
    faulty(&bench, "sts_001", "undeclared_label", &["labels [7]"]);
}

#[test]
fn missing_label() {
    let bench = cohort();
    std::fs::remove_file(bench.path(&format!("{DATASET}/labelsTr/sts_002.nii.gz"))).unwrap();
    faulty(&bench, "sts_002", "missing_label", &["sts_002.nii.gz"]);
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
    faulty(&bench, "sts_000", "unreadable", &["sts_000_0000.nii.gz"]);
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
fn numbers_that_no_plan_can_be_made_of() {
    let bench = cohort();
    for (options, words) in [
        ("--gpu-memory-gb 0", ["memory", "positive"]),
        ("--gpu-memory-gb NaN", ["memory", "positive"]),
        ("--target-spacing 3,1", ["--target-spacing", "2 were given"]),
    ] {
        bench.refused(&format!("plan {DATASET} --out planned {options}"), &words);
        assert!(!bench.path("planned").exists());
    }
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
        &["spacing", "nothing was changed"],
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

/// A limit on the size of files stands in for a disk that is full.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_nothing_half_written_stays() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("model", "--no-validation"));
    let limited = |line: &str| {
        let script = format!("trap '' XFSZ; ulimit -f 4; exec \"$0\" --json {line}");
        let output = Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_sarx")])
            .current_dir(bench.path(""))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    // Preprocessed cases are larger than the limit: each failure is named, no half case stays.
    let (code, text) = limited(&format!(
        "preprocess {DATASET} --plans pp/sarxSmallPlans.json --out small"
    ));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("sts_000") && text.contains("File too large"),
        "{text}"
    );
    let left: Vec<_> = bytes_below(&bench.path("small"))
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    let hidden = |path: &&PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    assert_eq!(
        left.iter().filter(hidden).count(),
        0,
        "temporary files in {left:?}"
    );
    // A training cannot write its checkpoint: it says which file, and the model beside it stays.
    let before = bytes_below(&bench.path("model"));
    let (code, text) = limited(&bench.train_line("other", "--no-validation"));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("other"), "{text}");
    assert!(
        !bench
            .path("other/fold_0/checkpoint_final.safetensors")
            .exists()
    );
    assert_eq!(before, bytes_below(&bench.path("model")));
}

#[test]
fn segmentations_are_not_written_over_files_of_another_origin() {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    bench.done(&bench.train_line("model", "--no-validation"));
    let line = format!("predict --model model --input {DATASET}/imagesTs");
    let before = bytes_below(&bench.path("cohort"));
    for output in [DATASET.to_owned(), format!("{DATASET}/labelsTs")] {
        bench.refused(&format!("{line} --output {output}"), &["another"]);
    }
    assert_eq!(before, bytes_below(&bench.path("cohort")));
    bench.done(&format!("{line} --output out"));
    bench.refused(
        &format!("{line} --output out --continue --no-mirroring"),
        &["another model"],
    );
    bench.refused(&bench.train_line(DATASET, ""), &["manifest"]);
    assert_eq!(before, bytes_below(&bench.path("cohort")));
}

#[test]
fn a_corrected_label_map_is_preprocessed_anew() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    let line = format!("preprocess {DATASET} --plans pp/sarxSmallPlans.json --out pp");
    assert_eq!(bench.done(&line)["kept"], 5);
    let path = bench.path(&format!("{DATASET}/labelsTr/sts_001.nii.gz"));
    let image = sarx_io::read_labels(&path).unwrap();
    let corrected = image.labels.map(|_| 1);
    sarx_io::write_labels(&path, &corrected, Some(&image.header)).unwrap();
    let again = bench.done(&line);
    assert_eq!((&again["made"], &again["kept"]), (&json!(1), &json!(4)));
    let copy = sarx_io::read_labels(&bench.path("pp/gt_segmentations/sts_001.nii.gz")).unwrap();
    assert_eq!(copy.labels, corrected);
    // A case that is not preprocessed is missed, also when training on all.
    std::fs::remove_dir_all(bench.path("pp/nnUNetPlans_3d_fullres")).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(bench.sarx(&line).code, 2);
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
