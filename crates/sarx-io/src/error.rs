//! What can go wrong with a file, and with which one.

use crate::{Format, VoxelType};
use sarx_core::{GridError, GridMismatch, LabelError, SizeError, SpacingError};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that could not be read: what is wrong, and the path.
#[derive(Debug)]
pub struct ReadError {
    /// The file that was to be read.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: ReadFault,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// The operating system refused.
    #[error("cannot read ({source})")]
    Io {
        /// What it said.
        source: io::Error,
    },
    /// The name does not end like an image's.
    #[error(
        "the name has no ending of an image; expected .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd"
    )]
    UnknownEnding,
    /// The content is not of the format that the name promises.
    #[error("this is no {format} file: {reason}")]
    NotThisFormat {
        /// Format by the name.
        format: Format,
        /// What is missing.
        reason: &'static str,
    },
    /// The file ends too early.
    #[error("the {part} ends after {found} of {expected} bytes; the file is truncated")]
    Truncated {
        /// Header or voxels.
        part: &'static str,
        /// Bytes that the header asks for.
        expected: u64,
        /// Bytes that were there.
        found: u64,
    },
    /// Compressed data that cannot be unpacked.
    #[error("the compressed data are damaged ({source})")]
    Damaged {
        /// What the decompressor said.
        source: io::Error,
    },
    /// A header field that is missing.
    #[error("the header has no field \"{field}\"")]
    MissingField {
        /// Name of the field as the format writes it.
        field: &'static str,
    },
    /// A header field whose value cannot be.
    #[error("header field \"{field}\" is {found}; expected {expected}")]
    BadField {
        /// Name of the field as the format writes it.
        field: &'static str,
        /// The value, shortened.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A kind of file that is read nowhere in sarx.
    #[error("{what} is not supported; convert the file to plain numbers of one channel per voxel")]
    Unsupported {
        /// What the file uses.
        what: String,
    },
    /// Voxel counts that cannot be.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Voxel edges that cannot be.
    #[error(transparent)]
    Spacing(#[from] SpacingError),
    /// Direction or origin that cannot be.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// One channel was asked for.
    #[error("the file has {found} channels, expected one; split it into one file per channel")]
    SeveralChannels {
        /// Channels in the file.
        found: usize,
    },
    /// More voxels than a process can hold.
    #[error("{n_voxels} voxels in all channels do not fit into memory")]
    OutOfMemory {
        /// What the header asks for.
        n_voxels: u64,
    },
    /// A voxel that is no label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A header that names a data file outside its own folder.
    #[error(
        "the header names the data file {name:?}; it must be a plain file name in the header's folder"
    )]
    DataFileElsewhere {
        /// The name in the header.
        name: String,
    },
    /// A data file that a header names and that cannot be read.
    #[error("cannot read the data file {name:?} that the header names ({source})")]
    DataFile {
        /// The name in the header.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A file that could not be written: what went wrong, and the path. The file that was there
/// before, if any, is unchanged.
#[derive(Debug)]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What went wrong.
    pub fault: WriteFault,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteFault {
    /// The operating system refused.
    #[error("cannot {act} ({source})")]
    Io {
        /// What was tried.
        act: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The path has no file name.
    #[error("the path names no file")]
    NoFileName,
    /// The name does not end like an image's.
    #[error(
        "the name has no ending of an image; expected .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd"
    )]
    UnknownEnding,
    /// The volume does not lie on the grid of the header it is to be written like.
    #[error("the volume does not lie on the grid of the image it is to be written like: {source}")]
    OtherGrid {
        /// The difference.
        source: GridMismatch,
    },
    /// A size that the format cannot hold.
    #[error("axis {axis} has {found} voxels, a {format} file holds at most {most} per axis")]
    TooLong {
        /// Format of the file.
        format: Format,
        /// File axis, x, y, z = 0, 1, 2.
        axis: usize,
        /// Voxels of the volume.
        found: usize,
        /// What the format can hold.
        most: usize,
    },
    /// The voxels need a type that the header's format does not have.
    #[error("a {format} file cannot hold {voxel_type} voxels")]
    VoxelType {
        /// Format of the file.
        format: Format,
        /// Type of the voxels.
        voxel_type: VoxelType,
    },
}

impl ReadFault {
    /// Puts the path to the fault.
    pub(crate) fn at(self, path: &Path) -> ReadError {
        ReadError {
            path: path.to_owned(),
            fault: self,
        }
    }

    /// A field whose value cannot be; long values are cut.
    pub(crate) fn bad_field(
        field: &'static str,
        found: impl fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self::BadField {
            field,
            found: found.to_string().chars().take(60).collect(),
            expected,
        }
    }
}

impl WriteFault {
    /// Puts the path to the fault.
    pub(crate) fn at(self, path: &Path) -> WriteError {
        WriteError {
            path: path.to_owned(),
            fault: self,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.fault, self.path)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.fault, self.path)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}
