//! The main table: every model by every score, over all cases and by stratum and histology.

use super::group::{histologies, populations, sets, strata};
use super::{CONFIDENCE, Cases, Group, Population, StudyFacts, StudyMetric};
use crate::Finding;
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable};
use rayon::prelude::*;
use sarx_metrics::stats::mean_bca;
use sarx_metrics::{ScoreFloat, Spread};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One model on one grid in one group of cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Which cases.
    #[serde(flatten)]
    pub cases: Cases,
    /// The grid of the comparison.
    pub grid: ScoreGrid,
    /// The model.
    pub model: String,
    /// Patients of the group with a row of this model on this grid.
    pub n_patients: usize,
    /// Patients of the group without one.
    pub n_missing: usize,
    /// Rows; more than patients where a model has several cases of a patient.
    pub n_cases: usize,
    /// Of those, cases that could not be predicted.
    pub n_failed: usize,
    /// Cases with an empty prediction of a lesion.
    pub n_missed: usize,
    /// Cases whose prediction shares no voxel with the lesion.
    pub n_no_overlap: usize,
    /// Cases with a prediction where there is no lesion.
    pub n_false_alarm: usize,
    /// Whether fewer cases were scored than can carry a median.
    pub few: bool,
    /// One per metric, in the order of [`StudyMetric::ALL`].
    pub cells: Vec<SummaryCell>,
}

/// Location and spread of one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryCell {
    /// The score.
    pub metric: StudyMetric,
    /// Cases with a value, infinite ones included.
    pub n: usize,
    /// Scored cases without a value.
    pub n_undefined: usize,
    /// Cases with an infinite value; left out of the mean, the worst in all else.
    pub n_infinite: usize,
    /// Whether there are fewer values than can carry a median.
    pub few: bool,
    /// Median.
    pub median: ScoreFloat,
    /// First quartile.
    pub q1: ScoreFloat,
    /// Third quartile.
    pub q3: ScoreFloat,
    /// Lower end of the interval of the median from order statistics; null below six cases.
    pub median_low: ScoreFloat,
    /// Its upper end.
    pub median_high: ScoreFloat,
    /// Mean of the finite values.
    pub mean: ScoreFloat,
    /// Lower end of the BCa interval of that mean; null where there is none.
    pub mean_low: ScoreFloat,
    /// Its upper end.
    pub mean_high: ScoreFloat,
}

impl SummaryRow {
    /// One cell.
    #[must_use]
    pub fn cell(&self, metric: StudyMetric) -> Option<&SummaryCell> {
        self.cells.iter().find(|cell| cell.metric == metric)
    }
}

/// Which rows there are, without their numbers.
struct Place<'a> {
    cases: Cases,
    grid: ScoreGrid,
    model: &'a str,
}

/// All rows: by set, grid, population, group and model.
pub(super) fn summaries(scores: &ScoreTable, facts: &StudyFacts) -> Vec<SummaryRow> {
    let mut places = Vec::new();
    for set in sets(scores) {
        for grid in ScoreGrid::ALL {
            let any = |row: &ScoreRow| row.set == set && row.grid == grid;
            if !scores.rows().iter().any(any) {
                continue;
            }
            for population in populations(scores, set) {
                let of = |group| Cases {
                    set,
                    population,
                    group,
                };
                let mut groups = vec![Group::All];
                groups.extend(strata(scores, facts, set));
                if population == Population::All {
                    groups.extend(histologies(scores, &of(Group::All)));
                }
                for group in groups {
                    places.extend(facts.models.iter().map(|model| Place {
                        cases: of(group.clone()),
                        grid,
                        model: &model.name,
                    }));
                }
            }
        }
    }
    places
        .par_iter()
        .map(|place| summary(scores, facts, place))
        .collect()
}

fn summary(scores: &ScoreTable, facts: &StudyFacts, place: &Place<'_>) -> SummaryRow {
    let rows = place.cases.rows(scores, place.model, place.grid);
    let count = |finding| rows.iter().filter(|r| r.finding() == Some(finding)).count();
    let patients: BTreeSet<&str> = rows.iter().map(|row| row.patient.as_str()).collect();
    let n_failed = rows.iter().filter(|row| row.is_failed()).count();
    SummaryRow {
        cases: place.cases.clone(),
        grid: place.grid,
        model: place.model.to_owned(),
        n_patients: patients.len(),
        n_missing: place.cases.patients(scores).len() - patients.len(),
        n_cases: rows.len(),
        n_failed,
        n_missed: count(Finding::Missed),
        n_no_overlap: count(Finding::NoOverlap),
        n_false_alarm: count(Finding::FalseAlarm),
        few: rows.len() - n_failed < facts.few_cases,
        cells: StudyMetric::ALL
            .iter()
            .map(|&metric| cell(&rows, metric, facts))
            .collect(),
    }
}

fn cell(rows: &[&ScoreRow], metric: StudyMetric, facts: &StudyFacts) -> SummaryCell {
    let scored = rows.iter().filter(|row| !row.is_failed());
    let values: Vec<f64> = scored.map(|row| metric.of(row)).collect();
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let spread = Spread::of(values);
    // Fewer than two values have no interval; their mean is told all the same.
    let (draws, seed) = (facts.bootstrap_draws, facts.bootstrap_seed);
    let interval = mean_bca(&finite, draws, seed, CONFIDENCE).ok();
    let low = spread.median_interval.map_or(f64::NAN, |i| i.low);
    let high = spread.median_interval.map_or(f64::NAN, |i| i.high);
    SummaryCell {
        metric,
        n: spread.n,
        n_undefined: spread.n_undefined,
        n_infinite: spread.n_infinite,
        few: spread.n < facts.few_cases,
        median: ScoreFloat(spread.median),
        q1: ScoreFloat(spread.q1),
        q3: ScoreFloat(spread.q3),
        median_low: ScoreFloat(low),
        median_high: ScoreFloat(high),
        mean: ScoreFloat(finite.iter().sum::<f64>() / finite.len() as f64),
        mean_low: ScoreFloat(interval.as_ref().map_or(f64::NAN, |i| i.low)),
        mean_high: ScoreFloat(interval.as_ref().map_or(f64::NAN, |i| i.high)),
    }
}
