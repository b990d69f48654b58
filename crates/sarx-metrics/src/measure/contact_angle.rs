//! How far round a vessel a lesion reaches.

use super::border::marching_squares;
use super::mask::{
    dot, in_plane_axes, normal_of, require_inside, require_one_grid, require_right_angles,
};
use super::structure::grown;
use super::{Mask, MeasureError, SlicePlane, principal_axes};
use crate::{Connectivity, components};
use ndarray::{Array2, ArrayView2, Axis};

/// The contact of a lesion with a vessel, slice by slice.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct VesselContact {
    /// The array axis along which the slices are stacked (0, 1, 2 = z, y, x).
    pub array_axis: usize,
    /// Angle between the vessel's longest principal axis and the normal of the slices, degrees.
    /// Slices far from across (more than about 30 degrees) cut the vessel lengthwise; angles within
    /// them are no longer those of its circumference.
    pub obliquity_deg: f64,
    /// The largest angle in any slice, degrees; 0 without contact.
    pub largest_deg: f64,
    /// The slice with the largest angle, the first of equal ones; none without contact.
    pub largest_slice: Option<usize>,
    /// The class of the largest angle.
    pub class: ContactClass,
    /// Every cross-section of the vessel, by slice; a vessel that forks has several in one.
    pub sections: Vec<VesselSection>,
    /// Thickness of the slices with contact taken together, mm.
    pub length_mm: f64,
}

/// One cross-section of a vessel.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct VesselSection {
    /// The slice.
    pub slice: usize,
    /// The share of the circumference in contact, degrees of 360.
    pub angle_deg: f64,
    /// How many voxels the section has: below about 12 the angle is coarse.
    pub n_voxels: usize,
}

/// Classes of contact of a lesion with a vessel or nerve.
///
/// Source: Holzapfel and others (contact of soft-tissue sarcomas with artery, vein and nerve): none,
/// up to 90, 91 to 180, 181 to 270, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactClass {
    /// No contact.
    None,
    /// Up to 90 degrees.
    UpTo90,
    /// More than 90 and up to 180 degrees.
    UpTo180,
    /// More than 180 and up to 270 degrees.
    UpTo270,
    /// More than 270 degrees.
    Above270,
}

impl ContactClass {
    /// The class of an angle in degrees.
    #[must_use]
    pub fn of(angle_deg: f64) -> Self {
        match angle_deg {
            a if a <= 0.0 => Self::None,
            a if a <= 90.0 => Self::UpTo90,
            a if a <= 180.0 => Self::UpTo180,
            a if a <= 270.0 => Self::UpTo270,
            _ => Self::Above270,
        }
    }
}

