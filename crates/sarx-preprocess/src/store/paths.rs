//! Names of the files of a store.

use super::StoreError;
use sarx_core::CaseId;
use std::path::{Path, PathBuf};

/// Name of the manifest without its ending.
const MANIFEST: &str = "store";

/// The manifest of a store.
pub(super) fn manifest_path(folder: &Path) -> PathBuf {
    folder.join(format!("{MANIFEST}.json"))
}

/// The files of one case.
#[derive(Debug)]
pub(super) struct CasePaths {
    pub(super) image: PathBuf,
    pub(super) labels: PathBuf,
    pub(super) locations: PathBuf,
    pub(super) document: PathBuf,
}

impl CasePaths {
    /// The files of a case, unless they could be another case's or the manifest.
    pub(super) fn new(folder: &Path, case: &CaseId) -> Result<Self, StoreError> {
        let name = case.as_str();
        if name == MANIFEST || name.ends_with("_seg") || name.ends_with("_locations") {
            return Err(StoreError::ReservedName { case: case.clone() });
        }
        Ok(Self {
            image: folder.join(format!("{name}.npy")),
            labels: folder.join(format!("{name}_seg.npy")),
            locations: folder.join(format!("{name}_locations.npy")),
            document: folder.join(format!("{name}.json")),
        })
    }
}
