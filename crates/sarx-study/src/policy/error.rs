//! Policies that cannot be made, read or followed.

use super::PolicyModel;
use crate::design::ModelKind;
use std::path::PathBuf;

/// What stops a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no score to choose by.
    #[error("there is no cross-validation score on the common grid; a policy is made from these")]
    NoScores,
    /// A cross-validation without a second fold.
    #[error(
        "all patients with scores are in one fold; a policy is tested on a fold that it was not made from"
    )]
    OneFold,
    /// A shrinkage that is no number of patients.
    #[error("the shrinkage is {found} patients; it must be a finite number, zero or more")]
    Shrinkage {
        /// What was given.
        found: f64,
    },
    /// Scores of a model that the study does not name.
    #[error("the scores hold model {model:?}, which is not among the models {}", .known.join(", "))]
    UnknownModel {
        /// The model.
        model: String,
        /// The models of the study.
        known: Vec<String>,
    },
    /// Two models of one name.
    #[error("two models are named {model:?}")]
    ModelTwice {
        /// The name.
        model: String,
    },
    /// A model that needs no series.
    #[error("model {model:?} names no series; say which ones it needs")]
    NoSeries {
        /// The model.
        model: String,
    },
    /// Scores in a stratum that the study does not name.
    #[error("the scores hold stratum {stratum:?}, which is not among the strata {}", .known.join(", "))]
    UnknownStratum {
        /// The stratum.
        stratum: String,
        /// The strata of the study.
        known: Vec<String>,
    },
    /// A site or stratum that means two strata.
    #[error("{place:?} means both stratum {first:?} and stratum {second:?}")]
    Ambiguous {
        /// The site or stratum.
        place: String,
        /// One meaning.
        first: String,
        /// The other.
        second: String,
    },
    /// A scored case without Dice.
    #[error("case {case:?} of model {model:?} is scored but has no Dice; score it again")]
    NoDice {
        /// The model.
        model: String,
        /// The case.
        case: String,
    },
    /// More sets of series than a table should hold.
    #[error("the models differ in {found} sets of series; a policy holds at most {most}")]
    TooManySets {
        /// How many there are.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// No model can be used with the series of a patient.
    #[error("no model can be used with the series {}; {}", listed(.available), needs(.models))]
    NoModelFits {
        /// The series of the patient.
        available: Vec<String>,
        /// Every model.
        models: Vec<PolicyModel>,
    },
    /// All models that the series allow were refused.
    #[error("no model is left for the patient: {} cannot be used", .refused.join(", "))]
    NoModelLeft {
        /// The models, the best first.
        refused: Vec<String>,
    },
    /// A policy of an older version, which does not say enough to predict.
    #[error(
        "the policy has version {found}, this program reads version {expected}; write it anew with `sarx study report study.toml`"
    )]
    Older {
        /// The version of the file.
        found: u32,
        /// The version that is known.
        expected: u32,
    },
    /// A policy of a version to come.
    #[error("the policy has version {found}; this program knows version {expected}")]
    Version {
        /// The version of the file.
        found: u32,
        /// The version that is known.
        expected: u32,
    },
    /// A policy that is not whole.
    #[error("the policy is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// A policy that is no JSON of a policy.
    #[error("the policy cannot be read as JSON")]
    Json(#[from] serde_json::Error),
    /// The statistics of the comparison.
    #[error("the policy cannot be compared with single models")]
    Statistics(#[from] sarx_metrics::stats::StatsError),
    /// The file cannot be read.
    #[error("cannot read the policy: \"{}\"", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "(none)".to_owned()
    } else {
        names.join(", ")
    }
}

fn needs(models: &[PolicyModel]) -> String {
    let one = |model: &PolicyModel| match model.kind {
        ModelKind::Pooled => format!("{} needs {}", model.name, model.series.join(" or ")),
        _ => format!("{} needs {}", model.name, listed(&model.series)),
    };
    models.iter().map(one).collect::<Vec<_>>().join(", ")
}
