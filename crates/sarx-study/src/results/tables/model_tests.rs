//! The tests of one score between models.

use super::StudyMetric;
use super::between_models::{FriedmanTest, MetricComparison, ModelLevel, PairTest};
use super::paired::{Columns, Paired};
use crate::Better;
use sarx_metrics::stats::{
    Ranks, StatsError, friedman, hodges_lehmann, holm, wilcoxon_signed_rank,
};
use sarx_metrics::{ScoreFloat, Spread};

pub(super) fn by_metric(paired: &Paired<'_>, metric: StudyMetric) -> MetricComparison {
    let columns = paired.columns(metric);
    let patients: Vec<Vec<f64>> = (0..columns.n)
        .map(|at| columns.by_model.iter().map(|column| column[at]).collect())
        .collect();
    let (friedman, untested) = match friedman(&patients) {
        Ok(test) => {
            let between = paired.models.len() - 1;
            let test = FriedmanTest {
                chi_squared: ScoreFloat(test.chi_squared),
                f: ScoreFloat(test.f),
                degrees: [between, between * (columns.n - 1)],
                p: ScoreFloat(test.p),
            };
            (Some(test), None)
        }
        // What is too few is said in patients and models, not in values.
        Err(StatsError::TooFew { .. }) => {
            let (models, n) = (paired.models.len(), columns.n);
            let why = format!("{models} models on {n} patients; three on two are needed");
            (None, Some(why))
        }
        Err(error) => (None, Some(error.to_string())),
    };
    MetricComparison {
        metric,
        n: columns.n,
        n_undefined: columns.n_undefined,
        levels: levels(paired, metric, &columns, &patients),
        friedman,
        untested,
        pairs: pairs(paired, &columns),
    }
}

fn levels(
    paired: &Paired<'_>,
    metric: StudyMetric,
    columns: &Columns,
    patients: &[Vec<f64>],
) -> Vec<ModelLevel> {
    let mean_ranks = mean_ranks(metric, patients, paired.models.len());
    paired
        .models
        .iter()
        .zip(&columns.by_model)
        .zip(mean_ranks)
        .map(|((model, values), mean_rank)| {
            let spread = Spread::of(values.iter().copied());
            let finite = values.iter().filter(|v| v.is_finite());
            let n_finite = spread.n - spread.n_infinite;
            ModelLevel {
                model: (*model).to_owned(),
                median: ScoreFloat(spread.median),
                q1: ScoreFloat(spread.q1),
                q3: ScoreFloat(spread.q3),
                mean: ScoreFloat(finite.sum::<f64>() / n_finite as f64),
                n_infinite: spread.n_infinite,
                mean_rank: ScoreFloat(mean_rank),
            }
        })
        .collect()
}

/// Mean rank of each model over the patients, 1 for the best; NaN without patients.
fn mean_ranks(metric: StudyMetric, patients: &[Vec<f64>], n_models: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n_models];
    for values in patients {
        let badness: Vec<f64> = match metric.better() {
            Better::Higher => values.iter().map(|value| -value).collect(),
            _ => values.clone(),
        };
        // NaN was taken out with the columns.
        let Ok(ranks) = Ranks::of(&badness) else {
            return vec![f64::NAN; n_models];
        };
        sums.iter_mut()
            .zip(ranks.ranks)
            .for_each(|(sum, rank)| *sum += rank);
    }
    let n = patients.len() as f64;
    sums.into_iter().map(|sum| sum / n).collect()
}

fn pairs(paired: &Paired<'_>, columns: &Columns) -> Vec<PairTest> {
    let mut pairs = Vec::new();
    for first in 0..paired.models.len() {
        for second in first + 1..paired.models.len() {
            let names = [paired.models[first], paired.models[second]];
            pairs.push(pair(
                names,
                &columns.by_model[first],
                &columns.by_model[second],
            ));
        }
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p.0).collect();
    // Without patients no pair has a p-value and there is nothing to adjust.
    for (pair, adjusted) in pairs.iter_mut().zip(holm(&p).unwrap_or_default()) {
        pair.p_holm = ScoreFloat(adjusted);
    }
    pairs
}

fn pair([a, b]: [&str; 2], x: &[f64], y: &[f64]) -> PairTest {
    let finite = x
        .iter()
        .zip(y)
        .filter(|(x, y)| x.is_finite() && y.is_finite());
    let (finite_x, finite_y): (Vec<f64>, Vec<f64>) = finite.map(|(x, y)| (*x, *y)).unzip();
    let test = wilcoxon_signed_rank(x, y).ok();
    let n_equal = x.iter().zip(y).filter(|(x, y)| x == y).count();
    // Where no patient differs there is no rank to test: nothing speaks for a difference.
    let all_equal = !x.is_empty() && n_equal == x.len();
    let (p, rank_biserial) = match (test, all_equal) {
        (Some(test), _) => (test.p, test.rank_biserial),
        (None, true) => (1.0, 0.0),
        (None, false) => (f64::NAN, f64::NAN),
    };
    PairTest {
        a: a.to_owned(),
        b: b.to_owned(),
        n: x.len(),
        n_equal,
        difference: ScoreFloat(hodges_lehmann(&finite_x, &finite_y).unwrap_or(f64::NAN)),
        n_infinite: x.len() - finite_x.len(),
        rank_biserial: ScoreFloat(rank_biserial),
        p: ScoreFloat(p),
        p_holm: ScoreFloat(f64::NAN),
    }
}
