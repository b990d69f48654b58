//! Images to predict, named one by one instead of lying in a folder.
//!
//! A JSON list with one entry per case: either the list of its files by channel, as nnU-Net's
//! `predict_from_files` takes them, or an object that also names the result:
//!
//! ```json
//! [
//!     ["scans/a_0000.nii.gz", "scans/a_0001.nii.gz"],
//!     { "images": ["b/t1.nii.gz", "b/t2.nii.gz"], "output": "patient_b" }
//! ]
//! ```
//!
//! Relative paths begin at the folder of the list. Without a name the case is called like its first
//! file up to `_0000` and the ending.

use crate::cases::{CaseFiles, split_name};
use crate::document::{self, DocumentError};
use sarx_core::{CaseId, CaseIdError};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A list of images that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageListError {
    /// The file is missing or no such JSON.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Nothing to do.
    #[error("the list names no case: {path:?}")]
    Empty {
        /// The list.
        path: PathBuf,
    },
    /// Another number of files than channels.
    #[error(
        "entry {entry} of the list has {found} files; the model needs {expected}, one per channel: {path:?}"
    )]
    Channels {
        /// Position in the list, from 0.
        entry: usize,
        /// Channels of the model.
        expected: usize,
        /// Files of the entry.
        found: usize,
        /// The list.
        path: PathBuf,
    },
    /// A name that does not tell the case.
    #[error(
        "entry {entry} of the list has no \"output\", and its first file is not named like CASE_0000{ending}: {file:?}"
    )]
    Unnamed {
        /// Position in the list, from 0.
        entry: usize,
        /// Ending of images.
        ending: String,
        /// The file.
        file: PathBuf,
    },
    /// A name that cannot be a case's.
    #[error("entry {entry} of the list: {source}: {path:?}")]
    Name {
        /// Position in the list, from 0.
        entry: usize,
        /// What is wrong.
        source: CaseIdError,
        /// The list.
        path: PathBuf,
    },
    /// Two entries with one result.
    #[error(
        "two entries of the list give case \"{case}\"; say \"output\" for one of them: {path:?}"
    )]
    Duplicate {
        /// The case.
        case: CaseId,
        /// The list.
        path: PathBuf,
    },
    /// A file that is not there.
    #[error("an image of case \"{case}\" does not exist: {file:?}")]
    MissingImage {
        /// The case.
        case: CaseId,
        /// The file.
        file: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an entry must be a list of files or an object with \"images\" and \"output\""
)]
enum EntrySchema {
    Files(Vec<PathBuf>),
    Named {
        images: Vec<PathBuf>,
        output: Option<String>,
    },
}

/// Reads a list of cases to predict, in the order of the list.
///
/// - `ending`: of the dataset's images, with its leading dot; names are taken from it only.
///
/// # Errors
///
/// [`ImageListError`] says which entry is wrong.
pub fn read_image_list(
    path: &Path,
    ending: &str,
    n_channels: usize,
) -> Result<Vec<CaseFiles>, ImageListError> {
    let entries: Vec<EntrySchema> = document::read(path)?;
    if entries.is_empty() {
        return Err(ImageListError::Empty {
            path: path.to_owned(),
        });
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut seen = BTreeSet::new();
    let mut cases = Vec::with_capacity(entries.len());
    for (entry, files) in entries.into_iter().enumerate() {
        let (images, output) = match files {
            EntrySchema::Files(images) => (images, None),
            EntrySchema::Named { images, output } => (images, output),
        };
        let found = images.len();
        // One file may hold all channels; the reader of the case counts them.
        if found != n_channels && found != 1 {
            return Err(ImageListError::Channels {
                entry,
                expected: n_channels,
                found,
                path: path.to_owned(),
            });
        }
        let channels: Vec<PathBuf> = images.iter().map(|image| folder.join(image)).collect();
        let id = case_id(entry, output, &channels[0], ending, path)?;
        if let Some(file) = channels.iter().find(|file| !file.is_file()) {
            return Err(ImageListError::MissingImage {
                case: id,
                file: file.clone(),
            });
        }
        if !seen.insert(id.clone()) {
            return Err(ImageListError::Duplicate {
                case: id,
                path: path.to_owned(),
            });
        }
        cases.push(CaseFiles {
            id,
            channels,
            label: None,
        });
    }
    Ok(cases)
}

fn case_id(
    entry: usize,
    output: Option<String>,
    first: &Path,
    ending: &str,
    path: &Path,
) -> Result<CaseId, ImageListError> {
    let name = match output {
        Some(name) => name,
        None => {
            let file = first.file_name().unwrap_or_default().to_string_lossy();
            let (case, _) = split_name(&file, ending).ok_or_else(|| ImageListError::Unnamed {
                entry,
                ending: ending.to_owned(),
                file: first.to_owned(),
            })?;
            case.to_owned()
        }
    };
    CaseId::new(name).map_err(|source| ImageListError::Name {
        entry,
        source,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(list: &serde_json::Value, n_channels: usize) -> Result<Vec<CaseFiles>, ImageListError> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a_0000.nii.gz", "a_0001.nii.gz", "t1.nii.gz"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let path = folder.path().join("list.json");
        std::fs::write(&path, list.to_string()).unwrap();
        read_image_list(&path, ".nii.gz", n_channels)
    }

    #[test]
    fn names_come_from_files_or_from_the_list() {
        let list = json!([
            ["a_0000.nii.gz", "a_0001.nii.gz"],
            {"images": ["a_0001.nii.gz", "t1.nii.gz"], "output": "b"},
            {"images": ["t1.nii.gz"], "output": "all_channels_in_one"},
        ]);
        let cases = read(&list, 2).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(names, ["a", "b", "all_channels_in_one"]);
        assert!(cases[1].channels[1].ends_with("t1.nii.gz"));
    }

    #[test]
    fn every_fault_is_told_with_its_entry() {
        for (list, words) in [
            (json!([]), "no case"),
            (json!({"a": 1}), "line 1"),
            (json!([[]]), "0 files"),
            (
                json!([["a_0000.nii.gz", "a_0001.nii.gz", "t1.nii.gz"]]),
                "3 files",
            ),
            (json!([["t1.nii.gz"]]), "CASE_0000.nii.gz"),
            (json!([["x_0000.nii.gz"]]), "does not exist"),
            (json!([{"images": ["t1.nii.gz"], "output": "../x"}]), "../x"),
            (json!([["a_0000.nii.gz"], ["a_0000.nii.gz"]]), "two entries"),
            (json!([3]), "an entry must be"),
        ] {
            let error = read(&list, 2).unwrap_err().to_string();
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
    }
}
