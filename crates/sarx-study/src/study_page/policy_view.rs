//! The policy as the page shows it.

use crate::number_text::{number, p_equals, percent};
use crate::policy::{Candidate, DiceOfChoices, Policy, PolicyDifference, PolicyEvaluation};
use crate::results::tables::StudyFacts;
use std::collections::BTreeSet;

/// More sets of series than this are left to `policy.json`.
const MOST_SETS: usize = 48;

pub(super) struct PolicyView {
    pub(super) rule: String,
    pub(super) verdict: String,
    pub(super) strata: Vec<String>,
    pub(super) sets: Vec<SetLine>,
    /// Sets of series that are not shown.
    pub(super) n_more: usize,
    pub(super) ways: Vec<WayLine>,
    pub(super) differences: Vec<(&'static str, String)>,
    pub(super) by_stratum: Vec<(String, usize, [String; 3])>,
    pub(super) chosen: Vec<(String, [usize; 3], String)>,
    pub(super) notes: Vec<String>,
}

pub(super) struct SetLine {
    pub(super) series: String,
    pub(super) cells: Vec<ChoiceCell>,
}

pub(super) struct ChoiceCell {
    pub(super) model: String,
    pub(super) detail: String,
    pub(super) next: String,
}

pub(super) struct WayLine {
    pub(super) name: &'static str,
    pub(super) mean: String,
    pub(super) median: String,
    pub(super) quartiles: String,
    pub(super) failed: usize,
}

impl PolicyView {
    pub(super) fn new(policy: &Policy, tested: &PolicyEvaluation, facts: &StudyFacts) -> Self {
        let sets: BTreeSet<&Vec<String>> = policy.choices.iter().map(|c| &c.available).collect();
        let mut sets: Vec<&Vec<String>> = sets.into_iter().collect();
        sets.sort_by_key(|set| (set.len(), *set));
        let n_more = sets.len().saturating_sub(MOST_SETS);
        let strata: Vec<Option<&str>> = policy
            .strata
            .iter()
            .map(|stratum| Some(stratum.name.as_str()))
            .chain([None])
            .collect();
        let line = |set: &&Vec<String>| SetLine {
            series: set.join(" + "),
            cells: strata
                .iter()
                .map(|stratum| choice_cell(policy, facts, set, *stratum))
                .collect(),
        };
        let way = |name, dice: &DiceOfChoices| WayLine {
            name,
            mean: number(dice.mean.0, 3),
            median: number(dice.median.0, 3),
            quartiles: format!("{}\u{2013}{}", number(dice.q1.0, 3), number(dice.q3.0, 3)),
            failed: dice.n_failed,
        };
        let three = |[a, b, c]: [f64; 3]| [a, b, c].map(|value| number(value, 3));
        Self {
            rule: format!(
                "Of the models whose series a patient has, the one with the highest mean Dice in cross-validation in the patient's stratum, shrunk toward its mean over all strata with the weight of {} patients. Made from {} patients.",
                number(policy.shrinkage_patients, 0),
                policy.n_patients
            ),
            verdict: verdict(tested),
            sets: sets.iter().take(MOST_SETS).map(line).collect(),
            strata: strata
                .iter()
                .map(|stratum| stratum.unwrap_or("elsewhere or unknown").to_owned())
                .collect(),
            n_more,
            ways: vec![
                way("Policy", &tested.policy),
                way("Best single model", &tested.single),
                way("Best in hindsight", &tested.oracle),
            ],
            differences: vec![
                ("Policy \u{2212} single model", difference(&tested.gain)),
                (
                    "Hindsight \u{2212} policy",
                    difference(&tested.left_to_gain),
                ),
            ],
            by_stratum: tested
                .by_stratum
                .iter()
                .map(|s| {
                    let name = if s.stratum.is_empty() {
                        crate::NOT_GIVEN
                    } else {
                        &s.stratum
                    };
                    let means = [s.policy_mean.0, s.single_mean.0, s.oracle_mean.0];
                    (name.to_owned(), s.n, three(means))
                })
                .collect(),
            chosen: tested
                .times_chosen
                .iter()
                .map(|t| {
                    let share = t.by_policy as f64 / tested.n_patients as f64;
                    (
                        facts.title(&t.model).to_owned(),
                        [t.by_policy, t.as_single, t.by_oracle],
                        percent(share),
                    )
                })
                .collect(),
            notes: notes(policy, tested, facts),
        }
    }
}

fn choice_cell(
    policy: &Policy,
    facts: &StudyFacts,
    set: &[String],
    stratum: Option<&str>,
) -> ChoiceCell {
    let cell = policy
        .choices
        .iter()
        .find(|c| c.available == set && c.stratum.as_deref() == stratum);
    let Some(cell) = cell else {
        return ChoiceCell {
            model: "n/a".to_owned(),
            detail: String::new(),
            next: String::new(),
        };
    };
    let of = |c: &Candidate| number(c.shrunk_mean, 3);
    ChoiceCell {
        model: facts.title(&cell.choice.model).to_owned(),
        detail: format!("{}, n = {}", of(&cell.choice), cell.choice.n_patients),
        next: cell.runners_up.first().map_or_else(
            || "no other".to_owned(),
            |next| format!("then {} {}", facts.title(&next.model), of(next)),
        ),
    }
}

/// Mean with its interval, and the test.
fn difference(d: &PolicyDifference) -> String {
    format!(
        "{} (95 % {} to {}), rank-biserial {}, {}; {} without a difference",
        number(d.mean.0, 4),
        number(d.mean_low.0, 4),
        number(d.mean_high.0, 4),
        number(d.rank_biserial.0, 2),
        p_equals(d.p.0),
        d.n_equal
    )
}

/// One sentence on whether the policy is worth it.
fn verdict(tested: &PolicyEvaluation) -> String {
    let (gain, p) = (tested.gain.mean.0, tested.gain.p.0);
    let start = format!(
        "Tested on patients that it was not made from, the policy has a mean Dice of {} against {} of the best single model",
        number(tested.policy.mean.0, 3),
        number(tested.single.mean.0, 3)
    );
    let p = p_equals(p);
    if tested.gain.p.0 < 0.05 && gain > 0.0 {
        format!("{start}: a gain of {} ({p}).", number(gain, 4))
    } else if tested.gain.p.0 < 0.05 {
        format!(
            "{start}: it loses {} ({p}) and should not be used.",
            number(-gain, 4)
        )
    } else {
        format!("{start}: no gain is shown ({p}).")
    }
}

fn notes(policy: &Policy, tested: &PolicyEvaluation, facts: &StudyFacts) -> Vec<String> {
    let mut notes = vec![format!(
        "Policy and single model are the same for {} of {} patients; for {} the policy took what was best in hindsight. A case that could not be predicted counts as Dice 0.",
        tested.n_as_single, tested.n_patients, tested.n_as_oracle
    )];
    if tested.n_without_choice > 0 {
        notes.push(format!(
            "{} patients are not compared, since the other folds have no score of any of their models.",
            tested.n_without_choice
        ));
    }
    for left in &policy.left_out {
        notes.push(format!(
            "{} is left out: {}.",
            facts.title(&left.model),
            left.reason
        ));
    }
    let unlike = policy
        .choices
        .iter()
        .filter(|c| !c.same_patients && !c.runners_up.is_empty());
    let n_unlike = unlike.count();
    if n_unlike > 0 {
        notes.push(format!(
            "In {n_unlike} of {} choices fewer than {} patients have all models, so each model was judged on its own patients.",
            policy.choices.len(),
            crate::FEW_CASES
        ));
    }
    notes
}
