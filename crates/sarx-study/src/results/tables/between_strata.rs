//! Whether a model does better in some strata than in others.

use super::group::{sets, strata};
use super::{Cases, Group, Population, StudyFacts, StudyMetric};
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable, StudySet};
use rayon::prelude::*;
use sarx_metrics::stats::{cliffs_delta, dunn, kruskal_wallis};
use sarx_metrics::{ScoreFloat, Spread};
use serde::{Deserialize, Serialize};

/// One model on the common grid, stratum against stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrataComparison {
    /// Cross-validation or external set.
    pub set: StudySet,
    /// The model.
    pub model: String,
    /// The strata of the study; those without a scored patient are not tested.
    pub strata: Vec<StratumSize>,
    /// One per metric, in the order of [`StudyMetric::ALL`].
    pub metrics: Vec<StrataTest>,
}

/// The patients of a stratum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StratumSize {
    /// The stratum.
    pub stratum: String,
    /// Patients that this model scored.
    pub n: usize,
    /// Patients without a row of this model.
    pub n_missing: usize,
    /// Patients that could not be predicted.
    pub n_failed: usize,
    /// Whether fewer were scored than can carry a test.
    pub few: bool,
}

/// The strata by one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrataTest {
    /// The score.
    pub metric: StudyMetric,
    /// Location in each stratum, in the order of [`StrataComparison::strata`].
    pub levels: Vec<StratumLevel>,
    /// Whether any stratum differs; none for fewer than two strata with patients.
    pub kruskal_wallis: Option<KruskalWallisTest>,
    /// Why there is no such test.
    pub untested: Option<String>,
    /// Every pair of strata with patients.
    pub pairs: Vec<StrataPair>,
}

/// One stratum by one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StratumLevel {
    /// Patients with a value.
    pub n: usize,
    /// Scored patients without one.
    pub n_undefined: usize,
    /// Median.
    pub median: ScoreFloat,
    /// First quartile.
    pub q1: ScoreFloat,
    /// Third quartile.
    pub q3: ScoreFloat,
}

/// Kruskal and Wallis's test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KruskalWallisTest {
    /// The statistic, corrected for ties.
    pub h: ScoreFloat,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// Its p-value.
    pub p: ScoreFloat,
    /// Effect size, 0 to 1.
    pub epsilon_squared: ScoreFloat,
}

/// Dunn's test of two strata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrataPair {
    /// The first stratum.
    pub a: String,
    /// The second stratum.
    pub b: String,
    /// The statistic; positive if the first ranks higher.
    pub z: ScoreFloat,
    /// Its p-value.
    pub p: ScoreFloat,
    /// The p-value by Holm over the pairs of this model and score.
    pub p_holm: ScoreFloat,
    /// Cliff's delta: how much more often a value of the first stratum is the larger one, -1 to 1.
    pub cliffs_delta: ScoreFloat,
}

impl StrataComparison {
    /// The strata by one score.
    #[must_use]
    pub fn metric(&self, metric: StudyMetric) -> Option<&StrataTest> {
        self.metrics.iter().find(|found| found.metric == metric)
    }
}

/// By set and model.
pub(super) fn between_strata(scores: &ScoreTable, facts: &StudyFacts) -> Vec<StrataComparison> {
    let models = |set| {
        facts
            .models
            .iter()
            .map(move |model| (set, model.name.as_str()))
    };
    let places: Vec<(StudySet, &str)> = sets(scores).into_iter().flat_map(models).collect();
    places
        .into_par_iter()
        .map(|(set, model)| comparison(scores, facts, set, model))
        .collect()
}

fn comparison(
    scores: &ScoreTable,
    facts: &StudyFacts,
    set: StudySet,
    model: &str,
) -> StrataComparison {
    let mut sizes = Vec::new();
    let mut scored: Vec<Vec<&ScoreRow>> = Vec::new();
    for group in strata(scores, facts, set) {
        let stratum = group.value().to_owned();
        let cases = Cases {
            set,
            population: Population::All,
            group: Group::Stratum(stratum.clone()),
        };
        let rows = cases.rows(scores, model, ScoreGrid::Common);
        let n_rows = rows.len();
        let own: Vec<&ScoreRow> = rows.into_iter().filter(|row| !row.is_failed()).collect();
        sizes.push(StratumSize {
            stratum,
            n: own.len(),
            n_missing: cases.patients(scores).len() - n_rows,
            n_failed: n_rows - own.len(),
            few: own.len() < facts.few_cases,
        });
        scored.push(own);
    }
    StrataComparison {
        set,
        model: model.to_owned(),
        metrics: StudyMetric::ALL
            .iter()
            .map(|&metric| strata_test(&sizes, &scored, metric))
            .collect(),
        strata: sizes,
    }
}

fn strata_test(
    sizes: &[StratumSize],
    scored: &[Vec<&ScoreRow>],
    metric: StudyMetric,
) -> StrataTest {
    let values: Vec<Vec<f64>> = scored
        .iter()
        .map(|rows| {
            let values = rows.iter().map(|row| metric.of(row));
            values.filter(|value| !value.is_nan()).collect()
        })
        .collect();
    let level = |(values, rows): (&Vec<f64>, &Vec<&ScoreRow>)| {
        let spread = Spread::of(values.iter().copied());
        StratumLevel {
            n: values.len(),
            n_undefined: rows.len() - values.len(),
            median: ScoreFloat(spread.median),
            q1: ScoreFloat(spread.q1),
            q3: ScoreFloat(spread.q3),
        }
    };
    let with_values: Vec<(&str, &[f64])> = sizes
        .iter()
        .zip(&values)
        .filter(|(_, values)| !values.is_empty())
        .map(|(size, values)| (size.stratum.as_str(), values.as_slice()))
        .collect();
    let groups: Vec<&[f64]> = with_values.iter().map(|(_, values)| *values).collect();
    let (kruskal_wallis, untested) = match kruskal_wallis(&groups) {
        Ok(test) => {
            let test = KruskalWallisTest {
                h: ScoreFloat(test.h),
                degrees: groups.len() - 1,
                p: ScoreFloat(test.p),
                epsilon_squared: ScoreFloat(test.epsilon_squared),
            };
            (Some(test), None)
        }
        // Values that are counted in strata would only puzzle.
        Err(sarx_metrics::stats::StatsError::TooFew { found, .. }) => (
            None,
            Some(format!("{found} strata with patients; two are needed")),
        ),
        Err(error) => (None, Some(error.to_string())),
    };
    let pairs = dunn(&groups).unwrap_or_default().into_iter().map(|pair| {
        let (a, b) = (with_values[pair.first], with_values[pair.second]);
        StrataPair {
            a: a.0.to_owned(),
            b: b.0.to_owned(),
            z: ScoreFloat(pair.z),
            p: ScoreFloat(pair.p),
            p_holm: ScoreFloat(pair.p_holm),
            cliffs_delta: ScoreFloat(cliffs_delta(a.1, b.1).unwrap_or(f64::NAN)),
        }
    });
    StrataTest {
        metric,
        levels: values.iter().zip(scored).map(level).collect(),
        kruskal_wallis,
        untested,
        pairs: pairs.collect(),
    }
}
