//! Reading and writing of JSON documents.
//!
//! Every JSON file of this crate goes through the two functions here, so that a malformed file
//! is always reported with its line and its path, and a written file is whole or absent.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{PrettyFormatter, Serializer};
use std::io;
use std::path::{Path, PathBuf};

/// A JSON file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The file could not be opened or read.
    #[error("cannot read the file: {source}: {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no JSON, or JSON of another form than expected.
    #[error("line {line}, column {column}: {reason}: {path:?}", reason = message_of(source))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file could not be written.
    #[error("cannot write the document")]
    Write {
        /// What the writer said, with the path.
        #[from]
        source: sarx_io::WriteError,
    },
}

/// serde_json repeats the position at the end of its message; the error says it once, in front.
fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// Reads a whole document.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DocumentError> {
    let text = std::fs::read(path).map_err(|source| DocumentError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| DocumentError::Malformed {
        path: path.to_owned(),
        line: source.line(),
        column: source.column(),
        source,
    })
}

/// Writes a whole document with an indent of four spaces, as nnU-Net does.
pub(crate) fn write(path: &Path, document: &impl Serialize) -> Result<(), DocumentError> {
    sarx_io::write_atomic(path, |file| {
        let mut serializer =
            Serializer::with_formatter(file, PrettyFormatter::with_indent(b"    "));
        document.serialize(&mut serializer).map_err(io::Error::from)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{\n \"a\": 1,\n \"b\": NaN\n}").unwrap();
        let error = read::<serde_json::Value>(&path).unwrap_err();
        assert!(error.to_string().starts_with("line 3, column "), "{error}");
        assert!(error.to_string().contains("a.json"), "{error}");
        assert_eq!(error.to_string().matches("line").count(), 1, "{error}");
        let missing = read::<serde_json::Value>(&folder.path().join("b.json")).unwrap_err();
        assert!(matches!(missing, DocumentError::Read { .. }));
    }

    #[test]
    fn the_indent_is_four() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, &serde_json::json!({"a": [1, 2.5]})).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\n    \"a\": [\n        1,\n        2.5\n    ]\n}");
    }
}
