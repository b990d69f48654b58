//! What speaks for a model: its Dice per patient in cross-validation.

use super::{Candidate, PolicyError, PolicyModel};
use crate::FEW_CASES;
use crate::Measure;
use crate::results::scores::{ScoreGrid, ScoreTable, StudySet};
use sarx_metrics::ScoreFloat;
use std::collections::BTreeMap;

/// The Dice of one patient under each model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatientDice {
    pub(super) patient: String,
    pub(super) fold: usize,
    /// Empty if the site of the patient is in none.
    pub(super) stratum: String,
    /// One per model; `None` if the patient has no row of it.
    pub(super) dice: Vec<Option<Dice>>,
}

/// The Dice of a case; 0 if it could not be predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dice {
    pub(super) value: f64,
    pub(super) failed: bool,
}

/// Models in the order of preference.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranking {
    /// Index of each model with what speaks for it, the best first.
    pub(super) best_first: Vec<(usize, Candidate)>,
    /// Whether all models were judged on the same patients.
    pub(super) same_patients: bool,
}

/// The cross-validation rows on the common grid, one patient each, by name.
pub(super) fn patients(
    scores: &ScoreTable,
    models: &[PolicyModel],
) -> Result<Vec<PatientDice>, PolicyError> {
    let mut patients: BTreeMap<&str, PatientDice> = BTreeMap::new();
    let rows = scores.rows().iter();
    for row in rows.filter(|r| r.set == StudySet::CrossValidation && r.grid == ScoreGrid::Common) {
        let position = models.iter().position(|model| model.name == row.model);
        let Some(at) = position else {
            return Err(PolicyError::UnknownModel {
                model: row.model.clone(),
                known: models.iter().map(|model| model.name.clone()).collect(),
            });
        };
        let value = if row.is_failed() {
            0.0
        } else {
            row.score(Measure::Dice)
        };
        if value.is_nan() {
            return Err(PolicyError::NoDice {
                model: row.model.clone(),
                case: row.case.clone(),
            });
        }
        let patient = patients.entry(&row.patient).or_insert_with(|| PatientDice {
            patient: row.patient.clone(),
            // A row of the cross-validation has a fold: the table was checked.
            fold: row.fold.unwrap_or_default(),
            stratum: row.stratum.clone(),
            dice: vec![None; models.len()],
        });
        patient.dice[at] = Some(Dice {
            value,
            failed: row.is_failed(),
        });
    }
    if patients.is_empty() {
        Err(PolicyError::NoScores)
    } else {
        Ok(patients.into_values().collect())
    }
}

/// Ranks models for a stratum, or over all strata, by the shrunk mean; equal ones by the number of
/// series that they need, then in the order of the study. A model without any patient is not
/// ranked: nothing speaks for it.
pub(super) fn rank(
    patients: &[&PatientDice],
    models: &[PolicyModel],
    candidates: &[usize],
    stratum: Option<&str>,
    shrinkage_patients: f64,
) -> Ranking {
    let has_all = |p: &&&PatientDice| candidates.iter().all(|&at| p.dice[at].is_some());
    let shared: Vec<&PatientDice> = patients.iter().filter(has_all).copied().collect();
    let same_patients = shared.len() >= FEW_CASES;
    let judged = if same_patients { &shared } else { patients };
    let mut best_first: Vec<(usize, Candidate)> = candidates
        .iter()
        .filter_map(|&at| {
            let candidate = judge(judged, &models[at].name, at, stratum, shrinkage_patients)?;
            Some((at, candidate))
        })
        .collect();
    best_first.sort_by(|(a, x), (b, y)| {
        let n_series = |at: usize| models[at].n_needed();
        y.shrunk_mean
            .total_cmp(&x.shrunk_mean)
            .then_with(|| n_series(*a).cmp(&n_series(*b)))
            .then_with(|| a.cmp(b))
    });
    Ranking {
        best_first,
        same_patients,
    }
}

fn judge(
    patients: &[&PatientDice],
    model: &str,
    at: usize,
    stratum: Option<&str>,
    shrinkage_patients: f64,
) -> Option<Candidate> {
    let all: Vec<(&str, Dice)> = patients
        .iter()
        .filter_map(|p| Some((p.stratum.as_str(), p.dice[at]?)))
        .collect();
    if all.is_empty() {
        return None;
    }
    let inside: Vec<Dice> = all
        .iter()
        .filter(|(of, _)| stratum.is_none_or(|stratum| stratum == *of))
        .map(|(_, dice)| *dice)
        .collect();
    let overall_mean = all.iter().map(|(_, d)| d.value).sum::<f64>() / all.len() as f64;
    let (n, sum) = (
        inside.len() as f64,
        inside.iter().map(|d| d.value).sum::<f64>(),
    );
    // Over all strata there is nothing to shrink toward; without a weight the stratum stands alone
    // unless it is empty.
    let shrunk_mean = if stratum.is_none() || n + shrinkage_patients == 0.0 {
        overall_mean
    } else {
        (sum + shrinkage_patients * overall_mean) / (n + shrinkage_patients)
    };
    Some(Candidate {
        model: model.to_owned(),
        n_patients: inside.len(),
        n_failed: inside.iter().filter(|d| d.failed).count(),
        raw_mean: ScoreFloat(sum / n),
        overall_mean,
        shrunk_mean,
    })
}
