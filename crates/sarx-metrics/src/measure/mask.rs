//! A mask on its grid, and the vectors of its axes in the patient.

use super::MeasureError;
use sarx_core::{Grid, Label, LabelMap, SliceAxis, Volume};

/// Where something is: `true` inside, on a grid.
pub type Mask = Volume<bool>;

/// How far corners of the grids of two masks may be apart, mm. Well below half of any voxel.
const GRID_TOLERANCE_MM: f64 = 0.05;
/// How far from a right angle two axes may be, degrees: what headers written with a few digits give.
const SHEAR_TOLERANCE_DEG: f64 = 0.1;

/// The voxels of one label.
#[must_use]
pub fn mask_of_label(labels: &LabelMap, label: Label) -> Mask {
    labels.map(|&found| found == label)
}

/// A straight line between two points.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Line {
    /// Its length, mm.
    pub length_mm: f64,
    /// Where it begins and ends, RAS+ mm.
    pub ends_mm: [[f64; 3]; 2],
}

impl Line {
    pub(super) fn between(a: [f64; 3], b: [f64; 3]) -> Self {
        Self {
            length_mm: norm(minus(b, a)),
            ends_mm: [a, b],
        }
    }
}

/// Which slices of the grid a measurement looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlicePlane {
    /// The slices as they were acquired: stacked along the array axis with the largest spacing, on
    /// a tie along the first.
    Acquisition,
    /// The slices of the grid that are closest to this plane of the patient. An oblique grid has
    /// no slices exactly in it: [`super::SliceDiameter::tilt_deg`] says how far off they are.
    Anatomical(SliceAxis),
    /// The slices stacked along this array axis (0, 1, 2 = z, y, x).
    Array(usize),
}

impl SlicePlane {
    /// The array axis along which the slices are stacked.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Axis`] if there is no such axis.
    pub fn array_axis(self, grid: &Grid) -> Result<usize, MeasureError> {
        match self {
            Self::Array(axis) if axis > 2 => Err(MeasureError::Axis { found: axis }),
            Self::Array(axis) => Ok(axis),
            Self::Acquisition => {
                let spacing = grid.spacing.zyx_mm();
                // As `Grid::slice_axis`: a scanner's rounding must not decide between equal axes.
                Ok((1..3).fold(0, |best, axis| {
                    if spacing[axis] > spacing[best] * 1.001 {
                        axis
                    } else {
                        best
                    }
                }))
            }
            Self::Anatomical(wanted) => {
                let row = world_row(wanted);
                let along = |axis: usize| normal_of(grid, axis)[row].abs();
                Ok((1..3).fold(0, |best, axis| {
                    if along(axis) > along(best) + 1e-9 {
                        axis
                    } else {
                        best
                    }
                }))
            }
        }
    }
}

/// The row of a world vector that belongs to a patient axis.
fn world_row(axis: SliceAxis) -> usize {
    match axis {
        SliceAxis::Sagittal => 0,
        SliceAxis::Coronal => 1,
        SliceAxis::Axial => 2,
    }
}

/// Unit vector of an array axis in RAS+.
pub(super) fn direction_of(grid: &Grid, array_axis: usize) -> [f64; 3] {
    let column = 2 - array_axis;
    unit(std::array::from_fn(|row| grid.direction[row][column]))
}

/// Unit normal of the slices stacked along an array axis.
pub(super) fn normal_of(grid: &Grid, array_axis: usize) -> [f64; 3] {
    let (b, c) = in_plane_axes(array_axis);
    unit(cross(direction_of(grid, b), direction_of(grid, c)))
}

/// The angle between the slice normal and the nearest axis of the patient, degrees.
pub(super) fn tilt_deg(grid: &Grid, array_axis: usize) -> f64 {
    let most = normal_of(grid, array_axis)
        .into_iter()
        .fold(0.0, |most: f64, v| most.max(v.abs()));
    most.min(1.0).acos().to_degrees()
}

/// The two array axes of a slice, ascending.
pub(super) fn in_plane_axes(array_axis: usize) -> (usize, usize) {
    match array_axis {
        0 => (1, 2),
        1 => (0, 2),
        _ => (0, 1),
    }
}

/// The position of a point in half voxels, `[z, y, x]`, RAS+ mm.
pub(super) fn world_of_halves(grid: &Grid, halves: [i32; 3]) -> [f64; 3] {
    grid.world_from_index(halves.map(|h| f64::from(h) * 0.5))
}

pub(super) fn require_inside(mask: &Mask, what: &'static str) -> Result<(), MeasureError> {
    if mask.voxels().iter().any(|&inside| inside) {
        Ok(())
    } else {
        Err(MeasureError::Empty { what })
    }
}

pub(super) fn require_one_grid(
    lesion: &Mask,
    other: &Mask,
    what: &'static str,
) -> Result<(), MeasureError> {
    lesion
        .grid()
        .require_same(other.grid(), GRID_TOLERANCE_MM)
        .map_err(|source| MeasureError::Grid { what, source })
}

pub(super) fn require_right_angles(grid: &Grid) -> Result<(), MeasureError> {
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let cosine = dot(direction_of(grid, first), direction_of(grid, second));
        let angle_deg = cosine.clamp(-1.0, 1.0).acos().to_degrees();
        if (angle_deg - 90.0).abs() > SHEAR_TOLERANCE_DEG {
            return Err(MeasureError::Sheared {
                first,
                second,
                angle_deg,
            });
        }
    }
    Ok(())
}

pub(super) fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(super) fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// Scaled to length 1; a zero vector stays as it is.
pub(super) fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = norm(a);
    if length > 0.0 {
        a.map(|v| v / length)
    } else {
        a
    }
}
