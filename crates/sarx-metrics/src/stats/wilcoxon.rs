//! Two models on the same patients.

use super::Ranks;
use super::error::{StatsError, numbers, paired};
use statrs::distribution::{ContinuousCDF, Normal};

/// Up to so many pairs the distribution is computed exactly, ties and zeros included.
const MOST_EXACT: usize = 50;

/// Whether one of two models is better on the same patients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Pairs.
    pub n: usize,
    /// Pairs without a difference.
    pub n_zero: usize,
    /// Sum of the ranks of the pairs in which the first is larger.
    pub w_plus: f64,
    /// Sum of the ranks of the pairs in which the second is larger.
    pub w_minus: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Whether `p` is exact (no more than 50 pairs) or from the normal distribution.
    pub exact: bool,
    /// Matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-): 1 if the first is always larger.
    pub rank_biserial: f64,
}

/// Wilcoxon's signed-rank test with Pratt's treatment of zeros: pairs without a difference take part in
/// the ranking and are then left out of both sums.
///
/// Two infinite values (both models missed the tumour) are a pair without a difference; one
/// infinite value is the largest difference. With up to 50 pairs, `p` is exact over all assignments of
/// signs, also with ties and zeros; beyond, it is from the normal distribution with the variance of
/// the ranks that take part and without a correction for continuity (as
/// `scipy.stats.wilcoxon(zero_method="pratt")`).
///
/// Sources: F. Wilcoxon, Biometrics Bull. 1 (1945); J. Pratt, JASA 54 (1959); D. Kerby, Compr. Psychol. 3
/// (2014) for the effect size.
///
/// # Errors
///
/// [`StatsError`] for samples that are not paired, empty or hold NaN, or if no pair differs.
pub fn wilcoxon_signed_rank(x: &[f64], y: &[f64]) -> Result<SignedRank, StatsError> {
    paired(x, y, 1)?;
    numbers(x)?;
    numbers(y)?;
    let difference = |(&x, &y): (&f64, &f64)| if x == y { 0.0 } else { x - y };
    let differences: Vec<f64> = x.iter().zip(y).map(difference).collect();
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = Ranks::of(&sizes)?.ranks;
    let of_sign = |wanted: f64| -> f64 {
        let pairs = differences.iter().zip(&ranks);
        pairs
            .filter(|(d, _)| **d * wanted > 0.0)
            .map(|(_, rank)| rank)
            .sum()
    };
    let (w_plus, w_minus) = (of_sign(1.0), of_sign(-1.0));
    let taking_part: Vec<f64> = differences
        .iter()
        .zip(&ranks)
        .filter(|(d, _)| **d != 0.0)
        .map(|(_, &rank)| rank)
        .collect();
    if taking_part.is_empty() {
        return Err(StatsError::AllEqual);
    }
    let n = x.len();
    let exact = n <= MOST_EXACT;
    let smaller = w_plus.min(w_minus);
    let p = if exact {
        exact_p(&taking_part, smaller)
    } else {
        normal_p(&taking_part, smaller)
    };
    Ok(SignedRank {
        n,
        n_zero: n - taking_part.len(),
        w_plus,
        w_minus,
        p,
        exact,
        rank_biserial: (w_plus - w_minus) / (w_plus + w_minus),
    })
}

/// The share of all assignments of signs whose positive ranks sum to at most `smaller`, twice.
fn exact_p(ranks: &[f64], smaller: f64) -> f64 {
    // Mid-ranks are halves of whole numbers, so doubled they count.
    let doubled: Vec<usize> = ranks
        .iter()
        .map(|rank| (2.0 * rank).round() as usize)
        .collect();
    let mut share = vec![0.0; doubled.iter().sum::<usize>() + 1];
    share[0] = 1.0;
    let mut reached = 0;
    for rank in doubled {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = if sum >= rank { share[sum - rank] } else { 0.0 };
            share[sum] = 0.5 * (share[sum] + with);
        }
    }
    let limit = (2.0 * smaller).round() as usize;
    (2.0 * share[..=limit].iter().sum::<f64>()).min(1.0)
}

fn normal_p(ranks: &[f64], smaller: f64) -> f64 {
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let variance = ranks.iter().map(|rank| rank * rank).sum::<f64>() / 4.0;
    let z = (smaller - mean) / variance.sqrt();
    (2.0 * Normal::standard().cdf(z)).min(1.0)
}
