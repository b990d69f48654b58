//! Whether two measurements of the same thing agree: volumes of reference and prediction.

use super::error::{StatsError, finite, paired};
use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

/// Bias and limits of agreement, with 95 % intervals `[low, high]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlandAltman {
    /// Pairs.
    pub n: usize,
    /// Mean of `found - reference`.
    pub bias: f64,
    /// Interval of the bias.
    pub bias_interval: [f64; 2],
    /// Standard deviation of the differences.
    pub sd: f64,
    /// `bias - 1.96 sd`.
    pub lower: f64,
    /// Interval of the lower limit.
    pub lower_interval: [f64; 2],
    /// `bias + 1.96 sd`.
    pub upper: f64,
    /// Interval of the upper limit.
    pub upper_interval: [f64; 2],
}

/// Bland and Altman's analysis of two paired measurements. The standard error of a limit is
/// `sqrt(1 / n + 1.96^2 / (2 (n - 1))) sd`.
///
/// Source: J. Bland and D. Altman, Stat. Methods Med. Res. 8 (1999).
///
/// # Errors
///
/// [`StatsError`] for samples that are not paired, have fewer than three values, or are not finite.
pub fn bland_altman(reference: &[f64], found: &[f64]) -> Result<BlandAltman, StatsError> {
    const WIDTH: f64 = 1.96;
    paired(reference, found, 3)?;
    finite(reference)?;
    finite(found)?;
    let n = reference.len() as f64;
    let differences: Vec<f64> = reference.iter().zip(found).map(|(r, f)| f - r).collect();
    let bias = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|d| (d - bias).powi(2)).sum();
    let sd = (squares / (n - 1.0)).sqrt();
    let t = StudentsT::new(0.0, 1.0, n - 1.0).map_or(f64::NAN, |d| d.inverse_cdf(0.975));
    let around = |middle: f64, error: f64| [middle - t * error, middle + t * error];
    let error_of_limit = sd * (1.0 / n + WIDTH * WIDTH / (2.0 * (n - 1.0))).sqrt();
    let (lower, upper) = (bias - WIDTH * sd, bias + WIDTH * sd);
    Ok(BlandAltman {
        n: reference.len(),
        bias,
        bias_interval: around(bias, sd / n.sqrt()),
        sd,
        lower,
        lower_interval: around(lower, error_of_limit),
        upper,
        upper_interval: around(upper, error_of_limit),
    })
}

/// An intraclass correlation with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Icc {
    /// Pairs.
    pub n: usize,
    /// ICC(2,1): absolute agreement of single measurements.
    pub icc: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// ICC(2,1), two-way random effects, absolute agreement, of two paired measurements.
///
/// Sources: P. Shrout and J. Fleiss, Psychol. Bull. 86 (1979); interval: K. McGraw and S. Wong, Psychol. Methods 1
/// (1996).
///
/// # Errors
///
/// [`StatsError`] for samples that are not paired, have fewer than three values, are not finite, or do not
/// vary.
pub fn icc(reference: &[f64], found: &[f64]) -> Result<Icc, StatsError> {
    paired(reference, found, 3)?;
    finite(reference)?;
    finite(found)?;
    let (n, k) = (reference.len() as f64, 2.0);
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_r, mean_f) = (mean_of(reference), mean_of(found));
    let mean = 0.5 * (mean_r + mean_f);
    let (mut rows, mut rest) = (0.0, 0.0);
    for (r, f) in reference.iter().zip(found) {
        let row = 0.5 * (r + f);
        rows += k * (row - mean).powi(2);
        rest += (r - row - mean_r + mean).powi(2) + (f - row - mean_f + mean).powi(2);
    }
    let columns = n * ((mean_r - mean).powi(2) + (mean_f - mean).powi(2));
    // Mean squares of patients, of measurements, and what is left.
    let (msr, msc, mse) = (
        rows / (n - 1.0),
        columns / (k - 1.0),
        rest / ((n - 1.0) * (k - 1.0)),
    );
    if msr == 0.0 && mse == 0.0 {
        return Err(StatsError::AllEqual);
    }
    let icc = (msr - mse) / (msr + (k - 1.0) * mse + k / n * (msc - mse));
    let alone = |low, high| Icc {
        n: reference.len(),
        icc,
        low,
        high,
    };
    if mse == 0.0 && msc == 0.0 {
        // Every pair is equal.
        return Ok(alone(1.0, 1.0));
    }
    let a = k * icc / (n * (1.0 - icc));
    let b = 1.0 + k * icc * (n - 1.0) / (n * (1.0 - icc));
    let v = (a * msc + b * mse).powi(2)
        / ((a * msc).powi(2) / (k - 1.0) + (b * mse).powi(2) / ((n - 1.0) * (k - 1.0)));
    let f = |a: f64, b: f64| FisherSnedecor::new(a, b).map_or(f64::NAN, |d| d.inverse_cdf(0.975));
    let (above, below) = (f(n - 1.0, v), f(v, n - 1.0));
    let scale = k * msc + (k * n - k - n) * mse;
    let low = n * (msr - above * mse) / (above * scale + n * msr);
    let high = n * (below * msr - mse) / (scale + n * below * msr);
    Ok(alone(low, high))
}
