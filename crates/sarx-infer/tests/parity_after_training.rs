//! Ensembles, scores and postprocessing against nnU-Net's own (golden/make_after_training.py).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array3, Array4, Axis, Ix4, Ix5};
use sarx_core::{CaseId, Grid, Label, LabelMap, Silent, Size, Spacing, Volume};
use sarx_infer::{
    EnsembleRequest, PostprocessingRules, ProbabilityFile, ProbabilityFormat, determine,
    ensemble_folders,
};
use sarx_metrics::{ComponentGraph, Counts, LabelOrRegion, NnunetMean, ScoreFloat};
use sarx_plan::{DatasetJson, LabelValue};
use sarx_preprocess::Heads;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const SCHEMES: [&str; 2] = ["labels", "regions"];
/// Means of a few numbers, summed in another order.
const TOLERANCE: f64 = 1e-12;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name)
}

fn documents() -> Value {
    serde_json::from_str(include_str!("../golden/after_training.json")).unwrap()
}

fn maps(name: &str) -> Vec<LabelMap> {
    let stack = sarx_testkit::read_npz::<u8>(&golden("after_training.npz"), name);
    let stack = stack.into_dimensionality::<Ix4>().unwrap();
    stack
        .outer_iter()
        .map(|voxels| on_grid(voxels.map(|&l| Label::from(l))))
        .collect()
}

fn on_grid(voxels: Array3<Label>) -> LabelMap {
    let (z, y, x) = voxels.dim();
    let spacing = Spacing::new([4.0, 0.8, 0.9]).unwrap();
    let grid = Grid::axis_aligned(Size::new([z, y, x]).unwrap(), spacing);
    Volume::new(voxels, grid).unwrap()
}

fn probabilities(name: &str) -> Vec<Array4<f32>> {
    let stack = sarx_testkit::read_npz::<f32>(&golden("after_training.npz"), name);
    let stack = stack.into_dimensionality::<Ix5>().unwrap();
    stack.outer_iter().map(|case| case.to_owned()).collect()
}

/// dataset.json of a scheme, through a file as ever.
fn dataset(scheme: &str, folder: &Path) -> DatasetJson {
    let path = folder.join("dataset.json");
    std::fs::write(&path, documents()[scheme]["dataset"].to_string()).unwrap();
    DatasetJson::read(&path).unwrap()
}

fn scored(dataset: &DatasetJson) -> Vec<LabelOrRegion> {
    let regions = dataset.labels().foreground().into_iter();
    regions
        .map(|region| match region.value {
            LabelValue::One(label) => LabelOrRegion::Label(label),
            LabelValue::Union(labels) => LabelOrRegion::Region(labels),
        })
        .collect()
}

fn same_mean(found: &NnunetMean, expected: &Value) {
    let fields: [(&str, ScoreFloat); 8] = [
        ("Dice", found.dice),
        ("IoU", found.iou),
        ("TP", found.tp),
        ("FP", found.fp),
        ("FN", found.fn_),
        ("TN", found.tn),
        ("n_pred", found.n_pred),
        ("n_ref", found.n_ref),
    ];
    assert_eq!(expected.as_object().unwrap().len(), fields.len());
    for (name, found) in fields {
        match expected[name].as_f64() {
            Some(value) => assert!((found.0 - value).abs() <= TOLERANCE * value.abs(), "{name}"),
            None => assert!(found.0.is_nan(), "{name}"),
        }
    }
}

#[test]
fn the_rules_and_the_cleaned_maps_are_nnunets() {
    for scheme in SCHEMES {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(scheme, folder.path());
        let what = scored(&dataset);
        let mut predictions = maps(&format!("{scheme}_prediction"));
        let references = maps(&format!("{scheme}_reference"));
        let graphs: Vec<ComponentGraph> = references
            .iter()
            .zip(&predictions)
            .map(|(r, p)| ComponentGraph::new(r, p, dataset.labels().ignore_label()).unwrap())
            .collect();
        let found = determine(graphs, &what, dataset.labels().foreground_labels());
        let expected = &documents()[scheme]["postprocessing"];
        // nnU-Net's own file gives the same rules.
        let file = folder.path().join("postprocessing.json");
        std::fs::write(&file, expected.to_string()).unwrap();
        let read = PostprocessingRules::read(&file).unwrap();
        let union = |rules: &PostprocessingRules| -> Vec<Vec<Label>> {
            let steps = rules.steps.iter();
            steps
                .map(|step| step.of.iter().flat_map(|w| w.labels().to_vec()).collect())
                .collect()
        };
        assert_eq!(union(&found.rules), union(&read), "{scheme}");
        assert!(
            !read.steps.is_empty(),
            "{scheme}: a search without result shows little"
        );
        for (means, key) in [
            (&found.before, "input_folder"),
            (&found.after, "postprocessed"),
        ] {
            same_mean(&means.foreground, &expected[key]["foreground_mean"]);
            for (what, mean) in &means.labels {
                same_mean(mean, &expected[key]["mean"][what.to_string()]);
            }
        }
        // Our file has nnU-Net's content.
        found.write(&file).unwrap();
        let ours: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for key in ["postprocessing_fns", "postprocessing_kwargs"] {
            assert_eq!(ours[key], expected[key], "{scheme} {key}");
        }
        for prediction in &mut predictions {
            read.apply(prediction);
        }
        assert_eq!(
            predictions,
            maps(&format!("{scheme}_postprocessed")),
            "{scheme}"
        );
    }
}

