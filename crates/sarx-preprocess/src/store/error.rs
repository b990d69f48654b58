//! Why a case store cannot be read or written.

use crate::{PreprocessError, StoreIdentity};
use sarx_core::CaseId;
use std::io;
use std::path::PathBuf;

/// Why a case store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder holds no store.
    #[error("there is no case store; preprocess the dataset first: {folder:?}")]
    NoStore {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error("the folder is not empty and is no case store; choose another one: {folder:?}")]
    NotAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// The store was preprocessed in another way.
    #[error(
        "the store holds cases of \"{}\" that were preprocessed with another spacing, axis order, normalization, resampling or other labels than \"{}\" now asks for; nothing was changed, choose another folder or remove this one: {folder:?}",
        .found.configuration, .expected.configuration
    )]
    OtherPlans {
        /// The folder.
        folder: PathBuf,
        /// What the caller has.
        expected: StoreIdentity,
        /// What the store has.
        found: StoreIdentity,
    },
    /// The case is not in the store, or not whole.
    #[error("case \"{case}\" is not in the store; preprocess it first: {folder:?}")]
    UnknownCase {
        /// The case.
        case: CaseId,
        /// The folder.
        folder: PathBuf,
    },
    /// A name whose files would be mistaken for another case's.
    #[error(
        "a case cannot be named \"{case}\": names that are \"store\" or end with \"_seg\" or \"_locations\" are file names of the store; rename the case"
    )]
    ReservedName {
        /// The case.
        case: CaseId,
    },
    /// The labels of a previous stage were made by another model.
    #[error(
        "the labels of the previous stage for case \"{case}\" were made by another {what} ({found}, {expected} is wanted); predict them again: {path:?}"
    )]
    OtherStage {
        /// The case.
        case: CaseId,
        /// `plans`, `configuration` or `next configuration`.
        what: &'static str,
        /// What is wanted.
        expected: String,
        /// What the file says.
        found: String,
        /// The case's document.
        path: PathBuf,
    },
    /// A label that a previous stage cannot leave.
    #[error(
        "case \"{case}\" has label {found}; labels up to {} can be stored",
        i16::MAX
    )]
    LabelRange {
        /// The case.
        case: CaseId,
        /// The label.
        found: sarx_core::Label,
    },
    /// A file that the operating system does not let us read.
    #[error("cannot read ({source}): {path:?}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that could not be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// JSON that is damaged or lacks a field.
    #[error("the file is damaged ({source}); preprocess the case again: {path:?}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A file of another version.
    #[error(
        "schema version is {found}, this build reads {supported}; preprocess again or use the sarx that made the store: {path:?}"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What the file says.
        found: String,
        /// What can be read.
        supported: u64,
    },
    /// An array file that is shorter than its header says.
    #[error("the array lacks {missing_bytes} bytes; preprocess the case again: {path:?}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that are not there.
        missing_bytes: usize,
    },
    /// An array file that cannot be viewed.
    #[error("the array file is damaged ({source}); preprocess the case again: {path:?}")]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ndarray_npy::ViewNpyError,
    },
    /// An array that does not belong to its properties.
    #[error(
        "the array has shape {found:?} instead of {expected:?} in C order; preprocess the case again: {path:?}"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Shape by the properties.
        expected: Vec<usize>,
        /// Shape of the array.
        found: Vec<usize>,
    },
    /// A sampled voxel outside of the case.
    #[error("a foreground location lies outside of the case; preprocess the case again: {path:?}")]
    Location {
        /// The file.
        path: PathBuf,
    },
    /// Properties that contradict themselves.
    #[error("{source}; preprocess the case again: {path:?}")]
    Properties {
        /// The file.
        path: PathBuf,
        /// Which rule is broken.
        source: PreprocessError,
    },
}
