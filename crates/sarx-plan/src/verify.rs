//! The integrity check: every fault of every case, not only the first.

use crate::case::{CaseError, CaseReader, Inspection};
use crate::cases::DiscoveryFault;
use crate::dataset::Dataset;
use rayon::prelude::*;
use sarx_core::{Progress, SliceAxis};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is wrong, by kind, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A file name that fits no case or channel.
    FileName,
    /// A channel without a file, or a file that dataset.json lists and that does not exist.
    MissingChannel,
    /// A file for a channel that dataset.json does not declare.
    UnexpectedChannel,
    /// A case without labels.
    MissingLabel,
    /// A case that stands there twice.
    DuplicateCase,
    /// Another number of cases than `numTraining`.
    CaseCount,
    /// A file that cannot be read.
    Unreadable,
    /// A file with another number of channels.
    ChannelCount,
    /// Channels on different grids.
    ChannelGrid,
    /// Labels on another grid than the image.
    LabelGrid,
    /// Label values that dataset.json does not declare.
    UndeclaredLabel,
    /// NaN or infinite voxels.
    NotFinite,
}

/// What is doubtful, by kind, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// Slices are stacked along another patient axis than in most cases.
    Orientation,
    /// The label map holds background only.
    NoForeground,
    /// Channels or labels lie in another place and were accepted.
    Position,
    /// A label file without an image.
    UnusedLabel,
}

/// One fault or warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding<K> {
    /// The case, where it belongs to one.
    pub case: Option<String>,
    /// The file, where it belongs to one.
    pub file: Option<PathBuf>,
    /// What it is.
    pub kind: K,
    /// In words.
    pub message: String,
}

/// Something that must be put right.
pub type Fault = Finding<FaultKind>;
/// Something that should be looked at.
pub type Warning = Finding<WarningKind>;

/// What the check found. Faults and warnings are in ascending order of the cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Cases whose images were read.
    pub n_cases_read: usize,
    /// What must be put right.
    pub faults: Vec<Fault>,
    /// What should be looked at.
    pub warnings: Vec<Warning>,
}

impl VerifyReport {
    /// Whether there is no fault.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks a whole dataset.
///
/// Reads every case whose files exist, in parallel, one case per thread in memory.
///
/// - `reader`: decides whether a different position is a fault or a warning.
#[must_use]
pub fn verify(dataset: &Dataset, reader: &CaseReader<'_>, progress: &dyn Progress) -> VerifyReport {
    let cases = dataset.sound_cases();
    progress.begin("verify", cases.len() as u64);
    let checked: Vec<Checked> = cases
        .par_iter()
        .map(|files| {
            let inspection = reader.inspect(files);
            progress.advance(1);
            Checked::new(files.id.as_str(), files.label.as_deref(), inspection)
        })
        .collect();
    progress.finish();
    let mut faults: Vec<Fault> = dataset.faults().iter().map(discovery_fault).collect();
    let mut warnings: Vec<Warning> = dataset
        .unused_labels()
        .iter()
        .map(|path| unused_label(path))
        .collect();
    let usual = most_common(checked.iter().filter_map(|case| case.slice_axis));
    for case in checked {
        if let (Some(usual), Some(axis)) = (usual, case.slice_axis)
            && usual != axis
        {
            warnings.push(Warning {
                case: Some(case.id.clone()),
                file: None,
                kind: WarningKind::Orientation,
                message: format!(
                    "slices of case {:?} are {axis}, most others are {usual}",
                    case.id
                ),
            });
        }
        faults.extend(case.faults);
        warnings.extend(case.warnings);
    }
    VerifyReport {
        n_cases_read: cases.len(),
        faults,
        warnings,
    }
}

/// What remains of a case after its images were dropped.
struct Checked {
    id: String,
    slice_axis: Option<SliceAxis>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Checked {
    fn new(id: &str, label: Option<&Path>, found: Inspection) -> Self {
        let mut warnings = Vec::new();
        let mut warn = |kind, file: Option<&Path>, message| {
            warnings.push(Warning {
                case: Some(id.to_owned()),
                file: file.map(Path::to_owned),
                kind,
                message,
            });
        };
        if found.is_background_only {
            let message = format!("the labels of case {id:?} hold background only");
            warn(WarningKind::NoForeground, label, message);
        }
        if found.moved_mm > 0.0 {
            let message = format!(
                "images or labels of case {id:?} are up to {:.3} mm apart and were taken as one grid",
                found.moved_mm
            );
            warn(WarningKind::Position, None, message);
        }
        Self {
            id: id.to_owned(),
            slice_axis: found.case.as_ref().map(|case| case.grid().slice_axis()),
            faults: found.errors.iter().map(case_fault).collect(),
            warnings,
        }
    }
}

fn case_fault(error: &CaseError) -> Fault {
    let kind = match error {
        CaseError::Unreadable { .. } => FaultKind::Unreadable,
        CaseError::ChannelCount { .. } => FaultKind::ChannelCount,
        CaseError::ChannelGrid { .. } => FaultKind::ChannelGrid,
        CaseError::LabelGrid { .. } => FaultKind::LabelGrid,
        CaseError::UndeclaredLabels { .. } => FaultKind::UndeclaredLabel,
        CaseError::NotFinite { .. } => FaultKind::NotFinite,
    };
    Fault {
        case: Some(error.case().to_string()),
        file: error.path().map(Path::to_owned),
        kind,
        message: error.to_string(),
    }
}

fn discovery_fault(fault: &DiscoveryFault) -> Fault {
    let kind = match fault {
        DiscoveryFault::FileName { .. } | DiscoveryFault::CaseName { .. } => FaultKind::FileName,
        DiscoveryFault::MissingChannels { .. } | DiscoveryFault::MissingImage { .. } => {
            FaultKind::MissingChannel
        }
        DiscoveryFault::UnexpectedChannel { .. } => FaultKind::UnexpectedChannel,
        DiscoveryFault::MissingLabel { .. } => FaultKind::MissingLabel,
        DiscoveryFault::DuplicateCase { .. } | DiscoveryFault::AmbiguousName { .. } => {
            FaultKind::DuplicateCase
        }
        DiscoveryFault::CaseCount { .. } => FaultKind::CaseCount,
    };
    Fault {
        case: fault.case().map(ToString::to_string),
        file: fault.path().map(Path::to_owned),
        kind,
        message: fault.to_string(),
    }
}

fn unused_label(path: &Path) -> Warning {
    Warning {
        case: None,
        file: Some(path.to_owned()),
        kind: WarningKind::UnusedLabel,
        message: format!("the label file belongs to no image: {path:?}"),
    }
}

/// The most common slice axis; of equally common ones the first of the enum.
fn most_common(axes: impl Iterator<Item = SliceAxis>) -> Option<SliceAxis> {
    let mut counts = std::collections::BTreeMap::new();
    for axis in axes {
        *counts.entry(axis).or_insert(0usize) += 1;
    }
    counts
        .into_iter()
        .rev()
        .max_by_key(|&(_, count)| count)
        .map(|(axis, _)| axis)
}
