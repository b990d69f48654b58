//! What a policy would have been worth: chosen without the patients that it is tested on.

use super::evidence::{Dice, PatientDice, Ranking, patients, rank};
use super::{PolicyError, PolicySpec};
use crate::results::scores::ScoreTable;
use sarx_metrics::stats::{SignedRank, StatsError, hodges_lehmann, mean_bca, wilcoxon_signed_rank};
use sarx_metrics::{ScoreFloat, Spread};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Draws and confidence of the interval of a mean difference.
const DRAWS: usize = 2000;
const CONFIDENCE: f64 = 0.95;

/// The policy against the best single model and against hindsight, by Dice on the common grid.
///
/// The policy of each patient is made from the other folds. The single model is the best over all
/// strata of those folds that the patient has, so it is chosen without the patient as well. The
/// oracle takes the best model of each patient in hindsight: what no policy can exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyEvaluation {
    /// Patients that are compared.
    pub n_patients: usize,
    /// Patients for whom the other folds say nothing about any model that they have.
    pub n_without_choice: usize,
    /// Folds.
    pub n_folds: usize,
    /// Patients for whom the policy took the model that was best in hindsight.
    pub n_as_oracle: usize,
    /// Patients for whom policy and single model are the same model.
    pub n_as_single: usize,
    /// The Dice that each way of choosing would have had.
    pub policy: DiceOfChoices,
    /// See [`PolicyEvaluation::policy`].
    pub single: DiceOfChoices,
    /// See [`PolicyEvaluation::policy`].
    pub oracle: DiceOfChoices,
    /// Policy minus single model.
    pub gain: PolicyDifference,
    /// Oracle minus policy.
    pub left_to_gain: PolicyDifference,
    /// How often each model was chosen.
    pub times_chosen: Vec<TimesChosen>,
    /// The same by stratum; patients in none are the last, with an empty name.
    pub by_stratum: Vec<PolicyInStratum>,
    /// Each model by itself, on the compared patients who have it.
    pub single_models: Vec<SingleModel>,
    /// Every patient, by name.
    pub choices: Vec<PatientChoice>,
}

/// Dice over patients; a case that could not be predicted has 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DiceOfChoices {
    /// Mean.
    pub mean: ScoreFloat,
    /// Median.
    pub median: ScoreFloat,
    /// First quartile.
    pub q1: ScoreFloat,
    /// Third quartile.
    pub q3: ScoreFloat,
    /// Cases that could not be predicted.
    pub n_failed: usize,
}

/// A paired difference of Dice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PolicyDifference {
    /// Mean.
    pub mean: ScoreFloat,
    /// Lower end of its 95 % BCa interval.
    pub mean_low: ScoreFloat,
    /// Its upper end.
    pub mean_high: ScoreFloat,
    /// Hodges and Lehmann's estimate.
    pub hodges_lehmann: ScoreFloat,
    /// Patients without a difference.
    pub n_equal: usize,
    /// Matched-pairs rank-biserial correlation.
    pub rank_biserial: ScoreFloat,
    /// Wilcoxon's signed-rank test (Pratt); 1 if no patient differs.
    pub p: ScoreFloat,
}

/// How often a model was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimesChosen {
    /// The model.
    pub model: String,
    /// By the policy.
    pub by_policy: usize,
    /// As the best single model.
    pub as_single: usize,
    /// In hindsight.
    pub by_oracle: usize,
}

/// The comparison in one stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyInStratum {
    /// The stratum; empty for patients in none.
    pub stratum: String,
    /// Patients.
    pub n: usize,
    /// Mean Dice of the policy.
    pub policy_mean: ScoreFloat,
    /// Mean Dice of the single model.
    pub single_mean: ScoreFloat,
    /// Mean Dice in hindsight.
    pub oracle_mean: ScoreFloat,
}

/// One model on the compared patients who have it, and the policy on the same patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingleModel {
    /// The model.
    pub model: String,
    /// Patients.
    pub n: usize,
    /// Mean Dice of the model.
    pub mean: ScoreFloat,
    /// Mean Dice of the policy on these patients.
    pub policy_mean: ScoreFloat,
}

/// What each way of choosing does with a patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientChoice {
    /// The patient.
    pub patient: String,
    /// The fold that the policy was made without.
    pub fold: usize,
    /// The stratum; empty if in none.
    pub stratum: String,
    /// The model that the policy takes.
    pub policy: String,
    /// Its Dice.
    pub policy_dice: f64,
    /// The best single model.
    pub single: String,
    /// Its Dice.
    pub single_dice: f64,
    /// The best in hindsight.
    pub oracle: String,
    /// Its Dice.
    pub oracle_dice: f64,
}

