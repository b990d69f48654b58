use super::*;
use crate::assemble::Alignment;
use crate::design::{AlignmentMethod, ModelKind};
use crate::results::fixture::{self, row};
use crate::results::scores::{Outcome, ScoreRow, ScoreTable};
use proptest::prelude::*;

pub(super) fn model(name: &str, series: &[&str]) -> PolicyModel {
    let kind = if series.len() == 1 {
        ModelKind::Single
    } else {
        ModelKind::Channels
    };
    of_kind(name, kind, series)
}

pub(super) fn of_kind(name: &str, kind: ModelKind, series: &[&str]) -> PolicyModel {
    let series: Vec<String> = series.iter().map(|&s| s.to_owned()).collect();
    PolicyModel {
        name: name.to_owned(),
        kind,
        series: series.clone(),
        networks: vec![PolicyNetwork {
            name: name.to_owned(),
            series,
            folder: format!("models/{name}/model"),
            configuration: "3d_fullres".to_owned(),
            plans_hash: None,
            folds: vec![0, 1],
            weight: 1.0,
        }],
    }
}

pub(super) fn spec() -> PolicySpec {
    let stratum = |name: &str, sites: &[&str]| PolicyStratum {
        name: name.to_owned(),
        sites: sites.iter().map(|&s| s.to_owned()).collect(),
    };
    PolicySpec {
        models: vec![
            model("a", &["t1"]),
            model("b", &["t2"]),
            model("c", &["t2", "t1"]),
        ],
        strata: vec![
            stratum("extremity", &["thigh", "calf"]),
            stratum("pelvis", &["pelvis"]),
        ],
        alignment: Alignment {
            method: AlignmentMethod::Auto,
            seed: 1,
        },
        shrinkage_patients: 2.0,
    }
}

/// Ten patients in the extremities, where `a` is best, and two in the pelvis, where `b` is.
pub(super) fn rows() -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for patient in 1..=12 {
        let (site, dices) = if patient <= 10 {
            ("thigh", [0.9, 0.7, 0.8])
        } else {
            ("pelvis", [0.5, 0.8, 0.6])
        };
        for (model, dice) in ["a", "b", "c"].into_iter().zip(dices) {
            rows.push(ScoreRow {
                histology: "UPS".to_owned(),
                benign: false,
                ..row(model, patient, site, dice, [10.0, 10.0])
            });
        }
    }
    rows
}

pub(super) fn learn(rows: Vec<ScoreRow>) -> Policy {
    learn_policy(&ScoreTable::new(rows).unwrap(), &spec()).unwrap()
}

fn cell<'a>(policy: &'a Policy, stratum: Option<&str>, available: &[&str]) -> &'a PolicyCell {
    policy
        .choices
        .iter()
        .find(|c| c.stratum.as_deref() == stratum && c.available == available)
        .unwrap()
}

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-12,
        "{found} is not {expected}"
    );
}

#[test]
fn means_are_shrunk_toward_the_mean_of_the_model() {
    let policy = learn(rows());
    assert_eq!((policy.n_patients, policy.choices.len()), (12, 3 * 3));
    let pelvis = cell(&policy, Some("pelvis"), &["t1", "t2"]);
    // b: 2 patients of 0.8; over all (10 0.7 + 2 0.8) / 12; k = 2.
    let overall = 8.6 / 12.0;
    assert_eq!(
        (pelvis.choice.model.as_str(), pelvis.choice.n_patients),
        ("b", 2)
    );
    close(pelvis.choice.raw_mean.0, 0.8);
    close(pelvis.choice.overall_mean, overall);
    close(pelvis.choice.shrunk_mean, (2.0 * 0.8 + 2.0 * overall) / 4.0);
    // a: 0.5 shrunk toward 10 / 12; c: 0.6 toward 9.2 / 12.
    let order: Vec<&str> = pelvis.runners_up.iter().map(|c| c.model.as_str()).collect();
    assert_eq!(order, ["c", "a"]);
    close(
        pelvis.runners_up[1].shrunk_mean,
        (2.0 * 0.5 + 2.0 * 10.0 / 12.0) / 4.0,
    );
    let unknown = cell(&policy, None, &["t1", "t2"]);
    assert_eq!(unknown.choice.model, "a");
    close(unknown.choice.shrunk_mean, 10.0 / 12.0);
    let fallback: Vec<&str> = policy.fallback.iter().map(|c| c.model.as_str()).collect();
    assert_eq!(fallback, ["a", "c", "b"]);
}

