//! Reading `scores.csv`.

use super::table::range;
use super::{
    FAILED, LESIONS, LesionCounts, Outcome, ScoreFileError, ScoreGrid, ScoreRow, ScoreTable,
    StudySet, columns,
};
use crate::{Finding, Measure, Scores};
use csv::StringRecord;
use std::path::Path;

/// What a case can have come to, besides failing.
const FINDINGS: [Finding; 5] = [
    Finding::Overlap,
    Finding::NoOverlap,
    Finding::Missed,
    Finding::FalseAlarm,
    Finding::BothEmpty,
];

/// One line with its columns by name.
struct Line<'a> {
    line: u64,
    record: &'a StringRecord,
    /// Field of each of [`columns`].
    fields: &'a [usize],
}

impl ScoreTable {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`ScoreFileError`] with the line and column of the first fault.
    pub fn read(path: &Path) -> Result<Self, ScoreFileError> {
        let bytes = std::fs::read(path).map_err(|source| ScoreFileError::File {
            path: path.to_owned(),
            source,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|error| ScoreFileError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        Self::parse(text)
    }

    /// Reads the table from text. Columns may stand in any order.
    ///
    /// # Errors
    ///
    /// As [`ScoreTable::read`].
    pub fn parse(text: &str) -> Result<Self, ScoreFileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let fields = fields_of_columns(reader.headers()?)?;
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(unequal_fields)?;
            let line = record.position().map_or(0, csv::Position::line);
            let of = Line {
                line,
                record: &record,
                fields: &fields,
            };
            rows.push(of.row()?);
            lines.push(line);
        }
        Self::at_lines(rows, lines)
    }
}

/// The field of each column.
fn fields_of_columns(header: &StringRecord) -> Result<Vec<usize>, ScoreFileError> {
    let known = columns();
    for (at, column) in header.iter().enumerate() {
        if !known.contains(&column) {
            return Err(ScoreFileError::UnknownColumn {
                column: column.to_owned(),
                position: at + 1,
            });
        }
        if header.iter().take(at).any(|before| before == column) {
            return Err(ScoreFileError::DuplicateColumn {
                column: column.to_owned(),
            });
        }
    }
    let position = |column: &&str| header.iter().position(|found| found == *column);
    let missing: Vec<String> = known
        .iter()
        .filter(|column| position(column).is_none())
        .map(|&column| column.to_owned())
        .collect();
    if missing.is_empty() {
        Ok(known.iter().filter_map(position).collect())
    } else {
        Err(ScoreFileError::MissingColumns { missing })
    }
}

impl Line<'_> {
    fn row(&self) -> Result<ScoreRow, ScoreFileError> {
        let set = self.word("set", &StudySet::ALL, |set| set.name())?;
        let grid = self.word("grid", &ScoreGrid::ALL, |grid| grid.name())?;
        Ok(ScoreRow {
            model: self.text("model").to_owned(),
            patient: self.text("patient").to_owned(),
            case: self.text("case").to_owned(),
            set,
            fold: self.count("fold", "the number of a fold, or nothing")?,
            grid,
            site: self.text("site").to_owned(),
            stratum: self.text("stratum").to_owned(),
            histology: self.text("histology").to_owned(),
            benign: self.word(
                "benign",
                &[true, false],
                |b| if b { "true" } else { "false" },
            )?,
            outcome: self.outcome()?,
        })
    }

    fn outcome(&self) -> Result<Outcome, ScoreFileError> {
        if self.text("finding") == FAILED {
            let scores = Measure::ALL.iter().map(|measure| measure.name());
            let filled = scores
                .chain(LESIONS)
                .find(|column| !self.text(column).is_empty());
            return match filled {
                None => Ok(Outcome::Failed),
                Some(column) => Err(self.fault(column, "nothing, since the case failed")),
            };
        }
        let finding = self.word_or("finding", &FINDINGS, |finding| finding.name(), Some(FAILED))?;
        let mut scores = Scores::none(finding);
        for measure in Measure::ALL {
            scores = scores.with(measure, self.score(measure)?);
        }
        Ok(Outcome::Scored {
            scores,
            lesions: self.lesions()?,
        })
    }

    /// A number or `inf`; nothing is NaN. The range is checked with the whole table.
    fn score(&self, measure: Measure) -> Result<f64, ScoreFileError> {
        let text = self.text(measure.name());
        match text {
            "" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            _ => text
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite())
                .ok_or_else(|| self.fault(measure.name(), range(measure))),
        }
    }

    fn lesions(&self) -> Result<Option<LesionCounts>, ScoreFileError> {
        let expected = "a number of lesions, or nothing";
        let mut counts = [None; LESIONS.len()];
        for (count, column) in counts.iter_mut().zip(LESIONS) {
            *count = self.count(column, expected)?;
        }
        match counts {
            [None, None, None, None] => Ok(None),
            [
                Some(reference),
                Some(found),
                Some(predicted),
                Some(false_alarms),
            ] => Ok(Some(LesionCounts {
                reference,
                found,
                predicted,
                false_alarms,
            })),
            some => {
                let absent = some.iter().position(Option::is_none).unwrap_or(0);
                let expected = "a number, since the other columns of lesions have one";
                Err(self.fault(LESIONS[absent], expected))
            }
        }
    }

    fn text(&self, column: &str) -> &str {
        let at = columns().iter().position(|known| *known == column);
        at.and_then(|at| self.record.get(self.fields[at]))
            .unwrap_or_default()
    }

    fn count(&self, column: &'static str, expected: &str) -> Result<Option<usize>, ScoreFileError> {
        match self.text(column) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| self.fault(column, expected)),
        }
    }

    /// One of some words.
    fn word<T: Copy>(
        &self,
        column: &'static str,
        of: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, ScoreFileError> {
        self.word_or(column, of, name, None)
    }

    /// One of some words; `also` is said to be allowed, since it was looked for before.
    fn word_or<T: Copy>(
        &self,
        column: &'static str,
        of: &[T],
        name: impl Fn(T) -> &'static str,
        also: Option<&str>,
    ) -> Result<T, ScoreFileError> {
        let text = self.text(column);
        of.iter()
            .copied()
            .find(|&one| name(one) == text)
            .ok_or_else(|| {
                let words = of.iter().map(|&one| name(one)).chain(also);
                let words: Vec<String> = words.map(|word| format!("{word:?}")).collect();
                self.fault(column, &words.join(" or "))
            })
    }

    fn fault(&self, column: &'static str, expected: &str) -> ScoreFileError {
        ScoreFileError::Value {
            line: self.line,
            column,
            found: self.text(column).to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Says which line has too many or too few fields.
fn unequal_fields(error: csv::Error) -> ScoreFileError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => ScoreFileError::Fields {
            line: pos.as_ref().map_or(0, csv::Position::line),
            expected: *expected_len,
            found: *len,
        },
        _ => ScoreFileError::Csv(error),
    }
}
