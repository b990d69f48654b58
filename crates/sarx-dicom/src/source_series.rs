//! What a result must know of the series it was made from.

use crate::{Series, SliceRef};
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::StandardDataDictionary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The source of a volume: enough to write SEG, RTSTRUCT or SR that belong to it.
///
/// It holds what identifies the patient, exactly as the files do; after de-identification it holds
/// the replacements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSeries {
    /// UID of the study.
    pub study_instance_uid: String,
    /// UID of the series.
    pub series_instance_uid: String,
    /// UID of the frame of reference; `None` if the files name none.
    pub frame_of_reference_uid: Option<String>,
    /// Attributes of the patient, the study and the series, by keyword of the standard.
    pub attributes: BTreeMap<String, String>,
    /// Voxels along a column.
    pub rows: u16,
    /// Voxels along a row.
    pub columns: u16,
    /// Distance between rows, then between columns, mm.
    pub pixel_spacing_mm: [f64; 2],
    /// Slice thickness, mm, if the files say it.
    pub slice_thickness_mm: Option<f64>,
    /// Direction of a row, then of a column, LPS+.
    pub image_orientation: [f64; 6],
    /// The slices in the order of the volume's first array axis.
    pub slices: Vec<SourceSlice>,
}

/// One slice of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSlice {
    /// Kind of the object.
    pub sop_class_uid: String,
    /// The object.
    pub sop_instance_uid: String,
    /// Number of the frame, from 1, where the object has several.
    pub frame: Option<u32>,
    /// Centre of the first voxel, LPS+ mm.
    pub position_mm: [f64; 3],
}

impl SourceSeries {
    /// Builds the source of a sound stack.
    pub(crate) fn new(
        series: &Series,
        slices: &[SliceRef],
        positions: &[[f64; 3]],
        geometry: SliceGeometry,
    ) -> Self {
        let keyword = |tag| {
            StandardDataDictionary
                .by_tag(tag)
                .map_or_else(String::new, |entry| entry.alias().to_owned())
        };
        Self {
            study_instance_uid: series.study_uid.clone(),
            series_instance_uid: series.uid.clone(),
            frame_of_reference_uid: series.frames_of_reference.first().cloned(),
            attributes: series
                .identity
                .iter()
                .map(|(&tag, text)| (keyword(tag), text.clone()))
                .collect(),
            rows: geometry.rows,
            columns: geometry.columns,
            pixel_spacing_mm: geometry.pixel_spacing_mm,
            slice_thickness_mm: geometry.thickness_mm,
            image_orientation: geometry.orientation,
            slices: slices
                .iter()
                .zip(positions)
                .map(|(slice, &position_mm)| {
                    let instance = &series.instances[slice.instance];
                    SourceSlice {
                        sop_class_uid: instance.sop_class.clone(),
                        sop_instance_uid: instance.sop_instance.clone(),
                        frame: (instance.frames.len() > 1)
                            .then(|| instance.frames[slice.frame].number),
                        position_mm,
                    }
                })
                .collect(),
        }
    }
}

/// What all slices of a stack share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceGeometry {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) pixel_spacing_mm: [f64; 2],
    pub(crate) thickness_mm: Option<f64>,
    pub(crate) orientation: [f64; 6],
}
