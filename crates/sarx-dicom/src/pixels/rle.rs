//! Run lengths of byte planes (PS3.5 annex G).
//!
//! Own code because the library's panics on streams that are too short.

use crate::PixelLayout;

/// Bytes of the header: a count and fifteen offsets.
const HEADER_BYTES: usize = 64;

/// Decodes one frame to little endian, samples of a voxel side by side.
pub(super) fn decode(packed: &[u8], layout: &PixelLayout) -> Result<Vec<u8>, &'static str> {
    let voxels = usize::from(layout.rows) * usize::from(layout.columns);
    let bytes_per_sample = usize::from(layout.bits_allocated / 8);
    let stride = bytes_per_sample * usize::from(layout.samples);
    let header = packed
        .get(..HEADER_BYTES)
        .ok_or("the header of 64 bytes is cut")?;
    let word = |i: usize| {
        let b = &header[4 * i..4 * i + 4];
        u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize
    };
    if stride == 0 || stride > 15 || word(0) != stride {
        return Err("the number of byte planes does not fit the image");
    }
    let mut frame = vec![0; voxels * stride];
    for plane in 0..stride {
        let from = word(plane + 1);
        let to = if plane + 1 < stride {
            word(plane + 2)
        } else {
            packed.len()
        };
        let segment = packed
            .get(from..to)
            .ok_or("a byte plane lies outside the frame")?;
        // The most significant byte of each sample comes first.
        let (sample, byte) = (plane / bytes_per_sample, plane % bytes_per_sample);
        let offset = sample * bytes_per_sample + (bytes_per_sample - 1 - byte);
        let places = frame[offset..].iter_mut().step_by(stride);
        unpack(segment, places)?;
    }
    Ok(frame)
}

/// PackBits: a count n from 0 to 127 is followed by n + 1 bytes, one from -127 to -1 by a byte that
/// is repeated 1 - n times; -128 is nothing.
fn unpack<'a>(
    segment: &[u8],
    mut places: impl ExactSizeIterator<Item = &'a mut u8>,
) -> Result<(), &'static str> {
    const CUT: &str = "a byte plane is cut";
    let mut bytes = segment.iter().copied();
    while places.len() > 0 {
        let count = i32::from(bytes.next().ok_or(CUT)? as i8);
        if count >= 0 {
            for _ in 0..=count {
                let byte = bytes.next().ok_or(CUT)?;
                match places.next() {
                    Some(place) => *place = byte,
                    None => return Ok(()),
                }
            }
        } else if count > -128 {
            let byte = bytes.next().ok_or(CUT)?;
            for place in places.by_ref().take((1 - count) as usize) {
                *place = byte;
            }
        }
    }
    Ok(())
}
