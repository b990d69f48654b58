//! A policy that is followed: missing series, refused models, and what it says of networks.

use super::tests::{learn, model, of_kind, rows, spec};
use super::*;
use crate::design::ModelKind;
use crate::results::scores::ScoreTable;
use std::path::Path;

#[test]
fn a_missing_series_is_named_where_it_decides() {
    let policy = learn(rows());
    let without_t1 = policy.choose(Some("thigh"), &["t2"]).unwrap();
    assert_eq!(without_t1.model, "b");
    assert!(
        without_t1
            .reason
            .contains("With t1 it would be a, which is best where all series are there."),
        "{}",
        without_t1.reason
    );
    // In the pelvis b is best anyway.
    let pelvis = policy.choose(Some("pelvis"), &["t2"]).unwrap();
    assert!(!pelvis.reason.contains("it would be"), "{}", pelvis.reason);
}

#[test]
fn a_refused_model_gives_way_to_the_next_best() {
    let policy = learn(rows());
    let without = |refused: &[&str]| policy.choose_without(Some("thigh"), &["t1", "t2"], refused);
    assert_eq!(without(&[]).unwrap().runners_up, ["c", "b"]);
    let second = without(&["a"]).unwrap();
    assert_eq!(
        (second.model.as_str(), second.series),
        ("c", vec!["t2".to_owned(), "t1".to_owned()])
    );
    assert!(
        second
            .reason
            .starts_with("c is the best of 2 models that are left, before b with"),
        "{}",
        second.reason
    );
    let last = without(&["a", "c"]).unwrap();
    assert!(last.reason.starts_with("b is the only model that is left."));
    assert_eq!(
        without(&["a", "c", "b"]).unwrap_err().to_string(),
        "no model is left for the patient: a, c, b cannot be used"
    );
}

#[test]
fn models_that_cannot_predict_are_damage() {
    let policy = learn(rows());
    let damage = |change: &dyn Fn(&mut PolicyModel)| {
        let mut damaged = policy.clone();
        let c = damaged.models.iter_mut().find(|model| model.name == "c");
        change(c.unwrap());
        Policy::parse(&damaged.to_json().unwrap())
            .unwrap_err()
            .to_string()
    };
    for folder in ["../other", "/etc", "", "models//model", "a/../../b", "a\\b"] {
        let text = damage(&|model| model.networks[0].folder = folder.to_owned());
        assert!(text.contains("does not lie below the policy"), "{text}");
    }
    let text = damage(&|model| model.networks.clear());
    assert!(text.contains("has 0 networks"), "{text}");
    for weight in [0.0, -1.0] {
        let text = damage(&|model| model.networks[0].weight = weight);
        assert!(text.contains("weights of model \"c\""), "{text}");
    }
    let text = damage(&|model| model.networks[0].series.truncate(1));
    assert!(text.contains("other series than the model"), "{text}");
    let text = damage(&|model| model.networks[0].folds.clear());
    assert!(text.contains("no folds"), "{text}");
}

/// A network for several series, one of which is enough.
#[test]
fn a_pooled_model_takes_any_of_its_series_and_says_which() {
    let mut spec = spec();
    spec.models = vec![
        model("a", &["t1"]),
        model("b", &["t2"]),
        of_kind("c", ModelKind::Pooled, &["t1", "t1_sag"]),
    ];
    let policy = learn_policy(&ScoreTable::new(rows()).unwrap(), &spec).unwrap();
    let chosen = policy.choose(Some("thigh"), &["t1_sag"]).unwrap();
    assert_eq!(
        (chosen.model.as_str(), chosen.series.as_slice()),
        ("c", ["t1_sag".to_owned()].as_slice())
    );
    assert!(
        chosen
            .reason
            .contains("one network for t1, t1_sag and sees t1_sag"),
        "{}",
        chosen.reason
    );
    // Every set of series has its choice, whatever else the patient has.
    for (available, models) in [
        (vec!["t1"], vec!["a", "c"]),
        (vec!["t2", "t1_sag"], vec!["c", "b"]),
        (vec!["t1_sag", "t1", "dwi"], vec!["a", "c"]),
        (vec!["t1_sag", "t1", "t2"], vec!["a", "c", "b"]),
    ] {
        let chosen = policy.choose(Some("thigh"), &available).unwrap();
        let mut found = vec![chosen.model];
        found.extend(chosen.runners_up);
        assert_eq!(found, models, "{available:?}");
    }
    let pooled = policy.model("c").unwrap();
    assert_eq!(pooled.given(&["t1_sag", "t1"]), Some(vec!["t1"]));
    assert_eq!((pooled.n_needed(), pooled.alignments()), (1, Vec::new()));
    let text = policy.choose(None, &["dwi"]).unwrap_err().to_string();
    assert!(text.ends_with("c needs t1 or t1_sag"), "{text}");
}

#[test]
fn series_that_are_brought_together_are_those_of_channels_and_of_members() {
    let mut late = of_kind("late", ModelKind::Late, &["t1", "t2", "t1_sag"]);
    late.networks = ["t1_t2", "t1_sag"]
        .into_iter()
        .zip([vec!["t1", "t2"], vec!["t1_sag"]])
        .flat_map(|(name, series)| model(name, &series).networks)
        .collect();
    assert_eq!(late.alignments(), [("t1", "t2"), ("t1", "t1_sag")]);
    assert_eq!(late.fault(), None);
    assert_eq!(late.given(&["t1", "t2"]), None);
    assert_eq!(
        late.networks[0].path(Path::new("out")),
        Path::new("out/models/t1_t2/model")
    );
}
