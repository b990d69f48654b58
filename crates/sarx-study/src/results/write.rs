//! The tables as files: JSON, CSV and LaTeX.
//!
//! Each CSV file holds a whole table in long form with all digits, for whoever computes further; each LaTeX
//! file holds what a paper prints of one set of patients (`booktabs`). Every file appears
//! whole or not at all, and `tables.json` is written last, so that it means "done".

mod csv_files;
mod latex;
mod latex_files;
mod latex_tests;

use super::tables::StudyTables;
use sarx_io::{WriteError, write_atomic};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The name of the document.
const DOCUMENT: &str = "tables.json";

/// One file of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Its name, as `summary.csv`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// Tables that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteTablesError {
    /// The folder cannot be made or listed.
    #[error("the folder of the tables cannot be used: \"{}\"", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A table of an earlier run that no longer exists cannot be taken away.
    #[error("a table of an earlier run cannot be removed: \"{}\"", .path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The document cannot be made.
    #[error("the tables cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A file cannot be written.
    #[error("a table cannot be written")]
    File(#[from] WriteError),
}

/// All CSV and LaTeX files, by name.
#[must_use]
pub fn table_files(tables: &StudyTables) -> Vec<TableFile> {
    let mut files = csv_files::csv_files(tables);
    files.extend(latex_files::latex_files(tables));
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// Writes all files and the document into a folder, which is made if it is not there, and takes away
/// the CSV and LaTeX tables of an earlier run that this one does not have. Gives the paths, the document last.
///
/// # Errors
///
/// [`WriteTablesError`]; the document of an earlier run is gone then, since it no longer holds.
pub fn write_tables(tables: &StudyTables, folder: &Path) -> Result<Vec<PathBuf>, WriteTablesError> {
    let document = tables.to_json()?;
    let fault = |source| WriteTablesError::Folder {
        path: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(fault)?;
    remove(&folder.join(DOCUMENT))?;
    let files = table_files(tables);
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let is_kept = |name: &str| !is_ours(name) || files.iter().any(|file| file.name == name);
        if name.is_some_and(|name| !is_kept(&name)) {
            remove(&path)?;
        }
    }
    let mut paths = Vec::new();
    for file in &files {
        let path = folder.join(&file.name);
        write_atomic(&path, |out| out.write_all(file.text.as_bytes()))?;
        paths.push(path);
    }
    let path = folder.join(DOCUMENT);
    write_atomic(&path, |out| out.write_all(document.as_bytes()))?;
    paths.push(path);
    Ok(paths)
}

/// Whether some run of ours could have written a file of this name.
fn is_ours(name: &str) -> bool {
    let stem = name
        .strip_suffix(".csv")
        .or_else(|| name.strip_suffix(".tex"));
    STEMS.iter().any(|known| {
        stem.and_then(|stem| stem.strip_prefix(*known))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// What names of tables begin with.
const STEMS: [&str; 13] = [
    "cohort",
    "summary",
    "by_stratum",
    "by_histology",
    "model_levels",
    "model_tests",
    "model_pairs",
    "strata_levels",
    "strata_tests",
    "strata_pairs",
    "best_models",
    "volumes",
    "detection",
];

fn remove(path: &Path) -> Result<(), WriteTablesError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(WriteTablesError::Stale {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests;
