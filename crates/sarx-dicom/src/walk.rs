//! A walk over the structure of a data set before anything is believed.
//!
//! The parser of `dicom-object` reserves what a length announces. This walk uses the same decoder
//! of element headers, follows the same rules, allocates nothing, and ends at the pixel data. It
//! refuses every length that reaches beyond its item, its sequence or the file, nesting that is too deep, and
//! delimiters out of place. What passes it can be parsed in memory proportional to the bytes walked.

use crate::{FileFault, Limits};
use dicom_core::header::{Header as _, SequenceItemHeader};
use dicom_core::{Tag, VR};
use dicom_encoding::decode::DecodeFrom;
use dicom_encoding::transfer_syntax::DynDecoder;
use std::cmp::Ordering;
use std::ops::Range;

type Cursor<'a> = &'a [u8];

/// Group of the pixel data and what belongs to it.
const PIXEL_GROUP: u16 = 0x7FE0;
const PIXEL_DATA: Tag = Tag(PIXEL_GROUP, 0x0010);
/// Group of items and delimiters.
const ITEM_GROUP: u16 = 0xFFFE;
/// Begins an item of a sequence or a fragment.
const ITEM: Tag = Tag(ITEM_GROUP, 0xE000);
/// Elements of a group that are no data: no header is shorter than this many bytes.
const SHORTEST_HEADER: usize = 8;

/// What the walk found; positions count from the first byte given to [`walk`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What the parser may read, in order: everything up to the pixel data without sequences
    /// of unknown kind, whose content has no agreed encoding.
    pub(crate) kept: Vec<Range<usize>>,
    /// Sequences of unknown kind that were left out.
    pub(crate) n_unknown: usize,
    /// Where the pixel data are.
    pub(crate) pixels: Option<PixelPlace>,
}

/// Where pixel data are in the stream of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelPlace {
    /// First byte of the value.
    pub(crate) offset: u64,
    /// Bytes of the value; `None` for encapsulated fragments.
    pub(crate) n_bytes: Option<u64>,
    /// Stored as 16-bit words, whose bytes are swapped in big endian even where a voxel has 8 bits.
    pub(crate) words: bool,
}

/// How a walk ended.
#[derive(Debug)]
pub(crate) enum Walked {
    /// The structure is sound up to the pixel data or the end.
    Whole(Layout),
    /// More bytes are needed.
    More,
}

/// The bytes at hand and how many the whole stream has.
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    total: u64,
    position: usize,
    limit_depth: usize,
    explicit: bool,
}

/// The walk cannot go on.
enum Stop {
    /// More bytes are needed.
    More,
    /// The file is refused.
    Fault(FileFault),
}

impl From<FileFault> for Stop {
    fn from(fault: FileFault) -> Self {
        Self::Fault(fault)
    }
}

/// One header, with the value's place.
struct Head {
    tag: Tag,
    vr: VR,
    length: Option<u64>,
    start: usize,
}

