//! Where the bytes of an object are: a file, or an entry of an archive.

use crate::archive::Archive;
use crate::{FileFault, Limits};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Where an object lies.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of its own.
    File(PathBuf),
    /// An entry of a zip archive.
    Entry {
        /// The opened archive.
        archive: Archive,
        /// Number of the entry in the archive's directory.
        number: usize,
        /// Name of the entry; only for messages, never a path to write to.
        name: String,
    },
}

/// An open stream and how many bytes it holds in all.
pub(crate) struct Source<'a> {
    reader: Box<dyn Read + 'a>,
    pub(crate) n_bytes: u64,
}

impl Location {
    /// Calls `read` with the stream of the object from its first byte on.
    pub(crate) fn with_source<T>(
        &self,
        read: impl FnOnce(Source<'_>) -> Result<T, FileFault>,
    ) -> Result<T, FileFault> {
        match self {
            Self::File(path) => {
                let file = File::open(path)?;
                let n_bytes = file.metadata()?.len();
                let reader = Box::new(file);
                read(Source { reader, n_bytes })
            }
            Self::Entry {
                archive, number, ..
            } => archive.with_entry(*number, |entry, n_bytes| {
                let reader = Box::new(entry);
                read(Source { reader, n_bytes })
            }),
        }
    }

    /// Reads `n_bytes` from byte `offset` on.
    pub(crate) fn read_range(&self, offset: u64, n_bytes: u64) -> Result<Vec<u8>, FileFault> {
        let truncated = |found| FileFault::Truncated {
            part: "pixel data",
            expected: n_bytes,
            found,
        };
        if let Self::File(path) = self {
            let mut file = File::open(path)?;
            let left = file.metadata()?.len().saturating_sub(offset);
            if left < n_bytes {
                return Err(truncated(left));
            }
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(usize::try_from(n_bytes).unwrap_or(0));
            let found = file.take(n_bytes).read_to_end(&mut bytes)? as u64;
            return if found < n_bytes {
                Err(truncated(found))
            } else {
                Ok(bytes)
            };
        }
        self.with_source(|mut source| {
            let left = source.n_bytes.saturating_sub(offset);
            if left < n_bytes {
                return Err(truncated(left));
            }
            io::copy(&mut source.reader.by_ref().take(offset), &mut io::sink())?;
            let mut bytes = Vec::new();
            let found = source.reader.take(n_bytes).read_to_end(&mut bytes)? as u64;
            if found < n_bytes {
                return Err(truncated(found));
            }
            Ok(bytes)
        })
    }

    /// Reads from byte `offset` to the end, at most `limits.unpacked_bytes`.
    pub(crate) fn read_tail(&self, offset: u64, limits: &Limits) -> Result<Vec<u8>, FileFault> {
        let n_bytes = match self {
            Self::File(path) => std::fs::metadata(path)?.len(),
            Self::Entry { .. } => self.with_source(|source| Ok(source.n_bytes))?,
        };
        let tail = n_bytes.saturating_sub(offset);
        if tail > limits.unpacked_bytes {
            return Err(FileFault::TooLarge {
                part: "pixel data",
                limit: limits.unpacked_bytes,
            });
        }
        self.read_range(offset, tail)
    }

    /// Reads everything, at most `limits.unpacked_bytes`.
    pub(crate) fn read_all(&self, limits: &Limits) -> Result<Vec<u8>, FileFault> {
        self.with_source(|mut source| {
            let mut bytes = Vec::new();
            source.fill(&mut bytes, limits.unpacked_bytes)?;
            if (bytes.len() as u64) < source.n_bytes {
                return Err(FileFault::TooLarge {
                    part: "file",
                    limit: limits.unpacked_bytes,
                });
            }
            Ok(bytes)
        })
    }
}

impl Source<'_> {
    /// Reads on until `bytes` holds `target` bytes or the stream ends.
    pub(crate) fn fill(&mut self, bytes: &mut Vec<u8>, target: u64) -> io::Result<()> {
        let missing = target.min(self.n_bytes).saturating_sub(bytes.len() as u64);
        self.reader.by_ref().take(missing).read_to_end(bytes)?;
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path:?}"),
            Self::Entry { archive, name, .. } => write!(f, "{name:?} in {:?}", archive.path()),
        }
    }
}
