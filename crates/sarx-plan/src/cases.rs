//! Files to cases.
//!
//! nnU-Net's names: `{case}_{channel, four digits}{ending}` for images, `{case}{ending}` for
//! labels. Discovery collects everything that does not fit these names instead of stopping at
//! the first, so that a dataset can be put right in one go.
//!
//! Source: nnU-Net v2 `utilities/utils.py`.

use sarx_core::CaseId;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The files of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFiles {
    /// Name of the case.
    pub id: CaseId,
    /// Image files by channel; one file may hold all channels.
    pub channels: Vec<PathBuf>,
    /// Label file, where there is one.
    pub label: Option<PathBuf>,
}

/// Something wrong with the names or the number of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryFault {
    /// A file with the right ending and no channel.
    #[error("the name does not end in _0000 (a channel of four digits) and {ending:?}: {path:?}")]
    FileName {
        /// Ending of image files.
        ending: String,
        /// The file.
        path: PathBuf,
    },
    /// The rest of the name cannot be a case's.
    #[error("{name:?} cannot be the name of a case: {path:?}")]
    CaseName {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// Channels without a file.
    #[error("case \"{case}\" has no file for {}", channels_text(.missing))]
    MissingChannels {
        /// The case.
        case: CaseId,
        /// Indices of the channels.
        missing: Vec<usize>,
    },
    /// A channel that dataset.json does not have.
    #[error(
        "case \"{case}\" has a file for channel {channel}, but there are only {n_channels} channels: {path:?}"
    )]
    UnexpectedChannel {
        /// The case.
        case: CaseId,
        /// Index of the channel.
        channel: usize,
        /// Number of channels.
        n_channels: usize,
        /// The file.
        path: PathBuf,
    },
    /// No label file.
    #[error("case \"{case}\" has no label file: {path:?}")]
    MissingLabel {
        /// The case.
        case: CaseId,
        /// Where it should be.
        path: PathBuf,
    },
    /// A file that dataset.json lists does not exist.
    #[error("case \"{case}\" lists an image that does not exist: {path:?}")]
    MissingImage {
        /// The case.
        case: CaseId,
        /// Where it should be.
        path: PathBuf,
    },
    /// Two cases, or two channels of one case, are the same file.
    #[error("case \"{case}\" repeats a file of case \"{first}\": {path:?}")]
    DuplicateCase {
        /// The case that has it again.
        case: CaseId,
        /// The case that had it before.
        first: CaseId,
        /// The file.
        path: PathBuf,
    },
    /// Two names that a file system may not tell apart.
    #[error("cases \"{first}\" and \"{case}\" differ only in upper and lower case")]
    AmbiguousName {
        /// One case.
        first: CaseId,
        /// The other.
        case: CaseId,
    },
    /// Another number of cases than dataset.json says.
    #[error("{found} cases found, but numTraining is {expected}")]
    CaseCount {
        /// `numTraining`.
        expected: usize,
        /// Number of cases.
        found: usize,
    },
}

fn channels_text(channels: &[usize]) -> String {
    let list = channels
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if channels.len() == 1 {
        format!("channel {list}")
    } else {
        format!("channels {list}")
    }
}

/// Cases that could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasesError {
    /// The folder cannot be listed.
    #[error("cannot list the folder: {source}: {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No file has the ending.
    #[error("the folder holds no file that ends in {ending:?}: {path:?}")]
    Empty {
        /// Ending of image files.
        ending: String,
        /// The folder.
        path: PathBuf,
    },
    /// Some files do not fit.
    #[error("{} of the files or cases are wrong; first: {}", faults.len(), first_of(faults))]
    Faults {
        /// All of them.
        faults: Vec<DiscoveryFault>,
    },
}

fn first_of(faults: &[DiscoveryFault]) -> String {
    faults
        .first()
        .map_or_else(String::new, DiscoveryFault::to_string)
}

/// Finds the images of a folder, for prediction. Cases are in ascending order.
///
/// A case needs one file per channel. Where there is a single file `_0000` for several channels,
/// it must hold them all.
///
/// - `ending`: with its leading dot, as `.nii.gz`.
///
/// # Errors
///
/// [`CasesError`] if the folder cannot be listed or is empty, or with every name that does not
/// fit and every channel that is missing.
pub fn discover_images(
    folder: &Path,
    ending: &str,
    n_channels: usize,
) -> Result<Vec<CaseFiles>, CasesError> {
    let (cases, faults) = scan_images(folder, ending, n_channels)?;
    if faults.is_empty() {
        Ok(cases)
    } else {
        Err(CasesError::Faults { faults })
    }
}

