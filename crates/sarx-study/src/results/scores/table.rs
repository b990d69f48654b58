//! The rows together, and what must hold between them.

use super::{Outcome, ScoreFileError, ScoreGrid, ScoreRow};
use crate::{Better, Finding, Measure};
use std::collections::BTreeMap;

/// Checked rows: no case twice, no patient with two histologies.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    rows: Vec<ScoreRow>,
}

impl ScoreTable {
    /// Checks rows and keeps them in their order. Lines in faults are those of the file that
    /// [`ScoreTable::to_csv`] would write of them.
    ///
    /// # Errors
    ///
    /// [`ScoreFileError`]: no rows, a value out of its range, a case that stands twice for its model
    /// and grid, a patient who differs between rows.
    pub fn new(rows: Vec<ScoreRow>) -> Result<Self, ScoreFileError> {
        let lines = (2..).take(rows.len()).collect();
        Self::at_lines(rows, lines)
    }

    /// The tables of several models as one.
    ///
    /// # Errors
    ///
    /// As [`ScoreTable::new`], for what the tables are to each other.
    pub fn join(tables: impl IntoIterator<Item = Self>) -> Result<Self, ScoreFileError> {
        Self::new(tables.into_iter().flat_map(|table| table.rows).collect())
    }

    /// Checks rows that stand on known lines of a file.
    pub(super) fn at_lines(rows: Vec<ScoreRow>, lines: Vec<u64>) -> Result<Self, ScoreFileError> {
        if rows.is_empty() {
            return Err(ScoreFileError::NoRows);
        }
        let mut cases = BTreeMap::new();
        let mut on_common = BTreeMap::new();
        let mut patients: BTreeMap<&str, (u64, &ScoreRow)> = BTreeMap::new();
        for (row, line) in rows.iter().zip(lines) {
            check_values(row, line)?;
            let (first_line, first) = *patients.entry(&row.patient).or_insert((line, row));
            check_patient((first_line, first), (line, row))?;
            let case = (&row.model, &row.case, row.grid);
            if let Some(first) = cases.insert(case, line) {
                return Err(ScoreFileError::Twice {
                    model: row.model.clone(),
                    case: row.case.clone(),
                    grid: row.grid.name(),
                    first,
                    second: line,
                });
            }
            if row.grid != ScoreGrid::Common {
                continue;
            }
            if let Some(first) = on_common.insert((&row.model, &row.patient), line) {
                return Err(ScoreFileError::PatientTwice {
                    model: row.model.clone(),
                    patient: row.patient.clone(),
                    first,
                    second: line,
                });
            }
        }
        Ok(Self { rows })
    }

    /// The rows, in the order of the file.
    #[must_use]
    pub fn rows(&self) -> &[ScoreRow] {
        &self.rows
    }

    /// The models, in the order in which they first stand.
    #[must_use]
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !models.contains(&row.model.as_str()) {
                models.push(&row.model);
            }
        }
        models
    }

    /// The same rows by patient, case, model and grid.
    pub(crate) fn sorted(&self) -> Self {
        let mut rows = self.rows.clone();
        rows.sort_by(|a, b| {
            let key = |row: &ScoreRow| (row.set, row.grid);
            (&a.patient, &a.case, &a.model, key(a)).cmp(&(&b.patient, &b.case, &b.model, key(b)))
        });
        Self { rows }
    }

    /// How many cases could not be predicted.
    #[must_use]
    pub fn n_failed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_failed()).count()
    }
}

/// What a score may be.
pub(super) fn range(measure: Measure) -> &'static str {
    match measure.better() {
        Better::Higher => "a number from 0 to 1, or nothing",
        Better::Lower => "a distance in mm, zero or more, `inf` for a missed lesion, or nothing",
        Better::Neither => "a volume in ml, zero or more, or nothing",
    }
}

fn is_in_range(measure: Measure, value: f64) -> bool {
    match measure.better() {
        _ if value.is_nan() => true,
        Better::Higher => (0.0..=1.0).contains(&value),
        Better::Lower => value >= 0.0,
        Better::Neither => value >= 0.0 && value.is_finite(),
    }
}

fn check_values(row: &ScoreRow, line: u64) -> Result<(), ScoreFileError> {
    let fault = |column, found: String, expected: &str| ScoreFileError::Value {
        line,
        column,
        found,
        expected: expected.to_owned(),
    };
    for (column, text) in [
        ("model", &row.model),
        ("patient", &row.patient),
        ("case", &row.case),
    ] {
        if text.is_empty() {
            return Err(fault(column, String::new(), "a name"));
        }
    }
    match (row.set, row.fold) {
        (super::StudySet::CrossValidation, None) => {
            let expected = "the number of the fold, since the set is cross_validation";
            return Err(fault("fold", String::new(), expected));
        }
        (super::StudySet::External, Some(fold)) => {
            let expected = "nothing, since the set is external";
            return Err(fault("fold", fold.to_string(), expected));
        }
        _ => {}
    }
    let Outcome::Scored { scores, lesions } = &row.outcome else {
        return Ok(());
    };
    for measure in Measure::ALL {
        let value = scores.get(measure);
        if !is_in_range(measure, value) {
            return Err(fault(measure.name(), value.to_string(), range(measure)));
        }
    }
    // A missed lesion has no finite distance; neither has a false alarm.
    let one_is_empty = matches!(scores.finding, Finding::Missed | Finding::FalseAlarm);
    for measure in [Measure::Hd95Mm, Measure::AssdMm] {
        let value = scores.get(measure);
        if one_is_empty && value.is_finite() {
            let expected = "`inf`, since one of the two masks is empty";
            return Err(fault(measure.name(), value.to_string(), expected));
        }
    }
    if let Some(lesions) = lesions {
        if lesions.found > lesions.reference {
            let expected = format!("at most lesions_ref, {}", lesions.reference);
            return Err(fault("lesions_found", lesions.found.to_string(), &expected));
        }
        if lesions.false_alarms > lesions.predicted {
            let expected = format!("at most lesions_pred, {}", lesions.predicted);
            let found = lesions.false_alarms.to_string();
            return Err(fault("lesions_false", found, &expected));
        }
    }
    Ok(())
}

/// What belongs to a patient is the same in every row: also the fold, or a score would be one of
/// the training.
fn check_patient(
    (first, expected): (u64, &ScoreRow),
    (line, found): (u64, &ScoreRow),
) -> Result<(), ScoreFileError> {
    let fold = |row: &ScoreRow| row.fold.map_or_else(String::new, |fold| fold.to_string());
    let of = |row: &ScoreRow| {
        [
            ("set", row.set.name().to_owned()),
            ("fold", fold(row)),
            ("site", row.site.clone()),
            ("stratum", row.stratum.clone()),
            ("histology", row.histology.clone()),
            ("benign", row.benign.to_string()),
        ]
    };
    let differing = of(expected)
        .into_iter()
        .zip(of(found))
        .find(|((_, expected), (_, found))| expected != found);
    match differing {
        None => Ok(()),
        Some(((column, expected), (_, here))) => Err(ScoreFileError::Differs {
            line,
            column,
            patient: found.patient.clone(),
            found: here,
            expected,
            first,
        }),
    }
}
