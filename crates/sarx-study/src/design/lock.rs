//! `study.lock.json`: from which design the results of a folder are, part by part.
//!
//! Scores of two splits, or of one patient under two images, cannot stand in one table. The lock holds a
//! hash of every part of the design that decides results, so that a folder is only gone on with by the
//! design that began it, and a refusal can say what changed. A comment, the title, the order of rows or a
//! move of the whole folder change nothing. Models may come and go: each has its own folder.
//!
//! Images are known by their place in the cohort; their voxels are not read.

use super::{AlignmentMethod, Design, ModelKind, ModelSpec, Patient};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of `study.lock.json`.
pub const STUDY_LOCK_VERSION: u32 = 1;

/// The part that tables are made by and nothing is computed from.
const BENIGN: &str = "benign";

/// What a results folder was made from. Document `study.lock.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyLock {
    version: u32,
    /// Hash of everything below but the names.
    design: String,
    study: String,
    cohort: String,
    n_patients: usize,
    /// Hashes of what all models share, by part.
    parts: BTreeMap<String, String>,
    /// Hashes of what each model is, by name.
    models: BTreeMap<String, String>,
}

/// How a design stands to the lock that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// There was none.
    New,
    /// It is the same.
    Same,
    /// The design may go on, and the lock was written anew.
    Changed {
        /// Models that were not there.
        added: Vec<String>,
        /// Models that are not there any more; their folders are left alone.
        removed: Vec<String>,
        /// Whether other histologies are benign, so that tables must be made again.
        benign: bool,
    },
}

/// A lock that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file cannot be read.
    #[error("cannot read the lock of the study ({source}): {path:?}")]
    Read {
        /// What the system said.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The file is no lock that is read.
    #[error("the file is no lock of version {STUDY_LOCK_VERSION} ({what}): {path:?}")]
    Document {
        /// Why.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// The results are of another design.
    #[error(
        "the results are of another design: {} changed; give the study another `out`, or take the folder away: {path:?}",
        .changed.join(", ")
    )]
    Other {
        /// Parts and models that changed, as `patients` or `model "t1"`.
        changed: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
}

impl StudyLock {
    /// The lock of a design.
    pub(super) fn of(design: &Design) -> Self {
        let mut lock = Self {
            version: STUDY_LOCK_VERSION,
            design: String::new(),
            study: design.file.name.clone(),
            cohort: design.file.cohort.clone(),
            n_patients: design.patients.len(),
            parts: parts(design),
            models: design
                .models
                .iter()
                .map(|model| (model.name.clone(), hash(&model_document(model))))
                .collect(),
        };
        lock.design = hash(&json!([lock.parts, lock.models]));
        lock
    }

    /// Hash of the whole design, in hex.
    #[must_use]
    pub fn design(&self) -> &str {
        &self.design
    }

