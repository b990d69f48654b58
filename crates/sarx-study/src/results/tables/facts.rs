//! What the tables need to know besides the scores.

use super::TablesError;
use crate::results::scores::ScoreTable;
use serde::{Deserialize, Serialize};

/// The frame of the tables: names, their order, and the settings of the statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFacts {
    /// Name of the study.
    pub name: String,
    /// The models, in the order of the tables.
    pub models: Vec<ModelFacts>,
    /// The strata, in the order of the tables.
    pub strata: Vec<String>,
    /// Histologies that are benign; results are given with and without them.
    pub benign_histologies: Vec<String>,
    /// Seed of the bootstrap.
    pub bootstrap_seed: u64,
    /// Draws of the bootstrap.
    pub bootstrap_draws: usize,
    /// Cells of fewer cases are flagged.
    pub few_cases: usize,
}

/// One model of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Its name in the scores.
    pub name: String,
    /// Its name for readers.
    pub title: String,
    /// `single`, `channels`, `pooled`, `late` or `early`.
    pub kind: String,
    /// The series that it needs.
    pub series: Vec<String>,
}

impl StudyFacts {
    /// The title of a model; its name if it is not of the study.
    #[must_use]
    pub fn title<'a>(&'a self, model: &'a str) -> &'a str {
        self.models
            .iter()
            .find(|facts| facts.name == model)
            .map_or(model, |facts| facts.title.as_str())
    }

    /// The scores speak of these models and strata only, and agree on what is benign.
    pub(super) fn check(&self, scores: &ScoreTable) -> Result<(), TablesError> {
        for (at, model) in self.models.iter().enumerate() {
            if self.models[..at].iter().any(|m| m.name == model.name) {
                return Err(TablesError::ModelTwice {
                    model: model.name.clone(),
                });
            }
        }
        for row in scores.rows() {
            if !self.models.iter().any(|model| model.name == row.model) {
                return Err(TablesError::UnknownModel {
                    model: row.model.clone(),
                    known: self.models.iter().map(|m| m.name.clone()).collect(),
                });
            }
            if !row.stratum.is_empty() && !self.strata.contains(&row.stratum) {
                return Err(TablesError::UnknownStratum {
                    stratum: row.stratum.clone(),
                    patient: row.patient.clone(),
                    known: self.strata.clone(),
                });
            }
            let expected = self.benign_histologies.contains(&row.histology);
            if row.benign != expected {
                return Err(TablesError::Benign {
                    patient: row.patient.clone(),
                    histology: row.histology.clone(),
                    found: row.benign,
                });
            }
        }
        Ok(())
    }
}
