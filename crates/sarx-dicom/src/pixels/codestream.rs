//! What a JPEG or JPEG 2000 stream says of its size, read before a decoder reserves memory for it.

use crate::PixelLayout;
use crate::syntax::Packing;

/// Most tiles of a JPEG 2000 picture, as part 1 of its standard has it.
const MOST_TILES: u64 = 65_535;

/// Size of a picture in its own stream.
struct Picture {
    rows: u64,
    columns: u64,
    samples: u64,
    bits: u32,
}

/// Holds the stream's size against the header's.
pub(super) fn check(packed: &[u8], layout: &PixelLayout, packing: Packing) -> Result<(), String> {
    let picture = match packing {
        Packing::Jpeg2000 => jpeg_2000(packed)?,
        _ => jpeg(packed)?,
    };
    let expected = [layout.rows, layout.columns, layout.samples].map(u64::from);
    let found = [picture.rows, picture.columns, picture.samples];
    if found != expected {
        return Err(format!(
            "the stream holds {} rows, {} columns and {} samples, the header says {}, {} and {}",
            found[0], found[1], found[2], expected[0], expected[1], expected[2]
        ));
    }
    if picture.bits > u32::from(layout.bits_allocated) {
        return Err(format!(
            "the stream holds {} bits per sample, the header allocates {}",
            picture.bits, layout.bits_allocated
        ));
    }
    if !matches!(layout.bits_allocated, 8 | 16) {
        return Err(format!("{} bits per sample", layout.bits_allocated));
    }
    Ok(())
}

fn be16(bytes: &[u8], at: usize) -> Result<u64, String> {
    bytes
        .get(at..at + 2)
        .map(|b| u64::from(u16::from_be_bytes([b[0], b[1]])))
        .ok_or_else(|| "the stream is cut".to_owned())
}

fn be32(bytes: &[u8], at: usize) -> Result<u64, String> {
    Ok(be16(bytes, at)? << 16 | be16(bytes, at + 2)?)
}

/// Reads the frame header (SOF) of ITU-T T.81.
fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    if be16(bytes, 0)? != 0xFFD8 {
        return Err("the stream does not start like JPEG".to_owned());
    }
    let mut at = 2;
    loop {
        let marker = be16(bytes, at)?;
        if marker >> 8 != 0xFF {
            return Err("the stream has no frame header".to_owned());
        }
        let marker = marker & 0xFF;
        if marker == 0xFF {
            at += 1;
            continue;
        }
        let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
        if is_frame {
            let bits = be16(bytes, at + 3)? >> 8;
            return Ok(Picture {
                bits: bits as u32,
                rows: be16(bytes, at + 5)?,
                columns: be16(bytes, at + 7)?,
                samples: be16(bytes, at + 8)? & 0xFF,
            });
        }
        if marker == 0xDA || marker == 0xD9 {
            return Err("the stream has no frame header".to_owned());
        }
        at += 2 + be16(bytes, at + 2)? as usize;
    }
}

/// Reads the SIZ segment of ISO/IEC 15444-1 A.5.1.
fn jpeg_2000(bytes: &[u8]) -> Result<Picture, String> {
    if be32(bytes, 0)? != 0xFF4F_FF51 {
        return Err("the stream does not start like JPEG 2000".to_owned());
    }
    let [x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0] =
        [8, 12, 16, 20, 24, 28, 32, 36].map(|at| be32(bytes, at));
    let (x1, y1, x0, y0) = (x1?, y1?, x0?, y0?);
    let (tile_x, tile_y, tile_x0, tile_y0) = (tile_x?, tile_y?, tile_x0?, tile_y0?);
    if tile_x == 0 || tile_y == 0 || x1 <= x0 || y1 <= y0 {
        return Err("the stream's size is empty".to_owned());
    }
    let n_tiles = x1
        .saturating_sub(tile_x0)
        .div_ceil(tile_x)
        .saturating_mul(y1.saturating_sub(tile_y0).div_ceil(tile_y));
    if n_tiles > MOST_TILES {
        return Err(format!("{n_tiles} tiles"));
    }
    let samples = be16(bytes, 40)?;
    // Ssiz: bits minus one, with the sign in the highest bit; then the steps of subsampling.
    let bits = (be16(bytes, 42)? >> 8 & 0x7F) + 1;
    let (step_x, step_y) = (be16(bytes, 42)? & 0xFF, be16(bytes, 44)? >> 8);
    if step_x != 1 || step_y != 1 {
        return Err("subsampled components".to_owned());
    }
    Ok(Picture {
        rows: y1 - y0,
        columns: x1 - x0,
        samples,
        bits: bits as u32,
    })
}
