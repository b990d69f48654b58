//! The frames of an object as plain bytes, decoded one at a time.
//!
//! Plain pixels are read from their place in the file, so a frame costs what it holds.
//! Compressed ones are split into frames by their fragments and offset table. Before a decoder
//! sees a stream, the size in the stream is held against the header's, so that a small file cannot
//! make a decoder reserve memory for a large picture.

mod codestream;
mod fragments;
pub(crate) mod jpeg_ls;
mod library;
mod rle;
mod values;

pub(crate) use fragments::items as fragment_ranges;
pub(crate) use values::{Scale, to_values};

use crate::header::{inflate, read_meta_only};
use crate::syntax::{Packing, Syntax, syntax};
use crate::{FileFault, Instance, Limits, Location, PixelLayout};
use std::borrow::Cow;
use std::ops::Range;

/// A frame may be this many times larger than its compressed bytes, once it is larger than
/// [`Limits::RATIO_FROM_BYTES`]. An empty JPEG 2000 picture of 512 x 512 has about 2500.
const FRAME_RATIO: u64 = 4000;

/// Access to the frames of one object.
pub(crate) struct Pixels<'a> {
    layout: &'a PixelLayout,
    syntax: Syntax,
    uid: &'a str,
    store: Store<'a>,
}

enum Store<'a> {
    /// Plain numbers in a file, from this byte on.
    File(&'a Location, u64),
    /// Plain numbers in memory.
    Memory(Vec<u8>),
    /// Compressed frames: the bytes and the fragments of each frame.
    Packed(Vec<u8>, Vec<Vec<Range<usize>>>),
}

impl<'a> Pixels<'a> {
    /// Opens the pixels of an object with `instance.frames` frames.
    pub(crate) fn open(instance: &'a Instance, limits: &Limits) -> Result<Self, FileFault> {
        let layout = instance
            .pixels
            .as_ref()
            .ok_or(FileFault::Missing { name: "PixelData" })?;
        let syntax = syntax(&instance.transfer_syntax);
        let n_frames = instance.frames.len().max(1);
        let store = match layout.place.n_bytes {
            Some(found) => {
                let expected = native_bytes(layout, n_frames);
                if found < expected {
                    return Err(FileFault::Truncated {
                        part: "pixel data",
                        expected,
                        found,
                    });
                }
                native(instance, layout, &syntax, expected, limits)?
            }
            None => {
                if syntax.packing == Packing::Other {
                    return Err(unsupported(&syntax, &instance.transfer_syntax));
                }
                let bytes = instance.location.read_tail(layout.place.offset, limits)?;
                let frames = fragments::frames(&bytes, n_frames)?;
                Store::Packed(bytes, frames)
            }
        };
        Ok(Self {
            layout,
            syntax,
            uid: &instance.transfer_syntax,
            store,
        })
    }

