//! Whether lesions are found at all.

use super::group::{sets, strata};
use super::{CONFIDENCE, Cases, Group, Population, StudyFacts};
use crate::Finding;
use crate::results::scores::{LesionCounts, ScoreGrid, ScoreTable};
use sarx_metrics::ScoreFloat;
use sarx_metrics::stats::wilson;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Lesions and patients of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionRow {
    /// Which cases.
    #[serde(flatten)]
    pub cases: Cases,
    /// The grid of the comparison.
    pub grid: ScoreGrid,
    /// The model.
    pub model: String,
    /// Patients of the group with a row of this model.
    pub n_patients: usize,
    /// Patients of the group without one.
    pub n_missing: usize,
    /// Rows.
    pub n_cases: usize,
    /// Of those, cases that could not be predicted.
    pub n_failed: usize,
    /// Scored cases whose lesions were not counted.
    pub n_uncounted: usize,
    /// Lesions of the reference.
    pub lesions_ref: usize,
    /// Lesions of the reference that no predicted voxel touches.
    pub lesions_missed: usize,
    /// Lesions of the prediction.
    pub lesions_pred: usize,
    /// Lesions of the prediction that touch none of the reference.
    pub lesions_false: usize,
    /// Lesions found, of those of the reference.
    pub found: Share,
    /// True lesions, of those of the prediction.
    pub correct: Share,
    /// Scored cases of which no voxel of the lesion was found, of those with a lesion.
    pub complete_misses: Share,
    /// Whether fewer cases were scored than can carry a rate.
    pub few: bool,
}

/// A share with Wilson's 95 % interval. Lesions are counted as independent, which several lesions
/// of one patient are not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The share; null of nothing.
    pub share: ScoreFloat,
    /// Lower end of the interval.
    pub low: ScoreFloat,
    /// Its upper end.
    pub high: ScoreFloat,
}

impl Share {
    /// The share of some among all.
    #[must_use]
    pub fn new(count: usize, of: usize) -> Self {
        let interval = wilson(count, of, CONFIDENCE).ok();
        Self {
            count,
            of,
            share: ScoreFloat(count as f64 / of as f64),
            low: ScoreFloat(interval.as_ref().map_or(f64::NAN, |i| i.low)),
            high: ScoreFloat(interval.as_ref().map_or(f64::NAN, |i| i.high)),
        }
    }
}

/// By set, grid, group and model.
pub(super) fn detection(scores: &ScoreTable, facts: &StudyFacts) -> Vec<DetectionRow> {
    let mut table = Vec::new();
    for set in sets(scores) {
        for grid in ScoreGrid::ALL {
            let held = |row: &&crate::results::scores::ScoreRow| row.set == set && row.grid == grid;
            if scores.rows().iter().find(held).is_none() {
                continue;
            }
            for group in std::iter::once(Group::All).chain(strata(scores, facts, set)) {
                let cases = Cases {
                    set,
                    population: Population::All,
                    group,
                };
                table.extend(
                    facts
                        .models
                        .iter()
                        .map(|model| row(scores, facts, &cases, grid, &model.name)),
                );
            }
        }
    }
    table
}

fn row(
    scores: &ScoreTable,
    facts: &StudyFacts,
    cases: &Cases,
    grid: ScoreGrid,
    model: &str,
) -> DetectionRow {
    let rows = cases.rows(scores, model, grid);
    let patients: BTreeSet<&str> = rows.iter().map(|row| row.patient.as_str()).collect();
    let n_failed = rows.iter().filter(|row| row.is_failed()).count();
    let n_scored = rows.len() - n_failed;
    let counted: Vec<LesionCounts> = rows.iter().filter_map(|row| row.lesions()).collect();
    let sum = |of: fn(&LesionCounts) -> usize| counted.iter().map(of).sum::<usize>();
    let (lesions_ref, found) = (sum(|l| l.reference), sum(|l| l.found));
    let (lesions_pred, lesions_false) = (sum(|l| l.predicted), sum(|l| l.false_alarms));
    let came_to = |findings: &[Finding]| {
        let is = |finding: Option<Finding>| finding.is_some_and(|f| findings.contains(&f));
        rows.iter().filter(|row| is(row.finding())).count()
    };
    let nothing_found = [Finding::Missed, Finding::NoOverlap];
    DetectionRow {
        cases: cases.clone(),
        grid,
        model: model.to_owned(),
        n_patients: patients.len(),
        n_missing: cases.patients(scores).len() - patients.len(),
        n_cases: rows.len(),
        n_failed,
        n_uncounted: n_scored - counted.len(),
        lesions_ref,
        lesions_missed: lesions_ref - found,
        lesions_pred,
        lesions_false,
        found: Share::new(found, lesions_ref),
        correct: Share::new(lesions_pred - lesions_false, lesions_pred),
        complete_misses: Share::new(
            came_to(&nothing_found),
            came_to(&nothing_found) + came_to(&[Finding::Overlap]),
        ),
        few: n_scored < facts.few_cases,
    }
}
