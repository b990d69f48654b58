//! Several models on the same patients.

use super::Ranks;
use super::error::{StatsError, at_least};
use super::f_distribution::f_tail;
use statrs::distribution::{ChiSquared, ContinuousCDF};

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
    /// Degrees of freedom of F, numerator and denominator; the numerator's are chi-squared's.
    pub f_dof: [usize; 2],
    /// Its p-value, the one to report: chi-squared is too cautious.
    pub p: f64,
    /// Effect size, Kendall's coefficient of concordance, chi / (n (k - 1)): 0 to 1.
    pub kendalls_w: f64,
}

/// Friedman's test with Iman and Davenport's correction. `patients[i]` holds one value per model.
///
/// Sources: M. Friedman, JASA 32 (1937), ties as in `scipy.stats.friedmanchisquare`; R. Iman and J. Davenport,
/// Commun. Stat. 9 (1980): `F = (n - 1) chi / (n (k - 1) - chi)`. If all patients rank the models alike, F
/// is infinite and its p-value the exact one, (1 / different orders of that ranking)^(n - 1): W. Conover,
/// Practical Nonparametric Statistics (1999), 5.8.
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
    let first = Ranks::of(&patients[0])?;
    let mut alike = true;
    for values in patients {
        if values.len() != k {
            return Err(StatsError::Unpaired {
                first: k,
                second: values.len(),
            });
        }
        let ranks = Ranks::of(values)?;
        ties += ranks.tie_term();
        alike &= ranks == first;
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
    let most = nf * (kf - 1.0);
    let (rest, f_dof) = (most - chi_squared, [k - 1, (k - 1) * (n - 1)]);
    let (f, p) = if alike {
        (f64::INFINITY, p_of_one_ranking(&first, n))
    } else {
        let f = (nf - 1.0) * chi_squared / rest;
        (f, f_tail(f, f_dof[0] as f64, f_dof[1] as f64))
    };
    Ok(Friedman {
        n,
        mean_ranks: sums.iter().map(|sum| sum / nf).collect(),
        chi_squared,
        p_chi_squared,
        f,
        f_dof,
        p,
        kendalls_w: chi_squared / most,
    })
}

/// The probability that `n` patients give the same ranking if every order of it is as likely.
fn p_of_one_ranking(ranks: &Ranks, n: usize) -> f64 {
    let ln_factorial = |m: usize| (2..=m).map(|i| (i as f64).ln()).sum::<f64>();
    let of_ties: f64 = ranks.groups.iter().map(|&t| ln_factorial(t)).sum();
    let ln_orders = ln_factorial(ranks.ranks.len()) - of_ties;
    (-((n - 1) as f64) * ln_orders).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demsars_example() {
        // J. Demsar, JMLR 7 (2006), table 6: AUC of four variants of C4.5 on 14 data sets.
        let rows = [
            [0.763, 0.768, 0.771, 0.798],
            [0.599, 0.591, 0.590, 0.569],
            [0.954, 0.971, 0.968, 0.967],
            [0.628, 0.661, 0.654, 0.657],
            [0.882, 0.888, 0.886, 0.898],
            [0.936, 0.931, 0.916, 0.931],
            [0.661, 0.668, 0.609, 0.685],
            [0.583, 0.583, 0.563, 0.625],
            [0.775, 0.838, 0.866, 0.875],
            [1.000, 1.000, 1.000, 1.000],
            [0.940, 0.962, 0.965, 0.962],
            [0.619, 0.666, 0.614, 0.669],
            // Printed as equal, but ranked 2 and 3: the fourth digit differed.
            [0.972, 0.981, 0.9751, 0.975],
            [0.957, 0.978, 0.946, 0.970],
        ]
        // He ranks the largest first.
        .map(|row| row.map(|auc| -auc).to_vec());
        let found = friedman(&rows).unwrap();
        for (found, printed) in found.mean_ranks.iter().zip([3.143, 2.0, 2.893, 1.964]) {
            assert!((found - printed).abs() < 5e-4, "{found} {printed}");
        }
        // He prints 9.28 and 3.69, without the correction for ties, which makes both larger.
        let squares: f64 = found.mean_ranks.iter().map(|r| r * r).sum();
        let uncorrected = 12.0 * 14.0 / 20.0 * (squares - 25.0);
        assert!((uncorrected - 9.28).abs() < 5e-3, "{uncorrected}");
        assert!(found.chi_squared > uncorrected && found.f > 3.69);
        assert_eq!(found.f_dof, [3, 39]);
        assert!((found.kendalls_w - found.chi_squared / 42.0).abs() < 1e-15);
    }

    #[test]
    fn patients_who_all_agree_are_as_unlikely_as_they_are_few() {
        let inf = f64::INFINITY;
        let found = friedman(&vec![vec![1.0, 2.0, inf]; 2]).unwrap();
        assert_eq!((found.f, found.kendalls_w), (inf, 1.0));
        assert!((found.p - 1.0 / 6.0).abs() < 1e-15);
        // With a tie there are three orders.
        let tied = friedman(&vec![vec![1.0, 2.0, 2.0]; 5]).unwrap();
        assert_eq!(tied.f, inf);
        assert!((tied.p - 3_f64.powi(-4)).abs() < 1e-15);
    }
}
