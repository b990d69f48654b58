//! What distinguishes one slice from another: place, scale, contrast.

use crate::attribute::{Scope, number, text};
use crate::header::Object;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Part of a complex image.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Component {
    /// Magnitude, or not said.
    #[default]
    Magnitude,
    /// Phase.
    Phase,
    /// Real part.
    Real,
    /// Imaginary part.
    Imaginary,
    /// Several in one.
    Mixed,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magnitude => "magnitude",
            Self::Phase => "phase",
            Self::Real => "real part",
            Self::Imaginary => "imaginary part",
            Self::Mixed => "mixed components",
        })
    }
}

/// One slice of a classic or multi-frame image. Coordinates are DICOM's: LPS+ mm.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Number within the object, from 1.
    pub number: u32,
    /// Centre of the first voxel, LPS+ mm.
    pub position_mm: Option<[f64; 3]>,
    /// Direction of a row (along increasing columns), then of a column, LPS+.
    pub orientation: Option<[f64; 6]>,
    /// Distance between rows, then between columns, mm.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Slice thickness, mm.
    pub thickness_mm: Option<f64>,
    /// Distance between slice centres as the file says it, mm.
    pub slice_spacing_mm: Option<f64>,
    /// Factor from stored to real values.
    pub slope: f64,
    /// Offset from stored to real values.
    pub intercept: f64,
    /// Part of a complex image.
    pub component: Component,
    /// Image type (or frame type), values joined by a backslash.
    pub image_type: String,
    /// Echo time, ms.
    pub echo_time_ms: Option<f64>,
    /// Number of the echo.
    pub echo_number: Option<i64>,
    /// Diffusion weighting, s/mm2.
    pub b_value: Option<f64>,
    /// Diffusion direction, LPS+.
    pub diffusion_direction: Option<[f64; 3]>,
    /// Number of the acquisition.
    pub acquisition: Option<i64>,
    /// Position in time, from 1.
    pub temporal_position: Option<i64>,
    /// Time after the trigger, ms.
    pub trigger_ms: Option<f64>,
}

/// Reads all frames of an object: from its functional groups if it has any, else from the top.
pub(crate) fn frames(object: &Object, n_frames: u32) -> Vec<Frame> {
    let scopes = Scope::frames(object);
    (1..=n_frames)
        .map(|number| {
            let scope = scopes
                .get(number as usize - 1)
                .copied()
                .unwrap_or(Scope::classic(object));
            // A frame without a functional group among several frames has no place of its own.
            let placed = n_frames == 1 || scopes.len() == n_frames as usize;
            frame(&scope, object, number, placed)
        })
        .collect()
}

fn frame(scope: &Scope<'_>, top: &Object, number: u32, placed: bool) -> Frame {
    let frame_type = scope.texts(tags::FRAME_TYPE);
    let image_type = if frame_type.is_empty() {
        scope.texts(tags::IMAGE_TYPE)
    } else {
        frame_type
    };
    Frame {
        number,
        position_mm: placed
            .then(|| scope.vector(tags::IMAGE_POSITION_PATIENT))
            .flatten(),
        orientation: scope.vector(tags::IMAGE_ORIENTATION_PATIENT),
        pixel_spacing_mm: scope.vector(tags::PIXEL_SPACING),
        thickness_mm: scope.number(tags::SLICE_THICKNESS).filter(|&t| t > 0.0),
        slice_spacing_mm: scope
            .number(tags::SPACING_BETWEEN_SLICES)
            .map(f64::abs)
            .filter(|&s| s > 0.0),
        slope: slope(scope, top),
        intercept: value_transformation(scope, top)
            .and_then(|o| crate::attribute::number(o, tags::RESCALE_INTERCEPT))
            .unwrap_or(0.0),
        component: component(scope, &image_type),
        image_type: image_type.join("\\"),
        echo_time_ms: scope
            .number(tags::EFFECTIVE_ECHO_TIME)
            .or_else(|| scope.number(tags::ECHO_TIME)),
        echo_number: scope.integer(tags::ECHO_NUMBERS),
        b_value: scope
            .number(tags::DIFFUSION_B_VALUE)
            .or_else(|| private_b_value(top)),
        diffusion_direction: scope.vector(tags::DIFFUSION_GRADIENT_ORIENTATION),
        acquisition: scope
            .integer(tags::FRAME_ACQUISITION_NUMBER)
            .or_else(|| scope.integer(tags::ACQUISITION_NUMBER)),
        temporal_position: scope
            .integer(tags::TEMPORAL_POSITION_INDEX)
            .or_else(|| scope.integer(tags::TEMPORAL_POSITION_IDENTIFIER)),
        trigger_ms: scope
            .number(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME)
            .or_else(|| scope.number(tags::TRIGGER_TIME)),
    }
}

/// Where slope and intercept stand. Real world value maps are no rescaling and are not used.
fn value_transformation<'a>(scope: &Scope<'a>, top: &'a Object) -> Option<&'a Object> {
    scope
        .group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE)
        .or_else(|| top.get(tags::RESCALE_SLOPE).map(|_| top))
}

fn slope(scope: &Scope<'_>, top: &Object) -> f64 {
    value_transformation(scope, top)
        .and_then(|o| number(o, tags::RESCALE_SLOPE))
        // A slope of zero would erase the image; no scanner means it.
        .filter(|&s| s != 0.0)
        .unwrap_or(1.0)
}

fn component(scope: &Scope<'_>, image_type: &[String]) -> Component {
    let named = |name: &str| match name {
        "MAGNITUDE" | "M" | "M_SE" | "M_FFE" | "M_IR" => Some(Component::Magnitude),
        "PHASE" | "P" | "PHASE MAP" => Some(Component::Phase),
        "REAL" | "R" => Some(Component::Real),
        "IMAGINARY" | "I" => Some(Component::Imaginary),
        "MIXED" => Some(Component::Mixed),
        _ => None,
    };
    scope
        .text(tags::COMPLEX_IMAGE_COMPONENT)
        .and_then(|name| named(&name))
        .or_else(|| image_type.iter().skip(2).find_map(|name| named(name)))
        .unwrap_or_default()
}

/// Siemens and GE keep the diffusion weighting of classic images in private elements.
/// Sources: Siemens MR DICOM conformance statements, (0019,xx0C) of "SIEMENS MR HEADER"; GE's,
/// (0043,xx39) of "GEMS_PARM_01", whose first value carries an offset of 1e9.
fn private_b_value(top: &Object) -> Option<f64> {
    let creator = |tag, name: &str| text(top, tag).is_some_and(|found| found == name);
    if creator(Tag(0x0019, 0x0010), "SIEMENS MR HEADER") {
        return number(top, Tag(0x0019, 0x100C));
    }
    if creator(Tag(0x0043, 0x0010), "GEMS_PARM_01") {
        let b = number(top, Tag(0x0043, 0x1039))?;
        return Some(if b >= 1e9 { b % 1e8 } else { b });
    }
    None
}
