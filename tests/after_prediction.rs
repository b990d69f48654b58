//! Folds averaged, predictions in parts, from lists and after a kill; ensembles, clean-up and the choice
//! of the best model, all through the binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use ndarray::{Array4, Axis, Ix4};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const IMAGES: &str = "cohort/Dataset101_T1Axial/imagesTs";

/// Two folds of a tiny model, barely trained from different weights.
fn two_folds(bench: &Bench, model: &str, seeds: [u64; 2], more: &str) {
    for (fold, seed) in seeds.into_iter().enumerate() {
        let line = bench
            .train_line(model, more)
            .replace("--fold 0", &format!("--fold {fold}"))
            .replace("--seed 5", &format!("--seed {seed}"))
            .replace("--epochs 3", "--epochs 1");
        bench.done(&line);
    }
}

fn trained() -> Bench {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    two_folds(&bench, "models/plain", [5, 6], "--no-validation");
    bench
}

fn probabilities(path: &Path) -> Array4<f32> {
    let array = sarx_testkit::read_npz::<f32>(path, "probabilities");
    array.into_dimensionality::<Ix4>().unwrap()
}

fn labels(bench: &Bench, path: &str) -> sarx_core::LabelMap {
    sarx_io::read_labels(&bench.path(path)).unwrap().labels
}

#[test]
fn folds_parts_and_lists() {
    let bench = trained();
    folds_are_averaged_as_logits_and_ensembles_as_probabilities(&bench);
    parts_and_lists_give_what_a_whole_folder_gives(&bench);
}

fn folds_are_averaged_as_logits_and_ensembles_as_probabilities(bench: &Bench) {
    for (name, folds) in [("f0", "0"), ("f1", "1"), ("both", "0 1")] {
        bench.done(&format!(
            "predict --model models/plain --input {IMAGES} --output {name} --folds {folds} \
             --no-mirroring --save-probabilities"
        ));
    }
    bench.done("ensemble --input f0 f1 --output mean --save-probabilities");
    let of = |name: &str| probabilities(&bench.path(&format!("{name}/sts_005.npz")));
    let (first, second, both, mean) = (of("f0"), of("f1"), of("both"), of("mean"));
    // Of two labels the logits' difference is the logarithm of the probabilities' ratio.
    let difference = |p: &Array4<f32>| {
        let ratio = &p.index_axis(Axis(0), 1) / &p.index_axis(Axis(0), 0);
        ratio.mapv(|r| f64::from(r).ln())
    };
    let (a, b, averaged) = (difference(&first), difference(&second), difference(&both));
    let (mut n, mut n_apart) = (0, 0);
    for (((a, b), found), (at, p)) in a
        .iter()
        .zip(&b)
        .zip(&averaged)
        .zip(mean.index_axis(Axis(0), 1).indexed_iter())
    {
        if !(a.is_finite() && b.is_finite()) {
            continue;
        }
        n += 1;
        assert!(
            (found - (a + b) / 2.0).abs() < 1e-4,
            "{at:?}: {found} of {a} and {b}"
        );
        let at = [1, at.0, at.1, at.2];
        assert_eq!(*p, (first[at] + second[at]) / 2.0);
        n_apart += usize::from((both[at] - p).abs() > 1e-4);
    }
    assert!(
        n > 1000 && n_apart > 100,
        "{n_apart} of {n}: the two means must differ to tell"
    );
}

fn parts_and_lists_give_what_a_whole_folder_gives(bench: &Bench) {
    let line = "predict --model models/plain --no-mirroring --folds 0";
    bench.done(&format!("{line} --input {IMAGES} --output whole"));
    for id in [1, 0] {
        let done = bench.done(&format!(
            "{line} --input {IMAGES} --output parts --num-parts 2 --part-id {id}"
        ));
        assert_eq!(done["done"].as_array().map(Vec::len), Some(1));
    }
    bench.write_json(
        "lists/cases.json",
        &json!([
            [format!("../{IMAGES}/sts_006_0000.nii.gz")],
            {"images": [format!("../{IMAGES}/sts_005_0000.nii.gz")], "output": "renamed"},
        ]),
    );
    bench.done(&format!(
        "{line} --input-list lists/cases.json --output listed"
    ));
    let read = |path: &str| std::fs::read(bench.path(path)).unwrap();
    for (path, whole) in [
        ("parts/sts_005.nii.gz", "whole/sts_005.nii.gz"),
        ("parts/sts_006.nii.gz", "whole/sts_006.nii.gz"),
        ("listed/sts_006.nii.gz", "whole/sts_006.nii.gz"),
        ("listed/renamed.nii.gz", "whole/sts_005.nii.gz"),
    ] {
        assert_eq!(read(path), read(whole), "{path}");
    }
    bench.refused(
        &format!("{line} --input {IMAGES} --output x --num-parts 2 --part-id 2"),
        &["part 2 of 2"],
    );
}

