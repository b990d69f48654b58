//! Median, quartiles and the order-statistic interval of one sample.

use super::error::{StatsError, at_least, numbers};
use crate::{MedianInterval, Spread};

/// Median and quartiles of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MedianSummary {
    /// Values, infinite ones included.
    pub n: usize,
    /// Infinite values among them.
    pub n_infinite: usize,
    /// Median.
    pub median: f64,
    /// First quartile, NumPy's linear interpolation ([`quantile`](crate::quantile)).
    pub q1: f64,
    /// Third quartile.
    pub q3: f64,
    /// Exact 95 % interval of the median ([`median_interval`](crate::median_interval)); none for
    /// fewer than six values.
    pub interval: Option<MedianInterval>,
}

/// Median with quartiles and its exact 95 % interval. Plus infinity counts as the worst value.
///
/// # Errors
///
/// [`StatsError::TooFew`] without values, [`StatsError::NotANumber`], and
/// [`StatsError::Infinite`] for minus infinity, which no score can be.
pub fn median_summary(values: &[f64]) -> Result<MedianSummary, StatsError> {
    at_least(values.len(), 1)?;
    numbers(values)?;
    if let Some(index) = values.iter().position(|&v| v == f64::NEG_INFINITY) {
        return Err(StatsError::Infinite { index });
    }
    let spread = Spread::of(values.iter().copied());
    Ok(MedianSummary {
        n: spread.n,
        n_infinite: spread.n_infinite,
        median: spread.median,
        q1: spread.q1,
        q3: spread.q3,
        interval: spread.median_interval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_the_worst_value() {
        let inf = f64::INFINITY;
        let found = median_summary(&[3.0, 1.0, inf, 2.0, 5.0, 4.0]).unwrap();
        assert_eq!((found.n, found.n_infinite), (6, 1));
        assert_eq!((found.q1, found.median, found.q3), (2.25, 3.5, 4.75));
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high), (1.0, inf));
        assert_eq!(interval.coverage, 0.96875);
        assert_eq!(median_summary(&[7.0; 5]).unwrap().interval, None);
    }

    #[test]
    fn what_is_refused() {
        assert!(matches!(
            median_summary(&[]),
            Err(StatsError::TooFew { .. })
        ));
        assert!(matches!(
            median_summary(&[1.0, f64::NAN]),
            Err(StatsError::NotANumber { index: 1 })
        ));
        assert!(matches!(
            median_summary(&[f64::NEG_INFINITY]),
            Err(StatsError::Infinite { index: 0 })
        ));
    }
}
