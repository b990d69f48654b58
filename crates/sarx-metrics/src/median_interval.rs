//! An exact confidence interval for a median.
//!
//! Each case lies below the true median with probability one half, so the number of cases below
//! it is binomial, and a pair of order statistics covers the median with a probability that
//! depends on nothing else. No assumption on the distribution, no resampling: bootstrap
//! intervals for medians can fail badly.
//!
//! Source: W. Thompson, "On confidence ranges for the median", Ann. Math. Stat. 7 (1936).

/// Two order statistics around a median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MedianInterval {
    /// Lower end, a value of the sample.
    pub low: f64,
    /// Upper end, a value of the sample; may be infinite.
    pub high: f64,
    /// The probability that the interval covers the median; at least what was asked for.
    pub coverage: f64,
}

/// The narrowest symmetric interval of order statistics that covers the median with at least
/// probability `confidence`.
///
/// `values` in any order, without NaN. `None` if even the whole range covers less (fewer than
/// 6 values at 0.95).
#[must_use]
pub fn median_interval(values: &[f64], confidence: f64) -> Option<MedianInterval> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let tail_limit = 0.5 * (1.0 - confidence);
    let (mut ln_term, mut tail) = (-(n as f64) * std::f64::consts::LN_2, 0.0);
    let mut found = None;
    // `tail` = P(at most `below` of n cases lie below the median).
    for below in 0..n / 2 {
        tail += ln_term.exp();
        if tail > tail_limit {
            break;
        }
        found = Some((below, 1.0 - 2.0 * tail));
        ln_term += ((n - below) as f64).ln() - ((below + 1) as f64).ln();
    }
    found.map(|(below, coverage)| MedianInterval {
        low: sorted[below],
        high: sorted[n - 1 - below],
        coverage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(n: usize) -> Option<(f64, f64)> {
        let values: Vec<f64> = (1..=n).rev().map(|v| v as f64).collect();
        median_interval(&values, 0.95).map(|i| (i.low, i.high))
    }

    #[test]
    fn ranks_of_the_published_table() {
        // Ranks of 95 % intervals for the median: Conover, Practical Nonparametric Statistics,
        // and any sign-test table.
        for (n, expected) in [
            (6, (1.0, 6.0)),
            (8, (1.0, 8.0)),
            (9, (2.0, 8.0)),
            (10, (2.0, 9.0)),
            (15, (4.0, 12.0)),
            (20, (6.0, 15.0)),
            (25, (8.0, 18.0)),
            (100, (40.0, 61.0)),
        ] {
            assert_eq!(interval(n), Some(expected), "n = {n}");
        }
    }

    #[test]
    fn too_few_cases_give_no_interval() {
        for n in 0..6 {
            assert_eq!(interval(n), None, "n = {n}");
        }
    }

    #[test]
    fn coverage_is_the_binomial_sum_and_infinity_is_kept() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY];
        let found = median_interval(&values, 0.95).unwrap();
        assert_eq!((found.low, found.high), (1.0, f64::INFINITY));
        assert!((found.coverage - (1.0 - 2.0 / 64.0)).abs() < 1e-12);
        assert!(interval(5000).is_some(), "no underflow for many cases");
    }
}