#[test]
fn scores_of_every_case_are_nnunets_with_regions_and_ignored_voxels() {
    for scheme in SCHEMES {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(scheme, folder.path());
        let ignore = dataset.labels().ignore_label();
        assert_eq!(ignore.is_some(), scheme == "regions");
        let predictions = maps(&format!("{scheme}_prediction"));
        let references = maps(&format!("{scheme}_reference"));
        let summary = &documents()[scheme]["summary"];
        for (case, (reference, prediction)) in references.iter().zip(&predictions).enumerate() {
            let name = format!("case_{case}.nii.gz");
            let mut entries = summary["metric_per_case"].as_array().unwrap().iter();
            let entry = entries.find(|e| e["prediction_file"] == name).unwrap();
            for what in scored(&dataset) {
                let counts = Counts::of(reference, prediction, &what, ignore);
                // The mean of one case is the case.
                same_mean(
                    &NnunetMean::over_counts([counts]),
                    &entry["metrics"][what.to_string()],
                );
            }
        }
    }
}

#[test]
fn ensembles_are_nnunets_voxel_for_voxel() {
    for scheme in SCHEMES {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Vec<PathBuf> = ["a", "b"].map(|name| folder.path().join(name)).into();
        let data = dataset(scheme, folder.path());
        let heads = sarx_model::heads(&data);
        for (member, input) in inputs.iter().enumerate() {
            std::fs::create_dir(input).unwrap();
            data.write(&input.join("dataset.json")).unwrap();
            let cases = probabilities(&format!("{scheme}_member_{member}"));
            for (case, values) in cases.iter().enumerate() {
                let id = CaseId::new(format!("case_{case}")).unwrap();
                let path = ProbabilityFormat::Npz.path(input, &id);
                ProbabilityFormat::Npz
                    .write(&path, values.view(), &heads)
                    .unwrap();
                let labels = on_grid(heads.labels_of_probabilities(values.view()).unwrap());
                sarx_io::write_labels(&input.join(format!("{id}.nii.gz")), &labels, None).unwrap();
            }
        }
        let output = folder.path().join("out");
        let request = EnsembleRequest {
            inputs: &inputs,
            output: &output,
            save: Some(ProbabilityFormat::Npz),
            stop: &AtomicBool::new(false),
        };
        let report = ensemble_folders(&request, &Silent).unwrap();
        assert_eq!((report.done.len(), report.failed.len()), (2, 0));
        let expected = maps(&format!("{scheme}_ensemble"));
        let means = probabilities(&format!("{scheme}_mean"));
        for (case, mean) in means.into_iter().enumerate() {
            let id = CaseId::new(format!("case_{case}")).unwrap();
            let file = ProbabilityFile::of_case(&output, &id).unwrap();
            let mut found = Array4::zeros(mean.raw_dim());
            file.add_to(&mut found, &heads).unwrap();
            assert_eq!(found, mean, "{scheme}");
            let labels = sarx_io::read_labels(&output.join(format!("{id}.nii.gz"))).unwrap();
            assert_eq!(labels.labels.voxels(), expected[case].voxels(), "{scheme}");
        }
    }
}

#[test]
fn an_archive_that_nnunet_wrote_is_read_to_the_bit() {
    let expected = probabilities("labels_member_0").remove(0);
    let file = ProbabilityFile {
        format: ProbabilityFormat::Npz,
        path: golden("nnunet_case.npz"),
    };
    let mut found = Array4::zeros(expected.raw_dim());
    let heads = Heads::Labels {
        count: expected.len_of(Axis(0)),
    };
    file.add_to(&mut found, &heads).unwrap();
    assert_eq!(found, expected);
}
