//! Counts out of counts.

use super::error::{StatsError, at_least};
use statrs::distribution::{ContinuousCDF, Normal};

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proportion {
    /// The share.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share `successes / n` with Wilson's score interval. Source: E. Wilson, JASA 22 (1927).
///
/// # Errors
///
/// [`StatsError`] if `n` is zero or less than `successes`, or `confidence` no probability.
pub fn wilson(successes: usize, n: usize, confidence: f64) -> Result<Proportion, StatsError> {
    at_least(n, successes.max(1))?;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(StatsError::NoProbability { value: confidence });
    }
    let z = Normal::standard().inverse_cdf(0.5 * (1.0 + confidence));
    let (n, share) = (n as f64, successes as f64 / n as f64);
    let scale = 1.0 + z * z / n;
    let middle = (share + z * z / (2.0 * n)) / scale;
    let half = z / scale * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    Ok(Proportion {
        share,
        low: (middle - half).max(0.0),
        high: (middle + half).min(1.0),
    })
}
