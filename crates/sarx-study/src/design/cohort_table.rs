//! The cohort table as text: columns, and fields with their lines.

use super::fault::{Fault, FaultKind};
use std::path::{Path, PathBuf};

/// A table with one line per patient.
#[derive(Debug)]
pub(crate) struct CohortTable {
    /// Folder that file names are relative to.
    pub(crate) root: PathBuf,
    pub(crate) columns: Vec<String>,
    /// Line in the file, from 1, and one field per column, without blanks at the ends.
    pub(crate) rows: Vec<(u64, Vec<String>)>,
}

impl CohortTable {
    /// Reads a table; commas or, where the header has none, semicolons part its fields.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let fault = |line, what: String| Fault::in_cohort(line, FaultKind::Table { what });
        let bytes = std::fs::read(path).map_err(|e| {
            fault(
                1,
                format!("the cohort table cannot be read ({e}): {path:?}"),
            )
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            fault(
                1,
                "the table is not UTF-8 text; save it as \"CSV UTF-8\"".to_owned(),
            )
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().next().unwrap_or_default();
        let comma = header.contains(',') || !header.contains(';');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(if comma { b',' } else { b';' })
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns: Vec<String> = reader
            .headers()
            .map_err(|e| fault(1, e.to_string()))?
            .iter()
            .map(str::to_owned)
            .collect();
        if let Some((at, twice)) = columns
            .iter()
            .enumerate()
            .find(|(at, name)| columns[..*at].contains(name))
        {
            let what = format!("column {} is called {twice:?} like another", at + 1);
            return Err(fault(1, what));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| {
                let line = e.position().map_or(1, csv::Position::line);
                fault(line, e.to_string())
            })?;
            let line = record.position().map_or(1, |at| line_of(text, at));
            rows.push((line, record.iter().map(str::to_owned).collect()));
        }
        if rows.is_empty() {
            return Err(fault(1, "the table has no patients".to_owned()));
        }
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            columns,
            rows,
            root,
        })
    }

    /// The position of a column.
    pub(crate) fn column(&self, name: &str) -> Result<usize, FaultKind> {
        let found = self.columns.iter().position(|column| column == name);
        found.ok_or_else(|| FaultKind::NoColumn {
            column: name.to_owned(),
            known: self.columns.clone(),
        })
    }
}

/// The line on which a record begins. The reader counts from the end of the record before, and empty lines
/// between the two belong to neither.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let start = usize::try_from(at.byte())
        .unwrap_or(usize::MAX)
        .min(text.len());
    let empty = text.as_bytes()[start..].iter();
    let empty = empty
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let before = &text.as_bytes()[..start + empty];
    1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64
}
