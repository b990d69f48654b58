//! Whether two measurements of the same thing agree: volumes of reference and prediction.

use super::error::{StatsError, finite, paired};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Bias and limits of agreement, with 95 % intervals `[low, high]`.
///
/// In the unit of the measurements, in percent or as ratios: see the three functions.
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
    of_differences(reference, found, |r, f| f - r)
}

/// The same in percent of the mean of both, `100 (found - reference) / ((found + reference) / 2)`, for
/// differences that grow with size. -200 is a volume that was missed whole.
///
/// # Errors
///
/// As [`bland_altman`], and [`StatsError::NotPositive`] for a negative value, or two values of 0.
pub fn bland_altman_percent(reference: &[f64], found: &[f64]) -> Result<BlandAltman, StatsError> {
    check(reference, found)?;
    refuse_first(reference, |_, r| r < 0.0)?;
    refuse_first(found, |at, f| f < 0.0 || f + reference[at] == 0.0)?;
    // Halved first: the sum of two large volumes does not overflow then.
    of_differences(reference, found, |r, f| {
        100.0 * (f - r) / (0.5 * f + 0.5 * r)
    })
}

/// The same of the ratio `found / reference`, by way of its natural logarithm, for differences in
/// proportion to size. The bias is the geometric mean of the ratios; limits and intervals are ratios,
/// 1 is agreement, and only `sd` is of the logarithms.
///
/// # Errors
///
/// As [`bland_altman`], and [`StatsError::NotPositive`] for a value of 0 or less, such as the volume
/// of a missed tumour.
pub fn bland_altman_ratio(reference: &[f64], found: &[f64]) -> Result<BlandAltman, StatsError> {
    check(reference, found)?;
    refuse_first(reference, |_, r| r <= 0.0)?;
    refuse_first(found, |_, f| f <= 0.0)?;
    let logs = of_differences(reference, found, |r, f| f.ln() - r.ln())?;
    Ok(BlandAltman {
        n: logs.n,
        bias: logs.bias.exp(),
        bias_interval: logs.bias_interval.map(f64::exp),
        sd: logs.sd,
        lower: logs.lower.exp(),
        lower_interval: logs.lower_interval.map(f64::exp),
        upper: logs.upper.exp(),
        upper_interval: logs.upper_interval.map(f64::exp),
    })
}

fn check(reference: &[f64], found: &[f64]) -> Result<(), StatsError> {
    paired(reference, found, 3)?;
    finite(reference)?;
    finite(found)
}

fn refuse_first(values: &[f64], refused: impl Fn(usize, f64) -> bool) -> Result<(), StatsError> {
    match (0..values.len()).find(|&at| refused(at, values[at])) {
        Some(index) => Err(StatsError::NotPositive {
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

fn of_differences(
    reference: &[f64],
    found: &[f64],
    difference: impl Fn(f64, f64) -> f64,
) -> Result<BlandAltman, StatsError> {
    const WIDTH: f64 = 1.96;
    check(reference, found)?;
    let n = reference.len() as f64;
    let pairs = reference.iter().zip(found);
    let differences: Vec<f64> = pairs.map(|(&r, &f)| difference(r, f)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_flow_of_the_lancet() {
        // Bland and Altman, Lancet 327 (1986), table 1, first readings, L/min, large meter less mini
        // meter: mean -2.1, sd 38.8, interval of the mean -22.0 to 17.8.
        let mini = [
            512.0, 430.0, 520.0, 428.0, 500.0, 600.0, 364.0, 380.0, 658.0, 445.0, 432.0, 626.0,
            260.0, 477.0, 259.0, 350.0, 451.0,
        ];
        let large = [
            494.0, 395.0, 516.0, 434.0, 476.0, 557.0, 413.0, 442.0, 650.0, 433.0, 417.0, 656.0,
            267.0, 478.0, 178.0, 423.0, 427.0,
        ];
        let found = bland_altman(&mini, &large).unwrap();
        for (found, printed) in [
            (found.bias, -2.1),
            (found.sd, 38.8),
            (found.bias_interval[0], -22.0),
            (found.bias_interval[1], 17.8),
        ] {
            assert!((found - printed).abs() < 0.06, "{found} {printed}");
        }
    }

    #[test]
    fn a_constant_factor_is_a_ratio_without_spread() {
        let (r, f) = ([1.0, 10.0, 400.0], [2.0, 20.0, 800.0]);
        let ratio = bland_altman_ratio(&r, &f).unwrap();
        for value in [ratio.bias, ratio.lower, ratio.upper_interval[1]] {
            assert!((value - 2.0).abs() < 1e-12, "{value}");
        }
        let percent = bland_altman_percent(&r, &f).unwrap();
        assert!((percent.bias - 100.0 / 1.5).abs() < 1e-12 && percent.sd < 1e-12);
        let missed = bland_altman_percent(&r, &[0.0; 3]).unwrap();
        assert_eq!(
            (missed.bias, missed.sd, missed.lower),
            (-200.0, 0.0, -200.0)
        );
    }

    #[test]
    fn what_has_no_ratio_is_refused() {
        let refused = |index, value| Err(StatsError::NotPositive { index, value });
        let r = [1.0, 0.0, 2.0];
        assert_eq!(bland_altman_percent(&r, &r), refused(1, 0.0));
        assert_eq!(
            bland_altman_percent(&[1.0, 1.0, -2.0], &r),
            refused(2, -2.0)
        );
        assert_eq!(bland_altman_ratio(&[1.0; 3], &r), refused(1, 0.0));
        assert!(bland_altman_percent(&[1.0; 3], &r).is_ok());
    }
}
