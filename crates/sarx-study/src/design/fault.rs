//! What can be wrong with a study, each with the line where it stands.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file: the study's, or the cohort's.
    pub in_cohort: bool,
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// No TOML, a value of another kind, or a key that is not known.
    #[error("{what}")]
    Toml {
        /// What the parser says.
        what: String,
    },
    /// A version that is not read.
    #[error("version {found} of the study file; this program reads version 1")]
    Version {
        /// The version.
        found: u32,
    },
    /// The table cannot be read.
    #[error("{what}")]
    Table {
        /// Why.
        what: String,
    },
    /// A column that is not there.
    #[error("the cohort has no column {column:?}; it has {}", list(.known))]
    NoColumn {
        /// The column.
        column: String,
        /// The columns that there are.
        known: Vec<String>,
    },
    /// A field that must hold something.
    #[error("patient \"{patient}\" has no {what}")]
    Empty {
        /// The patient.
        patient: String,
        /// What is missing.
        what: String,
    },
    /// A name that cannot be a patient's.
    #[error("{what}")]
    PatientName {
        /// What is wrong with it.
        what: String,
    },
    /// A name that cannot be part of a file's name.
    #[error(
        "{what} name {name:?} becomes part of file names; use ASCII letters, digits, \"-\", \".\" and single \"_\", a letter or digit at both ends, at most 64"
    )]
    Name {
        /// `series` or `model`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two names that some file systems do not tell apart.
    #[error(
        "{what} names {first:?} (line {other}) and {name:?} differ only in upper and lower case"
    )]
    NameCase {
        /// `series`, `model` or `patient`.
        what: &'static str,
        /// The later name.
        name: String,
        /// The earlier name.
        first: String,
        /// Line of the earlier name.
        other: u64,
    },
    /// A file that is no image by its name.
    #[error(
        "patient \"{patient}\", column {column:?}: no image that can be read by its name (endings are {}): {path:?}",
        sarx_io::Format::ALL.map(sarx_io::Format::ending).join(", ")
    )]
    NoImage {
        /// The patient.
        patient: String,
        /// The column.
        column: String,
        /// The file.
        path: PathBuf,
    },
    /// A benign histology that nobody has.
    #[error("benign histology {found:?} is no patient's; the cohort has {}", list(.known))]
    NoHistology {
        /// The name.
        found: String,
        /// Histologies of the cohort, in the study's spelling.
        known: Vec<String>,
    },
    /// No patient is as late as the first day of the external test set.
    #[error(
        "no patient is external: none was examined from {from} on by column {column:?}; the last was on {last}"
    )]
    NoneAfter {
        /// The column.
        column: String,
        /// The first day of the external test set.
        from: String,
        /// The last day of the cohort.
        last: String,
    },
    /// A patient in training and in the external set.
    #[error(
        "patient \"{patient}\" is in two splits: {here} here and {there} on line {other}; patients are split, not cases"
    )]
    TwoSplits {
        /// The patient.
        patient: String,
        /// Split here.
        here: &'static str,
        /// Split there.
        there: &'static str,
        /// The other line.
        other: u64,
    },
    /// A patient on two lines.
    #[error(
        "patient \"{patient}\" stands on line {other} already; give each patient one line with all series"
    )]
    TwoLines {
        /// The patient.
        patient: String,
        /// The first line.
        other: u64,
    },
    /// A file that stands in the table twice.
    #[error("{file:?} is listed twice: as {here} here and as {there} on line {other}")]
    FileTwice {
        /// The file.
        file: String,
        /// Column here.
        here: String,
        /// Column there.
        there: String,
        /// The other line.
        other: u64,
    },
    /// A reference without its image.
    #[error("patient \"{patient}\" has a reference of series \"{series}\" but no image of it")]
    LabelWithoutImage {
        /// The patient.
        patient: String,
        /// The series.
        series: String,
    },
    /// A file that is not there.
    #[error("patient \"{patient}\", column {column:?}: there is no such file: {path:?}")]
    NoFile {
        /// The patient.
        patient: String,
        /// The column.
        column: String,
        /// The file.
        path: PathBuf,
    },
    /// One histology, two spellings.
    #[error(
        "histology {here:?} is written {there:?} on line {other}; use one way, or say under [histology.spellings] that they are the same"
    )]
    TwoSpellings {
        /// Here.
        here: String,
        /// There.
        there: String,
        /// The other line.
        other: u64,
    },
    /// A site that no stratum has.
    #[error("site {site:?} of patient \"{patient}\" is in no stratum; add it under [strata]")]
    NoStratum {
        /// The site.
        site: String,
        /// The patient.
        patient: String,
    },
    /// A site that two strata have.
    #[error("site {site:?} is in two strata, {first:?} and {second:?}")]
    TwoStrata {
        /// The site.
        site: String,
        /// The first stratum.
        first: String,
        /// The second stratum.
        second: String,
    },
    /// A stratum without patients.
    #[error("stratum {stratum:?} is empty: no patient has one of its sites ({})", list(.sites))]
    EmptyStratum {
        /// The stratum.
        stratum: String,
        /// Its sites.
        sites: Vec<String>,
    },
    /// A date that is none.
    #[error("{found:?} is no date; write 2020-01-31 (or 20200131)")]
    Date {
        /// What was found.
        found: String,
    },
    /// No patient has the value that makes the external test set.
    #[error("no patient is external: none has {value:?} in column {column:?}, which holds {}", list(.present))]
    NoExternal {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The values that there are.
        present: Vec<String>,
    },
    /// Two rules for the external set.
    #[error("the external test set is chosen by a column and by date; keep one of the two")]
    TwoRules,
    /// A number of folds that cannot be.
    #[error(
        "{folds} folds of {patients} patients; at least 2 folds and a patient for each are needed"
    )]
    Folds {
        /// Folds.
        folds: usize,
        /// Patients that are not external.
        patients: usize,
    },
    /// A plane that is none.
    #[error("plane {found:?} is none of axial, sagittal, coronal")]
    Plane {
        /// What was found.
        found: String,
    },
    /// A series that is not declared.
    #[error("series {series:?} is not declared; there are {}", list(.known))]
    NoSeries {
        /// The series.
        series: String,
        /// The series that there are.
        known: Vec<String>,
    },
    /// A series that stands twice in a list.
    #[error("series {series:?} stands twice in the list")]
    SeriesTwice {
        /// The series.
        series: String,
    },
    /// A model that cannot be.
    #[error("model \"{model}\": {what}")]
    Model {
        /// The model.
        model: String,
        /// What is wrong.
        what: String,
    },
}

impl Fault {
    pub(super) fn in_study(line: u64, kind: FaultKind) -> Self {
        Self {
            in_cohort: false,
            line,
            kind,
        }
    }

    pub(super) fn in_cohort(line: u64, kind: FaultKind) -> Self {
        Self {
            in_cohort: true,
            line,
            kind,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.in_cohort {
            "cohort"
        } else {
            "study file"
        };
        write!(f, "{file}, line {}: {}", self.line, self.kind)
    }
}

/// A study that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// The study file cannot be read.
    #[error("cannot read the study file ({source}): {path:?}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Faults of the file or the table; nothing was begun.
    #[error("the study has {} fault{}, nothing was run:{}\nstudy file: {path:?}", .faults.len(), if .faults.len() == 1 { "" } else { "s" }, lines(.faults))]
    Faults {
        /// Every fault.
        faults: Vec<Fault>,
        /// The study file.
        path: PathBuf,
    },
}

impl DesignError {
    pub(super) fn faults(path: &Path, faults: Vec<Fault>) -> Self {
        Self::Faults {
            faults,
            path: path.to_owned(),
        }
    }
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        _ => names.join(", "),
    }
}
