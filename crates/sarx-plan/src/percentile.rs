//! Percentiles of short lists, rounded as NumPy rounds them.

/// `numpy.percentile` with linear interpolation, `fraction` from 0 to 1.
///
/// # Panics
///
/// If `values` is empty: a fingerprint holds at least one case.
pub(crate) fn percentile(values: &[f64], fraction: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = fraction * (sorted.len() - 1) as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    let (a, b, t) = (sorted[low], sorted[high], position - low as f64);
    // NumPy's order of operations, so that both round alike.
    if t < 0.5 {
        a + (b - a) * t
    } else {
        b - (b - a) * (1.0 - t)
    }
}

/// `numpy.median` of at least one value.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_numpy() {
        // numpy.percentile([3, 1, 2, 10], [0, 10, 50, 90, 100])
        let values = [3.0, 1.0, 2.0, 10.0];
        let found = [0.0, 0.1, 0.5, 0.9, 1.0].map(|fraction| percentile(&values, fraction));
        for (found, expected) in found.into_iter().zip([1.0, 1.3, 2.5, 7.9, 10.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(
            (median(&values), median(&[7.0]), percentile(&[7.0], 0.1)),
            (2.5, 7.0, 7.0)
        );
    }
}
