//! Tables of scores overall and by stratum.
//!
//! A stratum is the cases that share their values of one or more cohort columns (site,
//! histology, both). Every table says how many cases each line stands for, keeps missed
//! lesions as the worst value, and marks lines of fewer than [`FEW_CASES`] cases.

use crate::{CaseRow, Finding, Measure};
use sarx_metrics::{Spread, group_by};

mod text;

pub use text::{STRATA_SCHEMA_VERSION, StrataDocument, StrataRow, StrataScore};

/// Lines of fewer cases are marked: their medians say little. Ours, after the advice for
/// stratified cells of small cohorts.
pub const FEW_CASES: usize = 10;

/// What stands in the place of a stratum value that a case does not have.
pub const NOT_GIVEN: &str = "(not given)";

/// One line of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Stratum {
    /// Values of the table's columns; empty in the overall table.
    pub values: Vec<String>,
    /// Number of cases.
    pub n_cases: usize,
    /// Cases whose prediction is empty but whose reference is not.
    pub n_missed: usize,
    /// Cases whose prediction lies somewhere else altogether.
    pub n_no_overlap: usize,
    /// Cases whose prediction is not empty but whose reference is.
    pub n_false_alarm: usize,
    /// Location and spread of every measure, in the order of [`Measure::ALL`].
    pub spreads: Vec<(Measure, Spread)>,
}

/// The cases summarized by one or more columns.
#[derive(Debug, Clone, PartialEq)]
pub struct StrataTable {
    /// The columns that make the strata; none for the overall table.
    pub columns: Vec<String>,
    /// One line per stratum that has cases, in the order of their values.
    pub strata: Vec<Stratum>,
}

/// A table that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrataError {
    /// There are no cases.
    #[error("there is no scored case to summarize")]
    NoCases,
    /// No case has a column.
    #[error("no case has the column {column:?}; columns are {}", .known.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>().join(", "))]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl Stratum {
    /// Whether the line stands for fewer than [`FEW_CASES`] cases.
    #[must_use]
    pub fn is_few(&self) -> bool {
        self.n_cases < FEW_CASES
    }

    /// Location and spread of one measure.
    #[must_use]
    pub fn spread(&self, measure: Measure) -> &Spread {
        &self.spreads[measure.index()].1
    }

    fn of(values: Vec<String>, cases: &[&CaseRow]) -> Self {
        let count = |finding| cases.iter().filter(|c| c.scores.finding == finding).count();
        let spread = |measure| Spread::of(cases.iter().map(|case| case.scores.get(measure)));
        Self {
            values,
            n_cases: cases.len(),
            n_missed: count(Finding::Missed),
            n_no_overlap: count(Finding::NoOverlap),
            n_false_alarm: count(Finding::FalseAlarm),
            spreads: Measure::ALL
                .into_iter()
                .map(|measure| (measure, spread(measure)))
                .collect(),
        }
    }
}

impl StrataTable {
    /// Summarizes cases by the values of some columns; by none of them, all cases are one line.
    ///
    /// # Errors
    ///
    /// - [`StrataError::NoCases`] if there are none.
    /// - [`StrataError::UnknownColumn`] if no case at all has one of the columns.
    pub fn new(cases: &[CaseRow], columns: &[String]) -> Result<Self, StrataError> {
        if cases.is_empty() {
            return Err(StrataError::NoCases);
        }
        for column in columns {
            if cases.iter().all(|case| case.stratum(column).is_none()) {
                let mut known: Vec<String> = cases
                    .iter()
                    .flat_map(|c| &c.strata)
                    .map(|(name, _)| name.clone())
                    .collect();
                known.sort_unstable();
                known.dedup();
                return Err(StrataError::UnknownColumn {
                    column: column.clone(),
                    known,
                });
            }
        }
        let values = |case: &CaseRow| -> Vec<String> {
            columns
                .iter()
                .map(|column| stratum_value(case, column).to_owned())
                .collect()
        };
        let strata = group_by(cases, values)
            .into_iter()
            .map(|(values, cases)| Stratum::of(values, &cases))
            .collect();
        Ok(Self {
            columns: columns.to_vec(),
            strata,
        })
    }
}

/// The value of a column, with a word for what is absent or blank.
pub(crate) fn stratum_value<'a>(case: &'a CaseRow, column: &str) -> &'a str {
    case.stratum(column)
        .filter(|value| !value.is_empty())
        .unwrap_or(NOT_GIVEN)
}

#[cfg(test)]
mod tests;
