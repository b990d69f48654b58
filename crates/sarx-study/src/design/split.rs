//! One split of the patients for all models, so that every comparison is paired.
//!
//! Within each cell of histology and stratum the patients are shuffled; then they are dealt to the
//! folds one after the other, the cells in order, without starting again at the first fold. So folds differ by
//! one patient at most, and so do the shares of each cell.

use super::{Patient, StudySet};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sarx_core::CaseId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The version of `splits.json`.
const VERSION: u32 = 1;

/// Who validates which fold, and who is external. Document `splits.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySplit {
    /// Version of the document.
    version: u32,
    /// Patients of each fold, by name.
    folds: Vec<Vec<String>>,
    /// The external test set.
    external: Vec<String>,
}

/// A split that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The file cannot be read.
    #[error("cannot read the split ({source}): {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no split.
    #[error("the file is no split of version {VERSION} ({what}): {path:?}")]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The split is of other patients.
    #[error(
        "the split does not fit the study: {what}; scores of two splits cannot be compared, so begin in a new folder: {path:?}"
    )]
    Other {
        /// The difference.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

impl StudySplit {
    /// Draws the folds; `patients` by name.
    pub(super) fn draw(patients: &[Patient], n_folds: usize, seed: u64) -> Self {
        let mut cells: BTreeMap<(&str, &str), Vec<&CaseId>> = BTreeMap::new();
        for patient in patients.iter().filter(|patient| !patient.external) {
            let cell = (patient.histology.as_str(), patient.stratum.as_str());
            cells.entry(cell).or_default().push(&patient.id);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut folds = vec![Vec::new(); n_folds];
        let mut next = 0;
        for members in cells.values_mut() {
            members.shuffle(&mut rng);
            for id in members {
                folds[next % n_folds].push(id.to_string());
                next += 1;
            }
        }
        for fold in &mut folds {
            fold.sort();
        }
        let external = patients.iter().filter(|patient| patient.external);
        Self {
            version: VERSION,
            folds,
            external: external.map(|patient| patient.id.to_string()).collect(),
        }
    }

    /// Number of folds.
    #[must_use]
    pub fn n_folds(&self) -> usize {
        self.folds.len()
    }

    /// Patients that validate a fold, by name; none if there is no such fold.
    #[must_use]
    pub fn fold(&self, fold: usize) -> &[String] {
        self.folds.get(fold).map_or(&[], Vec::as_slice)
    }

    /// The external test set, by name.
    #[must_use]
    pub fn external(&self) -> &[String] {
        &self.external
    }

    /// Where a patient of this study stands.
    #[must_use]
    pub fn set_of(&self, patient: &Patient) -> StudySet {
        let id = patient.id.as_str();
        let fold = self
            .folds
            .iter()
            .position(|fold| fold.iter().any(|other| other == id));
        fold.map_or(StudySet::External, StudySet::Fold)
    }

    /// Writes `splits.json`, or checks that what is there is the same.
    ///
    /// # Errors
    ///
    /// [`SplitError`] if the file is another split, is no split, or cannot be written.
    pub fn write_or_check(&self, path: &Path) -> Result<(), SplitError> {
        if path.exists() {
            let found = Self::read(path)?;
            return match self.difference(&found) {
                None => Ok(()),
                Some(what) => Err(SplitError::Other {
                    what,
                    path: path.to_owned(),
                }),
            };
        }
        Ok(sarx_io::write_json(path, self)?)
    }

    fn read(path: &Path) -> Result<Self, SplitError> {
        let text = std::fs::read_to_string(path).map_err(|source| SplitError::Read {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |what: String| SplitError::Document {
            path: path.to_owned(),
            what,
        };
        let found: Self = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if found.version != VERSION {
            return Err(wrong(format!("it is of version {}", found.version)));
        }
        Ok(found)
    }

    fn difference(&self, found: &Self) -> Option<String> {
        if self == found {
            return None;
        }
        if self.folds.len() != found.folds.len() {
            return Some(format!(
                "it has {} folds, the study {}",
                found.folds.len(),
                self.folds.len()
            ));
        }
        let all = |split: &Self| -> BTreeSet<String> {
            split
                .folds
                .iter()
                .flatten()
                .chain(&split.external)
                .cloned()
                .collect()
        };
        let (here, there) = (all(self), all(found));
        let (added, gone) = (
            here.difference(&there).count(),
            there.difference(&here).count(),
        );
        if added + gone > 0 {
            return Some(format!(
                "{added} patients of the study are not in it, {gone} of its patients are not in the study"
            ));
        }
        Some(
            "the same patients are in other folds (another seed, histology, site or split rule)"
                .to_owned(),
        )
    }
}
