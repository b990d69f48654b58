//! Several models on the same patients.

use super::Ranks;
use super::error::{StatsError, at_least};
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

/// Whether some of several models differ on the same patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Friedman {
    /// Patients.
    pub n: usize,
    /// Mean rank of every model; 1 is the smallest value.
    pub mean_ranks: Vec<f64>,
    /// Friedman's statistic, corrected for ties; chi-squared with models - 1 degrees.
    pub chi_squared: f64,
    /// Its p-value.
    pub p_chi_squared: f64,
    /// Iman and Davenport's statistic, F with (models - 1, (models - 1) (n - 1)) degrees; infinite if all
    /// patients rank the models alike.
    pub f: f64,
    /// Its p-value, the one to report: chi-squared is too cautious.
    pub p: f64,
}

/// Friedman's test with Iman and Davenport's correction. `patients[i]` holds one value per model.
///
/// Sources: M. Friedman, JASA 32 (1937), ties as in `scipy.stats.friedmanchisquare`; R. Iman and J. Davenport,
/// Commun. Stat. 9 (1980): `F = (n - 1) chi / (n (k - 1) - chi)`.
///
/// # Errors
///
/// [`StatsError`] for fewer than two patients or three models, patients with different numbers of
/// values, NaN, or values that are all equal within every patient.
pub fn friedman(patients: &[Vec<f64>]) -> Result<Friedman, StatsError> {
    let n = patients.len();
    at_least(n, 2)?;
    let k = patients[0].len();
    at_least(k, 3)?;
    let mut sums = vec![0.0; k];
    let mut ties = 0.0;
    for values in patients {
        if values.len() != k {
            let (first, second) = (k, values.len());
            return Err(StatsError::Unpaired { first, second });
        }
        let ranks = Ranks::of(values)?;
        ties += ranks.tie_term();
        sums.iter_mut()
            .zip(&ranks.ranks)
            .for_each(|(sum, rank)| *sum += rank);
    }
    let (nf, kf) = (n as f64, k as f64);
    let correction = 1.0 - ties / (nf * kf * (kf * kf - 1.0));
    if correction <= 0.0 {
        return Err(StatsError::AllEqual);
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let plain = 12.0 / (nf * kf * (kf + 1.0)) * squares - 3.0 * nf * (kf + 1.0);
    // Rounding may leave a little below zero.
    let chi_squared = (plain / correction).max(0.0);
    let p_chi_squared = ChiSquared::new(kf - 1.0).map_or(f64::NAN, |d| d.sf(chi_squared));
    let rest = nf * (kf - 1.0) - chi_squared;
    let (f, p) = if rest <= 1e-9 * nf * (kf - 1.0) {
        (f64::INFINITY, 0.0)
    } else {
        let f = (nf - 1.0) * chi_squared / rest;
        let degrees = (kf - 1.0, (kf - 1.0) * (nf - 1.0));
        (
            f,
            FisherSnedecor::new(degrees.0, degrees.1).map_or(f64::NAN, |d| d.sf(f)),
        )
    };
    Ok(Friedman {
        n,
        mean_ranks: sums.iter().map(|sum| sum / nf).collect(),
        chi_squared,
        p_chi_squared,
        f,
        p,
    })
}
