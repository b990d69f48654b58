//! What can be wrong with a table of scores.

use std::path::PathBuf;

/// A table of scores that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreFileError {
    /// The file cannot be read.
    #[error("cannot read the scores: \"{}\"", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not text.
    #[error(
        "the scores are not UTF-8 text (first bad byte at {offset}); save them as \"CSV UTF-8\""
    )]
    NotUtf8 {
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// A line with another number of fields than the header.
    #[error("line {line} of the scores has {found} fields but the header has {expected}")]
    Fields {
        /// Line in the file, from 1.
        line: u64,
        /// Fields of the header.
        expected: u64,
        /// Fields of the line.
        found: u64,
    },
    /// What the CSV reader refuses for another reason.
    #[error("the scores cannot be read as CSV")]
    Csv(#[from] csv::Error),
    /// Columns that are not there.
    #[error("line 1 of the scores lacks the columns {}", .missing.join(", "))]
    MissingColumns {
        /// Their names.
        missing: Vec<String>,
    },
    /// A column that is none of the table's.
    #[error(
        "line 1 of the scores has the unknown column {column:?} (field {position}); take it out or write the table with this version"
    )]
    UnknownColumn {
        /// Its name.
        column: String,
        /// Its position, from 1.
        position: usize,
    },
    /// Two columns of one name.
    #[error("line 1 of the scores has the column {column:?} twice")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// There is a header at most.
    #[error("the scores have no rows")]
    NoRows,
    /// A value that cannot be one.
    #[error("line {line}, column {column}: found {found:?}, expected {expected}")]
    Value {
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A case of a model that stands twice on one grid.
    #[error(
        "lines {first} and {second} both hold case {case:?} of model {model:?} on the {grid} grid; keep one"
    )]
    Twice {
        /// The model.
        model: String,
        /// The case.
        case: String,
        /// `native` or `common`.
        grid: &'static str,
        /// The first line.
        first: u64,
        /// The second line.
        second: u64,
    },
    /// A patient who has several rows of one model on the common grid.
    #[error(
        "lines {first} and {second} both hold patient {patient:?} of model {model:?} on the common grid, where a patient has one row"
    )]
    PatientTwice {
        /// The model.
        model: String,
        /// The patient.
        patient: String,
        /// The first line.
        first: u64,
        /// The second line.
        second: u64,
    },
    /// What belongs to a patient differs between rows.
    #[error(
        "line {line}, column {column}: patient {patient:?} has {found:?} here but {expected:?} on line {first}"
    )]
    Differs {
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// The patient.
        patient: String,
        /// What stands there.
        found: String,
        /// What stood there before.
        expected: String,
        /// Where it stood.
        first: u64,
    },
}
