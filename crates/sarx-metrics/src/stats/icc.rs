//! Do several measurements of the same patients agree? Intraclass correlation.
//!
//! From the mean squares of a two-way analysis of variance of n patients (rows) and k raters
//! (columns): MSB between patients, MSJ between raters, MSE of the residual.
//!
//! - Absolute agreement, ICC(2,1) of Shrout and Fleiss, ICC(A,1) of McGraw and Wong:
//!   (MSB - MSE) / (MSB + (k - 1) MSE + k (MSJ - MSE) / n). A constant offset counts as
//!   disagreement.
//! - Consistency, ICC(3,1), ICC(C,1): (MSB - MSE) / (MSB + (k - 1) MSE). It does not.
//!
//! F = MSB / MSE with n - 1 and (n - 1)(k - 1) degrees of freedom tests both against 0. The
//! interval of consistency is F's; that of absolute agreement uses Satterthwaite's degrees of
//! freedom. Sources: P. Shrout and J. Fleiss, Psychol. Bull. 86 (1979) 420-428; K. McGraw and
//! S. Wong, Psychol. Methods 1 (1996) 30-46, tables 4 and 7.

use super::error::{StatsError, at_least, finite, paired};
use super::f_distribution::{f_quantile, f_tail};

/// Each tail that a 95 % interval leaves out.
const TAIL: f64 = 0.025;

/// Intraclass correlations of single measurements with their 95 % intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Icc {
    /// Patients.
    pub n: usize,
    /// ICC(2,1): absolute agreement of single measurements. An estimate far below 0 means that the
    /// measurements contradict each other; it may leave -1 to 1 and its interval.
    pub icc: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// ICC(3,1): consistency of single measurements.
    pub consistency: f64,
    /// Lower end of the consistency.
    pub consistency_low: f64,
    /// Upper end of the consistency.
    pub consistency_high: f64,
    /// MSB / MSE; infinite if the residual is 0.
    pub f: f64,
    /// Degrees of freedom of F, numerator and denominator.
    pub f_dof: [usize; 2],
    /// P value of F: no agreement beyond chance.
    pub p: f64,
}

/// Intraclass correlations of two paired measurements: reference and prediction.
///
/// # Errors
///
/// [`StatsError`] for samples that are not paired, have fewer than three values, are not finite, or
/// do not vary.
pub fn icc(reference: &[f64], found: &[f64]) -> Result<Icc, StatsError> {
    paired(reference, found, 3)?;
    finite(reference)?;
    finite(found)?;
    let rows: Vec<Vec<f64>> = reference
        .iter()
        .zip(found)
        .map(|(&r, &f)| vec![r, f])
        .collect();
    icc_of_raters(&rows)
}

/// Intraclass correlations of several measurements; `patients[i]` holds one value per rater.
///
/// # Errors
///
/// [`StatsError`] for fewer than three patients or two raters, patients with different numbers of
/// values, values that are not finite (the index is the rater's), or patients that do not differ
/// and a residual of 0.
pub fn icc_of_raters(patients: &[Vec<f64>]) -> Result<Icc, StatsError> {
    at_least(patients.len(), 3)?;
    let raters = patients[0].len();
    at_least(raters, 2)?;
    for values in patients {
        if values.len() != raters {
            let (first, second) = (raters, values.len());
            return Err(StatsError::Unpaired { first, second });
        }
        finite(values)?;
    }
    let squares = MeanSquares::of(patients, raters);
    if squares.patients == 0.0 && squares.residual == 0.0 {
        return Err(StatsError::AllEqual);
    }
    let n = patients.len();
    let (f, f_dof) = (
        squares.patients / squares.residual,
        [n - 1, (n - 1) * (raters - 1)],
    );
    let icc = squares.absolute();
    let [low, high] = squares.absolute_interval(icc);
    let [consistency_low, consistency_high] = squares.consistency_interval();
    Ok(Icc {
        n,
        icc,
        low,
        high,
        consistency: squares.consistency_of(1.0),
        consistency_low,
        consistency_high,
        f,
        f_dof,
        p: f_tail(f, f_dof[0] as f64, f_dof[1] as f64),
    })
}

/// The two-way analysis of variance.
struct MeanSquares {
    n: f64,
    k: f64,
    patients: f64,
    raters: f64,
    residual: f64,
}

impl MeanSquares {
    fn of(rows: &[Vec<f64>], columns: usize) -> Self {
        let (n, k) = (rows.len() as f64, columns as f64);
        let row_means: Vec<f64> = rows.iter().map(|row| row.iter().sum::<f64>() / k).collect();
        let grand = row_means.iter().sum::<f64>() / n;
        let column_means: Vec<f64> = (0..columns)
            .map(|column| rows.iter().map(|row| row[column]).sum::<f64>() / n)
            .collect();
        let around = |means: &[f64]| -> f64 { means.iter().map(|m| (m - grand).powi(2)).sum() };
        let residual: f64 = rows
            .iter()
            .zip(&row_means)
            .flat_map(|(row, mean)| {
                let columns = row.iter().zip(&column_means);
                columns.map(move |(value, column)| (value - mean - column + grand).powi(2))
            })
            .sum();
        Self {
            n,
            k,
            patients: k * around(&row_means) / (n - 1.0),
            raters: n * around(&column_means) / (k - 1.0),
            residual: residual / ((n - 1.0) * (k - 1.0)),
        }
    }

