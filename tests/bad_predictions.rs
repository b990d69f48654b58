//! What can be wrong with predictions, probabilities and rules: each a clear error, nothing overwritten.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use ndarray::{Array4, s};
use ndarray_npy::NpzWriter;
use sarx_core::{Grid, LabelMap, Size, Spacing};
use serde_json::json;
use std::fs::File;

/// Two folders of two cases with probabilities of three labels, as `predict` leaves them.
fn two_folders() -> Bench {
    let bench = Bench::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(bench.path(folder)).unwrap();
        bench.write_json(
            &format!("{folder}/dataset.json"),
            &json!({
                "channel_names": {"0": "T1"}, "labels": {"background": 0, "x": 1, "y": 2},
                "numTraining": 2, "file_ending": ".nii.gz",
            }),
        );
        for case in ["p", "q"] {
            let grid = Grid::axis_aligned(
                Size::new([3, 4, 5]).unwrap(),
                Spacing::new([2.0, 1.0, 1.0]).unwrap(),
            );
            let path = bench.path(&format!("{folder}/{case}.nii.gz"));
            sarx_io::write_labels(&path, &LabelMap::filled(grid, 0), None).unwrap();
            write(
                &bench,
                &format!("{folder}/{case}.npz"),
                "probabilities",
                &uniform(3),
            );
        }
    }
    bench
}

fn uniform(heads: usize) -> Array4<f32> {
    Array4::from_elem((heads, 3, 4, 5), 1.0 / heads as f32)
}

fn write<T: ndarray_npy::WritableElement>(
    bench: &Bench,
    path: &str,
    name: &str,
    array: &Array4<T>,
) {
    let mut npz = NpzWriter::new_compressed(File::create(bench.path(path)).unwrap());
    npz.add_array(name, array).unwrap();
    npz.finish().unwrap();
}

const ENSEMBLE: &str = "ensemble --input a b --output out";

#[test]
fn sound_folders_are_averaged_and_others_are_not_written_over() {
    let bench = two_folders();
    assert_eq!(bench.done(ENSEMBLE)["done"], json!(["p", "q"]));
    bench.done(ENSEMBLE);
    let before = bytes_below(&bench.path("a"));
    bench.refused("ensemble --input a b --output a", &["nothing was changed"]);
    bench.refused(
        "ensemble --input out b --output a",
        &["out", "--save-probabilities"],
    );
    std::fs::create_dir(bench.path("c")).unwrap();
    std::fs::copy(bench.path("a/p.nii.gz"), bench.path("c/p.nii.gz")).unwrap();
    bench.refused(
        "ensemble --input a b --output c",
        &["p.nii.gz", "another origin"],
    );
    bench.refused("ensemble --input a --output d", &["at least two"]);
    assert_eq!(before, bytes_below(&bench.path("a")));
}

#[test]
fn folders_of_different_cases_or_labels_are_told_apart() {
    let bench = two_folders();
    std::fs::remove_file(bench.path("b/q.npz")).unwrap();
    std::fs::copy(bench.path("b/p.npz"), bench.path("b/r.npz")).unwrap();
    bench.refused(ENSEMBLE, &["\"a\" lacks \"r\"", "\"b\" lacks \"q\""]);
    assert!(!bench.path("out").exists());
    let bench = two_folders();
    let mut dataset = bench.read_json("b/dataset.json");
    dataset["labels"] = json!({"background": 0, "x": 1});
    bench.write_json("b/dataset.json", &dataset);
    bench.refused(ENSEMBLE, &["other labels"]);
    let bench = two_folders();
    std::fs::remove_file(bench.path("a/q.nii.gz")).unwrap();
    bench.refused(ENSEMBLE, &["\"q\"", "label map"]);
    bench.refused("ensemble --input a nowhere --output out", &["nowhere"]);
}

#[test]
fn a_case_with_bad_probabilities_is_named_and_the_other_is_done() {
    let bench = two_folders();
    let failing = |words: &[&str]| {
        let answer = bench.sarx(ENSEMBLE);
        assert_eq!(answer.code, 1, "{}", answer.stderr);
        assert_eq!(answer.json["done"], json!(["p"]));
        let text = answer.json["failed"][0].as_str().unwrap().to_owned();
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text}");
        }
    };
    write(&bench, "b/q.npz", "probabilities", &uniform(2));
    failing(&["\"q\"", "[2, 3, 4, 5]", "[3, 3, 4, 5]", "b/q.npz"]);
    let cut = uniform(3).slice_move(s![.., .., .., ..4]);
    write(&bench, "b/q.npz", "probabilities", &cut);
    failing(&["[3, 3, 4, 4]"]);
    write(
        &bench,
        "b/q.npz",
        "probabilities",
        &uniform(3).mapv(f64::from),
    );
    failing(&["<f8"]);
    write(&bench, "b/q.npz", "softmax", &uniform(3));
    failing(&["no \"probabilities\""]);
    write(
        &bench,
        "b/q.npz",
        "probabilities",
        &uniform(3).mapv(|p| p * 7.0),
    );
    failing(&["0 to 1"]);
    let good = std::fs::read(bench.path("a/q.npz")).unwrap();
    std::fs::write(bench.path("b/q.npz"), &good[..good.len() / 2]).unwrap();
    failing(&["damaged", "b/q.npz"]);
    let grid = Grid::axis_aligned(
        Size::new([3, 4, 5]).unwrap(),
        Spacing::new([2.5, 1.0, 1.0]).unwrap(),
    );
    std::fs::write(bench.path("b/q.npz"), &good).unwrap();
    sarx_io::write_labels(&bench.path("b/q.nii.gz"), &LabelMap::filled(grid, 0), None).unwrap();
    failing(&["not on the grid", "spacing"]);
}

#[test]
fn rules_and_references_that_are_not_there() {
    let bench = two_folders();
    std::fs::create_dir(bench.path("ref")).unwrap();
    std::fs::copy(bench.path("a/p.nii.gz"), bench.path("ref/p.nii.gz")).unwrap();
    bench.refused(
        "postprocess find --prediction a --reference ref",
        &["\"q\"", "no reference"],
    );
    bench.refused(
        "postprocess find --prediction a --reference nowhere",
        &["nowhere"],
    );
    assert!(!bench.path("a/postprocessing.json").exists());
    let apply = "postprocess apply --input a --output out --rules rules.json";
    bench.refused(apply, &["rules.json"]);
    bench.write_json("rules.json", &json!({"schema_version": 7, "rules": []}));
    bench.refused(apply, &["schema version 7", "reads 1"]);
    bench.write_json("rules.json", &json!({"rules": []}));
    bench.refused(apply, &["not a file of postprocessing rules"]);
    assert!(!bench.path("out").exists());
    bench.refused("best nowhere --reference ref", &["nowhere"]);
    bench.refused("best ref --reference ref", &["neither a model folder"]);
}

#[test]
fn lists_of_images_that_cannot_be_used() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("model", "--no-validation"));
    let line = "predict --model model --output out";
    bench.refused(&format!("{line} --input-list cases.json"), &["cases.json"]);
    bench.write_json("cases.json", &json!([["nowhere_0000.nii.gz"]]));
    bench.refused(
        &format!("{line} --input-list cases.json"),
        &["nowhere_0000.nii.gz", "does not exist"],
    );
    let usage = bench.command(line).output().unwrap();
    assert_eq!(
        usage.status.code(),
        Some(2),
        "neither --input nor --input-list"
    );
}
