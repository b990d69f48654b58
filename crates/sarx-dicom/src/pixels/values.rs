//! Stored bits to real values.

use crate::PixelLayout;

/// From stored to real values: `value = slope * stored + intercept`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

/// Fills `values` from the plain bytes of a frame of one sample per voxel, and calls `padded` with
/// the index of every voxel that holds padding.
///
/// The stored bits are taken from below the high bit, sign-extended where the numbers are signed,
/// and mirrored within their range for MONOCHROME1 (the smallest becomes the largest), so that
/// large values are bright afterwards as in every other image.
pub(crate) fn to_values(
    bytes: &[u8],
    layout: &PixelLayout,
    big_endian: bool,
    scale: Scale,
    values: &mut [f32],
    padded: impl FnMut(usize),
) {
    let whole_words = layout.bits_allocated == 16 && layout.bits_stored == 16;
    if whole_words && layout.padding.is_none() && !layout.monochrome1 {
        whole_words_to_values(bytes, layout.signed, big_endian, scale, values);
    } else {
        any_to_values(bytes, layout, big_endian, scale, values, padded);
    }
}

/// The usual case: 16 bits that are all used, without padding.
fn whole_words_to_values(bytes: &[u8], signed: bool, big: bool, scale: Scale, values: &mut [f32]) {
    let pairs = values.iter_mut().zip(bytes.chunks_exact(2));
    for (value, pair) in pairs {
        let little = u16::from_le_bytes([pair[0], pair[1]]);
        let word = if big { little.swap_bytes() } else { little };
        let number = if signed {
            f64::from(word.cast_signed())
        } else {
            f64::from(word)
        };
        *value = (scale.slope * number + scale.intercept) as f32;
    }
}

/// Every case, plainly.
fn any_to_values(
    bytes: &[u8],
    layout: &PixelLayout,
    big_endian: bool,
    scale: Scale,
    values: &mut [f32],
    mut padded: impl FnMut(usize),
) {
    let allocated = u32::from(layout.bits_allocated);
    let stored = u32::from(layout.bits_stored);
    let shift = u32::from(layout.high_bit) + 1 - stored;
    let extend = |bits: i64, n_bits: u32| {
        if layout.signed {
            bits << (64 - n_bits) >> (64 - n_bits)
        } else {
            bits & ((1 << n_bits) - 1)
        }
    };
    let padding = layout
        .padding
        .map(|(a, b)| (extend(a, allocated), extend(b, allocated)))
        .map(|(a, b)| (a.min(b), a.max(b)));
    let mirrored = |value: i64| match (layout.monochrome1, layout.signed) {
        (false, _) => value,
        (true, false) => (1 << stored) - 1 - value,
        (true, true) => -1 - value,
    };
    let raw = reader(bytes, layout, big_endian);
    for (i, value) in values.iter_mut().enumerate() {
        let bits = raw(i);
        if let Some((least, most)) = padding
            && (least..=most).contains(&extend(bits, allocated))
        {
            padded(i);
        }
        let number = mirrored(extend(bits >> shift, stored));
        *value = (scale.slope * number as f64 + scale.intercept) as f32;
    }
}

/// A function from the index of a voxel to its allocated bits. The frame is known to be long enough.
fn reader<'a>(bytes: &'a [u8], layout: &PixelLayout, big: bool) -> impl Fn(usize) -> i64 + 'a {
    let width = usize::from(layout.bits_allocated / 8);
    let swapped_bytes = width == 1 && big && layout.place.words;
    move |i| match width {
        1 if swapped_bytes => i64::from(bytes.get(i ^ 1).copied().unwrap_or(0)),
        1 => i64::from(bytes[i]),
        2 => {
            let pair = [bytes[2 * i], bytes[2 * i + 1]];
            i64::from(if big {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            })
        }
        _ => {
            let b = &bytes[4 * i..4 * i + 4];
            let word = [b[0], b[1], b[2], b[3]];
            i64::from(if big {
                u32::from_be_bytes(word)
            } else {
                u32::from_le_bytes(word)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::PixelPlace;

    #[test]
    fn whole_words_agree_with_the_plain_path() {
        let bytes: Vec<u8> = (0..=255u8).flat_map(|a| [a, a.wrapping_mul(31)]).collect();
        let scale = Scale {
            slope: 0.37,
            intercept: -5.5,
        };
        for signed in [false, true] {
            for big in [false, true] {
                let layout = PixelLayout {
                    rows: 16,
                    columns: 16,
                    samples: 1,
                    bits_allocated: 16,
                    bits_stored: 16,
                    high_bit: 15,
                    signed,
                    monochrome1: false,
                    monochrome: true,
                    padding: None,
                    place: PixelPlace {
                        offset: 0,
                        n_bytes: Some(512),
                        words: true,
                    },
                };
                let (mut fast, mut plain) = ([0f32; 256], [1f32; 256]);
                to_values(&bytes, &layout, big, scale, &mut fast, |_| {});
                any_to_values(&bytes, &layout, big, scale, &mut plain, |_| {});
                assert_eq!(fast, plain);
            }
        }
    }
}
