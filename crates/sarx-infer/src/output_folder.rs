//! Results are written only into a folder that is new, empty of such names, or ours.
//!
//! What makes a folder ours is a record that an earlier run of the same verb left there: `STEM.json`,
//! or `STEM_part_0_of_2.json` where several processes share a folder. A folder with a record that cannot
//! be read, or is of another version, is not touched.

use serde_json::{Value, json};
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
    /// A result of an earlier run cannot be removed.
    #[error(
        "cannot remove what an earlier run left and this one does not make ({source}): {path:?}"
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

/// All records of a verb in a folder; none where there is no such folder.
///
/// The error says what is wrong with one of them.
pub(crate) fn read_records(folder: &Path, stem: &str) -> Result<Vec<Value>, String> {
    let mut records = Vec::new();
    for name in names_in(folder) {
        let is_record = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_suffix(".json"))
            .is_some_and(|part| part.is_empty() || part.starts_with("_part_"));
        if !is_record {
            continue;
        }
        let text = std::fs::read(folder.join(&name))
            .map_err(|e| format!("its {name} cannot be read ({e})"))?;
        let record: Value =
            serde_json::from_slice(&text).map_err(|e| format!("its {name} is damaged ({e})"))?;
        if record["schema_version"] != SCHEMA_VERSION {
            return Err(format!("its {name} has another schema version"));
        }
        records.push(record);
    }
    Ok(records)
}

/// Makes sure that an earlier run of the same verb made the folder, or that none of the names that will be
/// written lies there; the records of earlier runs. Nothing is changed.
pub(crate) fn require_ours(
    folder: &Path,
    stem: &str,
    names: &[String],
) -> Result<Vec<Value>, OutputFolderError> {
    let records = read_records(folder, stem).map_err(|reason| foreign(folder, reason))?;
    let taken = names.iter().find(|name| folder.join(name).exists());
    match taken {
        Some(name) if records.is_empty() => Err(foreign(
            folder,
            format!("it holds a {name} of another origin"),
        )),
        _ => Ok(records),
    }
}

pub(crate) fn foreign(folder: &Path, reason: String) -> OutputFolderError {
    OutputFolderError::Foreign {
        reason,
        path: folder.to_owned(),
    }
}

/// Makes the folder.
pub(crate) fn make(folder: &Path) -> Result<(), OutputFolderError> {
    std::fs::create_dir_all(folder).map_err(|source| OutputFolderError::Make {
        path: folder.to_owned(),
        source,
    })
}

/// Makes a folder ours that is made anew by every run: what an earlier run made and this one does not
/// make is removed.
///
/// - `names`: everything that may be written; the record is written first, so that an interrupted run
///   knows its folder and its files again
pub(crate) fn claim(
    folder: &Path,
    inputs: &[PathBuf],
    stem: &str,
    names: &[String],
) -> Result<(), OutputFolderError> {
    let own = folder.canonicalize().ok();
    if own.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == own) {
        return Err(foreign(folder, "it is also the input".to_owned()));
    }
    let records = require_ours(folder, stem, names)?;
    let before = records.iter().flat_map(|record| record["files"].as_array());
    for name in before.flatten().filter_map(Value::as_str) {
        if !names.iter().any(|new| new == name) {
            remove(folder, name)?;
        }
    }
    make(folder)?;
    write_record(folder, stem, names, json!({"complete": false}))
}

/// Removes a result, if it is there; a name that leads out of the folder is left alone.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<(), OutputFolderError> {
    if Path::new(name).file_name() != Some(name.as_ref()) {
        return Ok(());
    }
    let path = folder.join(name);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(OutputFolderError::Stale { path, source })
        }
        _ => Ok(()),
    }
}

/// Writes the record of a run that made the folder anew.
pub(crate) fn write_record(
    folder: &Path,
    stem: &str,
    names: &[String],
    content: Value,
) -> Result<(), OutputFolderError> {
    let mut document = json!({"schema_version": SCHEMA_VERSION, "files": names});
    if let (Some(target), Value::Object(fields)) = (document.as_object_mut(), content) {
        target.extend(fields);
    }
    write_json(&folder.join(format!("{stem}.json")), &document)
}

/// Writes a document that people may want to read.
pub(crate) fn write_json(path: &Path, document: &Value) -> Result<(), OutputFolderError> {
    sarx_io::write_json(path, document)?;
    Ok(())
}

/// Names in a folder, in order; none if it does not exist.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_made_again_goes_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let out = path.join("out");
        claim(&out, &[], "x", &files(&["a.nrrd", "b.nrrd"])).unwrap();
        for name in ["a.nrrd", "b.nrrd", "note.txt"] {
            std::fs::write(out.join(name), b"-").unwrap();
        }
        std::fs::write(path.join("outside"), b"-").unwrap();
        // Also after an interrupted run, which leaves its first record.
        claim(&out, &[], "x", &files(&["b.nrrd"])).unwrap();
        assert_eq!(names_in(&out), ["b.nrrd", "note.txt", "x.json"]);
        let led_astray = json!({"schema_version": 1, "files": ["../outside", "..", ""]});
        write_json(&out.join("x.json"), &led_astray).unwrap();
        claim(&out, &[], "x", &files(&["b.nrrd"])).unwrap();
        assert!(path.join("outside").exists());
    }

    #[test]
    fn records_are_those_of_the_verb() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["x.json", "x_part_0_of_2.json", "xy.json", "x_ray.json"] {
            std::fs::write(path.join(name), b"{\"schema_version\": 1}").unwrap();
        }
        assert_eq!(read_records(path, "x").unwrap().len(), 2);
        let names = files(&["xy.json"]);
        assert!(require_ours(path, "x", &names).is_ok());
        let error = require_ours(path, "z", &names).unwrap_err().to_string();
        assert!(error.contains("xy.json of another origin"), "{error}");
        std::fs::write(path.join("x.json"), b"{\"schema_version\": 2}").unwrap();
        let error = require_ours(path, "x", &names).unwrap_err().to_string();
        assert!(error.contains("another schema version"), "{error}");
        std::fs::write(path.join("x.json"), b"{").unwrap();
        let error = require_ours(path, "x", &names).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
