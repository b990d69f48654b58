//! Samples that a test cannot take.

/// A sample that a test cannot take.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A value that was not computed.
    #[error("value {index} is NaN; leave what was not computed out, and count it")]
    NotANumber {
        /// Its index.
        index: usize,
    },
    /// An infinite value where a mean is taken.
    #[error(
        "value {index} is infinite, and this figure needs finite numbers; leave it out, and count it"
    )]
    Infinite {
        /// Its index.
        index: usize,
    },
    /// Too few values.
    #[error("{found} values; at least {least} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// Two samples that must be paired are not.
    #[error("{first} values against {second}; paired samples have as many")]
    Unpaired {
        /// Values of the first.
        first: usize,
        /// Values of the second.
        second: usize,
    },
    /// All values are alike, so there is nothing to test.
    #[error("all values are equal, so there is nothing to compare")]
    AllEqual,
    /// A probability outside of 0..=1.
    #[error("{value} is no probability")]
    NoProbability {
        /// The value.
        value: f64,
    },
    /// More values than memory allows for.
    #[error("{found} values; at most {most} are possible")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are possible.
        most: usize,
    },
    /// A value that has no ratio or percentage.
    #[error(
        "value {index} is {value}, and a ratio needs more than 0; report empty masks apart, and count them"
    )]
    NotPositive {
        /// Its index.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A resolution that is not a positive finite number.
    #[error("resolution {value} of differences is not a positive finite number")]
    Resolution {
        /// The resolution.
        value: f64,
    },
    /// No resampled mean lies on one side of the mean.
    #[error(
        "none of {resamples} resampled means lies on one side of the mean, so that the bias is infinite; draw more"
    )]
    OneSided {
        /// How many there are.
        resamples: usize,
    },
}

/// Refuses NaN.
pub(super) fn numbers(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| value.is_nan()) {
        Some(index) => Err(StatsError::NotANumber { index }),
        None => Ok(()),
    }
}

/// Refuses NaN and infinities.
pub(super) fn finite(values: &[f64]) -> Result<(), StatsError> {
    numbers(values)?;
    match values.iter().position(|value| value.is_infinite()) {
        Some(index) => Err(StatsError::Infinite { index }),
        None => Ok(()),
    }
}

/// Refuses samples of different lengths, or with fewer than `least` values.
pub(super) fn paired(x: &[f64], y: &[f64], least: usize) -> Result<(), StatsError> {
    if x.len() != y.len() {
        return Err(StatsError::Unpaired {
            first: x.len(),
            second: y.len(),
        });
    }
    at_least(x.len(), least)
}

/// Refuses samples with fewer than `least` values.
pub(super) fn at_least(found: usize, least: usize) -> Result<(), StatsError> {
    if found < least {
        return Err(StatsError::TooFew { found, least });
    }
    Ok(())
}
