//! Everything that is measured of each lesion of a label.

use super::{
    Border, Extent, Line, Mask, MeasureError, PrincipalAxes, SliceDiameter, SlicePlane,
    extent_along, longest_diameter, mask_of_label, principal_axes, slice_diameter,
};
use crate::{Connectivity, components};
use ndarray::{Array3, ArrayView3, s};
use sarx_core::{BoundingBox, Grid, Label, LabelMap, Size, SliceAxis, Volume};

const EMPTY: MeasureError = MeasureError::Empty { what: "lesion" };

/// What to measure, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureSpec {
    /// Which points stand for the border.
    pub border: Border,
    /// Which voxels are one lesion. Corners by default: a thin tail that hangs by a corner belongs
    /// to its tumour.
    pub connectivity: Connectivity,
    /// Direction along the limb, RAS+; along the patient by default.
    pub limb_direction: [f64; 3],
}

impl Default for MeasureSpec {
    fn default() -> Self {
        Self {
            border: Border::default(),
            connectivity: Connectivity::Corners,
            limb_direction: [0.0, 0.0, 1.0],
        }
    }
}

/// The box around a mask.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LesionBox {
    /// First voxel inside, `[z, y, x]`.
    pub lower: [usize; 3],
    /// First voxel outside, `[z, y, x]`.
    pub upper: [usize; 3],
    /// Edges along the axes of the grid, mm, `[z, y, x]`, from voxel border to voxel border.
    pub edges_mm: [f64; 3],
    /// The lowest and highest RAS+ coordinates of the corners of the box, mm. Larger than the
    /// lesion's own range on oblique grids.
    pub world_mm: [[f64; 3]; 2],
}

/// The measurements of a mask.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LesionMeasures {
    /// How many voxels are inside.
    pub n_voxels: usize,
    /// Their volume, ml. pyradiomics: `VoxelVolume` (mm³).
    pub volume_ml: f64,
    /// The box around it.
    pub bounding_box: LesionBox,
    /// Centre of mass, RAS+ mm, and the principal axes.
    pub principal_axes: PrincipalAxes,
    /// The longest diameter and its perpendicular within the slices as acquired: RECIST 1.1.
    pub acquisition_diameter: SliceDiameter,
    /// The same within the slices of the grid closest to the anatomical axial plane.
    pub axial_diameter: SliceDiameter,
    /// The longest diameter in space.
    pub longest_diameter: Line,
    /// The extent along the limb.
    pub limb_extent: Extent,
    /// The extent along the longest principal axis of the lesion itself.
    pub long_axis_extent: Extent,
}

/// The measurements of a label: as a whole, and of each of its components.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LabelMeasures {
    /// All voxels of the label taken together. Its diameters span several lesions if there are.
    pub whole: LesionMeasures,
    /// Each connected component, the largest first; of equal ones in the order of their first voxels.
    pub lesions: Vec<LesionMeasures>,
}

/// The volume of the voxels of a mask, ml. An empty mask has 0 ml.
#[must_use]
pub fn volume_ml(mask: &Mask) -> f64 {
    n_voxels(mask) as f64 * voxel_ml(mask.grid())
}

fn n_voxels(mask: &Mask) -> usize {
    mask.voxels().iter().filter(|&&inside| inside).count()
}

/// The volume of a voxel, ml; also where the axes are not at right angles.
pub(super) fn voxel_ml(grid: &Grid) -> f64 {
    let d = grid.direction;
    let determinant = d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1])
        - d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0])
        + d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0]);
    // The digits of a header must not change a volume that spacing alone gives.
    let shear = determinant.abs();
    let shear = if (shear - 1.0).abs() < 1e-4 {
        1.0
    } else {
        shear
    };
    grid.spacing.voxel_ml() * shear
}

/// Measures a label: the whole and each component.
///
/// # Errors
///
/// [`MeasureError::Empty`] if no voxel has the label, [`MeasureError::Direction`].
pub fn measure_lesions(
    labels: &LabelMap,
    label: Label,
    spec: &MeasureSpec,
) -> Result<LabelMeasures, MeasureError> {
    let mask = mask_of_label(labels, label);
    let whole = measure_mask(&mask, spec)?;
    let found = components(mask.voxels().view(), spec.connectivity);
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(found.sizes[i]));
    if order.len() == 1 {
        return Ok(LabelMeasures {
            lesions: vec![whole.clone()],
            whole,
        });
    }
    // Each component is measured within its own box: noise has thousands of them.
    let boxes = boxes_of(found.labels.view(), found.len());
    let lesions = order
        .into_iter()
        .map(|i| {
            let part = cut(
                &found.labels,
                &boxes[i],
                |l| l as usize == i + 1,
                mask.grid(),
            );
            let mut measures = measure_mask(&part, spec)?;
            measures.move_by(boxes[i].lower);
            Ok(measures)
        })
        .collect::<Result<_, MeasureError>>()?;
    Ok(LabelMeasures { whole, lesions })
}