    /// Hash of what a model is, in hex; `None` for one that the design does not have.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&str> {
        self.models.get(name).map(String::as_str)
    }

    /// Writes the lock, or checks that the one that is there is of the same design.
    ///
    /// # Errors
    ///
    /// [`LockError::Other`] with what changed if models that are there were made from something else; also if
    /// the file cannot be read, is no lock, or cannot be written.
    pub fn write_or_check(&self, path: &Path) -> Result<LockState, LockError> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.write(path)?;
                return Ok(LockState::New);
            }
            Err(source) => {
                let path = path.to_owned();
                return Err(LockError::Read { source, path });
            }
            Ok(text) => text,
        };
        let document = |what: String| LockError::Document {
            what,
            path: path.to_owned(),
        };
        let found: Self = serde_json::from_str(&text).map_err(|e| document(e.to_string()))?;
        if found.version != STUDY_LOCK_VERSION {
            return Err(document(format!("it is of version {}", found.version)));
        }
        let changed = self.changed(&found);
        if !changed.is_empty() {
            let path = path.to_owned();
            return Err(LockError::Other { changed, path });
        }
        let state = self.state(&found);
        if state != LockState::Same {
            self.write(path)?;
        }
        Ok(state)
    }

    fn write(&self, path: &Path) -> Result<(), sarx_io::WriteError> {
        sarx_io::write_json(path, self)
    }

    /// Parts and models of the lock that the design makes otherwise.
    fn changed(&self, found: &Self) -> Vec<String> {
        let differs =
            |part: &&String| *part != BENIGN && self.parts.get(*part) != found.parts.get(*part);
        let parts = self.parts.keys().filter(differs).cloned();
        let models = self.models.iter().filter_map(|(name, hash)| {
            let other = found.models.get(name)?;
            (other != hash).then(|| format!("model {name:?}"))
        });
        parts.chain(models).collect()
    }

    fn state(&self, found: &Self) -> LockState {
        let not_in = |here: &Self, there: &Self| -> Vec<String> {
            let names = here.models.keys();
            names
                .filter(|name| !there.models.contains_key(*name))
                .cloned()
                .collect()
        };
        let (added, removed) = (not_in(self, found), not_in(found, self));
        let benign = self.parts.get(BENIGN) != found.parts.get(BENIGN);
        if added.is_empty() && removed.is_empty() && !benign {
            LockState::Same
        } else {
            LockState::Changed {
                added,
                removed,
                benign,
            }
        }
    }
}

/// Everything that all models share, each part as a hash.
fn parts(design: &Design) -> BTreeMap<String, String> {
    let file = &design.file;
    let patients = design.patients.iter().map(|p| patient_document(design, p));
    let series = file
        .series
        .iter()
        .map(|(name, columns)| json!([name, columns.sequence, columns.plane]));
    let mut benign: Vec<&String> = file.histology.benign.iter().collect();
    benign.sort();
    [
        ("patients", patients.collect()),
        ("split", json!(design.split)),
        ("series", series.collect()),
        ("common grid", json!(file.common.series)),
        ("alignment", alignment_document(design)),
        (
            "labels",
            file.labels
                .iter()
                .map(|(name, value)| json!([name, value]))
                .collect(),
        ),
        (BENIGN, json!(benign)),
    ]
    .into_iter()
    .map(|(part, document): (&str, Value)| (part.to_owned(), hash(&document)))
    .collect()
}

/// The seed of the split is that of registrations as well; headers need none.
fn alignment_document(design: &Design) -> Value {
    let method = design.file.alignment.method;
    match method {
        AlignmentMethod::Header => json!(method.name()),
        _ => json!([method.name(), design.file.split.seed]),
    }
}

/// What decides results about a patient; free columns and the line do not.
fn patient_document(design: &Design, patient: &Patient) -> Value {
    let root = design.path.parent().unwrap_or(Path::new(""));
    let within = |path: &Path| {
        let path = path.strip_prefix(root).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    };
    let series = patient.series.iter().map(|(name, files)| {
        let label = files.label.as_deref().map(within);
        json!([name, within(&files.image), label])
    });
    json!([
        patient.id.as_str(),
        patient.histology,
        patient.site,
        patient.stratum,
        patient.external,
        series.collect::<Value>(),
    ])
}

fn model_document(model: &ModelSpec) -> Value {
    let parts = json!([
        model.kind.name(),
        model.series,
        model.members,
        model.weights.name()
    ]);
    if model.kind == ModelKind::Late {
        return parts;
    }
    let training = &model.training;
    json!([
        parts,
        training.preset,
        training.configuration,
        training.epochs,
        training.iterations,
        training.val_iterations,
        training.initial_lr,
        training.target_spacing_mm,
        training.seed,
    ])
}