/// The models that were taken for a patient, by index.
struct Taken<'a> {
    patient: &'a PatientDice,
    policy: usize,
    single: usize,
    oracle: usize,
}

/// Evaluates the rule of [`learn_policy`](super::learn_policy) by nesting in the folds of the
/// cross-validation. `seed` is that of the bootstrap of mean differences.
///
/// A patient's usable models are those that there is a row of, failed ones included.
///
/// # Errors
///
/// [`PolicyError`] as [`learn_policy`](super::learn_policy); [`PolicyError::OneFold`] if all patients are in one fold.
pub fn evaluate_policy(
    scores: &ScoreTable,
    spec: &PolicySpec,
    seed: u64,
) -> Result<PolicyEvaluation, PolicyError> {
    spec.check()?;
    let patients = patients(scores, &spec.models)?;
    spec.check_strata(&patients)?;
    let folds: BTreeSet<usize> = patients.iter().map(|p| p.fold).collect();
    if folds.len() < 2 {
        return Err(PolicyError::OneFold);
    }
    let mut taken = Vec::new();
    for &fold in &folds {
        let others: Vec<&PatientDice> = patients.iter().filter(|p| p.fold != fold).collect();
        let own = patients.iter().filter(|p| p.fold == fold);
        taken.extend(own.filter_map(|patient| take(patient, &others, spec)));
    }
    taken.sort_by(|a, b| a.patient.patient.cmp(&b.patient.patient));
    let n_without_choice = patients.len() - taken.len();
    summarize(&taken, spec, seed, (n_without_choice, folds.len()))
}

/// Chooses for one patient from the evidence of others.
fn take<'a>(
    patient: &'a PatientDice,
    others: &[&PatientDice],
    spec: &PolicySpec,
) -> Option<Taken<'a>> {
    let usable: Vec<usize> = (0..spec.models.len())
        .filter(|&at| patient.dice[at].is_some())
        .collect();
    let k = spec.shrinkage_patients;
    let first = |ranking: Ranking| ranking.best_first.first().map(|(at, _)| *at);
    let stratum = Some(patient.stratum.as_str()).filter(|stratum| !stratum.is_empty());
    let policy = first(rank(others, &spec.models, &usable, stratum, k))?;
    // The best single model is one for all patients; who lacks it gets the next.
    let everything: Vec<usize> = (0..spec.models.len()).collect();
    let single = rank(others, &spec.models, &everything, None, k)
        .best_first
        .into_iter()
        .map(|(at, _)| at)
        .find(|at| usable.contains(at))?;
    let value = |at: usize| patient.dice[at].map_or(0.0, |dice| dice.value);
    let oracle = usable
        .iter()
        .copied()
        .rev()
        .max_by(|&a, &b| value(a).total_cmp(&value(b)))?;
    Some(Taken {
        patient,
        policy,
        single,
        oracle,
    })
}

