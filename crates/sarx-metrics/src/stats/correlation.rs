//! Whether two scores rise together.

use super::Ranks;
use super::error::{StatsError, paired};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Spearman's rank correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spearman {
    /// Pairs.
    pub n: usize,
    /// The correlation, -1 to 1.
    pub rho: f64,
    /// Two-sided p-value from Student's t with n - 2 degrees.
    pub p: f64,
}

/// Spearman's correlation of two paired samples, as `scipy.stats.spearmanr`.
///
/// # Errors
///
/// [`StatsError`] for samples that are not paired, have fewer than three values, hold NaN, or do not vary.
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Spearman, StatsError> {
    paired(x, y, 3)?;
    let (x, y) = (Ranks::of(x)?, Ranks::of(y)?);
    if x.groups.len() < 2 || y.groups.len() < 2 {
        return Err(StatsError::AllEqual);
    }
    let n = x.ranks.len();
    let middle = (n as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - middle) * (b - middle))
            .sum()
    };
    let size = (product(&x.ranks, &x.ranks) * product(&y.ranks, &y.ranks)).sqrt();
    let rho = (product(&x.ranks, &y.ranks) / size).clamp(-1.0, 1.0);
    let degrees = n as f64 - 2.0;
    let p = if rho.abs() == 1.0 {
        0.0
    } else {
        let t = rho.abs() * (degrees / ((1.0 - rho) * (1.0 + rho))).sqrt();
        StudentsT::new(0.0, 1.0, degrees).map_or(f64::NAN, |d| 2.0 * d.sf(t))
    };
    Ok(Spearman { n, rho, p })
}
