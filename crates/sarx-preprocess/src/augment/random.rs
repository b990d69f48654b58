//! Random numbers: one generator per sample, and the few draws that augmentation needs.
//!
//! The key of a generator is the place of the sample in the training run, not the order in
//! which workers happen to ask. A run is thus the same with one worker or ten, and a run that
//! resumes at epoch 70 draws what an uninterrupted one would have drawn there.
//!
//! The draws are written out here because the ones of the `rand` crate may change between its
//! releases; ChaCha and the arithmetic below do not.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a generator is for; each purpose has its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Choice of the case, the place of the patch, and the augmentation of a training sample.
    Training,
    /// Choice of the case and the place of the patch of a validation sample.
    Validation,
    /// Only the augmentation of a training sample, for pictures of what it does.
    Preview,
}

impl Purpose {
    /// The ChaCha stream; part of the format of a run, so never renumbered.
    fn stream(self) -> u64 {
        match self {
            Self::Training => 0,
            Self::Validation => 1,
            Self::Preview => 2,
        }
    }
}

/// The generator of one sample of one batch.
///
/// The 256-bit ChaCha key is `seed`, `epoch`, `batch`, `sample` as four little-endian 64-bit
/// words and the stream number is the purpose, so two different samples never share a stream.
///
/// - `seed`: of the whole run.
/// - `epoch`, `batch`, `sample`: counted from 0; `batch` within its epoch, `sample` within its
///   batch.
///
/// # Determinism
///
/// Fixed for ever; independent of machine, threads and what was drawn before.
///
/// ```
/// use sarx_preprocess::augment::{Purpose, sample_rng};
/// use rand::Rng;
///
/// let mut first = sample_rng(7, 0, 3, 0, Purpose::Training);
/// let mut second = sample_rng(7, 0, 3, 1, Purpose::Training);
/// assert_ne!(first.next_u64(), second.next_u64());
/// ```
#[must_use]
pub fn sample_rng(seed: u64, epoch: u64, batch: u64, sample: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, epoch, batch, sample]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(purpose.stream());
    rng
}

/// A uniform number in `[0, 1)` with 53 random bits.
fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A uniform number in `[low, high)`.
pub(super) fn uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(rng)
}

/// True with the given probability: never for 0, always for 1.
pub(super) fn fires(rng: &mut impl Rng, probability: f64) -> bool {
    unit(rng) < probability
}

/// A uniform index in `0..n`; `n` must not be 0.
///
/// Source: D. Lemire, "Fast random integer generation in an interval", 2019, with rejection, so
/// there is no bias.
pub(super) fn below(rng: &mut impl Rng, n: usize) -> usize {
    debug_assert!(n > 0, "there is no index below 0");
    let n = n as u64;
    let rejected = n.wrapping_neg() % n;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(n);
        if product as u64 >= rejected {
            return (product >> 64) as usize;
        }
    }
}

/// A uniform integer in `low..=high`; `low` must not exceed `high`.
pub(super) fn between(rng: &mut impl Rng, low: isize, high: isize) -> isize {
    low + below(rng, high.abs_diff(low) + 1) as isize
}

/// A factor on either side of 1: half of the time from `[low, 1)`, else from `[max(low, 1), high)`.
///
/// Source: batchgeneratorsv2, `transforms/intensity/contrast.py`, `BGContrast.sample_contrast`.
pub(super) fn around_one(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    if fires(rng, 0.5) && low < 1.0 {
        uniform(rng, low, 1.0)
    } else {
        uniform(rng, low.max(1.0), high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_sample_is_frozen() {
        let words = |purpose| {
            let mut rng = sample_rng(12345, 2, 3, 1, purpose);
            [rng.next_u64(), rng.next_u64()]
        };
        // Recorded when the format was fixed; a change here breaks resumed runs.
        assert_eq!(words(Purpose::Training), FROZEN_TRAINING);
        assert_ne!(words(Purpose::Training), words(Purpose::Validation));
        assert_ne!(words(Purpose::Training), words(Purpose::Preview));
    }
    const FROZEN_TRAINING: [u64; 2] = [2_140_217_425_542_734_202, 2_505_153_191_795_124_308];

    #[test]
    fn every_part_of_the_place_changes_the_stream() {
        let first = |seed, epoch, batch, sample| {
            sample_rng(seed, epoch, batch, sample, Purpose::Training).next_u64()
        };
        let base = first(0, 0, 0, 0);
        for other in [
            first(1, 0, 0, 0),
            first(0, 1, 0, 0),
            first(0, 0, 1, 0),
            first(0, 0, 0, 1),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn integers_are_uniform_and_reach_both_ends() {
        let mut rng = sample_rng(1, 0, 0, 0, Purpose::Training);
        let mut counts = [0usize; 7];
        for _ in 0..7000 {
            counts[(between(&mut rng, -3, 3) + 3) as usize] += 1;
        }
        // 1000 expected, standard deviation 29.3; five of them.
        assert!(counts.iter().all(|&n| n.abs_diff(1000) < 147), "{counts:?}");
        assert_eq!(between(&mut rng, 4, 4), 4);
    }

    #[test]
    fn factors_around_one_are_balanced_and_in_range() {
        let mut rng = sample_rng(2, 0, 0, 0, Purpose::Training);
        let draws: Vec<f64> = (0..4000).map(|_| around_one(&mut rng, 0.7, 1.5)).collect();
        assert!(draws.iter().all(|&f| (0.7..1.5).contains(&f)));
        let low = draws.iter().filter(|&&f| f < 1.0).count();
        assert!(low.abs_diff(2000) < 160, "{low} of 4000 below 1"); // 5 standard deviations
        assert!(draws.iter().any(|&f| f < 0.72) && draws.iter().any(|&f| f > 1.48));
        let above: Vec<f64> = (0..100).map(|_| around_one(&mut rng, 1.0, 1.5)).collect();
        assert!(above.iter().all(|&f| (1.0..1.5).contains(&f)));
    }

    #[test]
    fn certain_and_impossible_events() {
        let mut rng = sample_rng(3, 0, 0, 0, Purpose::Training);
        assert!((0..1000).all(|_| fires(&mut rng, 1.0) && !fires(&mut rng, 0.0)));
    }
}
