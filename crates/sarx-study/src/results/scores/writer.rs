//! Writing `scores.csv`.

use super::{FAILED, LESIONS, Outcome, ScoreRow, ScoreTable, columns};
use crate::Measure;
use crate::csv_text::{csv_line, csv_number};
use sarx_io::{WriteError, write_atomic};
use std::io::Write;
use std::path::Path;

impl ScoreTable {
    /// The table as CSV, columns and rows in their order; numbers are read back as they were.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = csv_line(columns());
        for row in self.rows() {
            text.push_str(&csv_line(fields(row).iter().map(String::as_str)));
        }
        text
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if the folder is missing, a permission is lacking or the disk is full.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        write_atomic(path, |file| file.write_all(self.to_csv().as_bytes()))
    }
}

fn fields(row: &ScoreRow) -> Vec<String> {
    let mut fields = vec![
        row.model.clone(),
        row.patient.clone(),
        row.case.clone(),
        row.set.name().to_owned(),
        row.fold.map_or_else(String::new, |fold| fold.to_string()),
        row.grid.name().to_owned(),
        row.site.clone(),
        row.stratum.clone(),
        row.histology.clone(),
        row.benign.to_string(),
    ];
    match &row.outcome {
        Outcome::Failed => {
            fields.push(FAILED.to_owned());
            fields.resize(
                fields.len() + Measure::ALL.len() + LESIONS.len(),
                String::new(),
            );
        }
        Outcome::Scored { scores, lesions } => {
            fields.push(scores.finding.name().to_owned());
            fields.extend(Measure::ALL.map(|measure| csv_number(scores.get(measure))));
            let counts = lesions.map(|l| [l.reference, l.found, l.predicted, l.false_alarms]);
            fields.extend(counts.map_or_else(
                || vec![String::new(); LESIONS.len()],
                |counts| counts.map(|n| n.to_string()).to_vec(),
            ));
        }
    }
    fields
}
