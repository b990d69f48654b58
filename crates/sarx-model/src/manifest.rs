//! What a model folder says about itself beyond nnU-Net's own files.

use crate::ModelError;
use sarx_plan::{DatasetJson, Plans};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// `manifest.json` of a model folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this document; unknown versions are refused.
    pub schema_version: u32,
    /// Version of sarx that made the folder.
    pub sarx_version: String,
    /// The configuration that the weights belong to.
    pub configuration: String,
    /// Name of the plans.
    pub plans_name: String,
    /// SHA-256 of the plans.
    pub plans_hash: String,
    /// Training cases by the patient axis of their slices (`axial`, `sagittal`, `coronal`).
    pub slice_axes: BTreeMap<String, usize>,
    /// The configuration whose predictions are further input; absent where this is no cascade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_stage: Option<String>,
    /// Array axes of `z, y, x` along which prediction may mirror; absent for all that the network
    /// has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_axes: Option<Vec<usize>>,
    /// Where the weights come from, if they were not trained here (since version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Where weights come from that were trained by nnU-Net.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Class of nnU-Net's trainer.
    pub trainer_name: String,
}

/// What training knows of a model and prediction must.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrainingFacts {
    /// Training cases by the patient axis of their slices.
    pub slice_axes: BTreeMap<String, usize>,
    /// Array axes of `z, y, x` along which training mirrored; `None` for all that the network has.
    pub mirror_axes: Option<Vec<usize>>,
}

impl Manifest {
    /// The version this build writes.
    pub const SCHEMA_VERSION: u32 = 2;
    /// The oldest version that this build reads; it had no previous stage, mirror axes and origin.
    pub const OLDEST_VERSION: u32 = 1;

    /// Writes the document.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), ModelError> {
        sarx_io::write_json(path, self)?;
        Ok(())
    }

    /// The slice axis of most training cases, or `None` if it was not recorded.
    #[must_use]
    pub fn usual_slice_axis(&self) -> Option<&str> {
        self.slice_axes
            .iter()
            .max_by_key(|(_, n)| **n)
            .map(|(axis, _)| axis.as_str())
    }
}

/// SHA-256 of the plans' document together with dataset.json's labels and channels, as hex: what
/// decides how a case is preprocessed and what a network's output means.
#[must_use]
pub fn plans_hash(plans: &Plans, dataset: &DatasetJson) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::Value::Object(plans.to_json().clone()).to_string());
    for key in ["labels", "regions_class_order", "channel_names", "modality"] {
        if let Some(value) = dataset.document().get(key) {
            hash.update(key);
            hash.update(value.to_string());
        }
    }
    sarx_core::hex(&hash.finalize())
}

/// Reads the manifest of a model folder.
///
/// # Errors
///
/// [`ModelError`] if it is missing, damaged or of another version.
pub fn read_manifest(path: &Path) -> Result<Manifest, ModelError> {
    let text = std::fs::read(path).map_err(|source| ModelError::Read {
        what: "the manifest",
        path: path.to_owned(),
        source,
    })?;
    let bad = |what: String| ModelError::Manifest {
        what,
        path: path.to_owned(),
    };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let known = Manifest::OLDEST_VERSION..=Manifest::SCHEMA_VERSION;
    if !known.contains(&manifest.schema_version) {
        return Err(bad(format!(
            "schema version {}, this build reads {} to {}",
            manifest.schema_version,
            known.start(),
            known.end()
        )));
    }
    Ok(manifest)
}
