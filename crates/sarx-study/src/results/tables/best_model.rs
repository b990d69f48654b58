//! The best model in each stratum: what the heat map shows.

use super::{Cases, ModelComparison, ModelLevel, StudyMetric};
use sarx_metrics::ScoreFloat;
use serde::{Deserialize, Serialize};

/// The models in one group of patients by one score, on the patients that all of them have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestModel {
    /// Which patients.
    #[serde(flatten)]
    pub cases: Cases,
    /// The score.
    pub metric: StudyMetric,
    /// Patients that are compared.
    pub n: usize,
    /// Patients of the group that are not, since a model has no row, failed or has no value.
    pub n_left_out: usize,
    /// Whether fewer are compared than can carry a median.
    pub few: bool,
    /// The models, the best median first; equal ones by their mean ranks.
    pub best_first: Vec<ModelLevel>,
    /// The p-value, by Holm over all pairs, of the best against the second; null without a second.
    pub p_holm_best_second: ScoreFloat,
}

impl BestModel {
    /// The best model, if any patient is compared.
    #[must_use]
    pub fn best(&self) -> Option<&ModelLevel> {
        self.best_first.first().filter(|_| self.n > 0)
    }
}

/// One per comparison and metric.
pub(super) fn best_models(comparisons: &[ModelComparison], few_cases: usize) -> Vec<BestModel> {
    let of_one = |comparison: &ModelComparison| {
        let of_metric = |by: &super::MetricComparison| {
            let best_first: Vec<ModelLevel> = by.best_first().into_iter().cloned().collect();
            let pair = match &best_first[..] {
                [best, second, ..] => by.pair(&best.model, &second.model),
                _ => None,
            };
            BestModel {
                cases: comparison.cases.clone(),
                metric: by.metric,
                n: by.n,
                n_left_out: comparison.n_patients - by.n,
                few: by.n < few_cases,
                p_holm_best_second: pair.map_or(ScoreFloat(f64::NAN), |pair| pair.p_holm),
                best_first,
            }
        };
        comparison.metrics.iter().map(of_metric).collect::<Vec<_>>()
    };
    comparisons.iter().flat_map(of_one).collect()
}
