//! Encapsulated pixel data as the fragments of each frame (PS3.5 annex A.4).

use crate::FileFault;
use std::ops::Range;

const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const DELIMITER: [u8; 4] = [0xFE, 0xFF, 0xDD, 0xE0];

/// The fragments of each of `n_frames` frames as ranges of `bytes`, which start at the item of the
/// offset table.
pub(super) fn frames(bytes: &[u8], n_frames: usize) -> Result<Vec<Vec<Range<usize>>>, FileFault> {
    let mut items = items(bytes)?.into_iter();
    let table = items.next().ok_or(FileFault::Structure {
        position: 0,
        what: "encapsulated pixel data without an offset table",
    })?;
    let fragments: Vec<Range<usize>> = items.collect();
    if fragments.len() < n_frames {
        return Err(FileFault::Truncated {
            part: "list of fragments",
            expected: n_frames as u64,
            found: fragments.len() as u64,
        });
    }
    if n_frames == 1 {
        return Ok(vec![fragments]);
    }
    if fragments.len() == n_frames {
        return Ok(fragments.into_iter().map(|f| vec![f]).collect());
    }
    by_offsets(&bytes[table.clone()], table.end, &fragments, n_frames)
}

/// Sorts fragments to frames by the basic offset table; offsets count from the first fragment's item.
fn by_offsets(
    table: &[u8],
    first: usize,
    fragments: &[Range<usize>],
    n_frames: usize,
) -> Result<Vec<Vec<Range<usize>>>, FileFault> {
    let bad = |what| FileFault::Structure { position: 0, what };
    let offsets: Vec<usize> = table
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
        .collect();
    if offsets.len() != n_frames || offsets.windows(2).any(|w| w[0] >= w[1]) {
        return Err(bad("more fragments than frames and no sound offset table"));
    }
    let mut frames = vec![Vec::new(); n_frames];
    for fragment in fragments {
        let offset = fragment.start - 8 - first;
        let frame = offsets.partition_point(|&o| o <= offset);
        frames
            .get_mut(frame.wrapping_sub(1))
            .ok_or(bad("a fragment before the first frame"))?
            .push(fragment.clone());
    }
    if frames.iter().any(Vec::is_empty) {
        return Err(bad("an offset that points between fragments"));
    }
    Ok(frames)
}

/// All items, that of the offset table first.
pub(crate) fn items(bytes: &[u8]) -> Result<Vec<Range<usize>>, FileFault> {
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        let head = bytes.get(at..at + 8).ok_or(FileFault::Truncated {
            part: "list of fragments",
            expected: at as u64 + 8,
            found: bytes.len() as u64,
        })?;
        if head[..4] == DELIMITER {
            return Ok(items);
        }
        if head[..4] != ITEM {
            return Err(FileFault::Structure {
                position: at as u64,
                what: "pixel data hold something that is no fragment",
            });
        }
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let left = bytes.len() - at - 8;
        if length > left {
            return Err(FileFault::Truncated {
                part: "pixel data",
                expected: length as u64,
                found: left as u64,
            });
        }
        items.push(at + 8..at + 8 + length);
        at += 8 + length;
    }
}
