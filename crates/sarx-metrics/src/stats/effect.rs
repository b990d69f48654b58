//! How large a difference is.

use super::error::{StatsError, at_least, finite, numbers, paired};
use crate::quantile;

/// Cliff's delta: how much more often a value of `x` exceeds one of `y` than the other way round, -1 to 1.
///
/// Source: N. Cliff, Psychol. Bull. 114 (1993).
///
/// # Errors
///
/// [`StatsError`] for an empty sample or NaN.
pub fn cliffs_delta(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    at_least(x.len().min(y.len()), 1)?;
    numbers(x)?;
    numbers(y)?;
    let mut sorted = y.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let of = |&x: &f64| {
        let below = sorted.partition_point(|&y| y < x);
        let above = sorted.len() - sorted.partition_point(|&y| y <= x);
        below as f64 - above as f64
    };
    Ok(x.iter().map(of).sum::<f64>() / (x.len() * y.len()) as f64)
}

/// Hodges and Lehmann's estimate of a paired difference `x - y`: the median of the means of all pairs of
/// differences, a difference with itself included.
///
/// Source: J. Hodges and E. Lehmann, Ann. Math. Stat. 34 (1963).
///
/// # Errors
///
/// [`StatsError`] for samples that are empty, not paired or not finite.
pub fn hodges_lehmann(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    paired(x, y, 1)?;
    finite(x)?;
    finite(y)?;
    let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
    let all = differences.iter().enumerate();
    let means: Vec<f64> = all
        .flat_map(|(at, a)| differences[at..].iter().map(move |b| 0.5 * (a + b)))
        .collect();
    Ok(quantile(&means, 0.5).unwrap_or(0.0))
}
