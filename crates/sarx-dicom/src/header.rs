//! One file's data set up to its pixel data.

use crate::syntax::{Syntax, syntax};
use crate::walk::{PixelPlace, Walked, walk};
use crate::{FileError, FileFault, Limits, Location};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_encoding::TransferSyntaxIndex as _;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::{TransferSyntaxRegistry, entries};
use flate2::read::DeflateDecoder;
use std::io::Read;

/// A data set in memory.
pub(crate) type Object = InMemDicomObject<StandardDataDictionary>;

/// Bytes read from a file before the first look; most headers of classic images fit.
const FIRST_BYTES: u64 = 16 << 10;
/// Length of the preamble and the four letters behind it (PS3.10 7.1).
const PREAMBLE_BYTES: usize = 132;

/// A file up to its pixel data.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) meta: Meta,
    pub(crate) object: Object,
    /// Where pixel data are, from the start of the stream: of the file, or of what unpacks from it.
    pub(crate) pixels: Option<PixelPlace>,
    /// Sequences of unknown kind that were left out of `object`.
    pub(crate) n_unknown: usize,
}

/// The file meta information that sarx uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Meta {
    pub(crate) transfer_syntax: String,
    pub(crate) sop_class: String,
    pub(crate) sop_instance: String,
    /// First byte of the data set.
    pub(crate) dataset: usize,
}

impl Meta {
    pub(crate) fn syntax(&self) -> Syntax {
        syntax(&self.transfer_syntax)
    }
}

/// Reads a header.
pub(crate) fn read_header(location: &Location, limits: &Limits) -> Result<Header, FileError> {
    location
        .with_source(|mut source| {
            let mut bytes = Vec::new();
            let mut target = FIRST_BYTES;
            loop {
                source.fill(&mut bytes, target)?;
                let whole = bytes.len() as u64 >= source.n_bytes || (bytes.len() as u64) < target;
                let total = if whole {
                    bytes.len() as u64
                } else {
                    source.n_bytes
                };
                if whole && (bytes.len() as u64) < source.n_bytes {
                    return Err(FileFault::Truncated {
                        part: "file",
                        expected: source.n_bytes,
                        found: bytes.len() as u64,
                    });
                }
                if let Some(header) = parse(&bytes, total, limits)? {
                    return Ok(header);
                }
                if target > limits.header_bytes {
                    return Err(FileFault::TooLarge {
                        part: "header",
                        limit: limits.header_bytes,
                    });
                }
                target = target.saturating_mul(4);
            }
        })
        .map_err(|fault| fault.at(location))
}

/// Parses the first bytes of a file of `total`; `None` when more are needed.
fn parse(bytes: &[u8], total: u64, limits: &Limits) -> Result<Option<Header>, FileFault> {
    let whole = bytes.len() as u64 == total;
    let Some(meta) = read_meta(bytes, whole)? else {
        return Ok(None);
    };
    if meta.syntax().deflated {
        if !whole {
            return Ok(None);
        }
        let unpacked = inflate(&bytes[meta.dataset..], limits)?;
        let total = unpacked.len() as u64;
        return dataset(&unpacked, total, meta, 0, limits);
    }
    let start = meta.dataset as u64;
    dataset(&bytes[meta.dataset..], total - start, meta, start, limits)
}

