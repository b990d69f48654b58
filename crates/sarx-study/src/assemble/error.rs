//! What goes wrong while a dataset is assembled.

use std::path::PathBuf;

/// A dataset that cannot be assembled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// A folder cannot be made.
    #[error("cannot make the folder ({source}): {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// The split cannot be written.
    #[error(transparent)]
    Splits(#[from] sarx_plan::SplitsError),
    /// The table of cases cannot be written.
    #[error(transparent)]
    Table(#[from] csv::Error),
    /// The folder holds the dataset of another design.
    #[error(
        "the dataset was assembled from another design: {what}; take the folder away, or give the study another `out`: {path:?}"
    )]
    OtherDesign {
        /// The difference.
        what: String,
        /// The dataset.
        path: PathBuf,
    },
    /// The folder holds images, but nothing says of which design.
    #[error(
        "the folder holds images that no `assembly.json` speaks of; take it away, or give the study another `out`: {path:?}"
    )]
    Unknown {
        /// The dataset.
        path: PathBuf,
    },
    /// The document beside the dataset cannot be used.
    #[error("cannot tell from which design the dataset was assembled ({what}): {path:?}")]
    Identity {
        /// Why.
        what: String,
        /// The document.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("stopped while cases were assembled; run the same command to go on")]
    Stopped,
}

/// A case that cannot be assembled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleFault {
    /// A file cannot be linked or copied.
    #[error("cannot put the file into the dataset ({source}): {path:?}")]
    Link {
        /// The new file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is left of a failed case cannot be taken away.
    #[error("cannot take a file of a failed case out of the dataset ({source}): {path:?}")]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] sarx_io::ReadError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// Two series cannot be brought together.
    #[error(
        "series cannot be registered; take the case out, or say `method = \"header\"` under [alignment]"
    )]
    Register(#[from] sarx_register::RegisterError),
    /// An image cannot be resampled.
    #[error(transparent)]
    Resample(#[from] sarx_register::ResampleError),
}