/// Measures a mask as one lesion.
///
/// # Errors
///
/// As [`measure_lesions`].
pub fn measure_mask(mask: &Mask, spec: &MeasureSpec) -> Result<LesionMeasures, MeasureError> {
    let whole = BoundingBox::around(mask.voxels().view()).ok_or(EMPTY)?;
    // The diameters look at slices of the box only, and say slices of the image.
    let own = cut(mask.voxels(), &whole, |inside| inside, mask.grid());
    let diameter = |plane: SlicePlane| -> Result<SliceDiameter, MeasureError> {
        let plane = SlicePlane::Array(plane.array_axis(mask.grid())?);
        let mut found = slice_diameter(&own, plane, spec.border)?;
        found.slice += whole.lower[found.array_axis];
        Ok(found)
    };
    let principal_axes = principal_axes(&own)?;
    let n_voxels = n_voxels(&own);
    Ok(LesionMeasures {
        n_voxels,
        volume_ml: n_voxels as f64 * voxel_ml(mask.grid()),
        bounding_box: LesionBox::of(&whole, mask.grid()),
        principal_axes,
        acquisition_diameter: diameter(SlicePlane::Acquisition)?,
        axial_diameter: diameter(SlicePlane::Anatomical(SliceAxis::Axial))?,
        longest_diameter: longest_diameter(&own, spec.border)?,
        limb_extent: extent_along(&own, spec.limb_direction, spec.border)?,
        long_axis_extent: extent_along(&own, principal_axes.axes[0], spec.border)?,
    })
}

impl LesionMeasures {
    /// Counts voxels from another corner.
    fn move_by(&mut self, lower: [usize; 3]) {
        for (axis, by) in lower.into_iter().enumerate() {
            self.bounding_box.lower[axis] += by;
            self.bounding_box.upper[axis] += by;
        }
        for diameter in [&mut self.acquisition_diameter, &mut self.axial_diameter] {
            diameter.slice += lower[diameter.array_axis];
        }
    }
}

impl LesionBox {
    fn of(found: &BoundingBox, grid: &Grid) -> Self {
        let (size, spacing) = (found.size(), grid.spacing.zyx_mm());
        let mut world_mm = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
        for corner in 0..8 {
            let index: [f64; 3] = std::array::from_fn(|a| {
                let edge = if corner >> a & 1 == 1 {
                    found.upper[a]
                } else {
                    found.lower[a]
                };
                edge as f64 - 0.5
            });
            for (i, v) in grid.world_from_index(index).into_iter().enumerate() {
                world_mm[0][i] = world_mm[0][i].min(v);
                world_mm[1][i] = world_mm[1][i].max(v);
            }
        }
        Self {
            lower: found.lower,
            upper: found.upper,
            edges_mm: std::array::from_fn(|a| size[a] as f64 * spacing[a]),
            world_mm,
        }
    }
}

/// The box of each component.
fn boxes_of(labels: ArrayView3<'_, u32>, n: usize) -> Vec<BoundingBox> {
    let nothing = BoundingBox {
        lower: [usize::MAX; 3],
        upper: [0; 3],
    };
    let mut boxes = vec![nothing; n];
    for ((z, y, x), &label) in labels.indexed_iter().filter(|&(_, &label)| label > 0) {
        let found = &mut boxes[label as usize - 1];
        for (axis, at) in [z, y, x].into_iter().enumerate() {
            found.lower[axis] = found.lower[axis].min(at);
            found.upper[axis] = found.upper[axis].max(at + 1);
        }
    }
    boxes
}

/// The voxels of a box that satisfy `inside`, on the box's part of the grid.
fn cut<T: Copy>(
    values: &Array3<T>,
    part: &BoundingBox,
    inside: impl Fn(T) -> bool,
    grid: &Grid,
) -> Mask {
    let mut mask = Volume::filled(part_of(grid, part), false);
    let [lower, upper] = [part.lower, part.upper];
    let values = values.slice(s![
        lower[0]..upper[0],
        lower[1]..upper[1],
        lower[2]..upper[2]
    ]);
    mask.voxels_mut()
        .zip_mut_with(&values, |mask, &value| *mask = inside(value));
    mask
}

/// The grid of a box of voxels.
fn part_of(grid: &Grid, part: &BoundingBox) -> Grid {
    Grid {
        // A box is never empty and no larger than the image.
        size: Size::new(part.size()).unwrap_or(grid.size),
        origin_mm: grid.world_from_index(part.lower.map(|i| i as f64)),
        ..*grid
    }
}
