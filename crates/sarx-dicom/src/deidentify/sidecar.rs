//! What survives an import beside the voxels, as a document.

use crate::SourceSeries;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version that is written and read.
const VERSION: u32 = 1;

/// The attributes that are kept of a volume's source, `CASE_000N.source.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Version of the document.
    pub version: u32,
    /// Whether the attributes were de-identified.
    pub deidentified: bool,
    /// What was done to dates: `removed`, `shifted` or `kept`.
    pub dates: String,
    /// What a person must look at.
    pub warnings: Vec<String>,
    /// The source, after de-identification if there was one.
    pub source: SourceSeries,
}

/// A document that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarError {
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// It cannot be read.
    #[error("cannot read ({source}): {path:?}")]
    Read {
        /// What the system said.
        source: std::io::Error,
        /// Where.
        path: PathBuf,
    },
    /// It is no such document.
    #[error("this is no source document of version {VERSION} (line {line}): {path:?}")]
    Document {
        /// Where the fault is, from 1.
        line: usize,
        /// Where.
        path: PathBuf,
    },
}

impl Sidecar {
    /// The document of a source that was cleaned, or of one that was kept as it is (`None`).
    #[must_use]
    pub fn new(
        source: &SourceSeries,
        deidentifier: Option<&super::Deidentifier>,
        warnings: Vec<String>,
    ) -> Self {
        let dates = deidentifier.map_or(super::Dates::Keep, super::Deidentifier::dates);
        Self {
            version: VERSION,
            deidentified: deidentifier.is_some(),
            dates: match dates {
                super::Dates::Remove => "removed",
                super::Dates::Shift => "shifted",
                super::Dates::Keep => "kept",
            }
            .to_owned(),
            warnings,
            source: deidentifier.map_or_else(|| source.clone(), |d| d.source(source)),
        }
    }

    /// Writes the document.
    ///
    /// # Errors
    ///
    /// [`SidecarError::Write`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SidecarError> {
        sarx_io::write_json(path, self)?;
        Ok(())
    }

    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`SidecarError`] if the file cannot be read or is of another kind or version.
    pub fn read(path: &Path) -> Result<Self, SidecarError> {
        let text = std::fs::read_to_string(path).map_err(|source| SidecarError::Read {
            source,
            path: path.to_owned(),
        })?;
        let no_document = |line| SidecarError::Document {
            line,
            path: path.to_owned(),
        };
        let sidecar: Self = serde_json::from_str(&text).map_err(|e| no_document(e.line()))?;
        if sidecar.version != VERSION {
            return Err(no_document(1));
        }
        Ok(sidecar)
    }
}
