//! The patients that all compared models have.

use super::{Cases, StudyFacts, StudyMetric};
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable};
use std::collections::BTreeMap;

/// One row per patient and model on the common grid, without gaps.
pub(super) struct Paired<'a> {
    /// The compared models, in the order of the study.
    pub(super) models: Vec<&'a str>,
    /// Models without any scored case here.
    pub(super) left_out: Vec<&'a str>,
    /// Patients of the group.
    pub(super) n_patients: usize,
    /// Patients without a row of at least one compared model.
    pub(super) n_missing: usize,
    /// Patients who have all rows, but one or more failed.
    pub(super) n_failed: usize,
    /// For each patient that is left, by name, a scored row per model.
    rows: Vec<Vec<&'a ScoreRow>>,
}

/// The values of one metric for those patients who have one of every model.
pub(super) struct Columns {
    /// One column per model; patients in the same order.
    pub(super) by_model: Vec<Vec<f64>>,
    /// Patients.
    pub(super) n: usize,
    /// Patients left out because the metric is undefined for a model.
    pub(super) n_undefined: usize,
}

impl<'a> Paired<'a> {
    pub(super) fn new(scores: &'a ScoreTable, facts: &'a StudyFacts, cases: &Cases) -> Self {
        let mut by_patient: BTreeMap<&str, BTreeMap<&str, &ScoreRow>> = BTreeMap::new();
        for row in scores.rows().iter().filter(|row| cases.hold(row)) {
            // A patient with native rows only is one of the group all the same.
            let of = by_patient.entry(&row.patient).or_default();
            if row.grid == ScoreGrid::Common {
                of.insert(&row.model, row);
            }
        }
        let is_scored = |model: &str| {
            by_patient
                .values()
                .any(|rows| rows.get(model).is_some_and(|row| !row.is_failed()))
        };
        let names = facts.models.iter().map(|model| model.name.as_str());
        let (models, left_out): (Vec<&str>, Vec<&str>) = names.partition(|name| is_scored(name));
        let mut paired = Self {
            models,
            left_out,
            n_patients: by_patient.len(),
            n_missing: 0,
            n_failed: 0,
            rows: Vec::new(),
        };
        for rows in by_patient.values() {
            let own: Option<Vec<&ScoreRow>> = paired
                .models
                .iter()
                .map(|name| rows.get(name).copied())
                .collect();
            match own {
                None => paired.n_missing += 1,
                Some(own) if own.iter().any(|row| row.is_failed()) => paired.n_failed += 1,
                Some(own) => paired.rows.push(own),
            }
        }
        paired
    }

    /// Patients that are compared.
    pub(super) fn n(&self) -> usize {
        if self.models.is_empty() {
            0
        } else {
            self.rows.len()
        }
    }

    pub(super) fn columns(&self, metric: StudyMetric) -> Columns {
        let values = self.rows.iter().map(|rows| {
            let of = rows.iter().map(|row| metric.of(row));
            of.collect::<Vec<f64>>()
        });
        let (defined, undefined): (Vec<_>, Vec<_>) =
            values.partition(|values| values.iter().all(|value| !value.is_nan()));
        Columns {
            by_model: (0..self.models.len())
                .map(|at| defined.iter().map(|values| values[at]).collect())
                .collect(),
            n: defined.len(),
            n_undefined: undefined.len(),
        }
    }
}
