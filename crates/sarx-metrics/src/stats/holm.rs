//! Correction for many comparisons.

use super::StatsError;

/// Holm's step-down adjustment: the smallest of `m` p-values times `m`, the next times `m - 1`, and so on,
/// each at least as large as the one before and at most 1. In the order of the input.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
///
/// # Errors
///
/// [`StatsError::NoProbability`].
pub fn holm(p: &[f64]) -> Result<Vec<f64>, StatsError> {
    if let Some(&value) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::NoProbability { value });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0f64;
    for (i, &at) in order.iter().enumerate() {
        largest = largest.max((p.len() - i) as f64 * p[at]).min(1.0);
        adjusted[at] = largest;
    }
    Ok(adjusted)
}
