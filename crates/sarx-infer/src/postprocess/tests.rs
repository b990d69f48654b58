//! The search against the plain one, which cleans and counts whole label maps for every trial.

use super::*;
use ndarray::Array3;
use proptest::prelude::*;
use sarx_core::{Grid, Label, LabelMap, Silent, Size, Spacing, Volume};
use sarx_metrics::{ComponentGraph, Connectivity, Counts, LabelOrRegion, NnunetMean, components};
use serde_json::json;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

fn map(voxels: Array3<Label>) -> LabelMap {
    let (z, y, x) = voxels.dim();
    let size = Size::new([z, y, x]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([2.0, 1.0, 0.5]).unwrap());
    Volume::new(voxels, grid).unwrap()
}

fn row(text: &str) -> LabelMap {
    map(Array3::from_shape_fn((1, 1, text.len()), |(_, _, x)| {
        u16::from(text.as_bytes()[x] - b'0')
    }))
}

fn named(keys: &[&str]) -> Vec<LabelOrRegion> {
    keys.iter().map(|key| key.parse().unwrap()).collect()
}

/// One case: reference and prediction.
type Pair = (LabelMap, LabelMap);

fn means_plainly(cases: &[Pair], what: &[LabelOrRegion], ignore: Option<Label>) -> Vec<f64> {
    let mean = |what: &LabelOrRegion| {
        let counts = cases.iter().map(|(r, p)| Counts::of(r, p, what, ignore));
        NnunetMean::over_counts(counts).dice.0
    };
    what.iter().map(mean).collect()
}

fn clean_plainly(cases: &[Pair], of: &[LabelOrRegion]) -> Vec<Pair> {
    let mut cases = cases.to_vec();
    for (_, prediction) in &mut cases {
        let mask = prediction
            .voxels()
            .map(|&l| of.iter().any(|what| what.contains(l)));
        let kept = components(mask.view(), Connectivity::Corners).mask_of_largest();
        for ((label, inside), kept) in prediction.voxels_mut().iter_mut().zip(&mask).zip(&kept) {
            if *inside && !kept {
                *label = 0;
            }
        }
    }
    cases
}

/// nnU-Net's `determine_postprocessing` as it stands there.
fn determine_plainly(
    mut cases: Vec<Pair>,
    what: &[LabelOrRegion],
    foreground: &[Label],
    ignore: Option<Label>,
) -> (PostprocessingRules, Vec<Pair>) {
    let mut steps = Vec::new();
    let all: Vec<_> = foreground
        .iter()
        .copied()
        .map(LabelOrRegion::Label)
        .collect();
    let cleaned = clean_plainly(&cases, &all);
    let before = means_plainly(&cases, what, ignore);
    let after = means_plainly(&cleaned, what, ignore);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let worse = before.iter().zip(&after).any(|(b, a)| a < b);
    if mean(&after) > mean(&before) && !worse {
        cases = cleaned;
        steps.push(KeepLargest { of: all });
    }
    if what.len() > 1 {
        for (index, one) in what.iter().enumerate() {
            let of = vec![one.clone()];
            let cleaned = clean_plainly(&cases, &of);
            let before = means_plainly(&cases, what, ignore)[index];
            if means_plainly(&cleaned, what, ignore)[index] > before {
                cases = cleaned;
                steps.push(KeepLargest { of });
            }
        }
    }
    (PostprocessingRules { steps }, cases)
}

fn graphs(cases: &[Pair], ignore: Option<Label>) -> Vec<ComponentGraph> {
    cases
        .iter()
        .map(|(r, p)| ComponentGraph::new(r, p, ignore).unwrap())
        .collect()
}

