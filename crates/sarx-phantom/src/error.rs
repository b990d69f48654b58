//! What can go wrong while a cohort is written.

use crate::Series;
use std::path::PathBuf;

/// A cohort that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomError {
    /// The folder holds something; nothing was overwritten.
    #[error("the output folder is not empty; give a new or empty one: {path:?}")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The path exists and is no folder.
    #[error("the output path is not a folder: {path:?}")]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A cohort without patients, or larger than file names are made for.
    #[error("a cohort of {found} patients cannot be written; give 1 to {limit}")]
    PatientCount {
        /// How many were asked for.
        found: usize,
        /// How many are possible.
        limit: usize,
    },
    /// A patient that the cohort does not have.
    #[error("there is no patient {index} in a cohort of {n_patients}; they count from 0")]
    Patient {
        /// Which was asked for.
        index: usize,
        /// Patients in all.
        n_patients: usize,
    },
    /// No patient would be left to train on.
    #[error(
        "{held_out} of {n_patients} patients cannot be held out; leave at least one for training"
    )]
    HeldOut {
        /// Patients to hold out.
        held_out: usize,
        /// Patients in all.
        n_patients: usize,
    },
    /// No series chosen, or one twice.
    #[error("series must be chosen at least one and each once; found {found}")]
    Series {
        /// The names given, comma separated.
        found: String,
    },
    /// A folder could not be read or made.
    #[error("could not {action}: {path:?}")]
    Folder {
        /// What was tried, such as "create the folder".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The grid of a series is impossible; a fault of this crate.
    #[error("no grid could be prescribed for the {series} series of case {case:?}")]
    Grid {
        /// The case.
        case: String,
        /// The series.
        series: Series,
        /// What is wrong with the grid.
        source: sarx_core::GridError,
    },
    /// A file could not be written; the source names it.
    #[error("a file of the cohort could not be written")]
    Write(#[from] sarx_io::WriteError),
    /// A case name that cannot be; a fault of this crate.
    #[error(transparent)]
    CaseId(#[from] sarx_core::CaseIdError),
    /// The rows of the cohort table could not be formed.
    #[error("the cohort table could not be formed")]
    Table(#[from] csv::Error),
}
