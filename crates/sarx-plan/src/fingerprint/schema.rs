//! dataset_fingerprint.json.

use crate::document::{self, DocumentError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Statistics of one channel inside the foreground of all cases, each case with the same weight.
///
/// Fields in the order of nnU-Net's file, which sorts its keys.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntensityProperties {
    /// Largest value.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// 50th percentile.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// 0.5th percentile.
    pub percentile_00_5: f64,
    /// 99.5th percentile.
    pub percentile_99_5: f64,
    /// Standard deviation (of the population).
    pub std: f64,
}

/// Sizes, spacings and intensities of a dataset, in the axis order of the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Voxel edges of each case, mm, `[z, y, x]`, cases in ascending order.
    pub spacings_mm: Vec<[f64; 3]>,
    /// Voxels of each case after cropping to its nonzero region, `[z, y, x]`.
    pub sizes_after_crop: Vec<[usize; 3]>,
    /// Intensities in the foreground, by channel.
    pub foreground_intensities: Vec<IntensityProperties>,
    /// Median over cases of the fraction of voxels that cropping leaves.
    pub median_relative_size_after_cropping: f64,
}

/// A fingerprint file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintFileError {
    /// The file is missing, no JSON, or cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A different number of spacings and sizes, or none at all.
    #[error(
        "{spacings} spacings and {sizes} sizes; there must be one of each per case, and a case: {path:?}"
    )]
    CaseCount {
        /// Number of spacings.
        spacings: usize,
        /// Number of sizes.
        sizes: usize,
        /// The file.
        path: PathBuf,
    },
    /// A spacing or size that no image has.
    #[error(
        "case number {case_index} has spacing {spacing_mm:?} mm and size {size:?}; all must be positive: {path:?}"
    )]
    NotPositive {
        /// Index into the lists.
        case_index: usize,
        /// Its spacing.
        spacing_mm: [f64; 3],
        /// Its size.
        size: [usize; 3],
        /// The file.
        path: PathBuf,
    },
    /// Intensities are not numbered "0", "1", ...
    #[error(
        "foreground intensities have the channels {found:?}; they must be \"0\" to \"n-1\": {path:?}"
    )]
    Channels {
        /// The keys found.
        found: Vec<String>,
        /// The file.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct Schema {
    foreground_intensity_properties_per_channel: BTreeMap<String, IntensityProperties>,
    median_relative_size_after_cropping: f64,
    shapes_after_crop: Vec<[usize; 3]>,
    spacings: Vec<[f64; 3]>,
}

impl Fingerprint {
    /// Reads and checks a file of nnU-Net or of [`Fingerprint::write`].
    ///
    /// # Errors
    ///
    /// [`FingerprintFileError`] with the path and what is wrong.
    pub fn read(path: &Path) -> Result<Self, FingerprintFileError> {
        let mut schema: Schema = document::read(path)?;
        let (spacings, sizes) = (schema.spacings.len(), schema.shapes_after_crop.len());
        if spacings != sizes || spacings == 0 {
            let path = path.to_owned();
            return Err(FingerprintFileError::CaseCount {
                spacings,
                sizes,
                path,
            });
        }
        let cases = schema
            .spacings
            .iter()
            .zip(&schema.shapes_after_crop)
            .enumerate();
        for (case_index, (&spacing_mm, &size)) in cases {
            let sound = spacing_mm.iter().all(|&s| s.is_finite() && s > 0.0);
            if !sound || size.contains(&0) {
                let path = path.to_owned();
                return Err(FingerprintFileError::NotPositive {
                    case_index,
                    spacing_mm,
                    size,
                    path,
                });
            }
        }
        let found: Vec<String> = schema
            .foreground_intensity_properties_per_channel
            .keys()
            .cloned()
            .collect();
        let foreground_intensities = (0..found.len())
            .map(|c| {
                schema
                    .foreground_intensity_properties_per_channel
                    .remove(&c.to_string())
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| FingerprintFileError::Channels {
                found,
                path: path.to_owned(),
            })?;
        Ok(Self {
            spacings_mm: schema.spacings,
            sizes_after_crop: schema.shapes_after_crop,
            foreground_intensities,
            median_relative_size_after_cropping: schema.median_relative_size_after_cropping,
        })
    }

    /// Writes nnU-Net's dataset_fingerprint.json.
    ///
    /// # Errors
    ///
    /// [`FingerprintFileError`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FingerprintFileError> {
        let schema = Schema {
            foreground_intensity_properties_per_channel: self
                .foreground_intensities
                .iter()
                .enumerate()
                .map(|(channel, properties)| (channel.to_string(), *properties))
                .collect(),
            median_relative_size_after_cropping: self.median_relative_size_after_cropping,
            shapes_after_crop: self.sizes_after_crop.clone(),
            spacings: self.spacings_mm.clone(),
        };
        Ok(document::write(path, &schema)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nnunets_file_survives_reading_and_writing() {
        let Some(path) = sarx_testkit::shared("oracle/t1_axial/dataset_fingerprint.json") else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.json");
        Fingerprint::read(&path).unwrap().write(&copy).unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap().trim_end(),
            std::fs::read_to_string(copy).unwrap(),
            "byte for byte, order of keys included"
        );
    }

    #[test]
    fn lists_of_different_length_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.json");
        let text = r#"{"spacings": [[1, 1, 1]], "shapes_after_crop": [],
            "foreground_intensity_properties_per_channel": {},
            "median_relative_size_after_cropping": 1.0}"#;
        std::fs::write(&path, text).unwrap();
        let error = Fingerprint::read(&path).unwrap_err();
        assert!(matches!(
            error,
            FingerprintFileError::CaseCount {
                spacings: 1,
                sizes: 0,
                ..
            }
        ));
    }
}
