//! Preprocessed cases in a folder, mapped into memory when they are read.
//!
//! | file | content |
//! |---|---|
//! | `store.json` | schema version, plans hash, configuration, the cases that are whole |
//! | `{case}.npy` | image, f32, C order `[c, z, y, x]` |
//! | `{case}_seg.npy` | labels, i16, C order `[z, y, x]`; only with labels |
//! | `{case}_locations.npy` | sampled voxels, u32 `[n, 3]`; only with labels |
//! | `{case}.json` | schema version, properties, which rows of the locations belong to which key |
//!
//! A case counts only when it is in `store.json`, which is written after the case's other files.
//! So work that was interrupted goes on where it stopped.

mod error;
mod mapped_case;
mod mapped_npy;
mod paths;
mod schema;
mod stage;

pub use error::StoreError;
pub use mapped_case::MappedCase;
pub use stage::{MappedLabels, StageIdentity, StageStore};

use crate::{ClassLocations, PreprocessedCase};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use paths::{CasePaths, manifest_path};
use sarx_core::CaseId;
use schema::{CaseSchema, ManifestSchema, read_document, write_document};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the cases of a store were preprocessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Hash of everything that decides what a case looks like, as the caller makes it.
    pub preprocessing_hash: String,
    /// Name of the configuration, e.g. `3d_fullres`.
    pub configuration: String,
}

/// A folder of preprocessed cases.
///
/// Threads may share it. Only one process at a time may write to a store.
#[derive(Debug)]
pub struct CaseStore {
    folder: PathBuf,
    identity: StoreIdentity,
    /// The whole cases; those that were asked for stay mapped.
    cases: Mutex<BTreeMap<CaseId, Option<MappedCase>>>,
}

impl CaseStore {
    /// Opens a store to write to it, with the cases that it has already; makes it if the folder
    /// is missing or empty.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherPlans`] if the store has another identity, [`StoreError::NotAStore`] if
    /// the folder holds other files; then nothing is changed. Others if a file cannot be read or
    /// written.
    pub fn create(folder: &Path, identity: &StoreIdentity) -> Result<Self, StoreError> {
        match Self::open(folder) {
            Ok(store) if store.identity == *identity => Ok(store),
            Ok(store) => Err(StoreError::OtherPlans {
                folder: store.folder,
                expected: identity.clone(),
                found: store.identity,
            }),
            Err(StoreError::NoStore { .. }) => {
                prepare_folder(folder)?;
                let store = Self {
                    folder: folder.to_owned(),
                    identity: identity.clone(),
                    cases: Mutex::default(),
                };
                store.write_manifest(&store.lock())?;
                Ok(store)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a store that exists.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`] if there is none, [`StoreError::Version`] if another version of
    /// sarx made it, [`StoreError::Json`] if its manifest is damaged.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = manifest_path(folder);
        let manifest: ManifestSchema = read_document(&path).map_err(|error| match error {
            StoreError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                StoreError::NoStore {
                    folder: folder.to_owned(),
                }
            }
            error => error,
        })?;
        let identity = manifest.identity();
        let mut cases = BTreeMap::new();
        for name in manifest.cases {
            let case = CaseId::new(name).map_err(|error| {
                let source = serde::de::Error::custom(error);
                StoreError::Json {
                    path: path.clone(),
                    source,
                }
            })?;
            cases.insert(case, None);
        }
        Ok(Self {
            folder: folder.to_owned(),
            identity,
            cases: Mutex::new(cases),
        })
    }

    /// Which plans made the store.
    #[must_use]
    pub fn identity(&self) -> &StoreIdentity {
        &self.identity
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The cases that are whole, in ascending order.
    #[must_use]
    pub fn cases(&self) -> Vec<CaseId> {
        self.lock().keys().cloned().collect()
    }

    /// Whether a case is whole.
    #[must_use]
    pub fn contains(&self, case: &CaseId) -> bool {
        self.lock().contains_key(case)
    }

    /// Writes a case, or replaces it. It counts once all its files are on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReservedName`] for a name that the store needs itself, [`StoreError::Write`]
    /// if a file cannot be written.
    pub fn write_case(&self, id: &CaseId, case: &PreprocessedCase) -> Result<(), StoreError> {
        let paths = CasePaths::new(&self.folder, id)?;
        self.forget(id)?;
        write_array(&paths.image, &case.image)?;
        if let Some(labels) = &case.labels {
            write_array(&paths.labels, labels)?;
        }
        if let Some(locations) = &case.class_locations {
            write_array(&paths.locations, &location_rows(locations))?;
        }
        let document = CaseSchema::new(
            &case.properties,
            case.image.shape()[0],
            case.labels.is_some(),
            case.class_locations.as_ref(),
        );
        write_document(&paths.document, &document)?;
        let mut cases = self.lock();
        cases.insert(id.clone(), None);
        self.write_manifest(&cases)
    }

    /// Maps a case. Its files are checked and its locations read the first time only.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownCase`] if the case is not whole; others if its files are missing,
    /// damaged, truncated, of another version or contradict each other.
    pub fn case(&self, id: &CaseId) -> Result<MappedCase, StoreError> {
        let unknown = || StoreError::UnknownCase {
            case: id.clone(),
            folder: self.folder.clone(),
        };
        if let Some(mapped) = self.lock().get(id).ok_or_else(unknown)? {
            return Ok(mapped.clone());
        }
        let mapped = MappedCase::open(&CasePaths::new(&self.folder, id)?)?;
        if let Some(slot) = self.lock().get_mut(id) {
            *slot = Some(mapped.clone());
        }
        Ok(mapped)
    }

    /// Takes a case out of the manifest, so that a mixture of old and new files never counts.
    fn forget(&self, id: &CaseId) -> Result<(), StoreError> {
        let mut cases = self.lock();
        if cases.remove(id).is_some() {
            self.write_manifest(&cases)?;
        }
        Ok(())
    }

    fn write_manifest(
        &self,
        cases: &BTreeMap<CaseId, Option<MappedCase>>,
    ) -> Result<(), StoreError> {
        let names = cases.keys().map(|case| case.as_str().to_owned()).collect();
        write_document(
            &manifest_path(&self.folder),
            &ManifestSchema::new(&self.identity, names),
        )
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CaseId, Option<MappedCase>>> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the folder if needed; refuses one with anything in it but hidden files.
fn prepare_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Read {
        path: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !name.to_string_lossy().starts_with('.') {
            return Err(StoreError::NotAStore {
                folder: folder.to_owned(),
            });
        }
    }
    Ok(())
}

fn location_rows(locations: &ClassLocations) -> Array2<u32> {
    let keys = || locations.foreground.iter().chain(&locations.annotated);
    let rows: Vec<[u32; 3]> = keys().flat_map(|key| key.voxels.iter().copied()).collect();
    Array2::from(rows)
}

fn write_array(path: &Path, array: &impl WriteNpyExt) -> Result<(), StoreError> {
    sarx_io::write_atomic(path, |writer| {
        array.write_npy(writer).map_err(io::Error::other)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
