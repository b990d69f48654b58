//! A study before anything is run: its file, its patients, its split and its models, all checked.
//!
//! [`Design::open`] reads `study.toml` and the cohort table that it names, and tells every fault with its
//! line, so that nothing is half-run. Patients, not cases, are split, once for all models
//! ([`StudySplit`]); a model ([`ModelSpec`]) says which series it takes and how it is trained, and
//! [`Design::cases_of`] which files make its cases.

mod case;
mod cohort_table;
mod date;
mod fault;
mod file;
mod grids;
mod init;
mod layout;
mod lock;
mod model;
mod patient;
mod place;
#[cfg(test)]
mod rule_tests;
mod split;
#[cfg(test)]
mod tests;
mod text_faults;

pub use case::{StudyCase, StudySet};
pub(crate) use cohort_table::CohortTable;
pub use date::Date;
pub use fault::{DesignError, Fault, FaultKind};
pub use file::{AlignmentMethod, LateWeights, ModelKind, StudyFile};
pub use grids::{GridFault, GridFaultKind};
pub use init::{InitError, study_text};
pub use layout::{WrittenStudy, write_study_file};
pub(crate) use layout::{entries, image_of, name_of, series_name, stem_of};
pub use lock::{LockError, LockState, STUDY_LOCK_VERSION, StudyLock};
pub use model::{FoldChoice, ModelSpec, Training};
pub use patient::{Patient, SeriesFiles};
pub use split::{SplitError, StudySplit};

use std::path::{Path, PathBuf};

/// A checked study.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// The file it comes from.
    pub path: PathBuf,
    /// What the file says.
    pub file: StudyFile,
    /// The patients, by name.
    pub patients: Vec<Patient>,
    /// Which patients validate which fold, and who is external.
    pub split: StudySplit,
    /// The models in the order of the file.
    pub models: Vec<ModelSpec>,
    hash: String,
}

impl Design {
    /// Reads and checks a study file and its cohort.
    ///
    /// # Errors
    ///
    /// [`DesignError`] with every fault that was found.
    pub fn open(path: &Path) -> Result<Self, DesignError> {
        let text = std::fs::read_to_string(path).map_err(|source| DesignError::File {
            path: path.to_owned(),
            source,
        })?;
        let (file, lines) =
            StudyFile::parse(&text).map_err(|faults| DesignError::faults(path, faults))?;
        let root = path.parent().unwrap_or(Path::new(""));
        let table = CohortTable::read(&root.join(&file.cohort))
            .map_err(|fault| DesignError::faults(path, vec![fault]))?;
        let mut faults = Vec::new();
        let patients = patient::patients(&file, &lines, &table, &mut faults);
        let models = model::resolve(&file, &lines, &patients, &mut faults);
        if !faults.is_empty() {
            return Err(DesignError::faults(path, faults));
        }
        let split = StudySplit::draw(&patients, file.split.folds, file.split.seed);
        let mut design = Self {
            path: path.to_owned(),
            file,
            patients,
            split,
            models,
            hash: String::new(),
        };
        design.hash = design.lock().design().to_owned();
        Ok(design)
    }

    /// SHA-256 of all that decides results, in hex: patients with their files, split, series, grids and models.
    /// Comments, titles, free columns and the place of the study do not matter.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The document `study.lock.json` of this design.
    #[must_use]
    pub fn lock(&self) -> StudyLock {
        StudyLock::of(self)
    }

    /// The folder for everything that the study makes.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        // Without the dots of `out = "."`.
        self.root().join(&self.file.out).components().collect()
    }

    /// A model by its name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }

    /// A patient by name.
    #[must_use]
    pub fn patient(&self, id: &str) -> Option<&Patient> {
        self.patients
            .iter()
            .find(|patient| patient.id.as_str() == id)
    }

    /// Names of the strata in the order of the file.
    #[must_use]
    pub fn strata(&self) -> Vec<&str> {
        self.file.strata.keys().map(String::as_str).collect()
    }

    fn root(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
