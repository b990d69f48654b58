//! Two models on the same patients.

use super::error::{StatsError, at_least, numbers, paired};
use super::{Ranks, sign_flips};
use statrs::distribution::{ContinuousCDF, Normal};

/// What becomes of pairs without a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZeroDifferences {
    /// They take part in the ranking, and their ranks are left out of both sums.
    #[default]
    Pratt,
    /// They are left out before ranking, which can turn a difference into none as zeros are added.
    Wilcox,
}

/// How the signed-rank test is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WilcoxonSpec {
    /// What becomes of pairs without a difference.
    pub zeros: ZeroDifferences,
    /// Up to so many pairs the distribution is computed exactly, ties and zeros included. The work grows
    /// with the third power: 50 pairs take microseconds, 1000 about a second.
    pub exact_up_to: usize,
    /// Whether the normal approximation beyond is corrected for continuity: the distance of the sum from
    /// its mean is 0.5 less, but not below 0.
    pub continuity: bool,
    /// Differences are rounded to multiples of this first, in the unit of the scores. Without it 0.9 - 0.8
    /// and 0.8 - 0.7 do not tie. None: as they are.
    pub resolution: Option<f64>,
}

impl Default for WilcoxonSpec {
    /// Pratt, exact for up to 50 pairs, no correction for continuity, no rounding.
    fn default() -> Self {
        Self {
            zeros: ZeroDifferences::Pratt,
            exact_up_to: 50,
            continuity: false,
            resolution: None,
        }
    }
}

/// Whether one of two models is better on the same patients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Pairs.
    pub n: usize,
    /// Pairs without a difference.
    pub n_zero: usize,
    /// Pairs of two equal infinities (both models missed the tumour) among them.
    pub n_both_infinite: usize,
    /// Sum of the ranks of the pairs in which the first is larger.
    pub w_plus: f64,
    /// Sum of the ranks of the pairs in which the second is larger.
    pub w_minus: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Whether `p` is exact (by default no more than 50 pairs) or from the normal distribution.
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
    wilcoxon_signed_rank_by(x, y, &WilcoxonSpec::default())
}