#[cfg(unix)]
#[test]
fn a_killed_prediction_is_continued_also_for_its_probabilities() {
    let bench = trained();
    let line = format!(
        "predict --model models/plain --input {IMAGES} --folds 0 --step 0.4 --save-probabilities"
    );
    bench.done(&format!("{line} --output undisturbed"));
    let mut child = bench.start(&format!("{line} --output killed"));
    let first = bench.path("killed/sts_005.nii.gz");
    let begun = Instant::now();
    while !first.exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no first case");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !bench.path("killed/sts_006.nii.gz").exists(),
        "it was killed in the second case"
    );
    assert_eq!(bench.read_json("killed/prediction.json")["complete"], false);
    // What a kill in the middle of writing leaves.
    let left = bench.path("killed/.sts_006.npzAbCdEf.tmp");
    std::fs::write(&left, b"half").unwrap();
    let done = bench.done(&format!("{line} --output killed --continue"));
    assert_eq!(
        (&done["kept"], &done["done"]),
        (&json!(["sts_005"]), &json!(["sts_006"]))
    );
    assert!(!left.exists());
    // Labels alone are not enough when probabilities are asked for.
    std::fs::remove_file(bench.path("killed/sts_005.npz")).unwrap();
    let done = bench.done(&format!("{line} --output killed --continue"));
    assert_eq!(done["done"], json!(["sts_005"]));
    for file in [
        "sts_005.nii.gz",
        "sts_005.npz",
        "sts_006.nii.gz",
        "sts_006.npz",
    ] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(file)).unwrap();
        assert_eq!(read("killed"), read("undisturbed"), "{file}");
    }
}

#[test]
fn the_best_model_is_found_and_its_instructions_run() {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    two_folds(&bench, "models/plain", [5, 6], "--npz");
    two_folds(
        &bench,
        "models/other",
        [7, 8],
        "--save-probabilities compact",
    );
    let best = bench.done("best models --reference pp/gt_segmentations");
    assert_eq!(
        best["results"].as_object().map(serde_json::Map::len),
        Some(3)
    );
    assert_eq!(best["n_cases"], 2);
    let information = bench.read_json("models/inference_information.json");
    for key in [
        "folds",
        "dataset_name_or_id",
        "considered_models",
        "ensembling_allowed",
        "all_results",
        "best_model_or_ensemble",
    ] {
        assert!(information.get(key).is_some(), "{key}");
    }
    let before = information["best_model_or_ensemble"]["result_on_crossval_pre_pp"].as_f64();
    let after = information["best_model_or_ensemble"]["result_on_crossval_post_pp"].as_f64();
    assert!(after.unwrap() >= before.unwrap());

    std::fs::create_dir(bench.path("one")).unwrap();
    let image = "sts_006_0000.nii.gz";
    std::fs::copy(
        bench.path(IMAGES).join(image),
        bench.path("one").join(image),
    )
    .unwrap();
    // The instructions are a script; the members' predictions of whatever won come out.
    let program = Path::new(env!("CARGO_BIN_EXE_sarx")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let output = Command::new("sh")
        .arg(bench.path("models/inference_instructions.txt"))
        .current_dir(bench.path(""))
        .env("PATH", path)
        .env("INPUT_FOLDER", "one")
        .env("OUTPUT_FOLDER", "by script")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(bench.path("by script/sts_006.nii.gz").exists(), "{text}");

    let pairs = std::fs::read_dir(bench.path("models/ensembles")).unwrap();
    let pairs: Vec<_> = pairs.map(|pair| pair.unwrap().file_name()).collect();
    assert_eq!(pairs, ["ensemble___other___plain___0_1"]);
}

#[test]
fn clean_up_is_found_and_applied() {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 3 --matrix small --seed 3");
    let data = "cohort/Dataset101_T1Axial";
    std::fs::create_dir(bench.path("pred")).unwrap();
    for case in ["sts_000", "sts_001", "sts_002"] {
        let image = sarx_io::read_labels(&bench.path(&format!("{data}/labelsTr/{case}.nii.gz")));
        let image = image.unwrap();
        let mut labels = image.labels;
        labels.voxels_mut()[[0, 0, 0]] = 1;
        let path = bench.path(&format!("pred/{case}.nii.gz"));
        sarx_io::write_labels(&path, &labels, Some(&image.header)).unwrap();
    }
    let line = format!("postprocess find --prediction pred --reference {data}/labelsTr");
    let found = bench.done(&line);
    assert_eq!(
        (&found["n_rules"], &found["tried"][0]["accepted"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(found["tried"][0]["dice_after"], 1.0);
    assert_eq!(found["removed"]["sts_001"]["removed_voxels"], 1);
    let summary = bench.read_json("pred/postprocessed/summary.json");
    assert_eq!(summary["foreground_mean"]["Dice"], 1.0);
    let apply = "postprocess apply --input pred --output clean --rules pred/postprocessing.json";
    bench.refused(apply, &["--dataset-json"]);
    bench.done(&format!("{apply} --dataset-json {data}/dataset.json"));
    for case in ["sts_000", "sts_002"] {
        let reference = labels(&bench, &format!("{data}/labelsTr/{case}.nii.gz"));
        assert_eq!(labels(&bench, &format!("clean/{case}.nii.gz")), reference);
    }
}