    /// Positive for three patients or more, unless patients do not differ and nothing is left.
    fn absolute(&self) -> f64 {
        let Self { n, k, .. } = *self;
        (self.patients - self.residual)
            / (self.patients + (k - 1.0) * self.residual + k * (self.raters - self.residual) / n)
    }

    /// The consistency if F were divided by `quotient`: (F/q - 1) / (F/q + k - 1).
    fn consistency_of(&self, quotient: f64) -> f64 {
        let residual = quotient * self.residual;
        (self.patients - residual) / (self.patients + (self.k - 1.0) * residual)
    }

    fn consistency_interval(&self) -> [f64; 2] {
        let dof1 = self.n - 1.0;
        let dof2 = dof1 * (self.k - 1.0);
        [
            self.consistency_of(f_quantile(1.0 - TAIL, dof1, dof2)),
            self.consistency_of(f_quantile(TAIL, dof1, dof2)),
        ]
    }

    /// McGraw and Wong, table 7, ICC(A,1) of case 2, with both ends written in quantiles of F
    /// with v and n - 1 degrees of freedom (the upper of (n - 1, v) is 1 over the lower).
    fn absolute_interval(&self, icc: f64) -> [f64; 2] {
        let Self { n, k, .. } = *self;
        let v = self.satterthwaite_dof(icc);
        let end = |f: f64| {
            n * (f * self.patients - self.residual)
                / (k * self.raters + (k * n - k - n) * self.residual + n * f * self.patients)
        };
        [
            end(f_quantile(TAIL, v, n - 1.0)),
            end(f_quantile(1.0 - TAIL, v, n - 1.0)),
        ]
    }

    fn satterthwaite_dof(&self, icc: f64) -> f64 {
        let Self { n, k, .. } = *self;
        // a MSJ + b MSE, whose degrees of freedom are wanted; both over MSE's own factor.
        let of_raters = k * icc * self.raters;
        let of_residual = (n * (1.0 + (k - 1.0) * icc) - k * icc) * self.residual;
        let sum = of_raters + of_residual;
        let dof_residual = (n - 1.0) * (k - 1.0);
        let weighted = (n - 1.0) * of_raters.powi(2) + of_residual.powi(2);
        // Raters that agree to the last bit: nothing to estimate, any degrees of freedom do.
        if weighted == 0.0 {
            return dof_residual;
        }
        dof_residual * sum * sum / weighted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }

    #[test]
    fn shrout_and_fleiss() {
        // Shrout and Fleiss (1979), table 2: six targets, four judges; table 4: .29 and .71.
        let targets = [
            [9.0, 2.0, 5.0, 8.0],
            [6.0, 1.0, 3.0, 2.0],
            [8.0, 4.0, 6.0, 8.0],
            [7.0, 1.0, 2.0, 6.0],
            [10.0, 5.0, 6.0, 9.0],
            [6.0, 2.0, 4.0, 7.0],
        ];
        let found = icc_of_raters(&targets.map(|row| row.to_vec())).unwrap();
        close(found.icc, 0.29, 5e-3);
        close(found.consistency, 0.71, 5e-3);
        assert_eq!(found.f_dof, [5, 15]);
    }

    #[test]
    fn agreement_up_to_rounding_has_an_interval() {
        let reference: Vec<f64> = (1..9).map(|i| 0.1 * f64::from(i)).collect();
        for off in [0.0, 1e-16, 2e-16, 1e-15, 1e-12, 1e-8] {
            let at = |(i, v): (usize, &f64)| v * (1.0 + off * (i % 3) as f64);
            let found: Vec<f64> = reference.iter().enumerate().map(at).collect();
            let found = icc(&reference, &found).unwrap();
            for value in [found.icc, found.low, found.high, found.consistency_low] {
                close(value, 1.0, 1e-12);
            }
            assert!(found.p < 1e-12);
        }
    }

    #[test]
    fn a_constant_offset_is_consistent_but_no_agreement() {
        let found = icc(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).unwrap();
        assert_eq!(
            (found.consistency, found.f, found.p),
            (1.0, f64::INFINITY, 0.0)
        );
        assert_eq!((found.consistency_low, found.consistency_high), (1.0, 1.0));
        // MSB 2, MSJ 1.5, MSE 0: 2 / (2 + 2 * 1.5 / 3).
        close(found.icc, 2.0 / 3.0, 1e-12);
        assert!(found.low < found.icc && found.icc < found.high);
    }

    #[test]
    fn measurements_that_contradict_each_other() {
        let found = icc(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap();
        assert_eq!((found.consistency, found.f, found.p), (-1.0, 0.0, 1.0));
        // MSB 0, MSJ 0, MSE 2: -2 / (2 - 2 * 2 / 3); estimates may lie below -1.
        close(found.icc, -3.0, 1e-12);
        assert!(found.low.is_finite() && found.high.is_finite());
    }

    #[test]
    fn what_is_refused() {
        let constant = vec![vec![5.0, 6.0]; 4];
        assert_eq!(icc_of_raters(&constant), Err(StatsError::AllEqual));
        assert_eq!(
            icc_of_raters(&constant[..2]),
            Err(StatsError::TooFew { found: 2, least: 3 })
        );
        assert_eq!(
            icc_of_raters(&[vec![1.0, 2.0], vec![2.0, f64::INFINITY], vec![3.0, 3.0]]),
            Err(StatsError::Infinite { index: 1 })
        );
        assert_eq!(
            icc_of_raters(&[vec![1.0, 2.0], vec![2.0], vec![3.0, 3.0]]),
            Err(StatsError::Unpaired {
                first: 2,
                second: 1
            })
        );
    }
}