/// As [`discover_images`], with the faults beside the cases that have none.
pub(crate) fn scan_images(
    folder: &Path,
    ending: &str,
    n_channels: usize,
) -> Result<(Vec<CaseFiles>, Vec<DiscoveryFault>), CasesError> {
    let mut faults = Vec::new();
    let mut files: BTreeMap<CaseId, BTreeMap<usize, PathBuf>> = BTreeMap::new();
    for (name, path) in list(folder, ending)? {
        match split_name(&name, ending) {
            None => faults.push(DiscoveryFault::FileName {
                ending: ending.to_owned(),
                path,
            }),
            Some((case, channel)) => match CaseId::new(case) {
                Ok(case) => {
                    files.entry(case).or_default().insert(channel, path);
                }
                Err(error) => faults.push(DiscoveryFault::CaseName {
                    name: error.name,
                    path,
                }),
            },
        }
    }
    if files.is_empty() && faults.is_empty() {
        return Err(CasesError::Empty {
            ending: ending.to_owned(),
            path: folder.to_owned(),
        });
    }
    faults.extend(ambiguous_names(files.keys()));
    let mut cases = Vec::with_capacity(files.len());
    for (id, channels) in files {
        let wrong = wrong_channels(&id, &channels, n_channels);
        if wrong.is_empty() {
            cases.push(CaseFiles {
                id,
                channels: channels.into_values().collect(),
                label: None,
            });
        }
        faults.extend(wrong);
    }
    Ok((cases, faults))
}

fn wrong_channels(
    case: &CaseId,
    channels: &BTreeMap<usize, PathBuf>,
    n_channels: usize,
) -> Vec<DiscoveryFault> {
    let mut wrong = Vec::new();
    let missing: Vec<usize> = (0..n_channels)
        .filter(|c| !channels.contains_key(c))
        .collect();
    if !missing.is_empty() && !one_file_holds_all(channels, n_channels) {
        wrong.push(DiscoveryFault::MissingChannels {
            case: case.clone(),
            missing,
        });
    }
    for (&channel, path) in channels.range(n_channels..) {
        let (case, path) = (case.clone(), path.clone());
        wrong.push(DiscoveryFault::UnexpectedChannel {
            case,
            channel,
            n_channels,
            path,
        });
    }
    wrong
}

/// Whether the only file of a case has all channels inside. Asks the header only where files
/// are missing, so that ordinary datasets are found without opening a file.
fn one_file_holds_all(channels: &BTreeMap<usize, PathBuf>, n_channels: usize) -> bool {
    match (channels.len(), channels.get(&0)) {
        (1, Some(path)) => {
            sarx_io::read_header(path).is_ok_and(|header| header.n_channels() == n_channels)
        }
        _ => false,
    }
}

fn ambiguous_names<'a>(cases: impl Iterator<Item = &'a CaseId>) -> Vec<DiscoveryFault> {
    let mut seen: BTreeMap<String, &CaseId> = BTreeMap::new();
    let mut faults = Vec::new();
    for case in cases {
        if let Some(first) = seen.insert(case.as_str().to_lowercase(), case) {
            let (first, case) = (first.clone(), case.clone());
            faults.push(DiscoveryFault::AmbiguousName { first, case });
        }
    }
    faults
}

/// Case and channel of a file name.
pub(crate) fn split_name<'a>(name: &'a str, ending: &str) -> Option<(&'a str, usize)> {
    let (case, channel) = name.strip_suffix(ending)?.rsplit_once('_')?;
    let digits = channel.len() == 4 && channel.bytes().all(|b| b.is_ascii_digit());
    if digits {
        channel.parse().ok().map(|channel| (case, channel))
    } else {
        None
    }
}

/// Names and paths of the files with an ending, sorted; hidden files are none of ours.
pub(crate) fn list(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, CasesError> {
    let error = |source| CasesError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.ends_with(ending) && !name.starts_with('.') && path.is_file() {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    fn faults(names: &[&str], n_channels: usize) -> Vec<String> {
        let folder = folder_with(names);
        match discover_images(folder.path(), ".nii.gz", n_channels).unwrap_err() {
            CasesError::Faults { faults } => faults
                .iter()
                .map(|fault| fault.to_string().replace('"', "'"))
                .collect(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn channels_are_put_in_order_and_other_files_left_alone() {
        let folder = folder_with(&[
            "b_0001.nii.gz",
            "b_0000.nii.gz",
            "a_x_0000.nii.gz",
            "a_x_0001.nii.gz",
            "notes.txt",
            "._a_x_0000.nii.gz",
        ]);
        let cases = discover_images(folder.path(), ".nii.gz", 2).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(names, ["a_x", "b"]);
        assert!(cases[1].channels[1].ends_with("b_0001.nii.gz"));
    }

    #[test]
    fn every_wrong_name_is_told() {
        let found = faults(
            &[
                "a.nii.gz",
                "b_0000.nii.gz",
                "c_0000.nii.gz",
                "c_0001.nii.gz",
                "c_0002.nii.gz",
            ],
            2,
        );
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("the name does not end in _0000"));
        assert_eq!(found[1], "case 'b' has no file for channel 1");
        assert!(found[2].starts_with("case 'c' has a file for channel 2, but there are only 2"));
        let found = faults(&["A_0000.nii.gz", "a_0000.nii.gz"], 1);
        assert_eq!(
            found,
            ["cases 'A' and 'a' differ only in upper and lower case"]
        );
    }

    #[test]
    fn an_empty_or_missing_folder_is_told() {
        let folder = folder_with(&["a_0000.nrrd"]);
        let error = discover_images(folder.path(), ".nii.gz", 1).unwrap_err();
        assert!(matches!(error, CasesError::Empty { .. }), "{error}");
        let error = discover_images(&folder.path().join("x"), ".nii.gz", 1).unwrap_err();
        assert!(matches!(error, CasesError::Folder { .. }), "{error}");
    }
}
