//! Why predictions cannot be averaged.

use crate::ProbabilityError;
use crate::output_folder::OutputFolderError;
use sarx_core::{CaseId, GridMismatch, VolumeError};
use sarx_plan::LabelFilesError;
use std::path::PathBuf;

/// An ensemble that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleError {
    /// Nothing to average.
    #[error("{found} folder was given; an ensemble needs at least two")]
    TooFew {
        /// How many.
        found: usize,
    },
    /// The folders hold different cases.
    #[error(
        "the folders hold probabilities of different cases: {}; predict the missing ones or move the others away",
        .differences.join("; ")
    )]
    OtherCases {
        /// One line per folder that lacks some.
        differences: Vec<String>,
    },
    /// The folders were predicted for different labels.
    #[error(
        "dataset.json declares other labels than that of the first folder ({first:?}): {path:?}"
    )]
    OtherLabels {
        /// The first folder.
        first: PathBuf,
        /// The other.
        path: PathBuf,
    },
    /// A folder of labels only.
    #[error("the folder holds no probabilities; predict with `--save-probabilities`: {path:?}")]
    NoProbabilities {
        /// The folder.
        path: PathBuf,
    },
    /// Probabilities without the label map that gives their geometry.
    #[error(
        "case \"{case}\" has probabilities but no label map, which gives the geometry: {path:?}"
    )]
    NoLabelMap {
        /// The case.
        case: CaseId,
        /// Where it should be.
        path: PathBuf,
    },
    /// A folder of probabilities or label maps cannot be listed.
    #[error(transparent)]
    LabelFiles(#[from] LabelFilesError),
    /// The output folder is not ours to write to.
    #[error(transparent)]
    Output(#[from] OutputFolderError),
    /// dataset.json cannot be used.
    #[error(transparent)]
    Dataset(#[from] sarx_plan::DatasetJsonError),
    /// A document cannot be written.
    #[error(transparent)]
    Document(#[from] sarx_plan::DocumentError),
    /// The caller asked to stop.
    #[error("the ensemble was stopped")]
    Stopped,
}

/// Why one case cannot be averaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleFault {
    /// No label map says where the voxels are.
    #[error("no label map gives the geometry")]
    NoGeometry,
    /// A label map cannot be read.
    #[error(transparent)]
    Read(#[from] sarx_io::ReadError),
    /// A member lies elsewhere.
    #[error("the label map is not on the grid of the first member's: {source}: {path:?}")]
    Grid {
        /// The difference.
        source: GridMismatch,
        /// The label map.
        path: PathBuf,
    },
    /// Probabilities cannot be read or written.
    #[error(transparent)]
    Probabilities(#[from] ProbabilityError),
    /// They do not fit the labels.
    #[error(transparent)]
    Decide(#[from] sarx_preprocess::PreprocessError),
    /// The result does not fit the grid.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The segmentation cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}
