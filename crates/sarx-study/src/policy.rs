//! Which model a patient gets.
//!
//! A study leaves several models: one per sequence, per plane, per combination. A new patient has
//! some of the series and a tumour somewhere. The policy says which model to use: of those whose
//! series the patient has, the one with the best mean Dice in cross-validation in the patient's
//! stratum, shrunk toward the mean of that model over all strata.
//!
//! # The rule
//!
//! In a stratum with `n` patients a model of mean `x` there and mean `m` over all strata is judged
//! by `(n x + k m) / (n + k)`: the posterior mean of a normal location with known variances, where
//! `k` is the ratio of the variance within strata to the variance between them (Efron and Morris,
//! *Stein's estimation rule and its competitors*, JASA 1973). `k` is a parameter of the study and
//! not estimated from it; see [`DEFAULT_SHRINKAGE_PATIENTS`]. Models that compete are judged on the same
//! patients, those who have a score of every one of them, as long as there are
//! [`FEW_CASES`](crate::FEW_CASES) of these; else each on its own. A case that could not be
//! predicted counts as Dice 0.
//!
//! # How it is followed
//!
//! `policy.json` says of every model which networks predict for it ([`PolicyNetwork`]) and how series are brought
//! together, so that the document and the model folders beside it are all that a new patient needs.
//! [`PatientSeries`] tells the series in a patient's folder, and [`Policy::choose`] the model with those that are next
//! best, for the case that a registration fails.
//!
//! # How it is tested
//!
//! [`evaluate_policy`] chooses for the patients of each fold from the patients of the other folds
//! only, so that nobody's own score has a say in the choice.

mod choice;
mod document;
mod error;
mod evaluation;
mod evidence;
#[cfg(test)]
mod following_tests;
mod learn;
mod model;
mod patient_series;

pub use choice::Choice;
pub use document::{Candidate, LeftOut, POLICY_SCHEMA_VERSION, Policy, PolicyCell, PolicyStratum};
pub use error::PolicyError;
pub use evaluation::{
    DiceOfChoices, PatientChoice, PolicyDifference, PolicyEvaluation, PolicyInStratum, SingleModel,
    TimesChosen, evaluate_policy,
};
pub use learn::{PolicySpec, learn_policy};
pub use model::{PolicyModel, PolicyNetwork};
pub use patient_series::{
    IgnoredFile, PatientFolders, PatientSeries, PatientSeriesError, sites_of_table,
};

/// How many patients the mean over all strata weighs in a stratum.
///
/// Ours: as many as [`FEW_CASES`](crate::FEW_CASES), so that a stratum outweighs all the others
/// exactly when its own mean is no longer marked as resting on few cases.
pub const DEFAULT_SHRINKAGE_PATIENTS: f64 = 10.0;

#[cfg(test)]
mod tests;
