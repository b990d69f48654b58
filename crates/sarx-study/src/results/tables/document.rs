//! `tables.json`.

use super::{
    BestModel, CohortTable, DetectionRow, ModelComparison, StrataComparison, StudyFacts,
    SummaryRow, VolumeAgreement,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the document.
pub const STUDY_TABLES_SCHEMA_VERSION: u32 = 1;

/// All tables of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyTables {
    /// See [`STUDY_TABLES_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The frame that the tables were made in.
    pub facts: StudyFacts,
    /// Rows of the scores.
    pub n_rows: usize,
    /// Of those, cases that could not be predicted.
    pub n_failed: usize,
    /// Patients by histology and site, one table per set.
    pub cohort: Vec<CohortTable>,
    /// The main table.
    pub summaries: Vec<SummaryRow>,
    /// Models against each other.
    pub between_models: Vec<ModelComparison>,
    /// Strata against each other.
    pub between_strata: Vec<StrataComparison>,
    /// The best model by stratum.
    pub best_models: Vec<BestModel>,
    /// Agreement of volumes.
    pub volumes: Vec<VolumeAgreement>,
    /// Lesions found, missed and false.
    pub detection: Vec<DetectionRow>,
}

/// Tables that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TablesFileError {
    /// Another version.
    #[error(
        "the tables have version {found}; this program knows version {expected}; make them again"
    )]
    Version {
        /// The version of the file.
        found: u32,
        /// The version that is known.
        expected: u32,
    },
    /// No JSON of tables.
    #[error("the tables cannot be read as JSON")]
    Json(#[from] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read the tables: \"{}\"", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl StudyTables {
    /// The document.
    ///
    /// # Errors
    ///
    /// Whatever the JSON writer says; no table of ours causes it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a document from text.
    ///
    /// # Errors
    ///
    /// [`TablesFileError`] if it is of another version or no such document.
    pub fn parse(text: &str) -> Result<Self, TablesFileError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema_version: u32,
        }
        let Versioned { schema_version } = serde_json::from_str(text)?;
        if schema_version == STUDY_TABLES_SCHEMA_VERSION {
            Ok(serde_json::from_str(text)?)
        } else {
            Err(TablesFileError::Version {
                found: schema_version,
                expected: STUDY_TABLES_SCHEMA_VERSION,
            })
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// As [`StudyTables::parse`], and [`TablesFileError::File`].
    pub fn read(path: &Path) -> Result<Self, TablesFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| TablesFileError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }
}
