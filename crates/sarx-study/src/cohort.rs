//! `cohort.csv`: what is known about every case besides its images.
//!
//! One line per case with the columns of its header; only `case` is required, unknown columns
//! are kept. Fields may be quoted, a byte order mark is ignored, and a file that a spreadsheet
//! wrote with semicolons is read as such.

use crate::{CaseRow, Scores};
use sarx_core::{CaseId, CaseIdError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The column that names the case.
const CASE: &str = "case";

/// The cases of a study with their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    columns: Vec<String>,
    rows: Vec<CohortRow>,
    row_of_case: BTreeMap<CaseId, usize>,
}

/// One line of the cohort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// The case.
    pub case: CaseId,
    /// One value per column, without blanks at their ends.
    pub values: Vec<String>,
}

/// A cohort that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CohortError {
    /// The file cannot be read.
    #[error("cannot read the cohort: \"{}\"", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not text.
    #[error("the cohort is not UTF-8 text (first bad byte at {offset}); save it as \"CSV UTF-8\"")]
    NotUtf8 {
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// A line that is no CSV, or has another number of fields than the header.
    #[error(
        "line {line} of the cohort cannot be read: it has {found} fields but the header has {expected}"
    )]
    Fields {
        /// Line in the file, from 1.
        line: u64,
        /// Fields of the header.
        expected: u64,
        /// Fields of the line.
        found: u64,
    },
    /// A line that the CSV reader refuses for another reason.
    #[error("the cohort cannot be read as CSV")]
    Csv(#[from] csv::Error),
    /// There is no case column.
    #[error("the cohort has no column \"case\"; its header is {}", quoted(.found))]
    NoCaseColumn {
        /// The header.
        found: Vec<String>,
    },
    /// Two columns of one name.
    #[error("the cohort has two columns {column:?}; give each column its own name")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A name that cannot be a case's.
    #[error("line {line} of the cohort has no good case name")]
    Case {
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        source: CaseIdError,
    },
    /// A case on two lines.
    #[error(
        "case \"{case}\" stands on lines {first} and {second} of the cohort; keep one line per case"
    )]
    DuplicateCase {
        /// The case.
        case: CaseId,
        /// Its first line.
        first: u64,
        /// Its second line.
        second: u64,
    },
    /// There is a header at most.
    #[error("the cohort has no cases")]
    NoCases,
    /// A column that is not there.
    #[error("the cohort has no column {column:?}; its columns are {}", quoted(.known))]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Scored cases that the cohort does not know.
    #[error("{} of {n_scored} scored cases are not in the cohort: {}", .missing.len(), quoted(.missing))]
    UnknownCases {
        /// Their names.
        missing: Vec<String>,
        /// Number of scored cases.
        n_scored: usize,
    },
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Cohort {
    /// Reads a cohort file.
    ///
    /// # Errors
    ///
    /// [`CohortError`] with the line of the first fault.
    pub fn read(path: &Path) -> Result<Self, CohortError> {
        let bytes = std::fs::read(path).map_err(|source| CohortError::File {
            path: path.to_owned(),
            source,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|error| CohortError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        Self::parse(text)
    }

    /// Reads a cohort from text.
    ///
    /// # Errors
    ///
    /// As [`Cohort::read`].
    pub fn parse(text: &str) -> Result<Self, CohortError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head = text.lines().next().unwrap_or_default();
        let delimiter = if head.contains(';') && !head.contains(',') {
            b';'
        } else {
            b','
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let repeated = (1..columns.len()).find(|&at| columns[..at].contains(&columns[at]));
        if let Some(at) = repeated {
            return Err(CohortError::DuplicateColumn {
                column: columns[at].clone(),
            });
        }
        let Some(case_column) = columns.iter().position(|column| column == CASE) else {
            return Err(CohortError::NoCaseColumn { found: columns });
        };
        let mut cohort = Self {
            columns,
            rows: Vec::new(),
            row_of_case: BTreeMap::new(),
        };
        for record in reader.records() {
            cohort.push(&record.map_err(unequal_fields)?, case_column)?;
        }
        if cohort.rows.is_empty() {
            Err(CohortError::NoCases)
        } else {
            Ok(cohort)
        }
    }

    fn push(&mut self, record: &csv::StringRecord, case_column: usize) -> Result<(), CohortError> {
        let line = record.position().map_or(0, csv::Position::line);
        let case = CaseId::new(&record[case_column])
            .map_err(|source| CohortError::Case { line, source })?;
        if let Some(&first) = self.row_of_case.get(&case) {
            let first = self.rows[first].line;
            return Err(CohortError::DuplicateCase {
                case,
                first,
                second: line,
            });
        }
        self.row_of_case.insert(case.clone(), self.rows.len());
        let values = record.iter().map(str::to_owned).collect();
        self.rows.push(CohortRow { line, case, values });
        Ok(())
    }

    /// The names of the columns, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The lines, in the order of the file.
    #[must_use]
    pub fn rows(&self) -> &[CohortRow] {
        &self.rows
    }

    /// The line of a case.
    #[must_use]
    pub fn row(&self, case: &CaseId) -> Option<&CohortRow> {
        self.row_of_case.get(case).map(|&at| &self.rows[at])
    }

    /// Gives scored cases their values of some columns.
    ///
    /// # Errors
    ///
    /// - [`CohortError::UnknownColumn`] if the cohort lacks a column.
    /// - [`CohortError::UnknownCases`] names every scored case that the cohort lacks.
    pub fn join(
        &self,
        scored: &[(CaseId, Scores)],
        columns: &[String],
    ) -> Result<Vec<CaseRow>, CohortError> {
        let position = |column: &String| {
            self.columns
                .iter()
                .position(|known| known == column)
                .ok_or_else(|| CohortError::UnknownColumn {
                    column: column.clone(),
                    known: self.columns.clone(),
                })
        };
        let positions: Vec<usize> = columns.iter().map(position).collect::<Result<_, _>>()?;
        let mut missing = Vec::new();
        let mut rows = Vec::new();
        for (case, scores) in scored {
            let Some(row) = self.row(case) else {
                missing.push(case.to_string());
                continue;
            };
            let values = positions.iter().map(|&at| row.values[at].clone());
            let strata = columns.iter().cloned().zip(values).collect();
            rows.push(CaseRow {
                case: case.to_string(),
                strata,
                scores: *scores,
            });
        }
        if missing.is_empty() {
            Ok(rows)
        } else {
            Err(CohortError::UnknownCases {
                missing,
                n_scored: scored.len(),
            })
        }
    }
}

/// Says which line has too many or too few fields.
fn unequal_fields(error: csv::Error) -> CohortError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => CohortError::Fields {
            line: pos.as_ref().map_or(0, csv::Position::line),
            expected: *expected_len,
            found: *len,
        },
        _ => CohortError::Csv(error),
    }
}

#[cfg(test)]
mod tests;
