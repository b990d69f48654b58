//! `policy.json`.

use super::{PolicyError, PolicyModel};
use crate::assemble::Alignment;
use sarx_io::{WriteError, write_atomic};
use sarx_metrics::ScoreFloat;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

/// The version of the document. Version 1 did not say how a model predicts.
pub const POLICY_SCHEMA_VERSION: u32 = 2;

/// Which model a patient gets, and why, and all that a prediction needs besides the model folders. Made by
/// [`learn_policy`](super::learn_policy), followed by [`Policy::choose`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// See [`POLICY_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What models are judged by: mean Dice in cross-validation on the common grid.
    pub judged_by: String,
    /// How many patients the mean over all strata weighs.
    pub shrinkage_patients: f64,
    /// Patients that the policy was made from.
    pub n_patients: usize,
    /// How series of a patient are brought together, as they were for training.
    pub alignment: Alignment,
    /// The models that may be chosen.
    pub models: Vec<PolicyModel>,
    /// Models that may not.
    pub left_out: Vec<LeftOut>,
    /// The strata with their sites.
    pub strata: Vec<PolicyStratum>,
    /// The models over all strata, the best first: what is used where nothing better is known.
    pub fallback: Vec<Candidate>,
    /// The choice for each stratum (and for none) and each set of series that makes a difference.
    pub choices: Vec<PolicyCell>,
}

/// A model that nothing speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Its name.
    pub model: String,
    /// Why.
    pub reason: String,
}

/// A stratum and its sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyStratum {
    /// Its name.
    pub name: String,
    /// The sites that it holds.
    pub sites: Vec<String>,
}

/// What speaks for a model in a stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its name.
    pub model: String,
    /// Patients of the stratum that it was judged on.
    pub n_patients: usize,
    /// Of those, how many could not be predicted; they count as Dice 0.
    pub n_failed: usize,
    /// Mean Dice in the stratum; null without patients.
    pub raw_mean: ScoreFloat,
    /// Mean Dice over all strata.
    pub overall_mean: f64,
    /// What it is judged by.
    pub shrunk_mean: f64,
}

/// The choice in one stratum with one set of series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyCell {
    /// The stratum; null where it is not known.
    pub stratum: Option<String>,
    /// The series, sorted by name: those of the patient that any usable model needs.
    pub available: Vec<String>,
    /// Whether the models were judged on the same patients.
    pub same_patients: bool,
    /// The best model.
    pub choice: Candidate,
    /// The other usable models, the best first.
    pub runners_up: Vec<Candidate>,
}

impl Policy {
    /// The document.
    ///
    /// # Errors
    ///
    /// Whatever the JSON writer says; no policy of ours causes it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Writes the document whole or not at all.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if the folder is missing, a permission is lacking or the disk is full.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        write_atomic(path, |file| {
            file.write_all(self.to_json().map_err(std::io::Error::other)?.as_bytes())
        })
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if the file cannot be read, is of another version, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let text = std::fs::read_to_string(path).map_err(|source| PolicyError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a document from text.
    ///
    /// # Errors
    ///
    /// As [`Policy::read`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let Versioned { schema_version } = serde_json::from_str(text)?;
        if schema_version < POLICY_SCHEMA_VERSION {
            return Err(PolicyError::Older {
                found: schema_version,
                expected: POLICY_SCHEMA_VERSION,
            });
        }
        if schema_version != POLICY_SCHEMA_VERSION {
            return Err(PolicyError::Version {
                found: schema_version,
                expected: POLICY_SCHEMA_VERSION,
            });
        }
        let policy: Self = serde_json::from_str(text)?;
        policy.check()?;
        Ok(policy)
    }

    /// A model by its name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&PolicyModel> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Every model can be used, and every choice is a model of the policy that its series allow.
    fn check(&self) -> Result<(), PolicyError> {
        let damaged = |what: String| Err(PolicyError::Damaged { what });
        if let Some(what) = self.models.iter().find_map(PolicyModel::fault) {
            return damaged(what);
        }
        for cell in &self.choices {
            for candidate in std::iter::once(&cell.choice).chain(&cell.runners_up) {
                let name = &candidate.model;
                let Some(model) = self.model(name) else {
                    return damaged(format!("it chooses {name:?}, which is none of its models"));
                };
                if model.given(&cell.available).is_none() {
                    return damaged(format!(
                        "it chooses {name:?}, of the series {}, where only {} are there",
                        model.series.join(", "),
                        cell.available.join(", ")
                    ));
                }
            }
            let known = |name: &String| self.strata.iter().any(|stratum| stratum.name == *name);
            if let Some(stratum) = cell.stratum.as_ref().filter(|name| !known(name)) {
                return damaged(format!(
                    "it chooses in {stratum:?}, which is none of its strata"
                ));
            }
        }
        Ok(())
    }
}
