//! `summary.json` as text and on disk.

use super::{SCHEMA_VERSION, Summary};
use sarx_core::CaseId;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What can go wrong with a summary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Nothing to summarise.
    #[error("there is no case to summarise; score at least one")]
    NoCases,
    /// Cases scored on different labels.
    #[error(
        "case \"{case}\" was scored on other labels or regions than the first case; score all cases on the same ones"
    )]
    LabelsDiffer {
        /// The first case that differs.
        case: CaseId,
    },
    /// Text that is no summary.
    #[error("not a summary of scores")]
    Json {
        /// Where and why.
        #[from]
        source: serde_json::Error,
    },
    /// A newer document.
    #[error(
        "the summary has schema version {found}, this build reads up to {SCHEMA_VERSION}; use the version of the program that wrote it"
    )]
    SchemaVersion {
        /// What the document says.
        found: u32,
    },
    /// A file that is no summary of ours or of nnU-Net.
    #[error("cannot use this file as a summary: \"{}\"", .path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<SummaryError>,
    },
    /// The disk refused.
    #[error("cannot {action} the summary: \"{}\"", .path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Summary {
    /// The document as nnU-Net lays it out: sorted keys, four spaces.
    ///
    /// # Errors
    ///
    /// [`SummaryError::Json`] if a value cannot be written, which no scored case causes.
    pub fn to_json(&self) -> Result<String, SummaryError> {
        let mut document = serde_json::to_value(self)?;
        document.sort_all_objects();
        let mut text = Vec::new();
        let format = PrettyFormatter::with_indent(b"    ");
        document.serialize(&mut Serializer::with_formatter(&mut text, format))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads a document of ours or of nnU-Net, whose bare NaN is taken for null.
    ///
    /// # Errors
    ///
    /// [`SummaryError::Json`] if the text is no summary, [`SummaryError::SchemaVersion`] if it is
    /// newer than this build.
    pub fn from_json(text: &str) -> Result<Self, SummaryError> {
        let document: Value = serde_json::from_str(&without_bare_nan(text))?;
        // A newer document may differ in anything, so its version is looked at first.
        let found = document
            .get("schema_version")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        if found > u64::from(SCHEMA_VERSION) {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(SummaryError::SchemaVersion { found });
        }
        Ok(serde_json::from_value(document)?)
    }

    /// Writes the document; the file appears only when it is whole.
    ///
    /// # Errors
    ///
    /// [`SummaryError::File`] if the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<(), SummaryError> {
        let text = self.to_json()?;
        let error = |source| SummaryError::File {
            action: "write",
            path: path.into(),
            source,
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = temporary_file(folder).map_err(error)?;
        file.write_all(text.as_bytes()).map_err(error)?;
        file.persist(path).map_err(|e| error(e.error))?;
        Ok(())
    }

    /// Reads a file; see [`Summary::from_json`].
    ///
    /// # Errors
    ///
    /// [`SummaryError`] if the file cannot be read or is no summary.
    pub fn read(path: &Path) -> Result<Self, SummaryError> {
        let text = std::fs::read_to_string(path).map_err(|source| SummaryError::File {
            action: "read",
            path: path.into(),
            source,
        })?;
        Self::from_json(&text).map_err(|e| SummaryError::Document {
            path: path.into(),
            source: Box::new(e),
        })
    }
}

fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default; this one becomes a document like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Python's `NaN` outside of strings becomes `null`.
fn without_bare_nan(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    // Every second part lies inside quotes; an escaped quote ends no string.
    let mut inside = false;
    for part in text.split_inclusive('"') {
        if inside {
            clean.push_str(part);
            let body = part.strip_suffix('"').unwrap_or(part);
            let escapes = body.bytes().rev().take_while(|&b| b == b'\\').count();
            inside = escapes % 2 == 1;
        } else {
            clean.push_str(&part.replace("NaN", "null"));
            inside = true;
        }
    }
    clean
}
