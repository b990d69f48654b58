//! The JSON documents of a store, as they are on disk.

use super::{StoreError, StoreIdentity};
use crate::{ClassLocations, KeyLocations, Properties};
use sarx_core::BoundingBox;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of every document of the store.
pub(super) const SCHEMA_VERSION: u64 = 2;

/// `store.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ManifestSchema {
    schema_version: u64,
    preprocessing_hash: String,
    configuration: String,
    /// Cases whose files are whole.
    pub(super) cases: Vec<String>,
}

/// `{case}.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CaseSchema {
    schema_version: u64,
    spacing_mm: [f64; 3],
    transpose_forward: [usize; 3],
    size_before_crop: [usize; 3],
    bounding_box_lower: [usize; 3],
    bounding_box_upper: [usize; 3],
    size_after_crop: [usize; 3],
    size_after_resample: [usize; 3],
    pub(super) n_channels: usize,
    pub(super) has_labels: bool,
    pub(super) class_locations: Option<LocationsSchema>,
}

/// How `{case}_locations.npy` is shared out: keys in order, each with its number of rows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LocationsSchema {
    foreground: Vec<KeySchema>,
    annotated: Option<KeySchema>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeySchema {
    labels: Vec<i16>,
    count: usize,
}

impl ManifestSchema {
    pub(super) fn new(identity: &StoreIdentity, cases: Vec<String>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            preprocessing_hash: identity.preprocessing_hash.clone(),
            configuration: identity.configuration.clone(),
            cases,
        }
    }

    pub(super) fn identity(&self) -> StoreIdentity {
        StoreIdentity {
            preprocessing_hash: self.preprocessing_hash.clone(),
            configuration: self.configuration.clone(),
        }
    }
}

impl CaseSchema {
    pub(super) fn new(
        properties: &Properties,
        n_channels: usize,
        has_labels: bool,
        locations: Option<&ClassLocations>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            spacing_mm: properties.spacing_mm,
            transpose_forward: properties.transpose_forward,
            size_before_crop: properties.size_before_crop,
            bounding_box_lower: properties.bounding_box.lower,
            bounding_box_upper: properties.bounding_box.upper,
            size_after_crop: properties.size_after_crop,
            size_after_resample: properties.size_after_resample,
            n_channels,
            has_labels,
            class_locations: locations.map(LocationsSchema::new),
        }
    }

    pub(super) fn properties(&self, path: &Path) -> Result<Properties, StoreError> {
        let properties = Properties {
            spacing_mm: self.spacing_mm,
            transpose_forward: self.transpose_forward,
            size_before_crop: self.size_before_crop,
            bounding_box: BoundingBox {
                lower: self.bounding_box_lower,
                upper: self.bounding_box_upper,
            },
            size_after_crop: self.size_after_crop,
            size_after_resample: self.size_after_resample,
        };
        let path = path.to_owned();
        properties
            .check()
            .map_err(|source| StoreError::Properties { path, source })?;
        Ok(properties)
    }
}

impl LocationsSchema {
    fn new(locations: &ClassLocations) -> Self {
        let key = |k: &KeyLocations| KeySchema {
            labels: k.labels.clone(),
            count: k.voxels.len(),
        };
        Self {
            foreground: locations.foreground.iter().map(key).collect(),
            annotated: locations.annotated.as_ref().map(key),
        }
    }

    /// Rows of the array that belong to all keys.
    pub(super) fn n_rows(&self) -> usize {
        let counts = self
            .foreground
            .iter()
            .chain(&self.annotated)
            .map(|key| key.count);
        counts.fold(0, usize::saturating_add)
    }

    /// Shares out the rows; there must be [`LocationsSchema::n_rows`] of them.
    pub(super) fn share_out(self, mut rows: impl Iterator<Item = [u32; 3]>) -> ClassLocations {
        let mut take = |key: KeySchema| KeyLocations {
            voxels: rows.by_ref().take(key.count).collect(),
            labels: key.labels,
        };
        let foreground = self.foreground.into_iter().map(&mut take).collect();
        ClassLocations {
            foreground,
            annotated: self.annotated.map(take),
        }
    }
}

/// Reads a document after a look at its version.
pub(super) fn read_document<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let bytes = std::fs::read(path).map_err(|source| StoreError::Read {
        path: path.to_owned(),
        source,
    })?;
    let json = |source| StoreError::Json {
        path: path.to_owned(),
        source,
    };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(json)?;
    let version = value.get("schema_version");
    if version.and_then(serde_json::Value::as_u64) != Some(SCHEMA_VERSION) {
        return Err(StoreError::Version {
            path: path.to_owned(),
            found: version.map_or_else(|| "missing".to_owned(), ToString::to_string),
            supported: SCHEMA_VERSION,
        });
    }
    serde_json::from_value(value).map_err(json)
}

/// Writes a document.
pub(super) fn write_document<T: Serialize>(path: &Path, document: &T) -> Result<(), StoreError> {
    sarx_io::write_json(path, document)?;
    Ok(())
}
