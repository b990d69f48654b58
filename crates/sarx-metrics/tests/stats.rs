//! The statistics against SciPy, scikit-posthocs and pingouin, and against their plain meaning.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sarx_metrics::stats::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/stats.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

fn lists(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(list).collect()
}

#[track_caller]
fn same(found: f64, expected: &Value) {
    near(found, expected.as_f64().unwrap(), 1e-9);
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    let scale = expected.abs().max(1e-12);
    assert!(
        (found - expected).abs() <= tolerance * scale,
        "{found} instead of {expected}"
    );
}

#[test]
fn friedman_and_iman_davenport() {
    let golden = golden();
    let found = friedman(&lists(&golden["scores"])).unwrap();
    let expected = &golden["friedman"];
    same(found.chi_squared, &expected["chi_squared"]);
    same(found.p_chi_squared, &expected["p_chi_squared"]);
    same(found.f, &expected["f"]);
    same(found.p, &expected["p"]);
    near(found.mean_ranks.iter().sum::<f64>(), 10.0, 1e-12);
    let alike = friedman(&vec![vec![1.0, 2.0, 3.0]; 5]).unwrap();
    assert_eq!(alike.f, f64::INFINITY);
    // Four more patients give one of six orders.
    near(alike.p, 6f64.powi(-4), 1e-12);
    assert_eq!(friedman(&vec![vec![1.0; 3]; 5]), Err(StatsError::AllEqual));
    assert!(friedman(&[vec![1.0; 3], vec![1.0; 2]]).is_err());
}

#[test]
fn wilcoxon_with_ties_and_zeros() {
    for case in golden()["wilcoxon"].as_array().unwrap() {
        let (x, y) = (list(&case["x"]), list(&case["y"]));
        let found = wilcoxon_signed_rank(&x, &y).unwrap();
        same(found.w_plus.min(found.w_minus), &case["statistic"]);
        assert_eq!(found.exact, x.len() <= 50);
        let p = if found.exact {
            &case["p_exact"]
        } else {
            &case["p_normal"]
        };
        same(found.p, p);
    }
}

#[test]
fn two_missed_tumours_are_no_difference_and_one_is_the_largest() {
    let inf = f64::INFINITY;
    let found = wilcoxon_signed_rank(&[inf, inf, 3.0, 4.0], &[inf, 2.0, 2.0, 2.0]).unwrap();
    assert_eq!((found.n, found.n_zero), (4, 1));
    assert_eq!((found.w_plus, found.w_minus), (2.0 + 3.0 + 4.0, 0.0));
    assert_eq!(found.rank_biserial, 1.0);
    assert_eq!(
        wilcoxon_signed_rank(&[inf, 1.0], &[inf, 1.0]),
        Err(StatsError::AllEqual)
    );
}

#[test]
fn kruskal_wallis_and_dunn() {
    let golden = golden();
    let groups = lists(&golden["groups"]);
    let groups: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
    let found = kruskal_wallis(&groups).unwrap();
    same(found.h, &golden["kruskal"]["h"]);
    same(found.p, &golden["kruskal"]["p"]);
    let pairs = dunn(&groups).unwrap();
    let (p, adjusted) = (list(&golden["dunn"]["p"]), list(&golden["dunn"]["p_holm"]));
    assert_eq!(pairs.len(), p.len());
    for ((pair, p), adjusted) in pairs.iter().zip(p).zip(adjusted) {
        near(pair.p, p, 1e-9);
        near(pair.p_holm, adjusted, 1e-9);
    }
    let apart = kruskal_wallis(&[&[1.0, 2.0], &[3.0, f64::INFINITY]]).unwrap();
    assert!(apart.epsilon_squared > 0.79);
}

#[test]
fn agreement_of_volumes() {
    let golden = golden();
    let (reference, found) = (list(&golden["volume"]), list(&golden["found"]));
    let expected = &golden["icc"];
    let agreement = icc(&reference, &found).unwrap();
    same(agreement.icc, &expected["icc"]);
    // pingouin rounds the interval.
    for (end, expected) in [agreement.low, agreement.high]
        .into_iter()
        .zip(list(&expected["interval"]))
    {
        assert!(
            (end - expected).abs() <= 0.005 + 1e-9,
            "{end} instead of {expected}"
        );
    }
    let bland = bland_altman(&reference, &found).unwrap();
    let bias = found
        .iter()
        .zip(&reference)
        .map(|(f, r)| f - r)
        .sum::<f64>()
        / 30.0;
    near(bland.bias, bias, 1e-12);
    near(bland.upper - bland.lower, 2.0 * 1.96 * bland.sd, 1e-12);
    // t(0.975, 29) = 2.04523
    near(
        bland.bias_interval[1] - bias,
        2.045_23 * bland.sd / 30f64.sqrt(),
        1e-5,
    );
    let perfect = icc(&reference, &reference).unwrap();
    assert_eq!((perfect.icc, perfect.low), (1.0, 1.0));
}

