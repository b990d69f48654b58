//! A policy from scores.

use super::evidence::{PatientDice, patients, rank};
use super::{
    LeftOut, POLICY_SCHEMA_VERSION, Policy, PolicyCell, PolicyError, PolicyModel, PolicyStratum,
};
use crate::assemble::Alignment;
use crate::design::ModelKind;
use crate::results::scores::ScoreTable;
use std::collections::BTreeSet;

/// The most sets of series that a policy is made for.
const MOST_SETS: usize = 4096;

/// What a policy is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySpec {
    /// The models of the study, in its order.
    pub models: Vec<PolicyModel>,
    /// The strata of the study, in its order.
    pub strata: Vec<PolicyStratum>,
    /// How series of a patient are brought together.
    pub alignment: Alignment,
    /// How many patients the mean over all strata weighs in a stratum; see
    /// [`DEFAULT_SHRINKAGE_PATIENTS`](super::DEFAULT_SHRINKAGE_PATIENTS).
    pub shrinkage_patients: f64,
}

/// Makes a policy from the cross-validation rows on the common grid.
///
/// The choice is made for every stratum, for an unknown stratum, and for every set of series that
/// allows other models than a smaller set does. Models without a cross-validation row are named in
/// [`Policy::left_out`].
///
/// # Errors
///
/// [`PolicyError`] if there are no such rows, a row has a model or stratum that the spec lacks, or
/// the spec contradicts itself.
pub fn learn_policy(scores: &ScoreTable, spec: &PolicySpec) -> Result<Policy, PolicyError> {
    spec.check()?;
    let patients = patients(scores, &spec.models)?;
    spec.check_strata(&patients)?;
    let everyone: Vec<&PatientDice> = patients.iter().collect();
    let has_scores = |at: &usize| patients.iter().any(|p| p.dice[*at].is_some());
    let (judged, silent): (Vec<usize>, Vec<usize>) =
        (0..spec.models.len()).partition(|at| has_scores(at));
    let in_order = |candidates: &[usize], stratum: Option<&str>| {
        let k = spec.shrinkage_patients;
        rank(&everyone, &spec.models, candidates, stratum, k)
    };
    let fallback = in_order(&judged, None).best_first.into_iter();
    let mut choices = Vec::new();
    for available in sets_of_series(&judged, &spec.models)? {
        let series: Vec<&String> = available.iter().collect();
        let usable: Vec<usize> = judged
            .iter()
            .copied()
            .filter(|&at| spec.models[at].given(&series).is_some())
            .collect();
        let named = spec.strata.iter().map(|stratum| Some(stratum.name.clone()));
        for stratum in std::iter::once(None).chain(named) {
            let ranking = in_order(&usable, stratum.as_deref());
            let mut best_first = ranking.best_first.into_iter().map(|(_, c)| c);
            if let Some(choice) = best_first.next() {
                choices.push(PolicyCell {
                    stratum,
                    available: available.iter().cloned().collect(),
                    same_patients: ranking.same_patients,
                    choice,
                    runners_up: best_first.collect(),
                });
            }
        }
    }
    Ok(Policy {
        schema_version: POLICY_SCHEMA_VERSION,
        judged_by: "mean Dice in cross-validation on the common grid".to_owned(),
        shrinkage_patients: spec.shrinkage_patients,
        n_patients: patients.len(),
        alignment: spec.alignment,
        models: judged.iter().map(|&at| spec.models[at].clone()).collect(),
        left_out: silent
            .iter()
            .map(|&at| LeftOut {
                model: spec.models[at].name.clone(),
                reason: "it has no cross-validation score on the common grid".to_owned(),
            })
            .collect(),
        strata: spec.strata.clone(),
        fallback: fallback.map(|(_, candidate)| candidate).collect(),
        choices,
    })
}

impl PolicySpec {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let k = self.shrinkage_patients;
        if !(k.is_finite() && k >= 0.0) {
            return Err(PolicyError::Shrinkage { found: k });
        }
        for (at, model) in self.models.iter().enumerate() {
            if self.models[..at].iter().any(|m| m.name == model.name) {
                return Err(PolicyError::ModelTwice {
                    model: model.name.clone(),
                });
            }
            if model.series.is_empty() {
                return Err(PolicyError::NoSeries {
                    model: model.name.clone(),
                });
            }
        }
        for stratum in &self.strata {
            for place in std::iter::once(&stratum.name).chain(&stratum.sites) {
                let means = |other: &&PolicyStratum| {
                    other.name != stratum.name
                        && (other.name == *place || other.sites.contains(place))
                };
                if let Some(other) = self.strata.iter().find(means) {
                    return Err(PolicyError::Ambiguous {
                        place: place.clone(),
                        first: stratum.name.clone(),
                        second: other.name.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Every patient's stratum is one of the study's, or none.
    pub(super) fn check_strata(&self, patients: &[PatientDice]) -> Result<(), PolicyError> {
        let known = |name: &str| self.strata.iter().any(|stratum| stratum.name == name);
        let stray = patients
            .iter()
            .find(|p| !p.stratum.is_empty() && !known(&p.stratum));
        match stray {
            None => Ok(()),
            Some(patient) => Err(PolicyError::UnknownStratum {
                stratum: patient.stratum.clone(),
                known: self.strata.iter().map(|s| s.name.clone()).collect(),
            }),
        }
    }
}

/// Every union of what models need, and of a pooled model each of its series: any set of series allows the models of
/// exactly one of these.
fn sets_of_series(
    candidates: &[usize],
    models: &[PolicyModel],
) -> Result<BTreeSet<BTreeSet<String>>, PolicyError> {
    let mut sets: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for &at in candidates {
        let series = &models[at].series;
        let sufficient: Vec<BTreeSet<String>> = match models[at].kind {
            ModelKind::Pooled => series
                .iter()
                .map(|one| BTreeSet::from([one.clone()]))
                .collect(),
            _ => vec![series.iter().cloned().collect()],
        };
        for own in sufficient {
            let with_own: Vec<BTreeSet<String>> = sets.iter().map(|set| set | &own).collect();
            sets.insert(own);
            sets.extend(with_own);
            if sets.len() > MOST_SETS {
                return Err(PolicyError::TooManySets {
                    found: sets.len(),
                    most: MOST_SETS,
                });
            }
        }
    }
    Ok(sets)
}