/// A reference of one block per label, and a prediction that is the block, sometimes moved, with
/// some specks elsewhere: cases in which each rule sometimes helps and sometimes hurts.
fn pair() -> impl Strategy<Value = Pair> {
    let block = (0usize..3, 0usize..6, 0usize..6, 0u16..4);
    let speck = (0usize..5, 0usize..10, 0usize..10, 0u16..4);
    (
        proptest::collection::vec(block, 0..4),
        proptest::collection::vec(speck, 0..9),
        0usize..3,
    )
        .prop_map(|(blocks, specks, shift)| {
            let mut reference = Array3::zeros((5, 10, 10));
            let mut prediction = Array3::zeros((5, 10, 10));
            for (z, y, x, label) in blocks {
                for at in 0..27 {
                    let [a, b, c] = [z + at / 9, y + at / 3 % 3, x + at % 3];
                    reference[[a, b, c]] = label;
                    prediction[[a, b, (c + shift).min(9)]] = label;
                }
            }
            for (z, y, x, label) in specks {
                prediction[[z, y, x]] = label;
            }
            (map(reference), map(prediction))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_search_finds_what_the_plain_search_finds(
        cases in proptest::collection::vec(pair(), 1..5),
        scored in prop_oneof![
            Just(named(&["1", "2", "3"])),
            Just(named(&["1"])),
            Just(named(&["(1, 2, 3)", "(2, 3)", "3"])),
            Just(named(&["2", "(1, 3)"])),
        ],
        with_ignore: bool,
    ) {
        let ignore = (with_ignore && !scored.iter().any(|what| what.contains(3))).then_some(3);
        let foreground: &[Label] = if ignore.is_some() { &[1, 2] } else { &[1, 2, 3] };
        let (expected, cleaned) = determine_plainly(cases.clone(), &scored, foreground, ignore);
        let found = determine(graphs(&cases, ignore), &scored, foreground);
        prop_assert_eq!(&found.rules, &expected);
        let mut applied = cases;
        for (_, prediction) in &mut applied {
            found.rules.apply(prediction);
        }
        prop_assert_eq!(&applied, &cleaned);
        let of_maps = means_plainly(&applied, &scored, ignore);
        for ((_, mean), expected) in found.after.labels.iter().zip(of_maps) {
            prop_assert!(mean.dice.0 == expected || (mean.dice.0.is_nan() && expected.is_nan()));
        }
    }
}

fn found(pairs: &[(&str, &str)], scored: &[&str], foreground: &[Label]) -> FoundPostprocessing {
    let cases: Vec<Pair> = pairs.iter().map(|(r, p)| (row(r), row(p))).collect();
    determine(graphs(&cases, None), &named(scored), foreground)
}

#[test]
fn an_undefined_foreground_mean_is_never_better_but_an_undefined_label_blocks_nothing() {
    // Label 2 is nowhere: its mean and the foreground mean are undefined, so step A is refused;
    // step B for label 1 helps.
    let search = found(&[("0111000", "0111010")], &["1", "2"], &[1, 2]);
    assert!(search.before.foreground.dice.0.is_nan());
    let accepted: Vec<bool> = search.trials.iter().map(|t| t.accepted).collect();
    assert_eq!(accepted, [false, true, false]);
    assert_eq!(search.rules.steps[0].of, named(&["1"]));
}

#[test]
fn a_rule_that_hurts_one_label_is_not_taken_for_all() {
    // Label 1 has a speck, label 2 is right and smaller: step A would delete it.
    let search = found(&[("111100220", "111100220")], &["1", "2"], &[1, 2]);
    assert!(search.rules.steps.is_empty(), "nothing to gain");
    let search = found(&[("1111002200", "1111002201")], &["1", "2"], &[1, 2]);
    assert_eq!(search.rules.steps, [KeepLargest { of: named(&["1"]) }]);
    // One label only: step B is not tried.
    let search = found(&[("1111000", "1111001")], &["1"], &[1]);
    assert_eq!(search.trials.len(), 1);
    assert!(search.trials[0].accepted);
}

#[test]
fn equally_large_components_all_stay() {
    let mut labels = row("110110100");
    assert_eq!(PostprocessingRules::default().apply(&mut labels), 0);
    let rule = KeepLargest { of: named(&["1"]) };
    assert_eq!(rule.apply(&mut labels), 1);
    assert_eq!(labels, row("110110000"));
    assert_eq!(rule.apply(&mut row("0000")), 0);
}

fn write(folder: &std::path::Path, name: &str, labels: &LabelMap) {
    std::fs::create_dir_all(folder).unwrap();
    sarx_io::write_labels(&folder.join(name), labels, None).unwrap();
}

#[test]
fn rules_are_found_written_read_and_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for case in ["a", "b"] {
        write(&path("ref"), &format!("{case}.nrrd"), &row("1111000200"));
        write(&path("pred"), &format!("{case}.nrrd"), &row("1111010200"));
    }
    write(&path("ref"), "c.nrrd", &row("1111000200"));
    let stop = AtomicBool::new(false);
    let labels = named(&["1", "2"]);
    let request = FindRequest {
        prediction: &path("pred"),
        reference: &path("ref"),
        file_ending: ".nrrd",
        labels_or_regions: &labels,
        foreground: &[1, 2],
        ignore: None,
        cases_at_once: const { NonZeroUsize::new(2).unwrap() },
        stop: &stop,
    };
    let found = find_postprocessing(&request, &Silent).unwrap();
    assert_eq!((found.n_cases, found.not_predicted.len()), (2, 1));
    assert_eq!(found.rules.steps, [KeepLargest { of: named(&["1"]) }]);
    let file = path("postprocessing.json");
    found.write(&file).unwrap();
    assert_eq!(PostprocessingRules::read(&file).unwrap(), found.rules);
    // nnU-Net's part alone says the same.
    let text = std::fs::read_to_string(&file).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for ours in ["schema_version", "rules", "tried"] {
        document.as_object_mut().unwrap().remove(ours);
    }
    std::fs::write(&file, document.to_string()).unwrap();
    assert_eq!(PostprocessingRules::read(&file).unwrap(), found.rules);

    let dataset = json!({
        "channel_names": {"0": "T1"}, "labels": {"background": 0, "x": 1, "y": 2},
        "numTraining": 2, "file_ending": ".nrrd",
    });
    std::fs::write(path("dataset.json"), dataset.to_string()).unwrap();
    let dataset = sarx_plan::DatasetJson::read(&path("dataset.json")).unwrap();
    let apply = ApplyRequest {
        input: &path("pred"),
        output: &path("out"),
        dataset: &dataset,
        rules: &found.rules,
        stop: &stop,
    };
    let report = apply_postprocessing(&apply, &Silent).unwrap();
    assert_eq!(report.done.len(), 2);
    assert_eq!(
        (report.done[0].n_removed, report.done[0].removed_ml),
        (1, 0.001)
    );
    let cleaned = sarx_io::read_labels(&path("out").join("b.nrrd")).unwrap();
    assert_eq!(cleaned.labels.voxels(), row("1111000200").voxels());
    assert!(
        path("out").join("dataset.json").exists(),
        "the input has none"
    );
    // Again into its own folder, from which cases go that cannot be cleaned or are no longer there;
    // what somebody else put there stays.
    std::fs::write(path("out").join("note.txt"), b"mine").unwrap();
    let (a, b) = (path("pred").join("a.nrrd"), path("pred").join("b.nrrd"));
    let whole = std::fs::read(&a).unwrap();
    std::fs::write(&a, b"no image").unwrap();
    std::fs::rename(&b, path("b.nrrd")).unwrap();
    let report = apply_postprocessing(&apply, &Silent).unwrap();
    assert_eq!((report.done.len(), report.failed.len()), (0, 1));
    let left = |name: &str| path("out").join(name).exists();
    assert!(!left("a.nrrd") && !left("b.nrrd") && left("note.txt"));
    std::fs::write(&a, whole).unwrap();
    std::fs::rename(path("b.nrrd"), &b).unwrap();
    // Again, but not into a stranger's or its own input.
    apply_postprocessing(&apply, &Silent).unwrap();
    let (pred, reference) = (path("pred"), path("ref"));
    for output in [&pred, &reference] {
        let error = apply_postprocessing(&ApplyRequest { output, ..apply }, &Silent).unwrap_err();
        assert!(error.to_string().contains("nothing was changed"), "{error}");
    }
    std::fs::remove_file(path("ref").join("a.nrrd")).unwrap();
    let error = find_postprocessing(&request, &Silent).unwrap_err();
    assert!(
        matches!(error, PostprocessError::NoReference { .. }),
        "{error}"
    );
}

#[test]
fn files_that_are_no_rules_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    let function = "remove_all_but_largest_component_from_segmentation";
    for (document, words) in [
        (
            json!({"schema_version": 2, "rules": []}),
            "schema version 2",
        ),
        (json!({"schema_version": 1}), "no list \"rules\""),
        (
            json!({"schema_version": 1, "rules": [{"grow": 1}]}),
            "no rule of this version",
        ),
        (
            json!({"schema_version": 1, "rules": [{"keep_largest_component_of": []}]}),
            "names no label",
        ),
        (
            json!({"schema_version": 1, "rules": [{"keep_largest_component_of": ["x"]}]}),
            "names no label",
        ),
        (json!({"a": 1}), "neither"),
        (
            json!({"postprocessing_fns": ["erode"], "postprocessing_kwargs": [{}]}),
            "erode",
        ),
        (
            json!({"postprocessing_fns": [function], "postprocessing_kwargs": []}),
            "length",
        ),
        (
            json!({"postprocessing_fns": [function], "postprocessing_kwargs": [{"labels_or_regions": 0}]}),
            "background",
        ),
    ] {
        std::fs::write(&path, document.to_string()).unwrap();
        let error = PostprocessingRules::read(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error}");
    }
    let nested = json!({"postprocessing_fns": [function], "postprocessing_kwargs": [{"labels_or_regions": [[1, 2], 3]}]});
    std::fs::write(&path, nested.to_string()).unwrap();
    let rules = PostprocessingRules::read(&path).unwrap();
    assert_eq!(rules.steps[0].of, named(&["(1, 2)", "3"]));
    std::fs::write(
        &path,
        "{\"postprocessing_fns\": [], \"postprocessing_kwargs\": [], \"x\": NaN}",
    )
    .unwrap();
    assert!(PostprocessingRules::read(&path).unwrap().steps.is_empty());
}
