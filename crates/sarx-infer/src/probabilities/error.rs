//! What can be wrong with a file of probabilities.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file of probabilities that cannot be read or written: what is wrong, and the path.
#[derive(Debug)]
pub struct ProbabilityError {
    /// What is wrong.
    pub fault: ProbabilityFault,
    /// The file or folder.
    pub path: PathBuf,
}

/// What is wrong with a file of probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbabilityFault {
    /// The operating system refused.
    #[error("cannot read ({source})")]
    Io {
        /// What it said.
        source: io::Error,
    },
    /// The writer failed.
    #[error("cannot write the probabilities")]
    Write {
        /// Why.
        source: Box<sarx_io::WriteError>,
    },
    /// Not what the ending promises, cut short, or changed.
    #[error("the file of probabilities is damaged: {what}; make it again")]
    Damaged {
        /// Where it fails.
        what: String,
    },
    /// The archive lacks something.
    #[error("the archive holds no \"{name}\"; expected what `--save-probabilities` writes")]
    Missing {
        /// What was looked for.
        name: &'static str,
    },
    /// Other numbers than expected.
    #[error("the probabilities are of type {found:?}, expected {expected:?}")]
    Type {
        /// NumPy's name of the expected type.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// Another number of heads or another size.
    #[error(
        "the probabilities have the shape {found:?} (heads, z, y, x), expected {expected:?} by \
         dataset.json and the label map beside; all members must predict the same labels of the same image"
    )]
    Shape {
        /// What dataset.json and the label map ask for.
        expected: [usize; 4],
        /// What the file holds.
        found: Vec<usize>,
    },
    /// Labels where regions are expected, or the other way round.
    #[error("the probabilities are of {found}, dataset.json declares {expected}")]
    Kind {
        /// `labels` or `regions`.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// A version of the compact format that this build does not know.
    #[error("the file has schema version {found}, this build reads {expected}")]
    SchemaVersion {
        /// What is read.
        expected: u64,
        /// What the file says.
        found: String,
    },
    /// A value outside 0 to 1.
    #[error("head {head} holds {found}; a probability is a number from 0 to 1")]
    NotProbability {
        /// Index of the head.
        head: usize,
        /// The value.
        found: f32,
    },
    /// Labels whose probabilities do not sum to one.
    #[error(
        "the probabilities of the labels sum to {found} at voxel {index:?} (z, y, x), expected 1"
    )]
    NotNormalised {
        /// Where, `[z, y, x]`.
        index: [usize; 3],
        /// The sum.
        found: f64,
    },
}

impl ProbabilityFault {
    /// Puts the path to the fault.
    pub(crate) fn at(self, path: &Path) -> ProbabilityError {
        ProbabilityError {
            fault: self,
            path: path.to_owned(),
        }
    }

    pub(super) fn damaged(what: impl fmt::Display) -> Self {
        Self::Damaged {
            what: what.to_string(),
        }
    }
}

/// What an unzipper complains about: the file, or the disk below it.
impl From<zip::result::ZipError> for ProbabilityFault {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(source) => source.into(),
            other => Self::damaged(other),
        }
    }
}

/// Faults of the data arrive as faults of reading.
impl From<io::Error> for ProbabilityFault {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other => Self::damaged(source),
            _ => Self::Io { source },
        }
    }
}

impl From<sarx_io::WriteError> for ProbabilityError {
    fn from(source: sarx_io::WriteError) -> Self {
        let path = source.path.clone();
        Self {
            fault: ProbabilityFault::Write {
                source: Box::new(source),
            },
            path,
        }
    }
}

impl fmt::Display for ProbabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            // It names the path itself.
            ProbabilityFault::Write { .. } => write!(f, "{}", self.fault),
            fault => write!(f, "{fault}: {:?}", self.path),
        }
    }
}

impl std::error::Error for ProbabilityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}
