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
/// [`StatsError`] for fewer than two values or `resamples`, for values that are not finite, and for a
/// `confidence` that is no probability.
pub fn mean_bca(
    values: &[f64],
    resamples: usize,
    seed: u64,
    confidence: f64,
) -> Result<MeanInterval, StatsError> {
    finite(values)?;
    at_least(values.len(), 2)?;
    at_least(resamples, 2)?;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(StatsError::NoProbability { value: confidence });
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let alone = |mean| MeanInterval {
        mean,
        low: mean,
        high: mean,
    };
    if values.iter().all(|&value| value == values[0]) {
        return Ok(alone(values[0]));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let drawn = values
            .iter()
            .map(|_| values[rng.random_range(0..values.len())]);
        drawn.sum::<f64>() / n
    };
    let mut means: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    means.sort_unstable_by(f64::total_cmp);
    let normal = Normal::standard();
    let below = means.partition_point(|&m| m < mean);
    let equal = means.partition_point(|&m| m <= mean) - below;
    let share = (below as f64 + 0.5 * equal as f64) / resamples as f64;
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
