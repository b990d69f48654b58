//! An interval for a mean that assumes no distribution.

use super::error::{StatsError, at_least, finite};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// A mean and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanInterval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The mean and its bias-corrected and accelerated bootstrap interval.
///
/// Quantiles of the means of `resamples` samples drawn with replacement, shifted by the bias (ties
/// count half) and the acceleration, which the jackknife gives. Equal values give an interval without
/// width. Source: B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987); as
/// `scipy.stats.bootstrap`, but for the generator.
///
/// # Errors
///
/// [`StatsError`] for fewer than two values or `resamples`, for values that are not finite, for a
/// `confidence` that is no probability, and for so few resamples that their means all lie on one side.
pub fn mean_bca(
    values: &[f64],
    resamples: usize,
    seed: u64,
    confidence: f64,
) -> Result<MeanInterval, StatsError> {
    check(values, resamples, confidence)?;
    let n = values.len() as f64;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let drawn = values
            .iter()
            .map(|_| values[rng.random_range(0..values.len())]);
        drawn.sum::<f64>() / n
    };
    let means: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    mean_bca_of_resamples(values, &means, confidence)
}

/// The same from the means of samples that were drawn elsewhere, in any order: the part of
/// [`mean_bca`] that can be compared with another program to the last digits.
///
/// # Errors
///
/// As [`mean_bca`].
pub fn mean_bca_of_resamples(
    values: &[f64],
    resampled_means: &[f64],
    confidence: f64,
) -> Result<MeanInterval, StatsError> {
    check(values, resampled_means.len(), confidence)?;
    finite(resampled_means)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.iter().all(|&value| value == values[0]) {
        let mean = values[0];
        let (low, high) = (mean, mean);
        return Ok(MeanInterval { mean, low, high });
    }
    let mut means = resampled_means.to_vec();
    means.sort_unstable_by(f64::total_cmp);
    let normal = Normal::standard();
    let below = means.partition_point(|&m| m < mean);
    let equal = means.partition_point(|&m| m <= mean) - below;
    let resamples = means.len();
    let share = (below as f64 + 0.5 * equal as f64) / resamples as f64;
    if share <= 0.0 || share >= 1.0 {
        return Err(StatsError::OneSided { resamples });
    }
    let bias = normal.inverse_cdf(share);
    // Leaving a value out moves the mean by its distance from it.
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in values {
        let moved = (value - mean) / (n - 1.0);
        squares += moved * moved;
        cubes += moved.powi(3);
    }
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    let end = |p: f64| {
        let z = bias + normal.inverse_cdf(p);
        let at = normal.cdf(bias + z / (1.0 - acceleration * z));
        crate::quantile_sorted(&means, at).unwrap_or(mean)
    };
    let tail = 0.5 * (1.0 - confidence);
    Ok(MeanInterval {
        mean,
        low: end(tail),
        high: end(1.0 - tail),
    })
}

fn check(values: &[f64], resamples: usize, confidence: f64) -> Result<(), StatsError> {
    finite(values)?;
    at_least(values.len(), 2)?;
    at_least(resamples, 2)?;
    if confidence > 0.0 && confidence < 1.0 {
        Ok(())
    } else {
        Err(StatsError::NoProbability { value: confidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resamples_on_one_side_are_refused() {
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        for means in [[0.0, 0.0], [0.5, 1.0]] {
            assert_eq!(
                mean_bca_of_resamples(&values, &means, 0.95),
                Err(StatsError::OneSided { resamples: 2 })
            );
        }
        // Two draws of such a sample are often on one side; none of them gives an interval.
        for seed in 0..8 {
            if let Ok(found) = mean_bca(&values, 2, seed, 0.95) {
                assert!(found.low <= found.high && found.low < 0.17, "{found:?}");
            }
        }
    }

    #[test]
    fn more_confidence_is_wider() {
        let values = [0.91, 0.83, 0.0, 0.88, 0.79, 0.93, 0.65, 0.9];
        let of = |confidence| mean_bca(&values, 5000, 3, confidence).unwrap();
        let width = |confidence| of(confidence).high - of(confidence).low;
        assert!(width(0.8) < width(0.95) && width(0.95) < width(0.999));
        // Skewed towards low scores, and so is the interval.
        let found = of(0.95);
        assert!(found.mean - found.low > 1.5 * (found.high - found.mean));
    }
}
