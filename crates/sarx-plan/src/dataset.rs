//! A raw dataset on disk: its dataset.json and the files of its training cases.

use crate::cases::{self, CaseFiles, CasesError, DiscoveryFault};
use crate::dataset_json::{DatasetJson, DatasetJsonError, ListedCase};
use sarx_core::CaseId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A raw dataset. Opening it reads dataset.json and lists files, but no image.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    json: DatasetJson,
    cases: Vec<CaseFiles>,
    faults: Vec<DiscoveryFault>,
    unused_labels: Vec<PathBuf>,
}

/// A dataset that cannot be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// dataset.json is missing or wrong.
    #[error(transparent)]
    Json(#[from] DatasetJsonError),
    /// A folder cannot be listed or is empty.
    #[error(transparent)]
    Cases(#[from] CasesError),
    /// A path of dataset.json uses a variable that is not set.
    #[error("the path uses the variable {variable:?}, which is not set: {path:?}")]
    UnknownVariable {
        /// Name of the variable.
        variable: String,
        /// The path in dataset.json.
        path: String,
    },
    /// dataset.json lists no case.
    #[error("\"dataset\" lists no case: {path:?}")]
    NoCases {
        /// The dataset's folder.
        path: PathBuf,
    },
    /// Some cases are wrong.
    #[error("{} faults in the files of the dataset; first: {}; `sarx verify` lists them all", faults.len(), faults.first().map_or_else(String::new, DiscoveryFault::to_string))]
    Faults {
        /// All of them.
        faults: Vec<DiscoveryFault>,
    },
}

impl Dataset {
    /// Opens a folder with dataset.json and either `imagesTr` and `labelsTr` or a list of files
    /// in dataset.json.
    ///
    /// - `lookup`: gives the value of an environment variable; listed paths may hold `$NAME` or
    ///   `${NAME}`. Relative ones start at the dataset's folder.
    ///
    /// Wrong files do not keep a dataset from being opened, so that [`crate::verify`] can list
    /// them all; [`Dataset::cases`] refuses to hand out an incomplete list.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] if dataset.json cannot be used, a folder cannot be listed, or a path
    /// uses a variable that is not set.
    pub fn open(
        folder: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, DatasetError> {
        let json = DatasetJson::read(&folder.join("dataset.json"))?;
        let (cases, mut faults) = match json.listed_cases() {
            Some(listed) => listed_cases(folder, listed, lookup)?,
            None => scanned_cases(folder, &json)?,
        };
        let unused_labels = match json.listed_cases() {
            Some(_) => Vec::new(),
            None => unused_labels(folder, &json, &cases, &faults),
        };
        let n_cases = n_named(&cases, &faults);
        if n_cases != json.n_training() {
            faults.push(DiscoveryFault::CaseCount {
                expected: json.n_training(),
                found: n_cases,
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            json,
            cases,
            faults,
            unused_labels,
        })
    }

    /// The dataset's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the folder, as `Dataset701_T1ax`.
    #[must_use]
    pub fn name(&self) -> String {
        let absolute = self
            .folder
            .canonicalize()
            .unwrap_or_else(|_| self.folder.clone());
        absolute
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// dataset.json.
    #[must_use]
    pub fn json(&self) -> &DatasetJson {
        &self.json
    }

    /// All training cases with their labels, in ascending order.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Faults`] if any file is missing or misnamed: no case is ever left out
    /// silently.
    pub fn cases(&self) -> Result<&[CaseFiles], DatasetError> {
        if self.faults.is_empty() {
            Ok(&self.cases)
        } else {
            Err(DatasetError::Faults {
                faults: self.faults.clone(),
            })
        }
    }

    /// Names of all training cases, in ascending order.
    ///
    /// # Errors
    ///
    /// As [`Dataset::cases`].
    pub fn case_ids(&self) -> Result<Vec<CaseId>, DatasetError> {
        Ok(self.cases()?.iter().map(|case| case.id.clone()).collect())
    }

    pub(crate) fn sound_cases(&self) -> &[CaseFiles] {
        &self.cases
    }

    pub(crate) fn faults(&self) -> &[DiscoveryFault] {
        &self.faults
    }

    pub(crate) fn unused_labels(&self) -> &[PathBuf] {
        &self.unused_labels
    }
}

type Found = (Vec<CaseFiles>, Vec<DiscoveryFault>);

fn scanned_cases(folder: &Path, json: &DatasetJson) -> Result<Found, DatasetError> {
    let ending = json.file_ending();
    let labels_folder = folder.join("labelsTr");
    let (found, mut faults) =
        cases::scan_images(&folder.join("imagesTr"), ending, json.n_channels())?;
    // A missing folder is one fault, not one per case.
    cases::list(&labels_folder, ending)?;
    let mut cases = Vec::with_capacity(found.len());
    for case in found {
        let path = labels_folder.join(format!("{}{ending}", case.id));
        if path.is_file() {
            cases.push(CaseFiles {
                label: Some(path),
                ..case
            });
        } else {
            faults.push(DiscoveryFault::MissingLabel {
                case: case.id,
                path,
            });
        }
    }
    Ok((cases, faults))
}

fn listed_cases(
    folder: &Path,
    listed: &[ListedCase],
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Found, DatasetError> {
    if listed.is_empty() {
        return Err(DatasetError::NoCases {
            path: folder.to_owned(),
        });
    }
    let resolve = |path: &str| expand(path, lookup).map(|path| folder.join(path));
    let (mut cases, mut faults) = (Vec::with_capacity(listed.len()), Vec::new());
    let mut owners: BTreeMap<PathBuf, CaseId> = BTreeMap::new();
    for ListedCase { id, images, label } in listed {
        let channels = images
            .iter()
            .map(|path| resolve(path))
            .collect::<Result<Vec<_>, _>>()?;
        let label = resolve(label)?;
        let before = faults.len();
        for path in &channels {
            if !path.is_file() {
                let (case, path) = (id.clone(), path.clone());
                faults.push(DiscoveryFault::MissingImage { case, path });
            } else if let Some(first) = owners.insert(path.clone(), id.clone()) {
                let (case, path) = (id.clone(), path.clone());
                faults.push(DiscoveryFault::DuplicateCase { case, first, path });
            }
        }
        if !label.is_file() {
            faults.push(DiscoveryFault::MissingLabel {
                case: id.clone(),
                path: label.clone(),
            });
        }
        if faults.len() == before {
            cases.push(CaseFiles {
                id: id.clone(),
                channels,
                label: Some(label),
            });
        }
    }
    Ok((cases, faults))
}

/// Replaces `$NAME` and `${NAME}`. nnU-Net leaves unknown variables as they are and then misses
/// the file; here they are told.
fn expand(path: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, DatasetError> {
    let mut expanded = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, tail) = match after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some(parts) => parts,
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()))
            }
        };
        if name.is_empty() {
            expanded.push('$');
            rest = after;
            continue;
        }
        let value = lookup(name).ok_or_else(|| DatasetError::UnknownVariable {
            variable: name.to_owned(),
            path: path.to_owned(),
        })?;
        expanded.push_str(&value);
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Number of cases that have a name, sound or not.
fn n_named(cases: &[CaseFiles], faults: &[DiscoveryFault]) -> usize {
    let mut names: std::collections::BTreeSet<&CaseId> =
        cases.iter().map(|case| &case.id).collect();
    names.extend(faults.iter().filter_map(DiscoveryFault::case));
    names.len()
}

/// Labels that belong to no image; probably a misnamed file.
fn unused_labels(
    folder: &Path,
    json: &DatasetJson,
    cases: &[CaseFiles],
    faults: &[DiscoveryFault],
) -> Vec<PathBuf> {
    let ending = json.file_ending();
    let labels = cases::list(&folder.join("labelsTr"), ending).unwrap_or_default();
    let used = |name: &str| {
        let stem = name.strip_suffix(ending).unwrap_or(name);
        cases
            .iter()
            .map(|case| &case.id)
            .chain(faults.iter().filter_map(DiscoveryFault::case))
            .any(|case| case.as_str() == stem)
    };
    labels
        .into_iter()
        .filter(|(name, _)| !used(name))
        .map(|(_, path)| path)
        .collect()
}

impl DiscoveryFault {
    /// The case it belongs to; none for a file without one.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        match self {
            Self::MissingChannels { case, .. }
            | Self::UnexpectedChannel { case, .. }
            | Self::MissingLabel { case, .. }
            | Self::MissingImage { case, .. }
            | Self::DuplicateCase { case, .. }
            | Self::AmbiguousName { case, .. } => Some(case),
            Self::FileName { .. } | Self::CaseName { .. } | Self::CaseCount { .. } => None,
        }
    }

    /// The file it belongs to, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::FileName { path, .. }
            | Self::CaseName { path, .. }
            | Self::UnexpectedChannel { path, .. }
            | Self::MissingLabel { path, .. }
            | Self::MissingImage { path, .. }
            | Self::DuplicateCase { path, .. } => Some(path),
            Self::MissingChannels { .. } | Self::AmbiguousName { .. } | Self::CaseCount { .. } => {
                None
            }
        }
    }
}
