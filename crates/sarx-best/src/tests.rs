//! Three models on made-up folds: gathering, pairs, ties, clean-up and what is written.

use super::*;
use ndarray::Array4;
use sarx_core::{Grid, Label, LabelMap, Silent, Size, Spacing, Volume};
use sarx_infer::ProbabilityFormat;
use sarx_preprocess::Heads;
use serde_json::{Value, json};
use tempfile::TempDir;

const HEADS: Heads = Heads::Labels { count: 2 };

/// A row of voxels, one digit each, as probabilities of label 1: 0 to 9 tenths.
fn probabilities(text: &str) -> Array4<f32> {
    Array4::from_shape_fn((2, 1, 1, text.len()), |(head, _, _, x)| {
        let p = f32::from(text.as_bytes()[x] - b'0') / 10.0;
        if head == 1 { p } else { 1.0 - p }
    })
}

fn map(labels: ndarray::Array3<Label>) -> LabelMap {
    let (z, y, x) = labels.dim();
    let size = Size::new([z, y, x]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([1.0; 3]).unwrap());
    Volume::new(labels, grid).unwrap()
}

struct Study {
    folder: TempDir,
    stop: AtomicBool,
}

impl Study {
    fn new() -> Self {
        let study = Self {
            folder: TempDir::new().unwrap(),
            stop: AtomicBool::new(false),
        };
        for case in ["a", "b"] {
            study.write("ref", case, "0099900000", false);
        }
        study
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, folder: &str, case: &str, text: &str, keep: bool) {
        let folder = self.path(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let values = probabilities(text);
        let labels = HEADS.labels_of_probabilities(values.view()).unwrap();
        sarx_io::write_labels(&folder.join(format!("{case}.nrrd")), &map(labels), None).unwrap();
        if keep {
            let case = CaseId::new(case).unwrap();
            let path = ProbabilityFormat::Npz.path(&folder, &case);
            ProbabilityFormat::Npz
                .write(&path, values.view(), &HEADS)
                .unwrap();
        }
    }

    /// A model in nnU-Net's naming with case a in fold 0 and b in fold 1.
    fn model(&self, configuration: &str, previous: Option<&str>, texts: [&str; 2], keep: bool) {
        let name = format!("results/nnUNetTrainer__nnUNetPlans__{configuration}");
        for (fold, (case, text)) in ["a", "b"].into_iter().zip(texts).enumerate() {
            self.write(&format!("{name}/fold_{fold}/validation"), case, text, keep);
        }
        let dataset = json!({
            "channel_names": {"0": "T1"}, "labels": {"background": 0, "tumour": 1},
            "numTraining": 2, "file_ending": ".nrrd",
        });
        let mut plans: Value = serde_json::from_str(include_str!("tests/plans.json")).unwrap();
        let copy = plans["configurations"]["3d_fullres"].clone();
        if let Some(previous) = previous {
            plans["configurations"][previous] = copy.clone();
        }
        plans["configurations"][configuration] = copy;
        if let Some(previous) = previous {
            plans["configurations"][configuration]["previous_stage"] = json!(previous);
        }
        let folder = self.path(&name);
        std::fs::write(folder.join("plans.json"), plans.to_string()).unwrap();
        std::fs::write(folder.join("dataset.json"), dataset.to_string()).unwrap();
    }

    fn best(&self, ensembling: bool) -> Result<BestReport, BestError> {
        let (models, reference) = ([self.path("results")], self.path("ref"));
        find_best(
            &BestRequest {
                models: &models,
                reference: &reference,
                out: &self.path("results"),
                folds: &[],
                ensembling,
                cases_at_once: NonZeroUsize::MIN,
                stop: &self.stop,
            },
            &Silent,
        )
    }
}

fn names(report: &BestReport) -> Vec<&str> {
    let contenders = report.contenders.iter();
    contenders
        .map(|c| c.name.trim_start_matches("nnUNetTrainer__nnUNetPlans__"))
        .collect()
}

#[test]
fn a_pair_can_win_and_everything_is_written() {
    let study = Study::new();
    // Each misses another voxel, and their mean misses none; both have the same far island.
    study.model("2d", None, ["0099400060", "0099400060"], true);
    study.model("3d_fullres", None, ["0049900060", "0049900060"], true);
    let report = study.best(true).unwrap();
    let pair =
        "ensemble___nnUNetTrainer__nnUNetPlans__2d___nnUNetTrainer__nnUNetPlans__3d_fullres___0_1";
    assert_eq!(names(&report), ["2d", "3d_fullres", pair]);
    assert_eq!((report.best, report.n_cases), (2, 2));
    let dice: Vec<f64> = report.contenders.iter().map(|c| c.dice).collect();
    assert_eq!(dice, [4.0 / 6.0, 4.0 / 6.0, 6.0 / 7.0]);
    assert_eq!(report.dice_postprocessed, 1.0, "the island is cleaned away");
    let source = study.path("results").join("ensembles").join(pair);
    for file in [
        "a.nrrd",
        "plans.json",
        "dataset.json",
        "summary.json",
        "postprocessing.json",
        "postprocessed/a.nrrd",
        "postprocessed/summary.json",
    ] {
        assert!(source.join(file).exists(), "{file}");
    }
    let information: Value =
        serde_json::from_slice(&std::fs::read(&report.information_file).unwrap()).unwrap();
    assert_eq!(information["folds"], json!([0, 1]));
    assert_eq!(information["all_results"][pair], json!(6.0 / 7.0));
    let best = &information["best_model_or_ensemble"];
    assert_eq!(
        best["selected_model_or_models"][1]["configuration"],
        "3d_fullres"
    );
    assert_eq!(
        best["selected_model_or_models"][0]["trainer"],
        "nnUNetTrainer"
    );
    assert_eq!(best["result_on_crossval_post_pp"], 1.0);
    for line in [
        "_model_1 --folds 0 1 --save-probabilities\n",
        "sarx ensemble --input \"$OUTPUT_FOLDER\"_model_1 \"$OUTPUT_FOLDER\"_model_2",
        "sarx postprocess apply",
    ] {
        assert!(
            report.instructions.contains(line),
            "{}",
            report.instructions
        );
    }
    // Again, over its own results.
    assert_eq!(study.best(true).unwrap().best, 2);
}

#[test]
fn the_earliest_wins_a_tie_and_pairs_without_probabilities_are_named() {
    let study = Study::new();
    study.model("2d", None, ["0099900000", "0099900000"], false);
    study.model("3d_fullres", None, ["0099900000", "0099900000"], true);
    let report = study.best(true).unwrap();
    assert_eq!((names(&report), report.best), (vec!["2d", "3d_fullres"], 0));
    assert!(
        report.left_out[0].contains("2d has no probabilities"),
        "{:?}",
        report.left_out
    );
    assert!(report.postprocessing.rules.steps.is_empty());
    assert!(report.instructions.contains("# no postprocessing"));
    assert!(study.best(false).unwrap().left_out.is_empty());
}

#[test]
fn a_cascade_is_told_with_its_previous_stage() {
    let study = Study::new();
    study.model("3d_lowres", None, ["0099000000", "0099000000"], false);
    study.model(
        "3d_cascade_fullres",
        Some("3d_lowres"),
        ["0099900000", "0099900000"],
        false,
    );
    let report = study.best(true).unwrap();
    assert_eq!(
        report.models[report.contenders[report.best].members[0]].configuration,
        "3d_cascade_fullres"
    );
    let text = &report.instructions;
    let first = text.find("__3d_lowres --input").unwrap();
    let second = text.find("__3d_cascade_fullres --input").unwrap();
    assert!(first < second, "{text}");
    assert!(
        text.contains("--previous \"$OUTPUT_FOLDER\"_nnUNetPlans_3d_lowres"),
        "{text}"
    );
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let study = Study::new();
    study.model("2d", None, ["0099900000", "0099900000"], false);
    let folder = "results/nnUNetTrainer__nnUNetPlans__2d";
    study.write(
        &format!("{folder}/fold_1/validation"),
        "a",
        "0099900000",
        false,
    );
    let error = study.best(true).unwrap_err();
    assert!(
        matches!(&error, BestError::InTwoFolds { case, .. } if case.as_str() == "a"),
        "{error}"
    );
    std::fs::remove_file(study.path(&format!("{folder}/fold_1/validation/a.nrrd"))).unwrap();

    study.model("3d_fullres", None, ["0099900000", "0099900000"], false);
    study.write(
        "results/nnUNetTrainer__nnUNetPlans__3d_fullres/fold_1/validation",
        "c",
        "0099900000",
        false,
    );
    let error = study.best(true).unwrap_err().to_string();
    assert!(error.contains("2d lacks \"c\""), "{error}");
    std::fs::remove_dir_all(study.path("results/nnUNetTrainer__nnUNetPlans__3d_fullres/fold_1"))
        .unwrap();
    let error = study.best(true).unwrap_err();
    assert!(matches!(error, BestError::NotValidated { .. }), "{error}");
    std::fs::remove_dir_all(study.path("results/nnUNetTrainer__nnUNetPlans__3d_fullres")).unwrap();

    std::fs::remove_file(study.path("ref/b.nrrd")).unwrap();
    let error = study.best(true).unwrap_err();
    assert!(matches!(error, BestError::NoReference { .. }), "{error}");
    // nnU-Net's own results of an earlier comparison are not ours to remove.
    let foreign = study.path(&format!("{folder}/crossval_results_folds_0_1"));
    std::fs::remove_dir_all(&foreign).unwrap();
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("summary.json"), "{}").unwrap();
    let error = study.best(true).unwrap_err();
    assert!(matches!(error, BestError::Foreign { .. }), "{error}");
    assert!(foreign.join("summary.json").exists());
}

#[test]
fn an_undefined_score_never_wins() {
    let contender = |dice| Contender {
        name: String::new(),
        members: vec![0],
        source: PathBuf::new(),
        dice,
    };
    let best = |scores: &[f64]| {
        let contenders: Vec<Contender> = scores.iter().map(|&s| contender(s)).collect();
        best_of(&contenders)
    };
    assert_eq!(best(&[f64::NAN, 0.2, 0.3, 0.3]), Some(2));
    assert_eq!(best(&[0.0, f64::NAN]), Some(0));
    assert_eq!(best(&[f64::NAN]), None);
}
