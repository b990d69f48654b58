//! `scores.csv`: one row per model, case and grid.
//!
//! The file is what training and prediction leave behind and what every table, figure and policy
//! is made from. It is read strictly: a column too many or too few, a value that cannot be one, a
//! row that stands twice or a patient who changes histology between rows is refused with its line
//! and column. A case that could not be predicted keeps its row ([`Outcome::Failed`]), so that
//! whoever counts can count it.

mod error;
mod reader;
mod table;
mod writer;

pub use error::ScoreFileError;
pub use table::ScoreTable;

use crate::{Finding, Measure, Scores};
use serde::{Deserialize, Serialize};

/// Which patients a score belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudySet {
    /// Scored by the fold that did not train on the patient.
    CrossValidation,
    /// Held out from every fold.
    External,
}

/// The grid on which a prediction was compared with its reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreGrid {
    /// The grid of the series that the model saw.
    Native,
    /// The one grid per patient on which all models meet.
    Common,
}

/// Lesions of one case, as connected components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LesionCounts {
    /// Lesions of the reference.
    pub reference: usize,
    /// Of those, how many the prediction touches.
    pub found: usize,
    /// Lesions of the prediction.
    pub predicted: usize,
    /// Of those, how many touch no lesion of the reference.
    pub false_alarms: usize,
}

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It was predicted and scored; what was not computed is NaN.
    Scored {
        /// The scores.
        scores: Scores,
        /// Its lesions, if they were counted.
        lesions: Option<LesionCounts>,
    },
    /// It could not be predicted.
    Failed,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Name of the model.
    pub model: String,
    /// Name of the patient.
    pub patient: String,
    /// Name of the case: the patient, or patient and series where a model has several per patient.
    pub case: String,
    /// Which patients it belongs to.
    pub set: StudySet,
    /// The fold that did not train on the patient; none in the external set.
    pub fold: Option<usize>,
    /// The grid of the comparison.
    pub grid: ScoreGrid,
    /// Where the lesion is, as the cohort says; empty if it does not.
    pub site: String,
    /// The stratum of the site; empty if it is in none.
    pub stratum: String,
    /// What the lesion is; empty if the cohort does not say.
    pub histology: String,
    /// Whether the histology is benign.
    pub benign: bool,
    /// What came of the case.
    pub outcome: Outcome,
}

/// The columns before the scores.
const IDENTITY: [&str; 11] = [
    "model",
    "patient",
    "case",
    "set",
    "fold",
    "grid",
    "site",
    "stratum",
    "histology",
    "benign",
    "finding",
];

/// The columns after the scores.
const LESIONS: [&str; 4] = [
    "lesions_ref",
    "lesions_found",
    "lesions_pred",
    "lesions_false",
];

/// The finding of a case that could not be predicted.
const FAILED: &str = "failed";

/// All columns, in the order in which they are written.
fn columns() -> Vec<&'static str> {
    let scores = Measure::ALL.iter().map(|measure| measure.name());
    IDENTITY.into_iter().chain(scores).chain(LESIONS).collect()
}

impl StudySet {
    /// Both, the cross-validation first.
    pub const ALL: [Self; 2] = [Self::CrossValidation, Self::External];

    /// The word in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossValidation => "cross_validation",
            Self::External => "external",
        }
    }

    /// The words for readers.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::CrossValidation => "cross-validation",
            Self::External => "external test set",
        }
    }
}

impl ScoreGrid {
    /// Both, the common one first.
    pub const ALL: [Self; 2] = [Self::Common, Self::Native];

    /// The word in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Common => "common",
        }
    }

    /// The words for readers.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Native => "native grids",
            Self::Common => "common grid",
        }
    }
}

impl ScoreRow {
    /// One score; NaN if it was not computed or the case failed.
    #[must_use]
    pub fn score(&self, measure: Measure) -> f64 {
        match &self.outcome {
            Outcome::Scored { scores, .. } => scores.get(measure),
            Outcome::Failed => f64::NAN,
        }
    }

    /// What became of the lesion; `None` if the case failed.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        match &self.outcome {
            Outcome::Scored { scores, .. } => Some(scores.finding),
            Outcome::Failed => None,
        }
    }

    /// The lesions, if the case was scored and they were counted.
    #[must_use]
    pub fn lesions(&self) -> Option<LesionCounts> {
        match &self.outcome {
            Outcome::Scored { lesions, .. } => *lesions,
            Outcome::Failed => None,
        }
    }

    /// Whether the case could not be predicted.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed)
    }
}

#[cfg(test)]
mod tests;