/// Unpacks a deflated data set.
pub(crate) fn inflate(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, FileFault> {
    let mut unpacked = Vec::new();
    let most = limits.unpacked_bytes.min(
        (bytes.len() as u64)
            .saturating_mul(limits.archive_ratio)
            .max(Limits::RATIO_FROM_BYTES),
    );
    DeflateDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > most {
        return Err(FileFault::TooLarge {
            part: "deflated data set",
            limit: most,
        });
    }
    Ok(unpacked)
}

fn dataset(
    bytes: &[u8],
    total: u64,
    meta: Meta,
    start: u64,
    limits: &Limits,
) -> Result<Option<Header>, FileFault> {
    let syntax = meta.syntax();
    let uid = match (syntax.big_endian, syntax.explicit) {
        (true, _) => entries::EXPLICIT_VR_BIG_ENDIAN.uid(),
        (false, true) => entries::EXPLICIT_VR_LITTLE_ENDIAN.uid(),
        (false, false) => entries::IMPLICIT_VR_LITTLE_ENDIAN.uid(),
    };
    let missing = FileFault::Parse {
        reason: "the encoding has no decoder",
    };
    let (Some(encoding), Some(implicit)) = (
        TransferSyntaxRegistry.get(uid),
        TransferSyntaxRegistry.get(entries::IMPLICIT_VR_LITTLE_ENDIAN.uid()),
    ) else {
        return Err(missing);
    };
    let (Some(decoder), Some(implicit)) = (encoding.decoder_for(), implicit.decoder_for()) else {
        return Err(missing);
    };
    let layout = match walk(bytes, total, &decoder, &implicit, syntax.explicit, limits)? {
        Walked::More => return Ok(None),
        Walked::Whole(layout) => layout,
    };
    let object = match layout.kept.as_slice() {
        [one] => Object::read_dataset_with_ts(&bytes[one.clone()], encoding),
        several => {
            let kept: Vec<u8> = several
                .iter()
                .flat_map(|r| &bytes[r.clone()])
                .copied()
                .collect();
            Object::read_dataset_with_ts(kept.as_slice(), encoding)
        }
    }
    .map_err(|e| FileFault::Parse { reason: kind(&e) })?;
    Ok(Some(Header {
        meta,
        object,
        n_unknown: layout.n_unknown,
        pixels: layout.pixels.map(|pixels| PixelPlace {
            offset: pixels.offset + start,
            ..pixels
        }),
    }))
}

/// What kind of fault the parser met. Its own text may hold values of the data set.
fn kind(error: &dicom_object::ReadError) -> &'static str {
    use dicom_object::ReadError;
    match error {
        ReadError::ReadToken { .. } => "a value does not fit its type or its character set",
        ReadError::MissingElementValue { .. } => "an element without a value",
        ReadError::UnexpectedToken { .. } => "elements out of place",
        ReadError::PrematureEnd { .. } => "the end comes too early",
        _ => "not a sound data set",
    }
}

/// The first byte of the data set of a whole file.
pub(crate) fn read_meta_only(bytes: &[u8]) -> Result<usize, FileFault> {
    let meta = read_meta(bytes, true)?;
    Ok(meta.map_or(0, |meta| meta.dataset))
}

/// Reads the file meta group, which is always explicit little endian; `None` when more is needed.
fn read_meta(bytes: &[u8], whole: bool) -> Result<Option<Meta>, FileFault> {
    if bytes.get(128..PREAMBLE_BYTES) != Some(b"DICM") {
        return Err(FileFault::NotDicom);
    }
    let mut meta = Meta::default();
    let mut at = PREAMBLE_BYTES;
    loop {
        let Some(head) = bytes.get(at..at + 8) else {
            if whole {
                break;
            }
            return Ok(None);
        };
        let u16_at = |i: usize| u16::from_le_bytes([head[i], head[i + 1]]);
        if u16_at(0) != 2 {
            break;
        }
        let (value, length) = if matches!(&head[4..6], b"OB" | b"OW" | b"UN" | b"UT") {
            let Some(long) = bytes.get(at + 8..at + 12) else {
                return if whole { Err(cut(at, bytes)) } else { Ok(None) };
            };
            let length = u32::from_le_bytes([long[0], long[1], long[2], long[3]]);
            (at + 12, length as usize)
        } else {
            (at + 8, usize::from(u16_at(6)))
        };
        let Some(text) = bytes.get(value..value.saturating_add(length)) else {
            return if whole {
                Err(cut(value + length, bytes))
            } else {
                Ok(None)
            };
        };
        let text = || {
            String::from_utf8_lossy(text)
                .trim_matches(|c: char| c == '\0' || c.is_whitespace())
                .to_owned()
        };
        match u16_at(2) {
            0x0002 => meta.sop_class = text(),
            0x0003 => meta.sop_instance = text(),
            0x0010 => meta.transfer_syntax = text(),
            _ => {}
        }
        at = value + length;
    }
    if meta.transfer_syntax.is_empty() {
        return Err(FileFault::Missing {
            name: "TransferSyntaxUID",
        });
    }
    meta.dataset = at;
    Ok(Some(meta))
}

fn cut(expected: usize, bytes: &[u8]) -> FileFault {
    FileFault::Truncated {
        part: "file meta information",
        expected: expected as u64,
        found: bytes.len() as u64,
    }
}
