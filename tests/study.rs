//! A whole study on a tiny cohort: from `init` to tables and policy, taken up again, in parts, and refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
#[path = "study/next_patient.rs"]
mod next_patient;

use harness::Bench;
use sarx_study::results::scores::{ScoreGrid, ScoreTable, StudySet};
use std::fs;

/// What is changed in the study that `init` writes: two folds, networks that train in seconds.
const TRAINING: &str = "preset = \"small\"\ntarget_spacing_mm = [9.6, 8.0, 8.0]\nepochs = 1\niterations = 2\n\
                        val_iterations = 1\nfolds = \"all\"\n";

/// A cohort and its study file, which is as `init` writes it but for the training and the folds.
fn study() -> Bench {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 9 --held-out 3 --matrix small --seed 3");
    bench.done("study init cohort --out study.toml");
    let text = fs::read_to_string(bench.path("study.toml")).unwrap();
    let (before, rest) = text.split_once("preset = ").unwrap();
    let (_, after) = rest.split_once("\n\n#").unwrap();
    let text = format!("{before}{TRAINING}\n#{after}").replace("folds = 5", "folds = 2");
    fs::write(bench.path("study.toml"), text).unwrap();
    bench
}

#[test]
fn a_study_runs_from_a_cohort_to_a_policy_and_is_taken_up_again() {
    let bench = study();
    // One fold elsewhere; the rest collects it.
    bench.done("study run study.toml --stage prepare");
    bench.done("study run study.toml --only t1_axial --fold 1");
    let status = bench.done("study status study.toml");
    let first = &status["models"][0];
    assert_eq!(
        (&first["model"], &first["folds"]["1"]),
        (&"t1_axial".into(), &"done".into())
    );
    assert_eq!(first["folds"]["0"], "waiting");
    let weights = bench.path("study-out/models/t1_axial/model/fold_1/checkpoint_final.safetensors");
    let trained = fs::metadata(&weights).unwrap().modified().unwrap();
    let done = bench.done("study run study.toml --parallel 2");
    assert_eq!(fs::metadata(&weights).unwrap().modified().unwrap(), trained);
    assert_eq!(done["models_without_scores"].as_array().unwrap().len(), 0);

    let scores = ScoreTable::read(&bench.path("study-out/scores.csv")).unwrap();
    assert_eq!(scores.n_failed(), 0);
    let models = [
        "t1_axial",
        "t1_sagittal",
        "t2_axial",
        "t1_t2",
        "t1_planes_pooled",
        "t1_planes_late",
    ];
    assert_eq!(scores.models(), models);
    for model in models {
        for (set, n_patients) in [(StudySet::CrossValidation, 6), (StudySet::External, 3)] {
            let of = |grid| {
                let rows = scores.rows().iter();
                rows.filter(|row| row.model == model && row.set == set && row.grid == grid)
                    .count()
            };
            let per_patient = if model == "t1_planes_pooled" { 2 } else { 1 };
            assert_eq!(of(ScoreGrid::Native), per_patient * n_patients, "{model}");
            assert_eq!(of(ScoreGrid::Common), n_patients, "{model}");
        }
    }
    let policy = bench.read_json("study-out/policy.json");
    assert_eq!(policy["models"].as_array().unwrap().len(), 6);
    assert!(bench.path("study-out/tables/tables.json").exists());
    let fusion = bench.read_json("study-out/models/t1_planes_late/fusion.json");
    assert_eq!(fusion["members"][1], "t1_sagittal");
    next_patient::is_predicted_with_what_the_study_chose(&bench);

    // Another histology is benign: tables are made again from the same scores.
    let text = fs::read_to_string(bench.path("study.toml")).unwrap();
    let other = text.replace("benign = [\"myxoma\"]", "benign = []");
    assert_ne!(text, other);
    fs::write(bench.path("study.toml"), other).unwrap();
    bench.done("study report study.toml");
    let tables = ScoreTable::read(&bench.path("study-out/scores.csv")).unwrap();
    assert!(tables.rows().iter().all(|row| !row.benign));
    fs::write(bench.path("study.toml"), text).unwrap();
    bench.done("study report study.toml");

    // Again: nothing is made anew. Then other settings under the same name.
    let before = fs::metadata(bench.path("study-out/models/t1_axial/scores.csv"))
        .unwrap()
        .modified()
        .unwrap();
    bench.done("study run study.toml");
    let after = fs::metadata(bench.path("study-out/models/t1_axial/scores.csv"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
    let text = fs::read_to_string(bench.path("study.toml")).unwrap();
    fs::write(
        bench.path("study.toml"),
        text.replace("epochs = 1", "epochs = 2"),
    )
    .unwrap();
    bench.refused(
        "study run study.toml",
        &["model \"t1_axial\"", "another design"],
    );
    fs::write(
        bench.path("study.toml"),
        text.replace("folds = 2", "folds = 3"),
    )
    .unwrap();
    bench.refused("study run study.toml", &["split changed", "another design"]);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_run() {
    let bench = study();
    let text = fs::read_to_string(bench.path("study.toml")).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fs::write(bench.path("study.toml"), text.replace(from, to)).unwrap();
    };
    with("epochs = 1", "epoch = 1");
    bench.refused("study run study.toml", &["unknown field `epoch`", "line "]);
    with("preset = \"small\"", "preset = \"tiny\"");
    bench.refused("study run study.toml", &["\"tiny\"", "small"]);
    fs::write(bench.path("study.toml"), &text).unwrap();
    bench.refused("study run study.toml --only t3", &["\"t3\"", "t1_axial"]);
    bench.refused("study run study.toml --only t1_axial --fold 7", &["fold 7"]);
    bench.refused("study report study.toml", &["no model has scores"]);
    bench.refused("study init cohort --out study.toml", &["take it away"]);
    // A reference of another patient has another grid.
    let table = fs::read_to_string(bench.path("cohort/cohort.csv")).unwrap();
    let swapped = table.replace(
        "Dataset101_T1Axial/labelsTr/sts_000.nii.gz",
        "Dataset102_T1Sagittal/labelsTr/sts_000.nii.gz",
    );
    let swapped = swapped.replacen(
        "Dataset102_T1Sagittal/labelsTr/sts_000.nii.gz,Dataset103",
        ",Dataset103",
        1,
    );
    fs::write(bench.path("cohort/cohort.csv"), swapped).unwrap();
    bench.refused("study run study.toml", &["P0000", "do not fit"]);
    assert!(!bench.path("study-out/models").exists());
}

#[test]
fn the_demo_goes_from_nothing_to_two_segmented_patients_and_is_taken_up_again() {
    let bench = Bench::new();
    let line = "demo --out demo --cases 9 --held-out 3 --epochs 1 --iterations 2";
    let done = bench.done(line);
    assert!(bench.path("demo/report.html").exists());
    for set in ["cross_validation", "external"] {
        let models = done["medians"][set].as_object().unwrap();
        let names: Vec<&String> = models.keys().collect();
        assert_eq!(names, ["t1_axial", "t1_sagittal", "t2_axial", "t1_t2"]);
    }
    // Without T1 there is no choice but T2.
    let patients = done["next_patients"]["patients"].as_array().unwrap();
    assert_eq!(patients.len(), 2);
    assert_eq!(patients[1]["model"], "t2_axial");
    for folder in ["all_series", "without_t1"] {
        let file = format!("demo/next_patients_segmented/{folder}.nii.gz");
        assert!(bench.path(&file).exists(), "{file}");
    }
    let weights = bench.path("demo/models/t1_t2/model/fold_1/checkpoint_final.safetensors");
    let trained = fs::metadata(&weights).unwrap().modified().unwrap();
    bench.done(line);
    assert_eq!(fs::metadata(&weights).unwrap().modified().unwrap(), trained);
    bench.refused(&line.replace("epochs 1", "epochs 2"), &["another demo"]);
    bench.refused("demo --out other --cases 5 --held-out 3", &["six other"]);
}
