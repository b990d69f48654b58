//! The text of `summary.json`.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use ndarray::Array3;
use sarx_core::{CaseId, Grid, LabelMap, Size, Spacing, Volume};
use sarx_metrics::{
    LabelMedians, LabelOrRegion, SCHEMA_VERSION, ScoreSpec, ScoredCase, Summary, SummaryError,
    case_scores, group_by,
};

/// A row of voxels, one digit each.
fn row(text: &str) -> LabelMap {
    let size = Size::new([1, 1, text.len()]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([3.0, 1.0, 1.0]).unwrap());
    let digit = |(_, _, x): (usize, usize, usize)| u16::from(text.as_bytes()[x] - b'0');
    Volume::new(Array3::from_shape_fn(size.zyx(), digit), grid).unwrap()
}

fn scored(case: &str, reference: &str, prediction: &str, keys: &[&str]) -> ScoredCase {
    let spec = ScoreSpec::new(keys.iter().map(|key| key.parse().unwrap()).collect());
    ScoredCase {
        case: CaseId::new(case).unwrap(),
        prediction_file: format!("pred/{case}.nii.gz"),
        reference_file: format!("labelsTs/{case}.nii.gz"),
        scores: case_scores(&row(reference), &row(prediction), &spec).unwrap(),
    }
}

/// A hit, a miss, nothing to find, and a false alarm of label 2; label 1 is found everywhere.
fn cases() -> Vec<ScoredCase> {
    let keys = ["1", "(1, 2)", "2"];
    [
        ("thigh_1", "1102200", "1102000"),
        ("thigh_2", "1102200", "1100000"),
        ("pelvis_1", "1100000", "1100000"),
        ("pelvis_2", "1100000", "1100200"),
    ]
    .map(|(case, reference, prediction)| scored(case, reference, prediction, &keys))
    .into()
}

#[test]
fn the_document_reads_back_and_is_strict_json() {
    let summary = Summary::of(&cases()).unwrap();
    let text = summary.to_json().unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let label = |case: usize| &document["metric_per_case"][case]["metrics"]["2"];
    assert_eq!(label(0)["flag"], serde_json::Value::Null);
    assert_eq!(label(1)["flag"], "missed");
    assert_eq!(label(1)["hd95_mm"], "inf");
    assert_eq!(label(1)["Dice"], 0.0);
    assert_eq!(label(2)["flag"], "both_empty");
    assert_eq!(label(2)["Dice"], serde_json::Value::Null);
    assert_eq!(label(2)["dice_empty_is_one"], 1.0);
    assert_eq!(label(3)["flag"], "false_alarm");
    assert_eq!(document["schema_version"], SCHEMA_VERSION);
    // NaN is not equal to itself, so the texts are compared.
    assert_eq!(Summary::from_json(&text).unwrap().to_json().unwrap(), text);
}

#[test]
fn keys_are_sorted_and_indented_by_four() {
    let text = Summary::of(&cases()).unwrap().to_json().unwrap();
    assert!(text.starts_with("{\n    \"foreground_mean\": {\n        \"Dice\": "));
    let at = |key: &str| text.find(&format!("\n        \"{key}\": {{")).unwrap();
    assert!(at("(1, 2)") < at("1") && at("1") < at("2"));
    assert!(text.find("\"F2\"").unwrap() < text.find("\"assd_mm\"").unwrap());
}

#[test]
fn nnunets_means_skip_undefined_cases_and_ours_do_not() {
    let summary = Summary::of(&cases()).unwrap();
    let two = LabelOrRegion::Label(2);
    // Dice of label 2: 2/3, 0, undefined, 0; its mean is over three cases.
    let nnunet = summary.mean[&two].dice.0;
    assert!((nnunet - 2.0 / 9.0).abs() < 1e-15, "{nnunet}");
    assert_eq!(summary.mean[&two].n_ref.0, 1.0);
    let means = summary.mean.values().map(|m| m.dice.0);
    assert!((summary.foreground_mean.dice.0 - means.sum::<f64>() / 3.0).abs() < 1e-15);
    let medians = &summary.median[&two];
    let flags = (
        medians.n_cases,
        medians.n_both_empty,
        medians.n_missed,
        medians.n_false_alarm,
    );
    assert_eq!(flags, (4, 1, 1, 1));
    let dice = &medians.scores["dice_empty_is_one"];
    assert_eq!((dice.n, dice.n_undefined), (4, 0));
    assert!((dice.median.0 - 1.0 / 3.0).abs() < 1e-15);
    let hd95 = &medians.scores["hd95_mm"];
    assert_eq!(
        (hd95.n, hd95.n_infinite, hd95.median.0),
        (4, 2, f64::INFINITY)
    );
}

