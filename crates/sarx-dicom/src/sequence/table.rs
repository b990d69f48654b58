//! The table in which a user sees what was recognized and overrules it.
//!
//! A CSV file with one row per series; the user edits `weighting`, `fat_suppressed`, `contrast`,
//! `plane` or `use` in any spreadsheet. Rows are found again by the UID of their series.

use super::{Certainty, Plane, Recognized, Weighting};
use sarx_io::write_atomic;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const COLUMNS: [&str; 9] = [
    "series_uid",
    "stack",
    "use",
    "weighting",
    "fat_suppressed",
    "contrast",
    "plane",
    "confidence",
    "evidence",
];

/// One series (or one stack of it) in the table.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceRow {
    /// UID of the series.
    pub series_uid: String,
    /// Number of the stack in the series, from 0.
    pub stack: usize,
    /// Whether it is imported.
    pub used: bool,
    /// What it is, or what the user says it is.
    pub recognized: Recognized,
}

/// All rows, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SequenceTable {
    /// The rows.
    pub rows: Vec<SequenceRow>,
}

/// A table that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequenceTableError {
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// The file cannot be read, or is no CSV.
    #[error("cannot read the table ({source}): {path:?}")]
    Read {
        /// What the reader said.
        source: csv::Error,
        /// Where.
        path: PathBuf,
    },
    /// A column is missing.
    #[error("the table has no column {column:?}: {path:?}")]
    Column {
        /// Its name.
        column: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// A value that a column does not know.
    #[error("line {line}: {column} is {found:?}; expected {expected}: {path:?}")]
    Value {
        /// Line of the file, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there, shortened.
        found: String,
        /// What may stand there.
        expected: String,
        /// Where.
        path: PathBuf,
    },
    /// Two rows of one stack.
    #[error("line {line}: the stack has a row already: {path:?}")]
    Twice {
        /// Line of the file, from 1.
        line: u64,
        /// Where.
        path: PathBuf,
    },
}

impl SequenceTable {
    /// Writes the table as CSV.
    ///
    /// # Errors
    ///
    /// [`SequenceTableError::Write`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SequenceTableError> {
        write_atomic(path, |file| {
            let mut csv = csv::Writer::from_writer(file);
            csv.write_record(COLUMNS)?;
            for row in &self.rows {
                let r = &row.recognized;
                csv.write_record([
                    row.series_uid.clone(),
                    row.stack.to_string(),
                    if row.used { "yes" } else { "no" }.to_owned(),
                    r.weighting.to_string(),
                    r.fat_suppressed.to_string(),
                    r.contrast.to_string(),
                    r.plane.to_string(),
                    format!("{:.2}", r.confidence),
                    r.evidence.join("; "),
                ])?;
            }
            csv.flush()
        })?;
        Ok(())
    }

    /// Reads a table, edited or not. Confidence and evidence may be missing or anything.
    ///
    /// # Errors
    ///
    /// [`SequenceTableError`] with the line and column of what cannot be understood.
    pub fn read(path: &Path) -> Result<Self, SequenceTableError> {
        let failed = |source| SequenceTableError::Read {
            source,
            path: path.to_owned(),
        };
        let mut csv = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(failed)?;
        let places: BTreeMap<String, usize> = csv
            .headers()
            .map_err(failed)?
            .iter()
            .enumerate()
            .map(|(i, name)| (name.trim_start_matches('\u{feff}').to_lowercase(), i))
            .collect();
        for column in &COLUMNS[..7] {
            if !places.contains_key(*column) {
                return Err(SequenceTableError::Column {
                    column,
                    path: path.to_owned(),
                });
            }
        }
        let mut table = Self::default();
        for record in csv.records() {
            let record = record.map_err(failed)?;
            let line = Line {
                path,
                line: record.position().map_or(0, csv::Position::line),
                text: &|column: &str| {
                    let place = places.get(column);
                    place.and_then(|&i| record.get(i)).unwrap_or("").to_owned()
                },
            };
            let row = line.row()?;
            let key = |r: &SequenceRow| (r.series_uid.clone(), r.stack);
            if table.rows.iter().any(|r| key(r) == key(&row)) {
                return Err(SequenceTableError::Twice {
                    line: line.line,
                    path: path.to_owned(),
                });
            }
            table.rows.push(row);
        }
        Ok(table)
    }

    /// The row of a stack.
    #[must_use]
    pub fn row(&self, series_uid: &str, stack: usize) -> Option<&SequenceRow> {
        self.rows
            .iter()
            .find(|row| row.series_uid == series_uid && row.stack == stack)
    }
}

/// One record while it is read.
struct Line<'a> {
    path: &'a Path,
    line: u64,
    text: &'a dyn Fn(&str) -> String,
}

impl Line<'_> {
    fn row(&self) -> Result<SequenceRow, SequenceTableError> {
        let series_uid = (self.text)("series_uid");
        if series_uid.is_empty() {
            return Err(self.bad("series_uid", "the UID of a series".to_owned()));
        }
        let stack = (self.text)("stack")
            .parse()
            .map_err(|_| self.bad("stack", "a whole number from 0 on".to_owned()))?;
        Ok(SequenceRow {
            series_uid,
            stack,
            used: self.word("use", &[(true, "yes"), (false, "no")])?,
            recognized: Recognized {
                weighting: self.word("weighting", &Weighting::NAMES)?,
                fat_suppressed: self.word("fat_suppressed", &Certainty::NAMES)?,
                contrast: self.word("contrast", &Certainty::NAMES)?,
                plane: self.word("plane", &Plane::NAMES)?,
                confidence: (self.text)("confidence").parse().unwrap_or(0.0),
                evidence: (self.text)("evidence")
                    .split("; ")
                    .filter(|e| !e.is_empty())
                    .map(str::to_owned)
                    .collect(),
            },
        })
    }

    fn word<T: Copy>(
        &self,
        column: &'static str,
        names: &[(T, &'static str)],
    ) -> Result<T, SequenceTableError> {
        let found = (self.text)(column);
        names
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(&found))
            .map(|(value, _)| *value)
            .ok_or_else(|| {
                let names: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
                self.bad(column, names.join(", "))
            })
    }

    fn bad(&self, column: &'static str, expected: String) -> SequenceTableError {
        SequenceTableError::Value {
            line: self.line,
            column,
            found: (self.text)(column).chars().take(40).collect(),
            expected,
            path: self.path.to_owned(),
        }
    }
}
