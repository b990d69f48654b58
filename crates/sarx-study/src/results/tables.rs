//! Everything that a paper prints, computed from the scores.
//!
//! [`study_tables`] takes the scores and a few names and gives one [`StudyTables`] document. In each table
//! cases that failed and patients whom a model does not have are counted and never dropped
//! silently; cells of few cases are flagged. Infinite distances (a missed lesion) count as the worst
//! value in medians, quartiles and ranks, and are left out of means with their number told.

mod best_model;
mod between_models;
mod between_strata;
mod cohort;
mod detection;
mod document;
mod facts;
mod group;
mod metric;
mod model_tests;
mod paired;
mod summary;
mod volume;

pub use best_model::BestModel;
pub use between_models::{FriedmanTest, MetricComparison, ModelComparison, ModelLevel, PairTest};
pub use between_strata::{
    KruskalWallisTest, StrataComparison, StrataPair, StrataTest, StratumLevel, StratumSize,
};
pub use cohort::{CohortLine, CohortSite, CohortTable, FoldSize};
pub use detection::{DetectionRow, Share};
pub use document::{STUDY_TABLES_SCHEMA_VERSION, StudyTables, TablesFileError};
pub use facts::{ModelFacts, StudyFacts};
pub use group::{Cases, Group, Population};
pub use metric::StudyMetric;
pub use summary::{SummaryCell, SummaryRow};
pub use volume::VolumeAgreement;

use super::scores::ScoreTable;

/// The confidence of every interval.
const CONFIDENCE: f64 = 0.95;

/// Scores that do not fit the study.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TablesError {
    /// Two models of one name.
    #[error("two models of the study are named {model:?}")]
    ModelTwice {
        /// The name.
        model: String,
    },
    /// A model that the study does not name.
    #[error("the scores hold model {model:?}, but the models of the study are {}", .known.join(", "))]
    UnknownModel {
        /// The model.
        model: String,
        /// The models of the study.
        known: Vec<String>,
    },
    /// A stratum that the study does not name.
    #[error(
        "the scores hold patient {patient:?} in stratum {stratum:?}, but the strata of the study are {}",
        .known.join(", ")
    )]
    UnknownStratum {
        /// The stratum.
        stratum: String,
        /// A patient in it.
        patient: String,
        /// The strata of the study.
        known: Vec<String>,
    },
    /// Scores and study disagree on what is benign.
    #[error(
        "patient {patient:?} with {histology:?} is marked benign = {found} in the scores, but the study says otherwise"
    )]
    Benign {
        /// The patient.
        patient: String,
        /// The histology.
        histology: String,
        /// What the scores say.
        found: bool,
    },
    /// A bootstrap that cannot be drawn.
    #[error("{found} draws make no bootstrap; ask for 100 or more")]
    Draws {
        /// What was asked for.
        found: usize,
    },
}

/// The fewest draws of a bootstrap whose 2.5 % tails hold something.
const FEWEST_DRAWS: usize = 100;

/// Computes all tables.
///
/// # Errors
///
/// [`TablesError`] if the scores hold a model or stratum that the study does not name, or the two
/// disagree on which lesions are benign.
pub fn study_tables(scores: &ScoreTable, facts: &StudyFacts) -> Result<StudyTables, TablesError> {
    facts.check(scores)?;
    // Sums and bootstrap samples then do not hang on the order of the file.
    let scores = &scores.sorted();
    if facts.bootstrap_draws < FEWEST_DRAWS {
        return Err(TablesError::Draws {
            found: facts.bootstrap_draws,
        });
    }
    let between_models = between_models::between_models(scores, facts);
    Ok(StudyTables {
        schema_version: STUDY_TABLES_SCHEMA_VERSION,
        facts: facts.clone(),
        n_rows: scores.rows().len(),
        n_failed: scores.n_failed(),
        cohort: cohort::cohort_tables(scores, &facts.strata),
        summaries: summary::summaries(scores, facts),
        best_models: best_model::best_models(&between_models, facts.few_cases),
        between_models,
        between_strata: between_strata::between_strata(scores, facts),
        volumes: volume::volumes(scores, facts),
        detection: detection::detection(scores, facts),
    })
}

#[cfg(test)]
mod tests;
