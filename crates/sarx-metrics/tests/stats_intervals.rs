//! Intervals and options of the statistics against SciPy, pingouin and exact counts.
//!
//! `golden/make_stats_intervals.py` made `golden/stats_intervals.json`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sarx_metrics::stats::*;
use serde::Deserialize;
use std::collections::BTreeMap;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    wilcoxon: Vec<SignedRanks>,
    hodges_lehmann: Vec<Shift>,
    bca: Vec<Bca>,
    icc: Vec<Raters>,
    bland_altman: Agreement,
}

#[derive(Deserialize)]
struct SignedRanks {
    x: Vec<f64>,
    y: Vec<f64>,
    #[serde(flatten)]
    by_zeros: BTreeMap<String, SignedRankFigures>,
}

#[derive(Deserialize)]
struct SignedRankFigures {
    statistic: f64,
    exact: f64,
    normal: f64,
    continuity: f64,
}

#[derive(Deserialize)]
struct Shift {
    x: Vec<f64>,
    y: Vec<f64>,
    confidence: f64,
    estimate: f64,
    interval: Option<[f64; 3]>,
}

#[derive(Deserialize)]
struct Bca {
    values: Vec<f64>,
    means: Vec<f64>,
    confidence: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Raters {
    table: Vec<Vec<f64>>,
    icc: [f64; 3],
    consistency: [f64; 3],
    f: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Agreement {
    reference: Vec<f64>,
    found: Vec<f64>,
    difference: Limits,
    percent: Limits,
    log_ratio: Limits,
}

#[derive(Deserialize)]
struct Limits {
    bias: f64,
    sd: f64,
    lower: f64,
    upper: f64,
    intervals: [[f64; 2]; 3],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/stats_intervals.json")).unwrap()
}

#[track_caller]
fn same(found: f64, expected: f64) {
    let off = (found - expected).abs();
    assert!(
        off <= TOLERANCE * expected.abs(),
        "{found} instead of {expected}"
    );
}

#[test]
fn signed_ranks_by_both_ways_of_zeros() {
    let golden = golden();
    assert_eq!(golden.wilcoxon.len(), 8);
    for case in &golden.wilcoxon {
        for (zeros, name) in [
            (ZeroDifferences::Pratt, "pratt"),
            (ZeroDifferences::Wilcox, "wilcox"),
        ] {
            let by = |exact_up_to, continuity| {
                let spec = WilcoxonSpec {
                    zeros,
                    exact_up_to,
                    continuity,
                    ..WilcoxonSpec::default()
                };
                wilcoxon_signed_rank_by(&case.x, &case.y, &spec).unwrap()
            };
            let expected = &case.by_zeros[name];
            let exact = by(1000, false);
            same(exact.w_plus.min(exact.w_minus), expected.statistic);
            same(exact.p, expected.exact);
            same(by(0, false).p, expected.normal);
            same(by(0, true).p, expected.continuity);
            assert!(exact.exact && !by(0, true).exact);
        }
    }
}

#[test]
fn shifts_with_their_intervals() {
    for case in golden().hodges_lehmann {
        let found = hodges_lehmann_interval(&case.x, &case.y, case.confidence).unwrap();
        // Sums of differences of about 1 in another order.
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        };
        near(found.estimate, case.estimate);
        near(hodges_lehmann(&case.x, &case.y).unwrap(), case.estimate);
        assert_eq!(found.interval.is_some(), case.interval.is_some());
        if let (Some(found), Some(expected)) = (found.interval, case.interval) {
            near(found.low, expected[0]);
            near(found.high, expected[1]);
            same(found.coverage, expected[2]);
        }
    }
}

#[test]
fn bca_of_scipys_own_resamples() {
    for case in golden().bca {
        let found = mean_bca_of_resamples(&case.values, &case.means, case.confidence).unwrap();
        same(found.low, case.low);
        same(found.high, case.high);
    }
}

#[test]
fn intraclass_correlations_with_unrounded_intervals() {
    for case in golden().icc {
        let found = icc_of_raters(&case.table).unwrap();
        let absolute = [found.icc, found.low, found.high];
        let consistency = [
            found.consistency,
            found.consistency_low,
            found.consistency_high,
        ];
        for (found, expected) in absolute.into_iter().zip(case.icc) {
            same(found, expected);
        }
        for (found, expected) in consistency.into_iter().zip(case.consistency) {
            same(found, expected);
        }
        same(found.f, case.f);
        same(found.p, case.p);
    }
}

#[test]
fn limits_of_agreement_in_three_units() {
    let case = golden().bland_altman;
    let check = |found: BlandAltman, expected: &Limits, to: &dyn Fn(f64) -> f64| {
        same(found.sd, expected.sd);
        same(found.bias, to(expected.bias));
        same(found.lower, to(expected.lower));
        same(found.upper, to(expected.upper));
        let intervals = [
            found.bias_interval,
            found.lower_interval,
            found.upper_interval,
        ];
        for (found, expected) in intervals.iter().zip(&expected.intervals) {
            same(found[0], to(expected[0]));
            same(found[1], to(expected[1]));
        }
    };
    let (r, f) = (&case.reference, &case.found);
    check(bland_altman(r, f).unwrap(), &case.difference, &|v| v);
    check(bland_altman_percent(r, f).unwrap(), &case.percent, &|v| v);
    let ratio = bland_altman_ratio(r, f).unwrap();
    check(ratio, &case.log_ratio, &f64::exp);
}

/// Scores on a coarse scale, with misses.
fn scores(n: usize) -> impl Strategy<Value = Vec<f64>> {
    let score = prop_oneof![
        5 => (0i8..6).prop_map(f64::from),
        1 => Just(f64::INFINITY)
    ];
    prop::collection::vec(score, n)
}

fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (2..12usize).prop_flat_map(|n| (scores(n), scores(n)))
}

