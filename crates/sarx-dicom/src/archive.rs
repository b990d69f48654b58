//! Zip archives, read entry by entry without unpacking to files.
//!
//! Names of entries never become paths. What all entries announce is added up before the first is
//! unpacked, and no entry may give more bytes than it announced.

use crate::{FileFault, InputError, Limits};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zip::ZipArchive;

/// Bytes read at once from an archive.
const BUFFER_BYTES: usize = 1 << 16;

/// An opened archive; a clone reads the same file and shares its directory.
#[derive(Clone)]
pub struct Archive {
    path: Arc<PathBuf>,
    /// Shared, so that a place in an archive costs no buffer.
    zip: Arc<ZipArchive<BufferedShared>>,
}

impl Archive {
    /// Opens an archive and holds its directory against the limits.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, InputError> {
        let failed = |act| {
            move |source| InputError::Io {
                act,
                source,
                path: path.to_owned(),
            }
        };
        let file = File::open(path).map_err(failed("open the archive"))?;
        let n_bytes = file.metadata().map_err(failed("open the archive"))?.len();
        let damaged = |e: zip::result::ZipError| InputError::Archive {
            reason: e.to_string(),
            path: path.to_owned(),
        };
        let mut zip = ZipArchive::new(BufferedShared::new(file, n_bytes)).map_err(damaged)?;
        if zip.len() > limits.n_files {
            return Err(InputError::TooManyFiles {
                limit: limits.n_files,
                path: path.to_owned(),
            });
        }
        let mut unpacked = 0u64;
        for number in 0..zip.len() {
            let entry = zip.by_index_raw(number).map_err(damaged)?;
            unpacked = unpacked.saturating_add(entry.size());
        }
        let mut limit = limits.archive_bytes;
        if unpacked > Limits::RATIO_FROM_BYTES {
            limit = limit.min(n_bytes.saturating_mul(limits.archive_ratio));
        }
        if unpacked > limit {
            return Err(InputError::Bomb {
                found: unpacked,
                limit,
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: Arc::new(path.to_owned()),
            zip: Arc::new(zip),
        })
    }

    /// Where the archive lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Numbers and names of the entries that are files.
    pub(crate) fn files(&self) -> Vec<(usize, String)> {
        (0..self.zip.len())
            .filter_map(|number| {
                let name = self.zip.name_for_index(number)?;
                (!name.ends_with('/')).then(|| (number, name.to_owned()))
            })
            .collect()
    }

    pub(crate) fn with_entry<T>(
        &self,
        number: usize,
        read: impl FnOnce(&mut dyn Read, u64) -> Result<T, FileFault>,
    ) -> Result<T, FileFault> {
        let mut zip = ZipArchive::clone(&self.zip);
        let entry = zip.by_index(number).map_err(io::Error::from)?;
        let n_bytes = entry.size();
        // An entry that gives more than it announces is cut there and found out by its length.
        read(&mut entry.take(n_bytes), n_bytes)
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("path", &self.path).finish()
    }
}

/// A file that several readers use, each with a position and a buffer of its own.
struct BufferedShared(BufReader<Shared>);

struct Shared {
    file: Arc<Mutex<File>>,
    position: u64,
    n_bytes: u64,
}

impl BufferedShared {
    fn new(file: File, n_bytes: u64) -> Self {
        let file = Arc::new(Mutex::new(file));
        Self(BufReader::with_capacity(
            BUFFER_BYTES,
            Shared {
                file,
                position: 0,
                n_bytes,
            },
        ))
    }
}

impl Clone for BufferedShared {
    fn clone(&self) -> Self {
        let old = self.0.get_ref();
        Self(BufReader::with_capacity(
            BUFFER_BYTES,
            Shared {
                file: Arc::clone(&old.file),
                position: 0,
                n_bytes: old.n_bytes,
            },
        ))
    }
}

impl Read for BufferedShared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for BufferedShared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let n = file.read(buffer)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(n) => i128::from(n),
            SeekFrom::End(n) => i128::from(self.n_bytes) + i128::from(n),
            SeekFrom::Current(n) => i128::from(self.position) + i128::from(n),
        };
        self.position = u64::try_from(target).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "a position before the file")
        })?;
        Ok(self.position)
    }
}