    /// The plain bytes of a frame; `number` counts from 1. Byte order as [`Self::big_endian`] says.
    pub(crate) fn frame(&self, number: u32) -> Result<Cow<'_, [u8]>, FileFault> {
        let n_bytes = self.layout.frame_bytes();
        let index = u64::from(number) - 1;
        match &self.store {
            Store::File(location, start) => location
                .read_range(start + index * n_bytes, n_bytes)
                .map(Cow::Owned),
            Store::Memory(bytes) => {
                let from = (index * n_bytes) as usize;
                let frame = bytes.get(from..from + n_bytes as usize);
                frame.map(Cow::Borrowed).ok_or(FileFault::Truncated {
                    part: "pixel data",
                    expected: (index + 1) * n_bytes,
                    found: bytes.len() as u64,
                })
            }
            Store::Packed(bytes, frames) => {
                let packed: Cow<'_, [u8]> = match frames[index as usize].as_slice() {
                    [one] => Cow::Borrowed(&bytes[one.clone()]),
                    several => several
                        .iter()
                        .flat_map(|range| &bytes[range.clone()])
                        .copied()
                        .collect::<Vec<u8>>()
                        .into(),
                };
                self.decode(&packed, number).map(Cow::Owned)
            }
        }
    }

    /// Plain bytes of all frames together; for images of single bits, whose frames share bytes.
    pub(crate) fn all_bits(&self) -> Result<Cow<'_, [u8]>, FileFault> {
        match &self.store {
            Store::File(location, start) => {
                let n_bytes = self.layout.place.n_bytes.unwrap_or(0);
                location.read_range(*start, n_bytes).map(Cow::Owned)
            }
            Store::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Store::Packed(..) => Err(unsupported(&self.syntax, self.uid)),
        }
    }

    /// Whether decoded frames are in big endian.
    pub(crate) fn big_endian(&self) -> bool {
        self.syntax.big_endian
    }

    /// Whether bytes of 8-bit or single-bit pixels stand in big-endian words.
    pub(crate) fn swaps_bytes(&self) -> bool {
        self.syntax.big_endian && self.layout.place.words
    }

    fn decode(&self, packed: &[u8], number: u32) -> Result<Vec<u8>, FileFault> {
        let expected = self.layout.frame_bytes();
        let failed = |reason: String| FileFault::Frame {
            frame: number,
            syntax: self.syntax.name,
            reason,
            tool: self.syntax.tool,
        };
        let most = (packed.len() as u64)
            .saturating_mul(FRAME_RATIO)
            .max(Limits::RATIO_FROM_BYTES);
        if expected > most {
            return Err(failed(format!(
                "{} bytes cannot hold a frame of {expected}",
                packed.len()
            )));
        }
        let layout = self.layout;
        let frame = match self.syntax.packing {
            Packing::Rle => rle::decode(packed, layout).map_err(str::to_owned),
            Packing::JpegLs => jpeg_ls::decode(packed, layout).map_err(str::to_owned),
            Packing::Jpeg | Packing::Jpeg2000 => {
                codestream::check(packed, layout, self.syntax.packing)
                    .and_then(|()| library::decode(packed, layout, self.uid))
            }
            Packing::DeflatedFrame => {
                let limits = Limits {
                    unpacked_bytes: expected + 1,
                    ..Limits::default()
                };
                inflate(packed, &limits).map_err(|_| "the deflated stream is damaged".to_owned())
            }
            Packing::Native => Ok(packed.to_vec()),
            Packing::Other => return Err(unsupported(&self.syntax, self.uid)),
        }
        .map_err(failed)?;
        if (frame.len() as u64) < expected {
            return Err(failed(format!(
                "{} bytes came out instead of {expected}",
                frame.len()
            )));
        }
        Ok(frame)
    }
}

/// Bytes of all frames; single bits are packed without gaps between frames (PS3.5 8.1.1).
fn native_bytes(layout: &PixelLayout, n_frames: usize) -> u64 {
    if layout.bits_allocated == 1 {
        let bits = u64::from(layout.rows) * u64::from(layout.columns) * u64::from(layout.samples);
        return bits.saturating_mul(n_frames as u64).div_ceil(8);
    }
    layout.frame_bytes().saturating_mul(n_frames as u64)
}

fn native<'a>(
    instance: &'a Instance,
    layout: &PixelLayout,
    syntax: &Syntax,
    expected: u64,
    limits: &Limits,
) -> Result<Store<'a>, FileFault> {
    let place = layout.place;
    if !syntax.deflated {
        return Ok(Store::File(&instance.location, place.offset));
    }
    inflated_range(&instance.location, place.offset, expected, limits).map(Store::Memory)
}

/// Part of a deflated data set.
pub(crate) fn inflated_range(
    location: &Location,
    offset: u64,
    n_bytes: u64,
    limits: &Limits,
) -> Result<Vec<u8>, FileFault> {
    let bytes = location.read_all(limits)?;
    let start = read_meta_only(&bytes)?;
    let mut unpacked = inflate(&bytes[start..], limits)?;
    let expected = offset.saturating_add(n_bytes);
    if (unpacked.len() as u64) < expected {
        return Err(FileFault::Truncated {
            part: "pixel data",
            expected,
            found: unpacked.len() as u64,
        });
    }
    unpacked.truncate(expected as usize);
    Ok(unpacked.split_off(offset as usize))
}

fn unsupported(syntax: &Syntax, uid: &str) -> FileFault {
    // The UID comes from the file: only what a UID may hold is shown.
    let uid = uid.chars().filter(|c| c.is_ascii_digit() || *c == '.');
    FileFault::TransferSyntax {
        uid: uid.take(64).collect(),
        name: syntax.name.to_owned(),
        tool: syntax.tool,
    }
}