/// How far round a vessel a lesion reaches, in the slices of `plane`, or, if none is given, in those
/// that lie most nearly across the vessel's longest principal axis.
///
/// In every slice each connected section of the vessel (by corners) has an outline half-way between
/// its voxel centres and those outside (marching squares). A piece of the outline is in contact with
/// the share of voxels outside of the vessel, among the four around it, that belong to the lesion.
/// Its weight is the angle that it subtends at the section's centre of mass; the contact angle is
/// 360 degrees times the weight in contact over the whole weight. For a round vessel that is the
/// share of the circumference. Voxels that both claim are the vessel's. `tolerance_mm` as in
/// [`super::contact_area`], in space.
///
/// # Errors
///
/// [`MeasureError::Empty`], [`MeasureError::Grid`], [`MeasureError::Sheared`],
/// [`MeasureError::Axis`] or [`MeasureError::Tolerance`].
pub fn vessel_contact(
    lesion: &Mask,
    vessel: &Mask,
    plane: Option<SlicePlane>,
    tolerance_mm: f64,
) -> Result<VesselContact, MeasureError> {
    require_one_grid(lesion, vessel, "vessel")?;
    require_right_angles(lesion.grid())?;
    require_inside(lesion, "lesion")?;
    require_inside(vessel, "vessel")?;
    let course = principal_axes(vessel)?.axes[0];
    let across = |axis: usize| dot(normal_of(vessel.grid(), axis), course).abs();
    let array_axis = match plane {
        Some(plane) => plane.array_axis(vessel.grid())?,
        None => (1..3).fold(0, |best, axis| {
            if across(axis) > across(best) + 1e-9 {
                axis
            } else {
                best
            }
        }),
    };
    let near = grown(lesion, tolerance_mm)?;
    let mm = vessel.grid().spacing.zyx_mm();
    let (b, c) = in_plane_axes(array_axis);
    let mut sections = Vec::new();
    let slices = vessel.voxels().axis_iter(Axis(array_axis));
    for (slice, (vessel, lesion)) in slices.zip(near.axis_iter(Axis(array_axis))).enumerate() {
        if !vessel.iter().any(|&inside| inside) {
            continue;
        }
        let parts = components(vessel.insert_axis(Axis(0)), Connectivity::Corners);
        for part in 0..parts.len() {
            let own = parts
                .labels
                .index_axis(Axis(0), 0)
                .map(|&l| l as usize == part + 1);
            sections.push(VesselSection {
                slice,
                angle_deg: contact_angle_deg(&own, vessel, lesion, [mm[b], mm[c]]),
                n_voxels: parts.sizes[part],
            });
        }
    }
    let largest = sections
        .iter()
        .fold(None, |best: Option<&VesselSection>, section| match best {
            Some(best) if best.angle_deg >= section.angle_deg => Some(best),
            _ if section.angle_deg > 0.0 => Some(section),
            best => best,
        });
    let mut touched: Vec<usize> = sections
        .iter()
        .filter(|s| s.angle_deg > 0.0)
        .map(|s| s.slice)
        .collect();
    touched.dedup();
    let largest_deg = largest.map_or(0.0, |s| s.angle_deg);
    Ok(VesselContact {
        array_axis,
        obliquity_deg: across(array_axis).min(1.0).acos().to_degrees(),
        largest_deg,
        largest_slice: largest.map(|s| s.slice),
        class: ContactClass::of(largest_deg),
        length_mm: touched.len() as f64 * mm[array_axis],
        sections,
    })
}

/// The contact angle of one section; `vessel` is the whole vessel in the slice.
fn contact_angle_deg(
    own: &Array2<bool>,
    vessel: ArrayView2<'_, bool>,
    lesion: ArrayView2<'_, bool>,
    mm: [f64; 2],
) -> f64 {
    let (mut centre, mut n) = ([0.0; 2], 0.0);
    for ((row, column), _) in own.indexed_iter().filter(|&(_, &inside)| inside) {
        centre[0] += row as f64 * mm[0];
        centre[1] += column as f64 * mm[1];
        n += 1.0;
    }
    let centre = centre.map(|c| c / n);
    let (mut contact, mut whole) = (0.0, 0.0);
    for piece in marching_squares(&own.view()) {
        let [p, q] = piece.map(|point| -> [f64; 2] {
            std::array::from_fn(|i| f64::from(point[i]) * 0.5 * mm[i] - centre[i])
        });
        let subtended = (p[0] * q[1] - p[1] * q[0])
            .atan2(p[0] * q[0] + p[1] * q[1])
            .abs();
        whole += subtended;
        contact += subtended * share_of_lesion(piece, vessel, lesion);
    }
    if whole > 0.0 {
        360.0 * contact / whole
    } else {
        0.0
    }
}

/// The share of lesion among the voxels outside of the vessel in the square that holds a piece.
fn share_of_lesion(
    [p, q]: [[i32; 2]; 2],
    vessel: ArrayView2<'_, bool>,
    lesion: ArrayView2<'_, bool>,
) -> f64 {
    // The two ends are on different sides of one square: their mean lies inside it.
    let corner: [i32; 2] = std::array::from_fn(|i| (p[i] + q[i]).div_euclid(4));
    let (mut outside, mut inside) = (0, 0);
    for (dr, dc) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let at = (
            usize::try_from(corner[0] + dr),
            usize::try_from(corner[1] + dc),
        );
        // Beyond the image there is no lesion.
        let (vessel, lesion) = match at {
            (Ok(row), Ok(column)) => (
                vessel.get([row, column]).copied().unwrap_or(false),
                lesion.get([row, column]).copied().unwrap_or(false),
            ),
            _ => (false, false),
        };
        outside += i32::from(!vessel);
        inside += i32::from(!vessel && lesion);
    }
    if outside == 0 {
        0.0
    } else {
        f64::from(inside) / f64::from(outside)
    }
}
