//! The segmentations, or other files of cases, of a folder.

use sarx_core::{CaseId, CaseIdError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder whose segmentations cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelFilesError {
    /// The folder cannot be read.
    #[error("cannot list the folder ({source}): {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A name that cannot be a case's.
    #[error("a file is not named like a case ({source}): {path:?}")]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with the name.
        source: CaseIdError,
    },
    /// No file has the ending.
    #[error("the folder holds no segmentation that ends in {ending:?}: {path:?}")]
    Empty {
        /// Ending of segmentations.
        ending: String,
        /// The folder.
        path: PathBuf,
    },
}

/// The files of a folder that end in `ending` (with its dot), by case; hidden ones are left out.
///
/// # Errors
///
/// [`LabelFilesError`] if the folder cannot be listed, a name cannot be a case's, or there is none.
pub fn label_files(
    folder: &Path,
    ending: &str,
) -> Result<BTreeMap<CaseId, PathBuf>, LabelFilesError> {
    let files = case_files(folder, |name| name.strip_suffix(ending))?;
    if files.is_empty() {
        return Err(LabelFilesError::Empty {
            ending: ending.to_owned(),
            path: folder.to_owned(),
        });
    }
    Ok(files)
}

/// The files of a folder by case; hidden ones, which are leftovers of interrupted runs, editors and file
/// systems, are left out.
///
/// - `case_of`: the case that a file name is of, if it is of one
///
/// # Errors
///
/// [`LabelFilesError`] if the folder cannot be listed or a name cannot be a case's.
pub fn case_files(
    folder: &Path,
    case_of: impl Fn(&str) -> Option<&str>,
) -> Result<BTreeMap<CaseId, PathBuf>, LabelFilesError> {
    let failed = |source| LabelFilesError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let Some(case) = case_of(&name) else {
            continue;
        };
        if name.starts_with('.') || !path.is_file() {
            continue;
        }
        let case = CaseId::new(case).map_err(|source| LabelFilesError::Name {
            path: path.clone(),
            source,
        })?;
        files.insert(case, path);
    }
    Ok(files)
}
