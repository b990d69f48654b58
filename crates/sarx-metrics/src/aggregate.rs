//! One column of scores over many cases.

use crate::{MedianInterval, median_interval, quantile_sorted};
use std::collections::BTreeMap;

/// The confidence of the interval of the median.
const CONFIDENCE: f64 = 0.95;

/// Location and spread of one score over cases.
///
/// Infinite scores (a missed tumour's distance) stay and count as the worst; NaN is counted and
/// left out. All numbers are NaN if no case has a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Cases with a value, infinite ones included.
    pub n: usize,
    /// Cases whose value is undefined (NaN).
    pub n_undefined: usize,
    /// Cases whose value is infinite.
    pub n_infinite: usize,
    /// Mean of all values: `numpy.nanmean`, as nnU-Net; infinite as soon as one value is.
    pub mean: f64,
    /// Median.
    pub median: f64,
    /// First quartile, NumPy's linear interpolation.
    pub q1: f64,
    /// Third quartile.
    pub q3: f64,
    /// `q3 - q1`; infinite if only `q3` is, undefined (NaN) if both are.
    pub iqr: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Exact 95 % interval of the median; none for fewer than six cases.
    pub median_interval: Option<MedianInterval>,
}

impl Spread {
    /// Summarises values in any order.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let (undefined, mut sorted): (Vec<f64>, Vec<f64>) =
            values.into_iter().partition(|v| v.is_nan());
        let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |q| quantile_sorted(&sorted, q).unwrap_or(f64::NAN);
        let (q1, q3) = (quantile(0.25), quantile(0.75));
        Self {
            n: sorted.len(),
            n_undefined: undefined.len(),
            n_infinite: sorted.iter().filter(|v| v.is_infinite()).count(),
            mean,
            median: quantile(0.5),
            q1,
            q3,
            iqr: q3 - q1,
            min: quantile(0.0),
            max: quantile(1.0),
            median_interval: median_interval(&sorted, CONFIDENCE),
        }
    }
}

/// Sorts items into strata, e.g. cases by site; strata in the order of their keys.
pub fn group_by<'a, T, K: Ord>(
    items: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> BTreeMap<K, Vec<&'a T>> {
    let mut groups: BTreeMap<K, Vec<&'a T>> = BTreeMap::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_cases_are_the_worst_and_undefined_ones_are_counted() {
        let spread = Spread::of([4.0, f64::NAN, 1.0, f64::INFINITY, 3.0, 2.0]);
        assert_eq!((spread.n, spread.n_undefined, spread.n_infinite), (5, 1, 1));
        assert_eq!(
            (spread.q1, spread.median, spread.q3, spread.iqr),
            (2.0, 3.0, 4.0, 2.0)
        );
        assert_eq!(
            (spread.min, spread.max, spread.mean),
            (1.0, f64::INFINITY, f64::INFINITY)
        );
        assert_eq!(spread.median_interval, None);
    }

    #[test]
    fn half_of_the_cases_missed_has_an_infinite_median() {
        let spread = Spread::of([1.0, 2.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!((spread.median, spread.iqr), (f64::INFINITY, f64::INFINITY));
        let none = Spread::of([f64::NAN]);
        assert_eq!((none.n, none.n_undefined), (0, 1));
        assert!(none.mean.is_nan() && none.median.is_nan() && none.iqr.is_nan());
    }

    #[test]
    fn strata_keep_their_items_in_order() {
        let items = [("thigh", 1), ("pelvis", 2), ("thigh", 3)];
        let groups = group_by(&items, |item| item.0);
        let found: Vec<_> = groups.iter().map(|(k, v)| (*k, v.len(), v[0].1)).collect();
        assert_eq!(found, [("pelvis", 1, 2), ("thigh", 2, 1)]);
    }
}
