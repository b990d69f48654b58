//! What can be wrong with one file.
//!
//! No message holds a value of the data set, so no patient's name can reach a log through one.

use crate::Location;
use std::fmt;
use std::io;

/// A file that cannot be used: what is wrong, and where it is.
#[derive(Debug)]
pub struct FileError {
    /// The file, or the entry of an archive.
    pub location: Location,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// The operating system refused, or an archive is damaged.
    #[error("cannot read ({source})")]
    Io {
        /// What it said.
        source: io::Error,
    },
    /// There is no DICOM prefix.
    #[error("this is no DICOM file: bytes 128 to 131 are not \"DICM\"")]
    NotDicom,
    /// The file ends too early.
    #[error(
        "the {part} ends after {found} of {expected} bytes; the file is truncated, fetch it again"
    )]
    Truncated {
        /// Which part.
        part: &'static str,
        /// Bytes that the file announces.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A length that reaches beyond what encloses the element.
    #[error(
        "element {tag} at byte {position} announces {length} bytes where {left} are left; the file is damaged"
    )]
    Length {
        /// Tag as `(gggg,eeee)`.
        tag: String,
        /// Where, bytes from the start of the data set's stream.
        position: u64,
        /// What it announces.
        length: u64,
        /// What is left in the item, sequence or file.
        left: u64,
    },
    /// A structure that DICOM does not have.
    #[error("byte {position}: {what}; the file is damaged")]
    Structure {
        /// Where, bytes from the start of the data set's stream.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Sequences within sequences without end.
    #[error("sequences are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More bytes than allowed.
    #[error("the {part} needs more than {limit} bytes")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The data set cannot be parsed.
    #[error("the data set cannot be parsed ({reason})")]
    Parse {
        /// What the parser said; kinds of faults only, no values.
        reason: &'static str,
    },
    /// A missing attribute.
    #[error("attribute {name} is missing or empty")]
    Missing {
        /// Keyword of the standard.
        name: &'static str,
    },
    /// An attribute whose value cannot be.
    #[error("attribute {name} has a value that cannot be; expected {expected}")]
    Bad {
        /// Keyword of the standard.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// A compression for which there is no decoder here.
    #[error("transfer syntax {uid} ({name}) is not decoded by sarx; run {tool} on the file first")]
    TransferSyntax {
        /// UID of the transfer syntax.
        uid: String,
        /// Its name.
        name: String,
        /// What to run.
        tool: &'static str,
    },
    /// A frame that does not decode.
    #[error(
        "frame {frame} does not decode as {syntax} ({reason}); if other viewers show it, run {tool} on the file first"
    )]
    Frame {
        /// Number of the frame, from 1.
        frame: u32,
        /// Name of the compression.
        syntax: &'static str,
        /// What the decoder said.
        reason: String,
        /// What to run.
        tool: &'static str,
    },
    /// Numbers that sarx has no use for.
    #[error(
        "{what} is not supported; convert the image to one integer of 8, 16 or 32 bits per voxel"
    )]
    Pixels {
        /// What the image uses.
        what: String,
    },
}

/// An input that cannot be gone through at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The operating system refused.
    #[error("cannot {act} ({source}): {path:?}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// What it said.
        source: io::Error,
        /// Where.
        path: std::path::PathBuf,
    },
    /// An archive that cannot be opened.
    #[error("the archive cannot be opened ({reason}): {path:?}")]
    Archive {
        /// What is wrong.
        reason: String,
        /// Where.
        path: std::path::PathBuf,
    },
    /// More files than allowed.
    #[error("there are more than {limit} files; import the folders one by one: {path:?}")]
    TooManyFiles {
        /// The limit.
        limit: usize,
        /// Where.
        path: std::path::PathBuf,
    },
    /// An archive that unpacks to more than allowed.
    #[error(
        "the archive announces {found} bytes when unpacked; at most {limit} are allowed: {path:?}"
    )]
    Bomb {
        /// What its entries announce together.
        found: u64,
        /// The limit that is passed.
        limit: u64,
        /// Where.
        path: std::path::PathBuf,
    },
}

impl From<io::Error> for FileFault {
    fn from(source: io::Error) -> Self {
        Self::Io { source }
    }
}

impl FileFault {
    /// Puts the place to the fault.
    pub(crate) fn at(self, location: &Location) -> FileError {
        FileError {
            location: location.clone(),
            fault: self,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault, self.location)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}
