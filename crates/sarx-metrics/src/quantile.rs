//! Quantiles as NumPy computes them, with infinity as an ordinary worst value.

/// The `q`-quantile of values in ascending order, with linear interpolation between ranks.
///
/// The virtual rank is `q * (n - 1)`, as `numpy.quantile(method="linear")` has it. Unlike
/// NumPy, two infinite neighbours give infinity (not NaN). `None` if there are no values.
#[must_use]
pub fn quantile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let below = (rank.floor() as usize).min(last);
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let t = rank - below as f64;
    if a == b || t == 0.0 {
        return Some(a);
    }
    // NumPy's `_lerp`: interpolates from the nearer end.
    Some(if t < 0.5 {
        a + (b - a) * t
    } else {
        b - (b - a) * (1.0 - t)
    })
    .map(|value| if b.is_infinite() { b } else { value })
}

/// The `q`-quantile of values in any order; NaN sorts behind everything.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_sorted(&sorted, q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpys_linear_interpolation() {
        // numpy.percentile([15, 20, 35, 40, 50], [5, 40, 95])
        let values = [50.0, 15.0, 40.0, 20.0, 35.0];
        let found = [0.05, 0.40, 0.95].map(|q| quantile(&values, q).unwrap());
        assert_eq!(found, [16.0, 29.0, 48.0]);
        assert_eq!(quantile(&values, 0.0), Some(15.0));
        assert_eq!(quantile(&values, 1.0), Some(50.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.95), Some(3.0));
    }

    #[test]
    fn infinity_is_the_worst_value_not_a_gap() {
        let inf = f64::INFINITY;
        assert_eq!(quantile(&[1.0, inf, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, inf], 0.5), Some(inf));
        assert_eq!(quantile(&[1.0, inf], 0.9), Some(inf));
        assert_eq!(quantile(&[inf, inf, inf], 0.3), Some(inf));
    }
}