/// Walks from the first element of a data set; `bytes` are the first of `total`.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    total: u64,
    decoder: &DynDecoder<Cursor<'a>>,
    implicit: &DynDecoder<Cursor<'a>>,
    explicit: bool,
    limits: &Limits,
) -> Result<Walked, FileFault> {
    let mut walk = Walk {
        bytes,
        total,
        position: 0,
        limit_depth: limits.depth,
        explicit,
    };
    match walk.top_level(decoder, implicit) {
        Ok(layout) => Ok(Walked::Whole(layout)),
        Err(Stop::More) => Ok(Walked::More),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

impl<'a> Walk<'a> {
    fn top_level(
        &mut self,
        decoder: &DynDecoder<Cursor<'a>>,
        implicit: &DynDecoder<Cursor<'a>>,
    ) -> Result<Layout, Stop> {
        let mut kept: Vec<Range<usize>> = Vec::new();
        let (mut n_unknown, mut from) = (0, 0);
        let mut pixels = None;
        let mut end = None;
        while self.total - self.position as u64 >= SHORTEST_HEADER as u64 {
            let head = self.head(decoder)?;
            if head.tag.0 >= PIXEL_GROUP && head.tag.0 != ITEM_GROUP {
                end.get_or_insert(head.start);
                if head.tag == PIXEL_DATA {
                    pixels = Some(self.pixels(&head)?);
                    break;
                }
                if head.tag.0 > PIXEL_GROUP {
                    break;
                }
            }
            if head.tag.0 == ITEM_GROUP {
                if head.length != Some(0) {
                    return Err(self.structure("a delimiter outside of a sequence").into());
                }
                continue;
            }
            if self.explicit && head.vr == VR::UN && head.length.is_none() {
                // PS3.5 6.2.2: what stands inside is in implicit VR little endian.
                self.sequence(implicit, None, 1)?;
                kept.push(from..head.start);
                from = self.position;
                n_unknown += 1;
            } else {
                self.value(&head, decoder, self.total, 0)?;
            }
        }
        kept.push(from..end.unwrap_or(self.position).max(from));
        Ok(Layout {
            kept,
            n_unknown,
            pixels,
        })
    }

    fn pixels(&self, head: &Head) -> Result<PixelPlace, FileFault> {
        let offset = self.position as u64;
        if let Some(expected) = head.length {
            let found = self.total - offset;
            if found < expected {
                return Err(FileFault::Truncated {
                    part: "pixel data",
                    expected,
                    found,
                });
            }
        }
        Ok(PixelPlace {
            offset,
            n_bytes: head.length,
            words: head.vr == VR::OW,
        })
    }

    /// Decodes the header at the position and moves behind it.
    fn head(&mut self, decoder: &DynDecoder<Cursor<'a>>) -> Result<Head, Stop> {
        let start = self.position;
        let mut rest = &self.bytes[start..];
        let before = rest.len();
        let Ok((header, _)) = decoder.decode_header(&mut rest) else {
            return Err(self.short(12));
        };
        self.position = start + before - rest.len();
        Ok(Head {
            tag: header.tag(),
            vr: header.vr(),
            length: header.len.get().map(u64::from),
            start,
        })
    }

    /// Fewer bytes than needed: either not read yet, or not there.
    fn short(&self, needed: u64) -> Stop {
        if (self.bytes.len() as u64) < self.total {
            return Stop::More;
        }
        Stop::Fault(FileFault::Truncated {
            part: "data set",
            expected: self.position as u64 + needed,
            found: self.total,
        })
    }

    fn structure(&self, what: &'static str) -> FileFault {
        FileFault::Structure {
            position: self.position as u64,
            what,
        }
    }

    /// Moves behind the value of `head`, which must end at `end` at the latest.
    fn value(
        &mut self,
        head: &Head,
        decoder: &DynDecoder<Cursor<'a>>,
        end: u64,
        depth: usize,
    ) -> Result<(), Stop> {
        match head.length {
            None if head.tag == PIXEL_DATA => self.fragments(decoder),
            None => self.sequence(decoder, None, depth + 1),
            Some(length) => {
                let value_end = self.end_of(head.tag, head.start, length, end)?;
                if head.vr == VR::SQ {
                    return self.sequence(decoder, Some(value_end), depth + 1);
                }
                self.skip_to(value_end)
            }
        }
    }

    fn skip_to(&mut self, position: u64) -> Result<(), Stop> {
        if position > self.bytes.len() as u64 {
            return Err(self.short(position - self.position as u64));
        }
        self.position = position as usize;
        Ok(())
    }

    fn item_head(&mut self, decoder: &DynDecoder<Cursor<'a>>) -> Result<SequenceItemHeader, Stop> {
        let mut rest = &self.bytes[self.position..];
        if rest.len() < SHORTEST_HEADER {
            return Err(self.short(SHORTEST_HEADER as u64));
        }
        let header = decoder
            .decode_item_header(&mut rest)
            .map_err(|_| self.structure("a sequence holds something that is no item"))?;
        self.position += SHORTEST_HEADER;
        Ok(header)
    }

    /// Walks the items of a sequence up to `end`, or up to its delimiter.
    fn sequence(
        &mut self,
        decoder: &DynDecoder<Cursor<'a>>,
        end: Option<u64>,
        depth: usize,
    ) -> Result<(), Stop> {
        if depth > self.limit_depth {
            return Err(FileFault::TooDeep {
                limit: self.limit_depth,
            }
            .into());
        }
        loop {
            match end.map(|end| end.cmp(&(self.position as u64))) {
                Some(Ordering::Equal) => return Ok(()),
                Some(Ordering::Less) => {
                    return Err(self.structure("an item reaches out of its sequence").into());
                }
                _ => {}
            }
            match self.item_head(decoder)? {
                SequenceItemHeader::SequenceDelimiter if end.is_none() => return Ok(()),
                SequenceItemHeader::Item { len } => {
                    let within = end.unwrap_or(self.total);
                    let item_end = match len.get() {
                        None => None,
                        Some(length) => Some(self.item_end(length, within)?),
                    };
                    self.item(decoder, item_end, within, depth)?;
                }
                _ => {
                    return Err(self
                        .structure("a delimiter where an item was expected")
                        .into());
                }
            }
        }
    }

    fn item(
        &mut self,
        decoder: &DynDecoder<Cursor<'a>>,
        end: Option<u64>,
        within: u64,
        depth: usize,
    ) -> Result<(), Stop> {
        loop {
            if end == Some(self.position as u64) {
                return Ok(());
            }
            let head = self.head(decoder)?;
            if self.position as u64 > end.unwrap_or(within) {
                return Err(self.structure("an element reaches out of its item").into());
            }
            if head.tag.0 == ITEM_GROUP {
                if head.tag.1 == 0xE00D && end.is_none() && head.length == Some(0) {
                    return Ok(());
                }
                return Err(self
                    .structure("a delimiter where an element was expected")
                    .into());
            }
            self.value(&head, decoder, end.unwrap_or(within), depth)?;
        }
    }

    /// Where an item that begins here ends.
    fn item_end(&self, length: u32, within: u64) -> Result<u64, Stop> {
        self.end_of(ITEM, self.position, u64::from(length), within)
    }

    /// Where something that begins here ends; its length must fit into what is left.
    ///
    /// - `tag`, `named_at`: what a fault calls it, and where its head begins
    fn end_of(&self, tag: Tag, named_at: usize, length: u64, within: u64) -> Result<u64, Stop> {
        let left = within.saturating_sub(self.position as u64);
        if length > left {
            return Err(FileFault::Length {
                tag: tag.to_string(),
                position: named_at as u64,
                length,
                left,
            }
            .into());
        }
        Ok(self.position as u64 + length)
    }

    /// Walks the fragments of encapsulated pixel data inside an item (an icon).
    fn fragments(&mut self, decoder: &DynDecoder<Cursor<'a>>) -> Result<(), Stop> {
        loop {
            match self.item_head(decoder)? {
                SequenceItemHeader::SequenceDelimiter => return Ok(()),
                SequenceItemHeader::Item { len } if len.get().is_some() => {
                    let end = self.item_end(len.get().unwrap_or(0), self.total)?;
                    self.skip_to(end)?;
                }
                _ => return Err(self.structure("a fragment without a length").into()),
            }
        }
    }
}
