//! One independent random stream per purpose, so that no draw depends on another's order.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Patient,
    Body,
    Tumour,
    Palette,
    Scan,
    SliceNoise,
}

/// The generator of one purpose of one patient; `part` tells series or slices apart.
pub(crate) fn stream(seed: u64, patient: usize, purpose: Stream, part: usize) -> ChaCha8Rng {
    let mut state = seed;
    for word in [patient as u64, purpose as u64, part as u64] {
        state = mix(state ^ mix(word.wrapping_add(0x9e37_79b9_7f4a_7c15)));
    }
    ChaCha8Rng::seed_from_u64(state)
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters near seeds.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn neighbouring_streams_differ_and_repeat() {
        let first = |patient, purpose, part| stream(7, patient, purpose, part).next_u64();
        assert_eq!(first(3, Stream::Body, 1), first(3, Stream::Body, 1));
        let others = [
            first(4, Stream::Body, 1),
            first(3, Stream::Tumour, 1),
            first(3, Stream::Body, 2),
        ];
        assert!(!others.contains(&first(3, Stream::Body, 1)));
    }
}
