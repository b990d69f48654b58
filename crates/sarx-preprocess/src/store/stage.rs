//! What one stage of a cascade predicts for the next: label maps on the next stage's target grid.
//!
//! | file | content |
//! |---|---|
//! | `{case}.npy` | labels, i16, C order `[z, y, x]` |
//! | `{case}.json` | schema version, plans hash, configuration, next configuration, fold, hash of the labels |
//!
//! A case counts when its document is there; it is written last. Folds that are trained at the same
//! time write other cases, so they need no common manifest.

use super::StoreError;
use super::mapped_npy::MappedNpy;
use super::schema::{SCHEMA_VERSION, read_document, write_document};
use super::write_array;
use ndarray::{Array3, ArrayView3, Ix3};
use sarx_core::{CaseId, Label};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Between which stages of which plans labels go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageIdentity {
    /// Hash of the plans, as the caller makes it.
    pub plans_hash: String,
    /// The configuration that predicts, e.g. `3d_lowres`.
    pub configuration: String,
    /// The configuration that sees the labels, e.g. `3d_cascade_fullres`.
    pub next_configuration: String,
}

/// A folder with the labels of one stage for the next.
#[derive(Debug, Clone)]
pub struct StageStore {
    folder: PathBuf,
    identity: StageIdentity,
}

/// One label map as a memory map; clones share it.
#[derive(Debug, Clone)]
pub struct MappedLabels {
    map: Arc<MappedNpy>,
    sha256: String,
    fold: String,
}

/// `{case}.json`.
#[derive(Debug, Serialize, Deserialize)]
struct StageSchemaV1 {
    schema_version: u64,
    plans_hash: String,
    configuration: String,
    next_configuration: String,
    fold: String,
    size: [usize; 3],
    sha256: String,
}

impl StageStore {
    /// A folder that need not exist yet.
    #[must_use]
    pub fn new(folder: &Path, identity: StageIdentity) -> Self {
        Self {
            folder: folder.to_owned(),
            identity,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the labels of a case, or replaces them.
    ///
    /// - `labels`: `[z, y, x]` on the target grid of the next stage
    /// - `fold`: the fold whose network predicted them
    ///
    /// # Errors
    ///
    /// [`StoreError::LabelRange`] for a label above 32767, others if a file cannot be written.
    pub fn write(
        &self,
        case: &CaseId,
        fold: &str,
        labels: ArrayView3<'_, Label>,
    ) -> Result<(), StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Read { path, source }
        };
        if let Some(&found) = labels.iter().find(|&&label| i16::try_from(label).is_err()) {
            let case = case.clone();
            return Err(StoreError::LabelRange { case, found });
        }
        let labels: Array3<i16> = labels.mapv(|label| label as i16);
        std::fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let (array, document) = self.paths(case);
        // An old document must never stand beside new labels.
        match std::fs::remove_file(&document) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&document)(error));
            }
            _ => {}
        }
        write_array(&array, &labels)?;
        let (z, y, x) = labels.dim();
        let StageIdentity {
            plans_hash,
            configuration,
            next_configuration,
        } = self.identity.clone();
        write_document(
            &document,
            &StageSchemaV1 {
                schema_version: SCHEMA_VERSION,
                plans_hash,
                configuration,
                next_configuration,
                fold: fold.to_owned(),
                size: [z, y, x],
                sha256: hash(labels.view()),
            },
        )
    }

    /// The labels of a case, or `None` if it was not predicted.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherStage`] if another model predicted it; others if a file is damaged, of
    /// another version, or does not fit the other.
    pub fn labels(&self, case: &CaseId) -> Result<Option<MappedLabels>, StoreError> {
        let (array, path) = self.paths(case);
        if !path.exists() {
            return Ok(None);
        }
        let document: StageSchemaV1 = read_document(&path)?;
        self.require_same(case, &document, &path)?;
        let map = MappedNpy::open(&array)?;
        map.view_of_shape::<i16, Ix3>(&document.size)?;
        Ok(Some(MappedLabels {
            map: Arc::new(map),
            sha256: document.sha256,
            fold: document.fold,
        }))
    }

    fn require_same(
        &self,
        case: &CaseId,
        document: &StageSchemaV1,
        path: &Path,
    ) -> Result<(), StoreError> {
        let own = &self.identity;
        let facts = [
            ("configuration", &own.configuration, &document.configuration),
            (
                "next configuration",
                &own.next_configuration,
                &document.next_configuration,
            ),
            ("plans", &own.plans_hash, &document.plans_hash),
        ];
        match facts.into_iter().find(|(_, own, found)| own != found) {
            None => Ok(()),
            Some((what, expected, found)) => Err(StoreError::OtherStage {
                case: case.clone(),
                what,
                expected: expected.clone(),
                found: found.clone(),
                path: path.to_owned(),
            }),
        }
    }

    fn paths(&self, case: &CaseId) -> (PathBuf, PathBuf) {
        let file = |ending: &str| self.folder.join(format!("{case}.{ending}"));
        (file("npy"), file("json"))
    }
}

