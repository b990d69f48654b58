//! Tails and quantiles of the F distribution.
//!
//! A small tail is computed as such and not as 1 minus a large one. Quantiles are searched for
//! among the floats: the bit patterns of positive floats are in the order of their values, so a
//! bisection over them ends after 64 steps at the float itself, whatever its magnitude and
//! however small the degrees of freedom (Satterthwaite's may be any positive number).

use statrs::function::beta::beta_reg;

/// Smallest degrees of freedom that the F distribution is asked for; see [`f_quantile`].
const LEAST_DOF: f64 = 1e-3;

/// P(F >= f) of the F distribution.
pub(super) fn f_tail(f: f64, dof1: f64, dof2: f64) -> f64 {
    if f <= 0.0 {
        return 1.0;
    }
    let scaled = dof1 * f;
    if scaled.is_infinite() {
        return 0.0;
    }
    beta_reg(0.5 * dof2, 0.5 * dof1, dof2 / (scaled + dof2))
}

/// P(F <= f) of the F distribution, for finite f.
fn f_cdf(f: f64, dof1: f64, dof2: f64) -> f64 {
    let scaled = dof1 * f;
    if scaled.is_infinite() {
        return 1.0;
    }
    beta_reg(0.5 * dof1, 0.5 * dof2, scaled / (scaled + dof2))
}

/// The f with P(F <= f) = `p`, for `p` in ]0, 1[.
///
/// Degrees of freedom may be estimates and any positive number; below [`LEAST_DOF`] they are
/// taken as that, where quantiles are at the ends of the floats anyway.
pub(super) fn f_quantile(p: f64, dof1: f64, dof2: f64) -> f64 {
    let (dof1, dof2) = (dof1.max(LEAST_DOF), dof2.max(LEAST_DOF));
    if p > 0.5 {
        first_positive(|f| f_tail(f, dof1, dof2) <= 1.0 - p)
    } else {
        first_positive(|f| f_cdf(f, dof1, dof2) >= p)
    }
}

/// The smallest positive float from which on `reached` holds; infinity if it never does.
fn first_positive(reached: impl Fn(f64) -> bool) -> f64 {
    let (mut before, mut at) = (0_u64, f64::INFINITY.to_bits());
    while at - before > 1 {
        let middle = before + (at - before) / 2;
        if reached(f64::from_bits(middle)) {
            at = middle;
        } else {
            before = middle;
        }
    }
    f64::from_bits(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative; `scipy.stats.f` 1.17.1 gave the figures.
    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-11, "{found} {expected}");
    }

    #[test]
    fn tails_and_quantiles_are_scipys() {
        close(f_tail(0.2, 3.0, 10.0), 0.8940181114207209);
        close(f_tail(4.0, 2.0, 38.0), 0.026514871930249383);
        close(f_tail(50.0, 3.0, 200.0), 3.707865238759724e-24);
        close(f_tail(1.1, 6.0, 3000.0), 0.359713328911698);
        close(f_quantile(0.975, 9.0, 9.0), 4.025994158282978);
        close(f_quantile(0.025, 5.0, 3.7), 0.13365074851327458);
        close(f_quantile(0.975, 2.3, 40.0), 3.832221909983307);
        close(f_quantile(0.025, 0.2, 12.0), 6.252975573136676e-16);
    }

    #[test]
    fn ends_of_the_distribution() {
        let inf = f64::INFINITY;
        assert_eq!((f_tail(0.0, 2.0, 2.0), f_tail(inf, 2.0, 2.0)), (1.0, 0.0));
        // Degrees of freedom near 0: the quantiles are at the ends of the floats.
        assert!(f_quantile(0.975, 9.0, 1e-9) > 1e300);
        assert!(f_quantile(0.025, 1e-9, 9.0) < 1e-300);
    }
}
