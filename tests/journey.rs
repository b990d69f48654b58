//! The main job through the binary, from a cohort to scores, with every verb's JSON.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;

#[test]
fn a_cohort_becomes_scores() {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    let verified = bench.done("verify cohort/Dataset101_T1Axial");
    assert_eq!(verified["failed"].as_array().map(Vec::len), Some(0));

    let trained = bench.done(&bench.train_line("model", ""));
    assert_eq!(trained["end"], "finished");
    assert_eq!(trained["epochs"], 3);
    for file in [
        "checkpoint_final.safetensors",
        "checkpoint_best.safetensors",
        "progress.png",
        "progress.svg",
    ] {
        assert!(
            bench.path(&format!("model/fold_0/{file}")).exists(),
            "{file}"
        );
    }
    assert!(
        !bench
            .path("model/fold_0/checkpoint_latest.safetensors")
            .exists()
    );
    let log = std::fs::read_to_string(bench.path("model/fold_0/training_log.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 3);
    let summary = bench.read_json("model/fold_0/validation/summary.json");
    assert!(!summary["metric_per_case"].as_array().unwrap().is_empty());

    let line =
        "predict --model model --input cohort/Dataset101_T1Axial/imagesTs --output predictions";
    let predicted = bench.done(line);
    assert_eq!(predicted["done"].as_array().map(Vec::len), Some(2));
    let first = bench.path("predictions").join("sts_005.nii.gz");
    let label = sarx_io::read_labels(&first).unwrap();
    let image =
        sarx_io::read_header(&bench.path("cohort/Dataset101_T1Axial/imagesTs/sts_005_0000.nii.gz"))
            .unwrap();
    assert_eq!(
        label.header.grid(),
        image.grid(),
        "the geometry of the image, bit for bit"
    );

    let bytes = std::fs::read(&first).unwrap();
    let kept = bench.done(&format!("{line} --continue"));
    assert_eq!(kept["kept"].as_array().map(Vec::len), Some(2));
    bench.done(line);
    assert_eq!(
        bytes,
        std::fs::read(&first).unwrap(),
        "the same weights give the same bytes"
    );

    let evaluated = bench.done(
        "evaluate --reference cohort/Dataset101_T1Axial/labelsTs --prediction predictions \
         --out scores/summary.json --cohort cohort/cohort.csv --by site,histology \
         --report scores/report.html --images cohort/Dataset101_T1Axial/imagesTs",
    );
    assert_eq!(evaluated["n_cases"], 2);
    let page = std::fs::read_to_string(bench.path("scores/report.html")).unwrap();
    let cohort = std::fs::read_to_string(bench.path("cohort/cohort.csv")).unwrap();
    let row = cohort.lines().find(|line| line.starts_with("sts_005,"));
    let site = row.unwrap().split(',').nth(3).unwrap();
    for part in [
        "sts_005",
        "3d_fullres",
        "Best Dice",
        "data:image/png;base64",
        site,
    ] {
        assert!(page.contains(part), "{part}");
    }
    let summary = bench.read_json("scores/summary.json");
    for key in [
        "metric_per_case",
        "mean",
        "foreground_mean",
        "median",
        "schema_version",
    ] {
        assert!(summary.get(key).is_some(), "{key}");
    }
}

#[test]
fn planning_from_a_fingerprint_equals_planning_the_dataset() {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 3 --matrix small --seed 2");
    bench.done("plan cohort/Dataset101_T1Axial --out pp");
    let explained = bench.done(
        "plan --fingerprint pp/dataset_fingerprint.json \
         --dataset-json cohort/Dataset101_T1Axial/dataset.json --out again.json --explain",
    );
    assert!(explained["explanation"].as_str().unwrap().contains("patch"));
    assert_eq!(
        bench.read_json("pp/nnUNetPlans.json"),
        bench.read_json("again.json")
    );
}

#[test]
fn help_and_version_answer() {
    let bench = Bench::new();
    for line in ["--version", "--help", "train --help"] {
        let output = bench.command(line).output().unwrap();
        assert!(output.status.success(), "{line}");
        assert!(!output.stdout.is_empty());
    }
    assert_eq!(
        bench.command("train").output().unwrap().status.code(),
        Some(2)
    );
    bench.refused("--device gpu:0 verify nowhere", &["GPU"]);
}