#[test]
fn much_shrinkage_gives_everybody_the_best_model_overall_and_none_trusts_two_patients() {
    let table = ScoreTable::new(rows()).unwrap();
    let choice = |shrinkage_patients| {
        let spec = PolicySpec {
            shrinkage_patients,
            ..spec()
        };
        let policy = learn_policy(&table, &spec).unwrap();
        cell(&policy, Some("pelvis"), &["t1", "t2"]).choice.clone()
    };
    assert_eq!(choice(1000.0).model, "a");
    assert_eq!(choice(0.0).model, "b");
    close(choice(0.0).shrunk_mean, 0.8);
}

#[test]
fn only_models_whose_series_are_there_are_chosen() {
    let policy = learn(rows());
    let choose = |place, available: &[&str]| policy.choose(place, available).unwrap();
    assert_eq!(choose(Some("thigh"), &["t1", "t2"]).model, "a");
    assert_eq!(choose(Some("extremity"), &["t2"]).model, "b");
    assert_eq!(choose(Some("pelvis"), &["t1"]).model, "a");
    let found = choose(Some("pelvis"), &["dwi", "t2", "t1"]);
    assert_eq!(
        (found.model.as_str(), found.stratum.as_deref()),
        ("b", Some("pelvis"))
    );
    assert_eq!(
        found.reason,
        "b is the best of 3 models that these series allow, before c with 0.683. Stratum pelvis: mean Dice 0.800 in 2 patients, 0.758 after shrinking toward 0.717 over all strata. That is few (under 10). No model uses dwi."
    );
    let elsewhere = choose(Some("neck"), &["t1", "t2"]);
    assert_eq!((elsewhere.model.as_str(), elsewhere.stratum), ("a", None));
    assert!(
        elsewhere.reason.contains("\"neck\" is in no stratum"),
        "{}",
        elsewhere.reason
    );
    assert!(choose(None, &["t1"]).reason.contains("No site was given"));
    assert!(
        choose(None, &["t1"])
            .reason
            .contains("a is the only model that these series allow.")
    );
    assert_eq!(
        policy
            .choose(Some("thigh"), &["dwi"])
            .unwrap_err()
            .to_string(),
        "no model can be used with the series dwi; a needs t1, b needs t2, c needs t2, t1"
    );
    assert!(
        policy
            .choose(None, &[])
            .unwrap_err()
            .to_string()
            .contains("the series (none)")
    );
}

#[test]
fn a_stratum_without_patients_falls_back_and_says_so() {
    let extremities = rows().into_iter().filter(|row| row.stratum == "extremity");
    let policy = learn(extremities.collect());
    let found = policy.choose(Some("pelvis"), &["t1", "t2"]).unwrap();
    assert_eq!(found.model, "a");
    assert!(
        found
            .reason
            .contains("No patient of stratum pelvis was scored"),
        "{}",
        found.reason
    );
    let cell = cell(&policy, Some("pelvis"), &["t1", "t2"]);
    assert!(cell.choice.raw_mean.0.is_nan());
}

#[test]
fn failures_count_as_zero_and_models_without_scores_are_left_out() {
    let mut failing = rows();
    for row in failing.iter_mut().filter(|row| row.model == "a").take(4) {
        row.outcome = Outcome::Failed;
    }
    failing.retain(|row| row.model != "c");
    let policy = learn(failing);
    let extremity = cell(&policy, Some("extremity"), &["t1", "t2"]);
    // Six of 0.9 and four of 0 fall behind ten of 0.7.
    assert_eq!(extremity.choice.model, "b");
    let a = &extremity.runners_up[0];
    assert_eq!((a.n_patients, a.n_failed), (10, 4));
    close(a.raw_mean.0, 0.54);
    assert_eq!(policy.left_out.len(), 1);
    assert_eq!(policy.left_out[0].model, "c");
}

#[test]
fn models_are_judged_on_the_same_patients_if_there_are_ten() {
    // b was scored on two easy patients more than the others.
    let mut more = rows();
    for patient in [13, 14] {
        more.push(row("b", patient, "thigh", 1.0, [10.0, 10.0]));
    }
    let policy = learn(more.clone());
    let both = cell(&policy, Some("extremity"), &["t1", "t2"]);
    assert!(both.same_patients);
    assert!(
        [&both.choice]
            .into_iter()
            .chain(&both.runners_up)
            .all(|c| c.n_patients == 10)
    );
    let alone = cell(&policy, Some("extremity"), &["t2"]);
    assert_eq!(alone.choice.n_patients, 12);
    // With nine shared patients each model stands on its own.
    more.retain(|row| !(row.model == "a" && ["p1", "p2", "p3"].contains(&row.patient.as_str())));
    let both = learn(more);
    let both = cell(&both, Some("extremity"), &["t1", "t2"]);
    assert!(!both.same_patients);
    assert_eq!(
        (both.choice.model.as_str(), both.choice.n_patients),
        ("a", 7)
    );
}