#[test]
fn correlations_effects_and_shares() {
    let golden = golden();
    let scores = lists(&golden["scores"]);
    let column = |model: usize| {
        scores
            .iter()
            .map(|patient| patient[model])
            .collect::<Vec<f64>>()
    };
    for (found, expected) in [
        (
            spearman(&list(&golden["volume"]), &list(&golden["found"])),
            &golden["spearman"],
        ),
        (spearman(&column(0), &column(1)), &golden["spearman_ties"]),
    ] {
        let found = found.unwrap();
        same(found.rho, &expected[0]);
        same(found.p, &expected[1]);
    }
    let groups = lists(&golden["groups"]);
    same(
        cliffs_delta(&groups[0], &groups[1]).unwrap(),
        &golden["cliffs_delta"],
    );
    near(
        hodges_lehmann(&column(0), &column(1)).unwrap(),
        golden["hodges_lehmann"].as_f64().unwrap(),
        1e-9,
    );
    for case in lists(&golden["wilson"]) {
        let found = wilson(case[0] as usize, case[1] as usize, 0.95).unwrap();
        assert!(
            (found.low - case[2]).abs() < 1e-9 && (found.high - case[3]).abs() < 1e-9,
            "{case:?}"
        );
    }
    assert!(wilson(3, 2, 0.95).is_err());
}

#[test]
fn an_interval_of_a_mean() {
    let golden = golden();
    let found = mean_bca(&list(&golden["skewed"]), 100_000, 3, 0.95).unwrap();
    // Two generators agree to the noise of so many samples.
    for (end, expected) in [found.low, found.high]
        .into_iter()
        .zip(list(&golden["bca"]))
    {
        assert!(
            (end - expected).abs() < 0.012,
            "{end} instead of {expected}"
        );
    }
    assert_eq!(
        found,
        mean_bca(&list(&golden["skewed"]), 100_000, 3, 0.95).unwrap()
    );
    let flat = mean_bca(&[0.7; 5], 100, 1, 0.95).unwrap();
    assert_eq!((flat.low, flat.mean, flat.high), (0.7, 0.7, 0.7));
    let error = mean_bca(&[1.0, f64::INFINITY], 100, 1, 0.95);
    assert_eq!(error, Err(StatsError::Infinite { index: 1 }));
}

/// p over all assignments of signs, one by one.
fn by_enumeration(x: &[f64], y: &[f64]) -> f64 {
    let d: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
    let ranks = Ranks::of(&d.iter().map(|d| d.abs()).collect::<Vec<_>>())
        .unwrap()
        .ranks;
    let ranks: Vec<f64> = ranks
        .into_iter()
        .zip(&d)
        .filter(|(_, d)| **d != 0.0)
        .map(|(r, _)| r)
        .collect();
    let sum_of = |signs: usize| -> f64 {
        let positive = ranks
            .iter()
            .enumerate()
            .filter(|(i, _)| signs >> i & 1 == 1);
        positive.map(|(_, rank)| rank).sum()
    };
    let found: f64 = {
        let signs = d.iter().filter(|d| **d != 0.0).enumerate();
        sum_of(signs.map(|(i, d)| usize::from(*d > 0.0) << i).sum())
    };
    let smaller = found.min(ranks.iter().sum::<f64>() - found);
    let all = 1usize << ranks.len();
    let as_small = (0..all)
        .filter(|&signs| sum_of(signs) <= smaller + 1e-9)
        .count();
    (2.0 * as_small as f64 / all as f64).min(1.0)
}

proptest! {
    #[test]
    fn the_exact_distribution_is_the_enumerated_one(
        pairs in prop::collection::vec((0i8..6, 0i8..6), 2..11),
    ) {
        let (x, y): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).unzip();
        match wilcoxon_signed_rank(&x, &y) {
            Ok(found) => {
                prop_assert!((found.p - by_enumeration(&x, &y)).abs() < 1e-12);
                let turned = wilcoxon_signed_rank(&y, &x).unwrap();
                prop_assert_eq!(found.p, turned.p);
                prop_assert_eq!(found.rank_biserial, -turned.rank_biserial);
            }
            Err(error) => {
                prop_assert_eq!(error, StatsError::AllEqual);
                prop_assert_eq!(x, y);
            }
        }
    }

    #[test]
    fn holm_keeps_the_order_and_never_lowers(p in prop::collection::vec(0.0f64..=1.0, 0..12)) {
        let adjusted = holm(&p).unwrap();
        for i in 0..p.len() {
            prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
            prop_assert!(adjusted[i] <= p.len() as f64 * p[i] + 1e-12);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
    }

    #[test]
    fn ranks_sum_to_what_they_must(values in prop::collection::vec(-4i8..5, 1..40)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let n = values.len() as f64;
        let ranks = Ranks::of(&values).unwrap();
        prop_assert_eq!(ranks.ranks.iter().sum::<f64>(), n * (n + 1.0) / 2.0);
        prop_assert_eq!(ranks.groups.iter().sum::<usize>(), values.len());
    }
}
