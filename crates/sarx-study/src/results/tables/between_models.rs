//! Whether models differ, on the patients that all of them have.

use super::group::{populations, sets, strata};
use super::model_tests::by_metric;
use super::paired::Paired;
use super::{Cases, Group, StudyFacts, StudyMetric};
use crate::results::scores::ScoreTable;
use rayon::prelude::*;
use sarx_metrics::ScoreFloat;
use serde::{Deserialize, Serialize};

/// The comparison of all models in one group of patients, on the common grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelComparison {
    /// Which patients.
    #[serde(flatten)]
    pub cases: Cases,
    /// The compared models, in the order of the study.
    pub models: Vec<String>,
    /// Models that no patient here was scored with; not compared.
    pub left_out: Vec<String>,
    /// Patients of the group.
    pub n_patients: usize,
    /// Of those, patients that all compared models have a score of.
    pub n_compared: usize,
    /// Patients without a row of at least one compared model.
    pub n_missing: usize,
    /// Patients whom at least one compared model could not predict, of those with all rows.
    pub n_failed: usize,
    /// Whether fewer patients are compared than can carry a test.
    pub few: bool,
    /// One per metric, in the order of [`StudyMetric::ALL`].
    pub metrics: Vec<MetricComparison>,
}

/// The comparison by one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// The score.
    pub metric: StudyMetric,
    /// Patients in the tests.
    pub n: usize,
    /// Compared patients of whom a model's score is undefined.
    pub n_undefined: usize,
    /// Each model on these patients.
    pub levels: Vec<ModelLevel>,
    /// Whether any model differs; none for fewer than three models or two patients.
    pub friedman: Option<FriedmanTest>,
    /// Why there is no such test.
    pub untested: Option<String>,
    /// Every pair of models, in the order of the study.
    pub pairs: Vec<PairTest>,
}

/// One model on the compared patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelLevel {
    /// The model.
    pub model: String,
    /// Median.
    pub median: ScoreFloat,
    /// First quartile.
    pub q1: ScoreFloat,
    /// Third quartile.
    pub q3: ScoreFloat,
    /// Mean of the finite values.
    pub mean: ScoreFloat,
    /// Patients with an infinite value, which the mean leaves out.
    pub n_infinite: usize,
    /// Mean rank among the models, 1 for the best; patients weigh alike.
    pub mean_rank: ScoreFloat,
}

/// Friedman's test with the correction of Iman and Davenport.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FriedmanTest {
    /// Friedman's statistic, corrected for ties.
    pub chi_squared: ScoreFloat,
    /// Iman and Davenport's F.
    pub f: ScoreFloat,
    /// Degrees of freedom of F.
    pub degrees: [usize; 2],
    /// The p-value of F.
    pub p: ScoreFloat,
}

/// Wilcoxon's signed-rank test of two models; differences are the first minus the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairTest {
    /// The first model.
    pub a: String,
    /// The second model.
    pub b: String,
    /// Patients.
    pub n: usize,
    /// Patients with equal scores; Pratt's method ranks them and leaves them out of the sums.
    pub n_equal: usize,
    /// Hodges and Lehmann's estimate of the difference, over the patients with two finite scores.
    pub difference: ScoreFloat,
    /// Patients whose difference is not finite, and left out of that estimate.
    pub n_infinite: usize,
    /// Matched-pairs rank-biserial correlation: from -1 (the second is always larger) to 1.
    pub rank_biserial: ScoreFloat,
    /// The p-value; 1 if no patient differs, null without patients.
    pub p: ScoreFloat,
    /// The p-value by Holm over the pairs of this score.
    pub p_holm: ScoreFloat,
}

impl ModelComparison {
    /// The comparison by one score.
    #[must_use]
    pub fn metric(&self, metric: StudyMetric) -> Option<&MetricComparison> {
        self.metrics.iter().find(|found| found.metric == metric)
    }
}

impl MetricComparison {
    /// The pair of two models, in either order.
    #[must_use]
    pub fn pair(&self, one: &str, other: &str) -> Option<&PairTest> {
        self.pairs
            .iter()
            .find(|pair| [(one, other), (other, one)].contains(&(&pair.a, &pair.b)))
    }

    /// The models by their medians, the best first; equal ones by their mean ranks.
    #[must_use]
    pub fn best_first(&self) -> Vec<&ModelLevel> {
        let mut levels: Vec<&ModelLevel> = self.levels.iter().collect();
        let badness = |value: f64| match self.metric.better() {
            crate::Better::Higher => -value,
            _ => value,
        };
        levels.sort_by(|a, b| {
            badness(a.median.0)
                .total_cmp(&badness(b.median.0))
                .then_with(|| a.mean_rank.0.total_cmp(&b.mean_rank.0))
        });
        levels
    }
}

/// By set, population and group: all, and each stratum.
pub(super) fn between_models(scores: &ScoreTable, facts: &StudyFacts) -> Vec<ModelComparison> {
    let mut places = Vec::new();
    for set in sets(scores) {
        for population in populations(scores, set) {
            let groups = std::iter::once(Group::All).chain(strata(scores, facts, set));
            places.extend(groups.map(|group| Cases {
                set,
                population,
                group,
            }));
        }
    }
    places
        .into_par_iter()
        .map(|cases| comparison(scores, facts, cases))
        .collect()
}

fn comparison(scores: &ScoreTable, facts: &StudyFacts, cases: Cases) -> ModelComparison {
    let paired = Paired::new(scores, facts, &cases);
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    ModelComparison {
        cases,
        models: owned(&paired.models),
        left_out: owned(&paired.left_out),
        n_patients: paired.n_patients,
        n_compared: paired.n(),
        n_missing: paired.n_missing,
        n_failed: paired.n_failed,
        few: paired.n() < facts.few_cases,
        metrics: StudyMetric::ALL
            .par_iter()
            .map(|&metric| by_metric(&paired, metric))
            .collect(),
    }
}
