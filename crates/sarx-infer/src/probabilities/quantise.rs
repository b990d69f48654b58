//! Probabilities in 16 bits that lead to the same labels.
//!
//! *Labels*: the values of a voxel become whole numbers that sum to 65535. Each is rounded down,
//! and what is missing in the sum is handed out one by one, first to the label that wins; where
//! the winner would still only draw with a label before it, one goes from that label to the
//! winner. So the first largest number belongs to the first largest probability, and no value
//! moves by more than 2/65535. Background is what is missing to 65535 and need not be kept.
//!
//! *Regions*: each value is rounded to the nearest number on its own side of one half; no value
//! moves by more than 1/65535.

use super::ProbabilityFault;
use ndarray::parallel::prelude::*;
use ndarray::{Array4, ArrayView3, ArrayView4, ArrayViewMut3, Axis};
use sarx_preprocess::Heads;

/// The whole: a probability of one.
pub(super) const WHOLE: u16 = u16::MAX;

/// How far from one the sum of a softmax in f32 may be.
const SUM_TOLERANCE: f64 = 1e-5;

/// Heads that are kept: all but background.
pub(super) fn n_kept(heads: &Heads) -> usize {
    match heads {
        Heads::Labels { count } => count - 1,
        Heads::Regions { class_order } => class_order.len(),
    }
}

/// Turns probabilities `[heads, z, y, x]` into 16-bit numbers of the kept heads, `[kept, z, y, x]`.
///
/// The caller has compared the number of heads.
pub(super) fn quantise(
    probabilities: ArrayView4<'_, f32>,
    heads: &Heads,
) -> Result<Array4<u16>, ProbabilityFault> {
    let (_, z, y, x) = probabilities.dim();
    let mut kept = Array4::zeros((n_kept(heads), z, y, x));
    kept.axis_iter_mut(Axis(1))
        .into_par_iter()
        .zip(probabilities.axis_iter(Axis(1)))
        .enumerate()
        .try_for_each(|(z, (out, slice))| match heads {
            Heads::Labels { .. } => labels_of_slice(z, slice, out),
            Heads::Regions { .. } => regions_of_slice(slice, out),
        })?;
    Ok(kept)
}

fn regions_of_slice(
    slice: ArrayView3<'_, f32>,
    mut out: ArrayViewMut3<'_, u16>,
) -> Result<(), ProbabilityFault> {
    for ((at, &value), out) in slice.indexed_iter().zip(&mut out) {
        check(at.0, value)?;
        *out = region(value);
    }
    Ok(())
}

fn region(probability: f32) -> u16 {
    let nearest = (f64::from(probability) * f64::from(WHOLE)).round() as u16;
    if probability > 0.5 {
        nearest.max(WHOLE / 2 + 1)
    } else {
        nearest.min(WHOLE / 2)
    }
}

fn labels_of_slice(
    z: usize,
    slice: ArrayView3<'_, f32>,
    mut out: ArrayViewMut3<'_, u16>,
) -> Result<(), ProbabilityFault> {
    let (n_heads, height, width) = slice.dim();
    let mut numbers = vec![0u16; n_heads];
    let mut values = vec![0f32; n_heads];
    for y in 0..height {
        for x in 0..width {
            for (head, value) in values.iter_mut().enumerate() {
                *value = slice[[head, y, x]];
                check(head, *value)?;
            }
            let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(ProbabilityFault::NotNormalised {
                    index: [z, y, x],
                    found: sum,
                });
            }
            labels(&values, &mut numbers);
            for (head, &number) in numbers.iter().enumerate().skip(1) {
                out[[head - 1, y, x]] = number;
            }
        }
    }
    Ok(())
}

/// Whole numbers that sum to [`WHOLE`], with the same first largest entry.
fn labels(values: &[f32], numbers: &mut [u16]) {
    let mut winner = 0;
    for (head, value) in values.iter().enumerate() {
        if *value > values[winner] {
            winner = head;
        }
    }
    for (number, &value) in numbers.iter_mut().zip(values) {
        *number = (f64::from(value) * f64::from(WHOLE)) as u16;
    }
    let handed: u32 = numbers.iter().map(|&n| u32::from(n)).sum();
    let missing = u32::from(WHOLE).saturating_sub(handed) as usize;
    let others = (0..numbers.len()).filter(|&head| head != winner);
    // More than one each is only missing within the tolerance of the sum.
    for head in std::iter::once(winner).chain(others).cycle().take(missing) {
        numbers[head] += 1;
    }
    for head in 0..winner {
        if numbers[head] == numbers[winner] {
            numbers[head] -= 1;
            numbers[winner] += 1;
        }
    }
}

fn check(head: usize, value: f32) -> Result<(), ProbabilityFault> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(ProbabilityFault::NotProbability { head, found: value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first_largest<T: PartialOrd>(values: &[T]) -> usize {
        let mut best = 0;
        for i in 0..values.len() {
            if values[i] > values[best] {
                best = i;
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn labels_keep_their_winner_and_move_little(
            logits in proptest::collection::vec(-12.0f32..12.0, 2..9),
            near in proptest::collection::vec(0usize..9, 0..4),
        ) {
            let mut logits = logits;
            // Near draws are where a winner can be lost.
            for at in near {
                if at + 1 < logits.len() {
                    logits[at + 1] = logits[at] + 1e-6;
                }
            }
            let most = logits.iter().copied().fold(f32::MIN, f32::max);
            let exp: Vec<f32> = logits.iter().map(|l| (l - most).exp()).collect();
            let total: f32 = exp.iter().sum();
            let values: Vec<f32> = exp.iter().map(|e| e / total).collect();
            let mut numbers = vec![0; values.len()];
            labels(&values, &mut numbers);
            prop_assert_eq!(numbers.iter().map(|&n| u32::from(n)).sum::<u32>(), 65535);
            prop_assert_eq!(first_largest(&numbers), first_largest(&values));
            for (&number, &value) in numbers.iter().zip(&values) {
                let moved = f64::from(number) - f64::from(value) * 65535.0;
                prop_assert!(moved.abs() <= 2.01, "{moved}");
            }
        }

        #[test]
        fn regions_keep_their_side(value in 0.0f32..=1.0, near in -3i32..=3) {
            let beside = f32::from_bits((0.5f32.to_bits() as i32 + near) as u32);
            for value in [value, beside] {
                let decoded = f32::from(region(value)) / 65535.0;
                prop_assert_eq!(decoded > 0.5, value > 0.5);
                prop_assert!((decoded - value).abs() <= 1.0 / 65535.0);
            }
        }
    }
}