fn summarize(
    taken: &[Taken<'_>],
    spec: &PolicySpec,
    seed: u64,
    (n_without_choice, n_folds): (usize, usize),
) -> Result<PolicyEvaluation, PolicyError> {
    let [policy, single, oracle] = [
        |t: &Taken<'_>| t.policy,
        |t: &Taken<'_>| t.single,
        |t: &Taken<'_>| t.oracle,
    ]
    .map(|which| {
        taken
            .iter()
            .map(|t| dice(t, which(t)))
            .collect::<Vec<Dice>>()
    });
    let values = |dices: &[Dice]| dices.iter().map(|d| d.value).collect::<Vec<f64>>();
    let [policy_dice, single_dice, oracle_dice] = [&policy, &single, &oracle].map(|d| values(d));
    let names = spec.strata.iter().map(|s| s.name.as_str());
    let without = taken.iter().any(|t| t.patient.stratum.is_empty());
    let strata = names.chain(without.then_some(""));
    Ok(PolicyEvaluation {
        n_patients: taken.len(),
        n_without_choice,
        n_folds,
        n_as_oracle: policy_dice
            .iter()
            .zip(&oracle_dice)
            .filter(|(a, b)| a == b)
            .count(),
        n_as_single: taken.iter().filter(|t| t.policy == t.single).count(),
        policy: DiceOfChoices::of(&policy),
        single: DiceOfChoices::of(&single),
        oracle: DiceOfChoices::of(&oracle),
        gain: PolicyDifference::of(&policy_dice, &single_dice, seed)?,
        left_to_gain: PolicyDifference::of(&oracle_dice, &policy_dice, seed)?,
        times_chosen: spec
            .models
            .iter()
            .enumerate()
            .map(|(at, model)| TimesChosen {
                model: model.name.clone(),
                by_policy: taken.iter().filter(|t| t.policy == at).count(),
                as_single: taken.iter().filter(|t| t.single == at).count(),
                by_oracle: taken.iter().filter(|t| t.oracle == at).count(),
            })
            .collect(),
        by_stratum: strata.map(|stratum| in_stratum(taken, stratum)).collect(),
        single_models: spec
            .models
            .iter()
            .enumerate()
            .map(|(at, model)| single_model(taken, at, &model.name))
            .collect(),
        choices: taken.iter().map(|t| patient_choice(t, spec)).collect(),
    })
}

/// A model that was taken has a row of the patient.
fn dice(taken: &Taken<'_>, at: usize) -> Dice {
    taken.patient.dice[at].unwrap_or(Dice {
        value: 0.0,
        failed: true,
    })
}

fn mean(values: impl Iterator<Item = f64>) -> ScoreFloat {
    let (n, sum) = values.fold((0usize, 0.0), |(n, sum), value| (n + 1, sum + value));
    ScoreFloat(sum / n as f64)
}

fn in_stratum(taken: &[Taken<'_>], stratum: &str) -> PolicyInStratum {
    let own = || taken.iter().filter(|t| t.patient.stratum == stratum);
    PolicyInStratum {
        stratum: stratum.to_owned(),
        n: own().count(),
        policy_mean: mean(own().map(|t| dice(t, t.policy).value)),
        single_mean: mean(own().map(|t| dice(t, t.single).value)),
        oracle_mean: mean(own().map(|t| dice(t, t.oracle).value)),
    }
}

fn single_model(taken: &[Taken<'_>], at: usize, name: &str) -> SingleModel {
    let with = || taken.iter().filter(|t| t.patient.dice[at].is_some());
    SingleModel {
        model: name.to_owned(),
        n: with().count(),
        mean: mean(with().map(|t| dice(t, at).value)),
        policy_mean: mean(with().map(|t| dice(t, t.policy).value)),
    }
}

fn patient_choice(taken: &Taken<'_>, spec: &PolicySpec) -> PatientChoice {
    let name = |at: usize| spec.models[at].name.clone();
    PatientChoice {
        patient: taken.patient.patient.clone(),
        fold: taken.patient.fold,
        stratum: taken.patient.stratum.clone(),
        policy: name(taken.policy),
        policy_dice: dice(taken, taken.policy).value,
        single: name(taken.single),
        single_dice: dice(taken, taken.single).value,
        oracle: name(taken.oracle),
        oracle_dice: dice(taken, taken.oracle).value,
    }
}

impl DiceOfChoices {
    fn of(dices: &[Dice]) -> Self {
        let spread = Spread::of(dices.iter().map(|dice| dice.value));
        Self {
            mean: ScoreFloat(spread.mean),
            median: ScoreFloat(spread.median),
            q1: ScoreFloat(spread.q1),
            q3: ScoreFloat(spread.q3),
            n_failed: dices.iter().filter(|dice| dice.failed).count(),
        }
    }
}

impl PolicyDifference {
    /// `x - y`, patient by patient. Without patients every figure is NaN.
    fn of(x: &[f64], y: &[f64], seed: u64) -> Result<Self, PolicyError> {
        let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        let nan = ScoreFloat(f64::NAN);
        let interval = some(mean_bca(&differences, DRAWS, seed, CONFIDENCE))?;
        let test: Option<SignedRank> = some(wilcoxon_signed_rank(x, y))?;
        let untested = if x.is_empty() { f64::NAN } else { 1.0 };
        Ok(Self {
            mean: mean(differences.iter().copied()),
            mean_low: interval.as_ref().map_or(nan, |i| ScoreFloat(i.low)),
            mean_high: interval.as_ref().map_or(nan, |i| ScoreFloat(i.high)),
            hodges_lehmann: some(hodges_lehmann(x, y))?.map_or(nan, ScoreFloat),
            n_equal: differences.iter().filter(|d| **d == 0.0).count(),
            rank_biserial: ScoreFloat(test.map_or(1.0 - untested, |t| t.rank_biserial)),
            p: ScoreFloat(test.map_or(untested, |t| t.p)),
        })
    }
}

/// Too few patients and patients without any difference have no test; all else is a fault.
fn some<T>(result: Result<T, StatsError>) -> Result<Option<T>, PolicyError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StatsError::TooFew { .. } | StatsError::AllEqual) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