#[test]
fn a_label_that_no_case_has_makes_nnunets_foreground_undefined() {
    let summary = Summary::of(&[scored("a", "110", "110", &["1", "2"])]).unwrap();
    assert!(summary.mean[&LabelOrRegion::Label(2)].dice.0.is_nan());
    assert!(
        summary.foreground_mean.dice.0.is_nan(),
        "numpy.mean, not nanmean, over labels"
    );
    let with_background = Summary::of(&[scored("a", "110", "100", &["0", "1"])]).unwrap();
    let one = with_background.mean[&LabelOrRegion::Label(1)];
    assert_eq!(with_background.foreground_mean, one);
}

#[test]
fn strata_have_their_own_medians() {
    let summary = Summary::of(&cases()).unwrap();
    let site = |case: &sarx_metrics::CaseEntry| {
        case.case
            .as_deref()
            .unwrap_or("")
            .split('_')
            .next()
            .unwrap_or("")
            .to_owned()
    };
    let groups = group_by(&summary.metric_per_case, site);
    let missed = |site: &str| {
        LabelMedians::of(groups[site].iter().copied(), &LabelOrRegion::Label(2)).n_missed
    };
    assert_eq!((missed("thigh"), missed("pelvis")), (1, 0));
}

#[test]
fn documents_that_are_not_ours_are_refused_or_read() {
    assert!(matches!(Summary::of(&[]), Err(SummaryError::NoCases)));
    let mixed = [
        scored("a", "11", "11", &["1"]),
        scored("b", "11", "11", &["2"]),
    ];
    let error = Summary::of(&mixed).unwrap_err();
    assert!(matches!(error, SummaryError::LabelsDiffer { case } if case.as_str() == "b"));
    assert!(matches!(
        Summary::from_json("{}"),
        Err(SummaryError::Json { .. })
    ));
    let newer = r#"{"schema_version": 7, "strange": true}"#;
    let error = Summary::from_json(newer).unwrap_err();
    assert!(matches!(error, SummaryError::SchemaVersion { found: 7 }));
}

#[test]
fn python_nan_is_read_outside_of_strings_only() {
    let metrics = r#""FN": 0, "FP": 0, "TN": 4, "TP": 0, "n_pred": 0, "n_ref": 0"#;
    let text = format!(
        r#"{{"foreground_mean": {{"Dice": NaN, "IoU": NaN, {metrics}}},
            "mean": {{"(1,)": {{"Dice": NaN, "IoU": NaN, {metrics}}}}},
            "metric_per_case": [{{"metrics": {{"(1,)": {{"Dice": NaN, "IoU": NaN, {metrics}}}}},
            "prediction_file": "a \"NaN\" name", "reference_file": "NaN.nii.gz\\"}}]}}"#
    );
    let summary = Summary::from_json(&text).unwrap();
    assert!(summary.foreground_mean.dice.0.is_nan());
    let case = &summary.metric_per_case[0];
    assert_eq!(case.prediction_file, "a \"NaN\" name");
    assert_eq!(case.reference_file, "NaN.nii.gz\\");
    assert!(
        case.metrics[&LabelOrRegion::Region(vec![1])]
            .dice
            .0
            .is_nan()
    );
}

#[test]
fn a_file_is_written_whole_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    let summary = Summary::of(&cases()).unwrap();
    summary.write(&path).unwrap();
    summary.write(&path).unwrap();
    assert_eq!(
        Summary::read(&path).unwrap().to_json().unwrap(),
        summary.to_json().unwrap()
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left behind"
    );
    let other = folder.path().join("other.json");
    std::fs::write(&other, "{}").unwrap();
    assert!(
        matches!(Summary::read(&other), Err(SummaryError::Document { path, .. }) if path == other)
    );
    let missing = folder.path().join("no/summary.json");
    assert!(matches!(
        summary.write(&missing),
        Err(SummaryError::File {
            action: "write",
            ..
        })
    ));
    assert!(matches!(
        Summary::read(&missing),
        Err(SummaryError::File { action: "read", .. })
    ));
}
