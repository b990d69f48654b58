//! RTSTRUCT: closed planar contours, rasterised on a grid.
//!
//! A voxel belongs to a structure when its centre lies inside by the even-odd rule. Contours of one
//! structure on one slice are combined by exclusive or, so that a contour within another is a hole;
//! keyhole contours give the same holes by themselves (PS3.3 C.8.8.6.3).

mod raster;

use crate::attribute::{integer, items, numbers, text};
use crate::header::{Object, read_header};
use crate::label_mapping::{MappedLabels, Mask, map_labels};
use crate::{FileError, FileFault, Limits, Location};
use dicom_dictionary_std::tags;
use sarx_core::{Grid, Label};
use std::collections::BTreeMap;

/// A structure set.
#[derive(Debug, Clone, PartialEq)]
pub struct StructureSet {
    /// UID of the series it was drawn on, if it says so.
    pub source_series_uid: Option<String>,
    /// UID of the frame of reference.
    pub frame_of_reference_uid: Option<String>,
    /// Its structures, by number.
    pub structures: Vec<Structure>,
}

/// One structure (ROI).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Structure {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Its closed planar contours.
    pub contours: Vec<Contour>,
    /// Points and open lines, which enclose nothing and are left out.
    pub n_open: usize,
}

/// One closed planar contour.
#[derive(Debug, Clone, PartialEq)]
pub struct Contour {
    /// Its corners, LPS+ mm; the last is joined to the first.
    pub points_mm: Vec<[f64; 3]>,
    /// UID of the slice it was drawn on, if it says so.
    pub source_instance_uid: Option<String>,
}

/// Why a structure cannot be rasterised on a grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// No such structure.
    #[error("there is no structure {number}")]
    NoStructure {
        /// What was asked for.
        number: i64,
    },
    /// A contour that is not parallel to the slices.
    #[error(
        "contour {contour} of structure {number} is not parallel to the slices of the grid (it spans {span:.2} slices); was it drawn on another series?"
    )]
    Tilted {
        /// Number of the structure.
        number: i64,
        /// Number of the contour, from 1.
        contour: usize,
        /// From its lowest to its highest corner, in slices.
        span: f64,
    },
    /// A contour between two slices.
    #[error(
        "contour {contour} of structure {number} lies {off:.2} slices beside the nearest slice; was it drawn on another series?"
    )]
    BetweenSlices {
        /// Number of the structure.
        number: i64,
        /// Number of the contour, from 1.
        contour: usize,
        /// How far, in slices.
        off: f64,
    },
    /// A grid that cannot be turned around.
    #[error("the grid has no inverse")]
    Grid,
}

impl StructureSet {
    /// Reads a structure set.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the object is damaged or holds no structures.
    pub fn read(location: &Location, limits: &Limits) -> Result<Self, FileError> {
        let header = read_header(location, limits)?;
        read(&header.object).map_err(|fault| fault.at(location))
    }

    /// The structure of that number.
    #[must_use]
    pub fn structure(&self, number: i64) -> Option<&Structure> {
        self.structures.iter().find(|s| s.number == number)
    }

    /// The voxels of one structure.
    ///
    /// # Errors
    ///
    /// [`StructureError`] if there is no such structure or it was not drawn on slices of `grid`.
    pub fn mask(&self, number: i64, grid: &Grid) -> Result<Mask, StructureError> {
        let structure = self
            .structure(number)
            .ok_or(StructureError::NoStructure { number })?;
        raster::mask(structure, grid)
    }

    /// Several structures as one label map: `labels` are pairs of structure number and label.
    ///
    /// # Errors
    ///
    /// As [`Self::mask`].
    pub fn label_map(
        &self,
        labels: &[(i64, Label)],
        grid: &Grid,
    ) -> Result<MappedLabels, StructureError> {
        let masks = labels
            .iter()
            .map(|&(number, label)| (label, self.mask(number, grid)));
        map_labels(grid, masks)
    }
}

fn read(object: &Object) -> Result<StructureSet, FileFault> {
    let mut structures = BTreeMap::new();
    for item in items(object, tags::STRUCTURE_SET_ROI_SEQUENCE) {
        let number =
            integer(item, tags::ROI_NUMBER).ok_or(FileFault::Missing { name: "ROINumber" })?;
        let structure = Structure {
            number,
            name: text(item, tags::ROI_NAME).unwrap_or_default(),
            ..Structure::default()
        };
        structures.insert(number, structure);
    }
    if structures.is_empty() {
        return Err(FileFault::Missing {
            name: "StructureSetROISequence",
        });
    }
    for item in items(object, tags::ROI_CONTOUR_SEQUENCE) {
        let number = integer(item, tags::REFERENCED_ROI_NUMBER);
        let structure = number
            .and_then(|number| structures.get_mut(&number))
            .ok_or(FileFault::Bad {
                name: "ReferencedROINumber",
                expected: "the number of a structure of this set",
            })?;
        for contour in items(item, tags::CONTOUR_SEQUENCE) {
            let kind = text(contour, tags::CONTOUR_GEOMETRIC_TYPE);
            match kind.as_deref() {
                Some("CLOSED_PLANAR" | "CLOSEDPLANAR_XOR") => {
                    structure.contours.push(read_contour(contour)?);
                }
                _ => structure.n_open += 1,
            }
        }
    }
    let frame = items(object, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE).first();
    let series = frame
        .and_then(|f| items(f, tags::RT_REFERENCED_STUDY_SEQUENCE).first())
        .and_then(|s| items(s, tags::RT_REFERENCED_SERIES_SEQUENCE).first());
    Ok(StructureSet {
        source_series_uid: series.and_then(|s| text(s, tags::SERIES_INSTANCE_UID)),
        frame_of_reference_uid: frame.and_then(|f| text(f, tags::FRAME_OF_REFERENCE_UID)),
        structures: structures.into_values().collect(),
    })
}

fn read_contour(item: &Object) -> Result<Contour, FileFault> {
    let bad = FileFault::Bad {
        name: "ContourData",
        expected: "three finite numbers per corner, at least three corners",
    };
    let Some(values) = numbers(item, tags::CONTOUR_DATA) else {
        return Err(bad);
    };
    if values.len() % 3 != 0 || values.len() < 9 {
        return Err(bad);
    }
    let images = items(item, tags::CONTOUR_IMAGE_SEQUENCE).first();
    Ok(Contour {
        points_mm: values.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect(),
        source_instance_uid: images.and_then(|i| text(i, tags::REFERENCED_SOP_INSTANCE_UID)),
    })
}