impl MappedLabels {
    /// Labels on the target grid of the next stage, `[z, y, x]`, C order.
    ///
    /// # Panics
    ///
    /// Never for a file that stays as it was when it was opened.
    #[must_use]
    pub fn labels(&self) -> ArrayView3<'_, i16> {
        self.map
            .view::<i16, Ix3>()
            .expect("the labels were checked when they were opened")
    }

    /// SHA-256 of the labels, hex, as it was when they were written.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The fold whose network predicted them.
    #[must_use]
    pub fn fold(&self) -> &str {
        &self.fold
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.map.path()
    }
}

fn hash(labels: ArrayView3<'_, i16>) -> String {
    let mut hash = Sha256::new();
    for row in labels.rows() {
        let bytes: Vec<u8> = row.iter().flat_map(|label| label.to_le_bytes()).collect();
        hash.update(bytes);
    }
    sarx_core::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(plans_hash: &str) -> StageIdentity {
        StageIdentity {
            plans_hash: plans_hash.to_owned(),
            configuration: "3d_lowres".to_owned(),
            next_configuration: "3d_cascade_fullres".to_owned(),
        }
    }

    #[test]
    fn labels_come_back_with_their_fold_and_strangers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (CaseId::new("a").unwrap(), CaseId::new("b").unwrap());
        let store = StageStore::new(&folder.path().join("next"), identity("abc"));
        assert!(store.labels(&a).unwrap().is_none());
        let labels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z + y + x) as Label);
        store.write(&a, "0", labels.view()).unwrap();
        let found = store.labels(&a).unwrap().unwrap();
        assert_eq!(found.labels(), labels.mapv(|v| v as i16));
        assert_eq!(found.fold(), "0");
        let first = found.sha256().to_owned();
        store.write(&a, "1", labels.mapv(|v| v / 2).view()).unwrap();
        assert_ne!(store.labels(&a).unwrap().unwrap().sha256(), first);
        assert!(store.labels(&b).unwrap().is_none());
        let large = Array3::from_elem((1, 1, 1), 32_768);
        let error = store.write(&b, "0", large.view()).unwrap_err().to_string();
        assert!(
            error.contains("32768") && error.contains("\"b\""),
            "{error}"
        );
        assert!(store.labels(&b).unwrap().is_none());
        let other = StageStore::new(&folder.path().join("next"), identity("xyz"));
        let error = other.labels(&a).unwrap_err().to_string();
        assert!(
            error.contains("plans") && error.contains("\"a\""),
            "{error}"
        );
    }

    #[test]
    fn labels_without_their_document_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let case = CaseId::new("a").unwrap();
        let store = StageStore::new(folder.path(), identity("abc"));
        let labels = Array3::<Label>::zeros((2, 3, 4));
        store.write(&case, "0", labels.view()).unwrap();
        std::fs::remove_file(folder.path().join("a.json")).unwrap();
        assert!(store.labels(&case).unwrap().is_none());
        store.write(&case, "0", labels.view()).unwrap();
        std::fs::write(folder.path().join("a.npy"), b"no array").unwrap();
        assert!(store.labels(&case).is_err());
    }
}