#[test]
fn the_document_is_read_back_and_checked() {
    let policy = learn(rows());
    let json = policy.to_json().unwrap();
    assert_eq!(Policy::parse(&json).unwrap(), policy);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    policy.write(&path).unwrap();
    assert_eq!(Policy::read(&path).unwrap(), policy);
    let of_version = |version: &str| json.replacen("\"schema_version\": 2", version, 1);
    assert_eq!(
        Policy::parse(&of_version("\"schema_version\": 9"))
            .unwrap_err()
            .to_string(),
        "the policy has version 9; this program knows version 2"
    );
    assert_eq!(
        Policy::parse(&of_version("\"schema_version\": 1"))
            .unwrap_err()
            .to_string(),
        "the policy has version 1, this program reads version 2; write it anew with `sarx study report study.toml`"
    );
    let mut damaged = policy.clone();
    damaged.choices[0].choice.model = "z".to_owned();
    let error = Policy::parse(&damaged.to_json().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy is damaged: it chooses \"z\", which is none of its models"
    );
    let mut damaged = policy;
    damaged.choices[0].available = vec!["t3".to_owned()];
    assert!(Policy::parse(&damaged.to_json().unwrap()).is_err());
    assert!(matches!(
        Policy::read(&folder.path().join("none.json")),
        Err(PolicyError::File { .. })
    ));
}

#[test]
fn specs_and_scores_that_contradict_each_other_are_refused() {
    let table = ScoreTable::new(rows()).unwrap();
    let message = |change: fn(&mut PolicySpec)| {
        let mut spec = spec();
        change(&mut spec);
        learn_policy(&table, &spec).unwrap_err().to_string()
    };
    assert_eq!(
        message(|s| s.shrinkage_patients = -1.0),
        "the shrinkage is -1 patients; it must be a finite number, zero or more"
    );
    assert_eq!(
        message(|s| s.models[1].name = "a".to_owned()),
        "two models are named \"a\""
    );
    assert!(message(|s| s.models[0].series.clear()).contains("\"a\" names no series"));
    assert!(
        message(|s| drop(s.models.pop())).contains("\"c\", which is not among the models a, b")
    );
    assert!(
        message(|s| drop(s.strata.pop())).contains("\"pelvis\", which is not among the strata")
    );
    assert_eq!(
        message(|s| s.strata[0].sites.push("pelvis".to_owned())),
        "\"pelvis\" means both stratum \"extremity\" and stratum \"pelvis\""
    );
    let mut external = rows();
    for row in &mut external {
        row.set = crate::results::scores::StudySet::External;
        row.fold = None;
    }
    let external = ScoreTable::new(external).unwrap();
    assert!(matches!(
        learn_policy(&external, &spec()),
        Err(PolicyError::NoScores)
    ));
}

#[test]
fn many_models_make_a_bounded_policy() {
    let mut spec = spec();
    let mut rows = Vec::new();
    for at in 0..14 {
        let (name, series) = (format!("m{at}"), format!("s{at}"));
        spec.models.push(model(&name, &[&series]));
        rows.push(row(&name, 1, "thigh", 0.5, [1.0, 1.0]));
    }
    let found = learn_policy(&ScoreTable::new(rows).unwrap(), &spec);
    assert!(matches!(
        found,
        Err(PolicyError::TooManySets { most: 4096, .. })
    ));
}