fn hash(document: &Value) -> String {
    let digest = Sha256::digest(document.to_string());
    sarx_core::hex(&digest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{STUDY, folder, open, rows};
    use super::*;
    use std::fs;

    /// The lock of the same study with another text, or with other rows.
    fn lock(study: &str, rows: &[String]) -> StudyLock {
        open(&folder(study, rows)).unwrap().lock()
    }

    fn refused(study: &str, rows: &[String]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.lock.json");
        lock(STUDY, &super::super::tests::rows())
            .write_or_check(&path)
            .unwrap();
        let error = lock(study, rows).write_or_check(&path).unwrap_err();
        assert!(matches!(error, LockError::Other { .. }), "{error}");
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    }

    fn with(from: &str, to: &str) -> String {
        assert!(STUDY.contains(from), "{from:?}");
        STUDY.replacen(from, to, 1)
    }

    #[test]
    fn what_decides_nothing_changes_nothing() {
        let here = lock(STUDY, &rows());
        let mut turned = rows();
        turned.reverse();
        let older: Vec<String> = turned.iter().map(|row| row.replace(",50", ",51")).collect();
        let text = with(
            "name = \"A study\"",
            "# a comment\nname = \"Another title\"",
        );
        let there = lock(&text, &older);
        assert_eq!(
            here.design(),
            there.design(),
            "and the study lies in another folder"
        );
        assert_eq!(open(&folder(STUDY, &rows())).unwrap().hash(), here.design());
    }

    #[test]
    fn what_decides_results_is_refused_by_name() {
        insta::assert_snapshot!(refused(&with("folds = 2", "folds = 3"), &rows()), @r#"the results are of another design: split changed; give the study another `out`, or take the folder away: "study.lock.json""#);
        insta::assert_snapshot!(refused(&with("epochs = 5", "epochs = 6"), &rows()), @r#"the results are of another design: model "sag" changed; give the study another `out`, or take the folder away: "study.lock.json""#);
        insta::assert_snapshot!(refused(&with("epochs = 3", "epochs = 4"), &rows()), @r#"the results are of another design: model "pooled", model "t1" changed; give the study another `out`, or take the folder away: "study.lock.json""#);
        insta::assert_snapshot!(refused(&with("[training]", "[alignment]\nmethod = \"register\"\n[training]"), &rows()), @r#"the results are of another design: alignment changed; give the study another `out`, or take the folder away: "study.lock.json""#);
        let mut other = rows();
        other[0] = other[0].replace("thigh", "calf");
        insta::assert_snapshot!(refused(STUDY, &other), @r#"the results are of another design: patients changed; give the study another `out`, or take the folder away: "study.lock.json""#);
    }

    #[test]
    fn models_come_and_go_and_benign_histologies_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.lock.json");
        let first = lock(STUDY, &rows());
        assert_eq!(first.write_or_check(&path).unwrap(), LockState::New);
        assert_eq!(first.write_or_check(&path).unwrap(), LockState::Same);
        let text = with(
            "[models.late]\nkind = \"late\"\nmembers = [\"sag\", \"t1\"]\nweights = \"inner\"",
            "[models.more]\nkind = \"single\"\nseries = [\"t1\"]",
        );
        let text = text.replace("benign = [\"myxoma\"]", "benign = []");
        let second = lock(&text, &rows());
        assert_ne!(first.design(), second.design());
        let state = second.write_or_check(&path).unwrap();
        let expected = LockState::Changed {
            added: vec!["more".to_owned()],
            removed: vec!["late".to_owned()],
            benign: true,
        };
        assert_eq!(state, expected);
        assert_eq!(second.write_or_check(&path).unwrap(), LockState::Same);
    }

    #[test]
    fn another_document_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.lock.json");
        let lock = lock(STUDY, &rows());
        lock.write_or_check(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for bad in ["{}", &text.replace("\"version\": 1", "\"version\": 2")] {
            fs::write(&path, bad).unwrap();
            let error = lock.write_or_check(&path).unwrap_err();
            assert!(matches!(error, LockError::Document { .. }), "{error}");
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                bad,
                "the file is left alone"
            );
        }
    }
}
