//! Results are written only into a folder that is new, empty of such names, or ours.

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Version of the records; others are refused.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// A folder that results cannot be written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputFolderError {
    /// It cannot be made.
    #[error("cannot make the output folder ({source}): {path:?}")]
    Make {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not ours to write to.
    #[error(
        "the output folder cannot be used: {reason}; choose another, nothing was changed: {path:?}"
    )]
    Foreign {
        /// Why.
        reason: String,
        /// The folder.
        path: PathBuf,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

/// Makes the folder, or makes sure that an earlier run of the same verb made it: its record lies
/// there, or none of the names that will be written.
pub(crate) fn claim<'a>(
    folder: &Path,
    inputs: &[PathBuf],
    record: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), OutputFolderError> {
    let foreign = |reason: String| OutputFolderError::Foreign {
        reason,
        path: folder.to_owned(),
    };
    let own = folder.canonicalize().ok();
    if own.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == own) {
        return Err(foreign("it is also the input".to_owned()));
    }
    if let Ok(text) = std::fs::read(folder.join(record)) {
        let found: Value = serde_json::from_slice(&text)
            .map_err(|e| foreign(format!("its {record} is damaged ({e})")))?;
        if found["schema_version"] != SCHEMA_VERSION {
            return Err(foreign(format!("its {record} has another schema version")));
        }
    } else if let Some(name) = names.into_iter().find(|name| folder.join(name).exists()) {
        return Err(foreign(format!("it holds a {name} of another origin")));
    }
    std::fs::create_dir_all(folder).map_err(|source| OutputFolderError::Make {
        path: folder.to_owned(),
        source,
    })?;
    // First, so that an interrupted run knows its folder again.
    write_record(folder, record, &json!({}))
}

/// Writes the record of a run.
pub(crate) fn write_record(
    folder: &Path,
    record: &str,
    content: &Value,
) -> Result<(), OutputFolderError> {
    let mut document = json!({"schema_version": SCHEMA_VERSION});
    if let (Some(target), Value::Object(fields)) = (document.as_object_mut(), content) {
        target.extend(fields.clone());
    }
    sarx_io::write_atomic(&folder.join(record), |out| {
        serde_json::to_writer_pretty(&mut *out, &document)?;
        out.write_all(b"\n")
    })?;
    Ok(())
}