/// Wilcoxon's signed-rank test with other zeros, limits and corrections than
/// [`wilcoxon_signed_rank`]'s.
///
/// # Errors
///
/// As [`wilcoxon_signed_rank`], and for a resolution that is not a positive finite number.
pub fn wilcoxon_signed_rank_by(
    x: &[f64],
    y: &[f64],
    spec: &WilcoxonSpec,
) -> Result<SignedRank, StatsError> {
    let mut differences = differences(x, y)?;
    at_least(x.len(), 1)?;
    if let Some(value) = spec.resolution {
        if !(value > 0.0 && value.is_finite()) {
            return Err(StatsError::Resolution { value });
        }
        differences
            .iter_mut()
            .for_each(|d| *d = (*d / value).round());
    }
    if spec.zeros == ZeroDifferences::Wilcox {
        differences.retain(|&d| d != 0.0);
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = Ranks::of(&sizes)?.ranks;
    let (mut w_plus, mut w_minus, mut taking_part) = (0.0, 0.0, Vec::new());
    for (&difference, &rank) in differences.iter().zip(&ranks) {
        if difference == 0.0 {
            continue;
        }
        *(if difference > 0.0 {
            &mut w_plus
        } else {
            &mut w_minus
        }) += rank;
        taking_part.push(rank);
    }
    if taking_part.is_empty() {
        return Err(StatsError::AllEqual);
    }
    let n = x.len();
    let exact = n <= spec.exact_up_to;
    let smaller = f64::min(w_plus, w_minus);
    let p = if exact {
        exact_p(&taking_part, smaller)
    } else {
        normal_p(&taking_part, smaller, spec.continuity)
    };
    Ok(SignedRank {
        n,
        n_zero: n - taking_part.len(),
        n_both_infinite: x
            .iter()
            .zip(y)
            .filter(|(x, y)| x == y && x.is_infinite())
            .count(),
        w_plus,
        w_minus,
        p,
        exact,
        rank_biserial: (w_plus - w_minus) / (w_plus + w_minus),
    })
}

/// `x - y`, pair by pair; two equal infinities (both models missed the tumour) differ by 0.
pub(super) fn differences(x: &[f64], y: &[f64]) -> Result<Vec<f64>, StatsError> {
    paired(x, y, 0)?;
    numbers(x)?;
    numbers(y)?;
    let difference = |(&x, &y): (&f64, &f64)| if x == y { 0.0 } else { x - y };
    Ok(x.iter().zip(y).map(difference).collect())
}

/// The share of all assignments of signs whose positive ranks sum to at most `smaller`, twice.
fn exact_p(ranks: &[f64], smaller: f64) -> f64 {
    // Mid-ranks are halves of whole numbers, so doubled they count.
    let doubled: Vec<usize> = ranks
        .iter()
        .map(|rank| (2.0 * rank).round() as usize)
        .collect();
    let share = sign_flips::distribution(&doubled);
    let limit = (2.0 * smaller).round() as usize;
    (2.0 * share[..=limit].iter().sum::<f64>()).min(1.0)
}

/// The sum of ranks with signs of coins has half their sum as mean and a quarter of their squares as
/// variance, whatever the ties and zeros.
fn normal_p(ranks: &[f64], smaller: f64, continuity: bool) -> f64 {
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let variance = ranks.iter().map(|rank| rank * rank).sum::<f64>() / 4.0;
    let distance = mean - smaller - if continuity { 0.5 } else { 0.0 };
    let z = distance.max(0.0) / variance.sqrt();
    (2.0 * Normal::standard().cdf(-z)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::approx_constant, reason = "3.14 is a patient's score")]
    fn hollander_and_wolfes_depression_scores() {
        // Hollander and Wolfe (1973), p. 29, the example of R's wilcox.test: V = 40, one-sided p 0.01953.
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let found = wilcoxon_signed_rank(&x, &y).unwrap();
        assert_eq!(
            (found.w_plus, found.w_minus, found.p),
            (40.0, 5.0, 20.0 / 512.0)
        );
    }

    #[test]
    fn zeros_by_pratt_and_by_wilcoxon() {
        let (x, y) = ([0.0, 0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 2.0, 0.0, 0.0]);
        let by = |zeros| {
            let spec = WilcoxonSpec {
                zeros,
                ..WilcoxonSpec::default()
            };
            let found = wilcoxon_signed_rank_by(&x, &y, &spec).unwrap();
            (found.n, found.n_zero, found.w_plus, found.w_minus)
        };
        assert_eq!(by(ZeroDifferences::Pratt), (5, 2, 9.0, 3.0));
        assert_eq!(by(ZeroDifferences::Wilcox), (5, 2, 5.0, 1.0));
    }

    #[test]
    fn two_misses_are_counted() {
        let inf = f64::INFINITY;
        let found = wilcoxon_signed_rank(&[inf, inf, 2.0], &[inf, 5.0, 2.0]).unwrap();
        assert_eq!((found.n_zero, found.n_both_infinite), (2, 1));
    }

    #[test]
    fn a_resolution_ties_what_differs_by_rounding() {
        let (x, y) = ([0.9, 0.8, 0.5], [0.8, 0.7, 0.6]);
        let by = |resolution| {
            let spec = WilcoxonSpec {
                resolution: Some(resolution),
                ..WilcoxonSpec::default()
            };
            wilcoxon_signed_rank_by(&x, &y, &spec)
        };
        assert_ne!(wilcoxon_signed_rank(&x, &y).unwrap().w_minus, 2.0);
        assert_eq!(by(1e-6).unwrap().w_minus, 2.0);
        assert_eq!(by(1.0), Err(StatsError::AllEqual));
        assert_eq!(by(0.0), Err(StatsError::Resolution { value: 0.0 }));
        assert!(by(f64::NAN).is_err() && by(f64::INFINITY).is_err());
    }

    #[test]
    fn the_correction_for_continuity_ends_at_the_mean() {
        let spec = WilcoxonSpec {
            exact_up_to: 0,
            continuity: true,
            ..WilcoxonSpec::default()
        };
        // Ranks 1.5, 1.5, 3: sums 3 and 3.
        let found = wilcoxon_signed_rank_by(&[1.0, 1.0, 0.0], &[0.0, 0.0, 2.0], &spec).unwrap();
        assert_eq!((found.w_plus, found.w_minus, found.p), (3.0, 3.0, 1.0));
    }
}
