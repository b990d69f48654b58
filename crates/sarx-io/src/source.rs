//! The bytes of a file, unpacked on the way if they are compressed.
//!
//! A source knows how many bytes it can give at most: exactly for a plain file, from the best
//! ratio that deflate can reach for a compressed one. So a header that asks for more is refused
//! before anything is allocated.

use crate::ReadFault;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read from the operating system at once.
const BUFFER_BYTES: usize = 1 << 18;

/// No deflate stream is shorter than its content by more than this factor (zlib's own notes,
/// "Maximum Compression Factor").
const MOST_PER_DEFLATED_BYTE: u64 = 1032;

/// How many unread bytes after the voxels are unpacked to reach the checksum of a gzip file.
const TRAILING_BYTES: u64 = 1 << 20;

/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads a file from front to back.
pub(crate) struct Source {
    reader: Reader,
    /// No more bytes than these can come.
    most_left: u64,
}

enum Reader {
    Plain(BufReader<File>),
    Gzip(Box<Members>),
    Zlib(Box<ZlibDecoder<BufReader<File>>>),
}

/// The members of a gzip file one after the other; what follows the last one and is no member
/// is not looked at, as gzip does.
struct Members(Option<GzDecoder<BufReader<File>>>);

impl Read for Members {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.0 {
            let n = decoder.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            let Some(mut file) = self.0.take().map(GzDecoder::into_inner) else {
                break;
            };
            if starts_like_gzip(file.fill_buf()?) {
                self.0 = Some(GzDecoder::new(file));
            }
        }
        Ok(0)
    }
}

fn starts_like_gzip(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && bytes[..2] == GZIP_MAGIC
}

impl Source {
    /// Opens a file. With `unpack` a file that begins like gzip is unpacked whatever its name;
    /// one that does not is taken as it is, as zlib does.
    pub(crate) fn open(path: &Path, unpack: bool) -> Result<Self, ReadFault> {
        Self::try_open(path, unpack).map_err(|source| ReadFault::Io { source })
    }

    /// As [`Self::open`], with the fault as the operating system reports it.
    pub(crate) fn try_open(path: &Path, unpack: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let plain = Reader::Plain(BufReader::with_capacity(BUFFER_BYTES, file));
        let source = Self {
            reader: plain,
            most_left: metadata.len(),
        };
        if unpack {
            source.unpack_gzip()
        } else {
            Ok(source)
        }
    }

    /// Unpacks the rest of a plain file if it begins like gzip.
    fn unpack_gzip(mut self) -> io::Result<Self> {
        if let Reader::Plain(mut file) = self.reader {
            if starts_like_gzip(file.fill_buf()?) {
                self.most_left = self.most_left.saturating_mul(MOST_PER_DEFLATED_BYTE);
                self.reader = Reader::Gzip(Box::new(Members(Some(GzDecoder::new(file)))));
            } else {
                self.reader = Reader::Plain(file);
            }
        }
        Ok(self)
    }

    /// Unpacks the rest of a plain file, which must be gzip or zlib.
    pub(crate) fn unpack(self) -> Result<Self, ReadFault> {
        let mut source = self
            .unpack_gzip()
            .map_err(|source| ReadFault::Io { source })?;
        if let Reader::Plain(file) = source.reader {
            source.most_left = source.most_left.saturating_mul(MOST_PER_DEFLATED_BYTE);
            source.reader = Reader::Zlib(Box::new(ZlibDecoder::new(file)));
        }
        Ok(source)
    }

    /// No more bytes than these can come; for a plain file exactly these.
    pub(crate) fn most_left(&self) -> u64 {
        self.most_left
    }

    /// How many bytes a buffer may hold before any of them has arrived.
    pub(crate) fn justified_bytes(&self) -> u64 {
        match self.reader {
            Reader::Plain(_) => self.most_left,
            // Images shrink two to eight times; beyond that the buffer grows as bytes come.
            _ => self.most_left / MOST_PER_DEFLATED_BYTE * 8 + BUFFER_BYTES as u64,
        }
    }

    /// Fills `into`; `part` names what is being read if the file ends before.
    pub(crate) fn fill(&mut self, into: &mut [u8], part: &'static str) -> Result<(), ReadFault> {
        let found = self.fill_up_to(into)?;
        if found == into.len() {
            return Ok(());
        }
        Err(ReadFault::Truncated {
            part,
            expected: into.len() as u64,
            found: found as u64,
        })
    }

    /// Fills as much of `into` as the file has and returns how much that was.
    pub(crate) fn fill_up_to(&mut self, into: &mut [u8]) -> Result<usize, ReadFault> {
        let mut filled = 0;
        while filled < into.len() {
            let n = match &mut self.reader {
                Reader::Plain(file) => file.read(&mut into[filled..]),
                Reader::Gzip(members) => members.read(&mut into[filled..]),
                Reader::Zlib(decoder) => decoder.read(&mut into[filled..]),
            };
            match n {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.fault(source)),
            }
        }
        self.most_left = self.most_left.saturating_sub(filled as u64);
        Ok(filled)
    }

    fn fault(&self, source: io::Error) -> ReadFault {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match (&self.reader, source.kind()) {
            (Reader::Gzip(_) | Reader::Zlib(_), InvalidData | InvalidInput | UnexpectedEof) => {
                ReadFault::Damaged { source }
            }
            _ => ReadFault::Io { source },
        }
    }

    /// Passes over `n_bytes`.
    pub(crate) fn skip(&mut self, n_bytes: u64, part: &'static str) -> Result<(), ReadFault> {
        if n_bytes > self.most_left {
            return Err(ReadFault::Truncated {
                part,
                expected: n_bytes,
                found: self.most_left,
            });
        }
        let mut left = n_bytes;
        let mut chunk = [0; 4096];
        while left > 0 {
            let n = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
            self.fill(&mut chunk[..n], part)?;
            left -= n as u64;
        }
        Ok(())
    }

    /// One line without its end, or `None` at the end of the file. Only for plain sources.
    pub(crate) fn line(&mut self) -> Result<Option<String>, ReadFault> {
        let Reader::Plain(file) = &mut self.reader else {
            return Ok(None);
        };
        let mut line = Vec::new();
        let n = file
            .read_until(b'\n', &mut line)
            .map_err(|source| ReadFault::Io { source })?;
        if n == 0 {
            return Ok(None);
        }
        self.most_left = self.most_left.saturating_sub(n as u64);
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// After the last voxel: has a compressed stream its checksum, and is it right?
    ///
    /// Bytes that follow the voxels are ignored; if they are many, so is the checksum.
    pub(crate) fn check_end(mut self) -> Result<(), ReadFault> {
        if matches!(self.reader, Reader::Plain(_)) {
            return Ok(());
        }
        let mut chunk = [0; 4096];
        let mut seen = 0;
        while seen < TRAILING_BYTES {
            let n = self.fill_up_to(&mut chunk)?;
            if n == 0 {
                return Ok(());
            }
            seen += n as u64;
        }
        Ok(())
    }
}