#[test]
fn nesting_by_hand() {
    let table = ScoreTable::new(rows()).unwrap();
    let found = evaluate_policy(&table, &spec(), 1).unwrap();
    assert_eq!(
        (found.n_patients, found.n_without_choice, found.n_folds),
        (12, 0, 2)
    );
    // Pelvis: p11 (fold 1) is chosen for by p12 (fold 0) and the other way round. b has one patient
    // of 0.8 and five of 0.7, c one of 0.6 and five of 0.8: shrunk by k = 2, b 0.7444, c 0.7111.
    let p11 = found.choices.iter().find(|c| c.patient == "p11").unwrap();
    assert_eq!(
        (
            p11.fold,
            p11.policy.as_str(),
            p11.single.as_str(),
            p11.oracle.as_str()
        ),
        (1, "b", "a", "b")
    );
    // Policy and oracle are best everywhere; the single model loses 0.3 twice.
    close(found.policy.mean.0, 10.6 / 12.0);
    close(found.single.mean.0, 10.0 / 12.0);
    close(found.gain.mean.0, 0.6 / 12.0);
    assert_eq!(
        (found.gain.n_equal, found.n_as_oracle, found.n_as_single),
        (10, 12, 10)
    );
    // Two differences of one sign among twelve: p = 2 / 2^2.
    close(found.gain.p.0, 0.5);
    close(found.left_to_gain.p.0, 1.0);
    close(found.left_to_gain.rank_biserial.0, 0.0);
    let b = &found.times_chosen[1];
    assert_eq!((b.by_policy, b.as_single, b.by_oracle), (2, 0, 2));
    assert_eq!(found.by_stratum[1].n, 2);
    close(found.by_stratum[1].policy_mean.0, 0.8);
    close(found.single_models[2].mean.0, 9.2 / 12.0);
    let one_fold: Vec<ScoreRow> = rows().into_iter().filter(|r| r.fold == Some(1)).collect();
    let one_fold = ScoreTable::new(one_fold).unwrap();
    assert!(matches!(
        evaluate_policy(&one_fold, &spec(), 1),
        Err(PolicyError::OneFold)
    ));
}

#[test]
fn a_patient_of_whose_models_nothing_is_known_is_counted() {
    let mut rows = rows();
    // Model c in fold 0 only, and p20 has no other.
    rows.retain(|row| row.model != "c");
    rows.push(row("c", 20, "thigh", 0.9, [1.0, 1.0]));
    let found = evaluate_policy(&ScoreTable::new(rows).unwrap(), &spec(), 1).unwrap();
    assert_eq!((found.n_patients, found.n_without_choice), (12, 1));
}

#[test]
fn the_small_study_has_a_policy() {
    let policy = learn_policy(&fixture::table(), &spec()).unwrap();
    assert_eq!(policy.n_patients, 7);
    assert!(evaluate_policy(&fixture::table(), &spec(), 1).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a patient's own scores are, the choice for this patient stays.
    #[test]
    fn nobodys_own_scores_change_the_own_choice(
        dices in prop::collection::vec(prop::array::uniform3(0.01_f64..1.0), 8..24),
        own in prop::array::uniform3(0.0_f64..1.0),
        which in 0_usize..8,
        fails in any::<bool>(),
    ) {
        let rows = |changed: bool| -> Vec<ScoreRow> {
            let mut rows = Vec::new();
            for (patient, dices) in dices.iter().enumerate() {
                let site = if patient % 3 == 0 { "pelvis" } else { "calf" };
                for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
                    let mine = changed && patient == which;
                    let dice = if mine { own[at] } else { dices[at] };
                    let mut row = row(name, patient, site, dice, [5.0, 5.0]);
                    if mine && fails && at == 0 {
                        row.outcome = Outcome::Failed;
                    }
                    rows.push(row);
                }
            }
            rows
        };
        let choice = |rows: Vec<ScoreRow>| {
            let found = evaluate_policy(&ScoreTable::new(rows).unwrap(), &spec(), 3).unwrap();
            let name = format!("p{which}");
            let choice = found.choices.into_iter().find(|c| c.patient == name).unwrap();
            (choice.policy, choice.single)
        };
        prop_assert_eq!(choice(rows(false)), choice(rows(true)));
    }

    /// A shrunk mean lies between the mean of the stratum and that of the model.
    #[test]
    fn shrinkage_stays_between(dices in prop::collection::vec(prop::array::uniform3(0.0_f64..1.0), 2..30)) {
        let mut rows = Vec::new();
        for (patient, dices) in dices.iter().enumerate() {
            let site = if patient % 3 == 0 { "pelvis" } else { "calf" };
            for (name, dice) in ["a", "b", "c"].into_iter().zip(dices) {
                rows.push(row(name, patient, site, *dice, [5.0, 5.0]));
            }
        }
        for cell in learn(rows).choices {
            for c in std::iter::once(&cell.choice).chain(&cell.runners_up) {
                let raw = if c.n_patients == 0 { c.overall_mean } else { c.raw_mean.0 };
                let (low, high) = (raw.min(c.overall_mean), raw.max(c.overall_mean));
                prop_assert!(low - 1e-12 <= c.shrunk_mean && c.shrunk_mean <= high + 1e-12);
                prop_assert!(c.shrunk_mean <= cell.choice.shrunk_mean);
            }
        }
    }
}