/// A miss as a distance no scanner has.
fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.min(1e300)).collect()
}

proptest! {
    #[test]
    fn infinity_ranks_as_any_largest_value_does((x, y) in pairs()) {
        let groups = |x: &[f64], y: &[f64]| kruskal_wallis(&[x, y]);
        prop_assert_eq!(groups(&x, &y), groups(&finite(&x), &finite(&y)));
        prop_assert_eq!(spearman(&x, &y), spearman(&finite(&x), &finite(&y)));
        prop_assert_eq!(cliffs_delta(&x, &y), cliffs_delta(&finite(&x), &finite(&y)));
        let tested = wilcoxon_signed_rank(&x, &y);
        let expected = wilcoxon_signed_rank(&finite(&x), &finite(&y));
        match (tested, expected) {
            (Ok(tested), Ok(expected)) => {
                prop_assert_eq!((tested.w_plus, tested.w_minus), (expected.w_plus, expected.w_minus));
                prop_assert_eq!((tested.p, tested.n_zero), (expected.p, expected.n_zero));
            }
            (tested, expected) => prop_assert_eq!(tested, expected),
        }
    }

    #[test]
    fn a_shift_turns_its_sign_with_the_samples((x, y) in pairs()) {
        let (one, two) = (
            hodges_lehmann_interval(&x, &y, 0.9).unwrap(),
            hodges_lehmann_interval(&y, &x, 0.9).unwrap(),
        );
        prop_assert_eq!(one.estimate, -two.estimate);
        prop_assert_eq!(one.interval.is_some(), x.len() > 4);
        if let (Some(one_end), Some(two_end)) = (one.interval, two.interval) {
            prop_assert_eq!((one_end.low, one_end.high), (-two_end.high, -two_end.low));
            prop_assert!(one_end.low <= one.estimate && one.estimate <= one_end.high);
            prop_assert!(one_end.coverage >= 0.9);
        }
    }

    #[test]
    fn patients_of_two_raters_in_any_unit(
        values in prop::collection::vec((0.1..100.0f64, 0.1..100.0f64), 3..20),
        unit in 0.001..1000.0f64,
    ) {
        let (x, y): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let scaled = |v: &[f64]| v.iter().map(|v| v * unit).collect::<Vec<f64>>();
        let (one, two) = (icc(&x, &y).unwrap(), icc(&scaled(&x), &scaled(&y)).unwrap());
        prop_assert!(one.low <= one.high, "{:?}", one);
        prop_assert!(one.consistency_low <= one.consistency, "{:?}", one);
        prop_assert!(one.consistency <= one.consistency_high, "{:?}", one);
        // Not below 0: see the field.
        prop_assert!(one.icc <= 0.0 || (one.low <= one.icc && one.icc <= one.high), "{:?}", one);
        prop_assert!((one.icc - two.icc).abs() < 1e-9 && (one.low - two.low).abs() < 1e-6);
        let turned = icc(&y, &x).unwrap();
        prop_assert!((one.icc - turned.icc).abs() < 1e-9);
        let (there, back) = (
            bland_altman_ratio(&x, &y).unwrap(),
            bland_altman_ratio(&y, &x).unwrap(),
        );
        prop_assert!((there.bias * back.bias - 1.0).abs() < 1e-9);
        prop_assert!((there.lower * back.upper - 1.0).abs() < 1e-9);
    }
}
