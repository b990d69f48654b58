//! By how much do two models differ on the same patients? Hodges and Lehmann's estimate.
//!
//! The estimate that belongs to the signed-rank test: the median of the n (n + 1) / 2 Walsh
//! averages (d_i + d_j) / 2, i <= j, of the differences. The interval is a pair of their order
//! statistics: with c averages cut off on either side it covers with probability
//! 1 - 2 P(W <= c - 1), W the signed-rank statistic of n differences without ties.
//!
//! Source: J. Hodges and E. Lehmann, Ann. Math. Stat. 34 (1963) 598-611; M. Hollander, D. Wolfe
//! and E. Chicken, Nonparametric Statistical Methods, 3rd ed. (2014), 3.2 and 3.3.

use super::error::{StatsError, at_least};
use super::sign_flips;
use super::wilcoxon::differences;
use crate::MedianInterval;
use statrs::distribution::{ContinuousCDF, Normal};

/// Most pairs that an estimate is made of: 12.5 million averages.
pub const MOST_WALSH_PAIRS: usize = 5000;

/// Up to so many pairs the coverage is exact; beyond, the normal approximation is as good.
const EXACT_UP_TO: usize = 200;

/// The pseudo-median of paired differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HodgesLehmann {
    /// Pairs, those without a difference included.
    pub n: usize,
    /// The median of the Walsh averages of `x - y`; may be infinite.
    pub estimate: f64,
    /// Its interval, with the coverage it has for differences without ties; none if even all
    /// averages cover less than asked for (fewer than six pairs at 0.95).
    pub interval: Option<MedianInterval>,
}

/// Hodges and Lehmann's estimate of how much `x` lies above `y`, patient by patient, with its interval.
///
/// All pairs count, those without a difference too. As in
/// [`wilcoxon_signed_rank`](super::wilcoxon_signed_rank) infinite values take part: two equal infinities
/// differ by 0; plus and minus infinity average to 0, as two opposite differences of the same size do.
/// For finite values the estimate is [`hodges_lehmann`](super::hodges_lehmann)'s.
///
/// # Errors
///
/// [`StatsError`] for samples that are empty, not paired, hold NaN or more than [`MOST_WALSH_PAIRS`]
/// values, and for a `confidence` that is no probability.
pub fn hodges_lehmann_interval(
    x: &[f64],
    y: &[f64],
    confidence: f64,
) -> Result<HodgesLehmann, StatsError> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(StatsError::NoProbability { value: confidence });
    }
    let differences = differences(x, y)?;
    let n = differences.len();
    at_least(n, 1)?;
    if n > MOST_WALSH_PAIRS {
        return Err(StatsError::TooMany {
            found: n,
            most: MOST_WALSH_PAIRS,
        });
    }
    let mut averages = Vec::with_capacity(n * (n + 1) / 2);
    for (i, &a) in differences.iter().enumerate() {
        averages.extend(differences[i..].iter().map(|&b| average(a, b)));
    }
    averages.sort_unstable_by(f64::total_cmp);
    let m = averages.len();
    Ok(HodgesLehmann {
        n,
        estimate: average(averages[(m - 1) / 2], averages[m / 2]),
        interval: cut_off(n, 1.0 - confidence).map(|(cut, coverage)| MedianInterval {
            low: averages[cut - 1],
            high: averages[m - cut],
            coverage,
        }),
    })
}

/// The mean of two differences, opposite infinities included.
fn average(a: f64, b: f64) -> f64 {
    if a == b {
        a
    } else if a == -b {
        0.0
    } else {
        0.5 * a + 0.5 * b
    }
}

/// The rank from either side of the averages that bound the interval, and its coverage.
fn cut_off(n: usize, outside: f64) -> Option<(usize, f64)> {
    let tail_limit = 0.5 * outside;
    if n > EXACT_UP_TO {
        let n = n as f64;
        let mean = 0.25 * n * (n + 1.0);
        let sd = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
        // P(W <= w) is nearly Φ((w + 0.5 - mean) / sd).
        let last = (mean - 0.5 + Normal::standard().inverse_cdf(tail_limit) * sd).floor();
        let tail = Normal::standard().cdf((last + 0.5 - mean) / sd);
        return (last >= 0.0).then(|| (last as usize + 1, 1.0 - 2.0 * tail));
    }
    let ranks: Vec<usize> = (1..=n).collect();
    let (mut tail, mut found) = (0.0, None);
    for (w, probability) in sign_flips::distribution(&ranks).iter().enumerate() {
        tail += probability;
        if tail > tail_limit {
            break;
        }
        found = Some((w + 1, 1.0 - 2.0 * tail));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::approx_constant, reason = "3.14 is a patient's score")]
    fn hollander_and_wolfes_depression_scores() {
        // Hollander and Wolfe (1973), pp. 29, 35, 37: the estimate is -0.46 for y - x, and the
        // 96 % interval -0.786 to -0.010.
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let found = hodges_lehmann_interval(&x, &y, 0.95).unwrap();
        assert!((found.estimate - 0.46).abs() < 1e-12);
        let interval = found.interval.unwrap();
        assert!((interval.low - 0.010).abs() < 1e-12 && (interval.high - 0.786).abs() < 1e-12);
        assert_eq!(interval.coverage, 1.0 - 2.0 * 10.0 / 512.0);
    }

    #[test]
    fn exact_and_approximate_ends_meet() {
        for outside in [0.1, 0.05, 0.01] {
            let (exact, coverage) = cut_off(EXACT_UP_TO, outside).unwrap();
            let (near, nearly) = cut_off(EXACT_UP_TO + 1, outside).unwrap();
            assert!(near > exact && near < exact + EXACT_UP_TO, "{exact} {near}");
            assert!((coverage - nearly).abs() < 1e-3, "{coverage} {nearly}");
            assert!(coverage >= 1.0 - outside);
        }
        assert_eq!(cut_off(5, 0.05), None);
        assert_eq!(cut_off(6, 0.05), Some((1, 1.0 - 2.0 / 64.0)));
    }

    #[test]
    fn infinite_differences() {
        let inf = f64::INFINITY;
        let found = hodges_lehmann_interval(&[inf, 1.0, inf], &[1.0, inf, inf], 0.95).unwrap();
        assert_eq!((found.n, found.estimate, found.interval), (3, 0.0, None));
        let lost = hodges_lehmann_interval(&[inf; 7], &[1.0; 7], 0.95).unwrap();
        assert_eq!(lost.estimate, inf);
        assert_eq!(lost.interval.unwrap().low, inf);
    }

    #[test]
    fn what_is_refused() {
        let many = vec![0.0; MOST_WALSH_PAIRS + 1];
        assert!(matches!(
            hodges_lehmann_interval(&many, &many, 0.95),
            Err(StatsError::TooMany { .. })
        ));
        assert!(matches!(
            hodges_lehmann_interval(&[], &[], 0.95),
            Err(StatsError::TooFew { .. })
        ));
        assert!(matches!(
            hodges_lehmann_interval(&[1.0], &[2.0], 1.0),
            Err(StatsError::NoProbability { .. })
        ));
    }
}
