//! What can be wrong with a plans file.

use crate::document::DocumentError;
use crate::reader::ImageReaderError;
use std::path::PathBuf;

/// A plans file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlansError {
    /// The file is missing, no JSON, or cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Something in a file is wrong.
    #[error("{source}: {path:?}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<PlansError>,
    },
    /// A key is missing or has a value of the wrong type.
    #[error("the plans are not of the form that nnU-Net writes: {source}")]
    Form {
        /// Which key.
        source: serde_json::Error,
    },
    /// An axis order is no permutation of 0, 1, 2.
    #[error("{key} is {found:?}; it must hold each of 0, 1, 2 once")]
    NotPermutation {
        /// The key.
        key: &'static str,
        /// Its value.
        found: Vec<usize>,
    },
    /// The two axis orders do not undo each other.
    #[error("transpose_backward {backward:?} does not undo transpose_forward {forward:?}")]
    NotInverse {
        /// `transpose_forward`.
        forward: [usize; 3],
        /// `transpose_backward`.
        backward: [usize; 3],
    },
    /// The cases were read in a way that sarx does not have.
    #[error("image_reader_writer: {source}")]
    Reader {
        /// Which.
        #[from]
        source: ImageReaderError,
    },
    /// Labels would be interpreted by code of somebody else.
    #[error("label manager {name:?} is not known; only \"LabelManager\" is")]
    UnknownLabelManager {
        /// What stands in the file.
        name: String,
    },
    /// Intensities are not numbered "0", "1", ...
    #[error("foreground intensities have the channels {found:?}; they must be \"0\" to \"n-1\"")]
    IntensityChannels {
        /// The keys found.
        found: Vec<String>,
    },
    /// Something in a configuration is wrong.
    #[error("configuration {name:?}: {source}")]
    Configuration {
        /// The configuration.
        name: String,
        /// What is wrong.
        source: ConfigurationError,
    },
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// There is none of that name.
    #[error("the plans have no configuration of this name; they have {}", existing.join(", "))]
    Missing {
        /// Those that exist.
        existing: Vec<String>,
    },
    /// It inherits from one that does not exist.
    #[error("it inherits from {parent:?}, which does not exist; the plans have {}", existing.join(", "))]
    MissingParent {
        /// The parent.
        parent: String,
        /// Those that exist.
        existing: Vec<String>,
    },
    /// It inherits from itself.
    #[error("it inherits in a circle: {}", chain.join(" -> "))]
    InheritanceCycle {
        /// The configurations visited, in order.
        chain: Vec<String>,
    },
    /// A key is missing or has a value of the wrong type.
    #[error("{source}")]
    Form {
        /// Which key.
        source: serde_json::Error,
    },
    /// A Python name that has no counterpart here.
    #[error("{key} names {found:?}, which is not known; known are {}", known.join(", "))]
    UnknownName {
        /// The key.
        key: String,
        /// The name on file.
        found: String,
        /// Names that would do.
        known: Vec<&'static str>,
    },
    /// A setting that the network here does not have.
    #[error("{key} is {found}; {supported}")]
    Unsupported {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would do.
        supported: &'static str,
    },
    /// A list has the wrong number of entries.
    #[error("{key} has {found} entries instead of {expected} ({reason})")]
    Length {
        /// The key.
        key: String,
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
        /// Why it must have so many.
        reason: &'static str,
    },
    /// A number outside its range.
    #[error("{key} holds {found}; it must be {expected}")]
    OutOfRange {
        /// The key.
        key: String,
        /// The number.
        found: String,
        /// The range.
        expected: &'static str,
    },
}
