//! How far a lesion is from a structure, and how much of their surfaces touch.

use super::lesion::voxel_ml;
use super::mask::{require_inside, require_one_grid, require_right_angles, world_of_halves};
use super::{Line, Mask, MeasureError};
use crate::surfel::surfel_areas_mm2;
use crate::{squared_distance_mm2, squared_distances_from_mm2};
use ndarray::{Array3, ArrayView3, Zip, s};
use sarx_core::{Grid, Spacing};

/// The shortest distance between a lesion and a structure.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct StructureDistance {
    /// The shortest line between the two as solid voxels, from the lesion to the structure: 0 mm if
    /// they touch, by a corner even, or overlap.
    pub gap: Line,
    /// Distance between the centres of the nearest voxels, mm: one voxel where the two touch.
    pub centres_mm: f64,
    /// Volume that both claim, ml.
    pub overlap_ml: f64,
}

/// The surface on which a lesion and a structure touch.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ContactArea {
    /// Area of the structure's surface that lies against the lesion, mm².
    pub contact_mm2: f64,
    /// Area of the structure's whole surface within the image, mm².
    pub surface_mm2: f64,
}

/// The shortest distance from a lesion to a structure (bone, vessel, skin).
///
/// Voxels are taken as solid boxes, so that masks that share a face are 0 mm apart and a gap of one
/// voxel is as wide as that voxel. Distances of less than a voxel are beyond what the masks know.
///
/// # Errors
///
/// [`MeasureError::Empty`], [`MeasureError::Grid`] or [`MeasureError::Sheared`].
pub fn structure_distance(
    lesion: &Mask,
    structure: &Mask,
) -> Result<StructureDistance, MeasureError> {
    require_pair(lesion, structure)?;
    let spacing = lesion.grid().spacing;
    let overlap = Zip::from(lesion.voxels())
        .and(structure.voxels())
        .fold(0usize, |n, &a, &b| n + usize::from(a && b));
    let centres_mm2 =
        squared_distances_from_mm2(lesion.voxels().view(), structure.voxels().view(), spacing)
            .into_iter()
            .fold(f64::INFINITY, f64::min);
    // Two boxes are as far apart as the nearest two centres once one mask has grown by a voxel
    // along each axis: every step towards the other box that is possible is taken.
    let grown = grown_by_a_voxel(lesion.voxels().view());
    let to_structure = squared_distance_mm2(structure.voxels().view(), spacing);
    let (near, least_mm2) = Zip::indexed(&grown).and(&to_structure).fold(
        ((0, 0, 0), f64::INFINITY),
        |best, at, &inside, &mm2| {
            if inside && mm2 < best.1 {
                (at, mm2)
            } else {
                best
            }
        },
    );
    let (from, to) = nearest_voxels(lesion, structure, near.into(), least_mm2);
    let [a, b] = facing_points(from, to);
    let gap = Line::between(
        world_of_halves(lesion.grid(), a),
        world_of_halves(lesion.grid(), b),
    );
    Ok(StructureDistance {
        gap,
        centres_mm: centres_mm2.sqrt(),
        overlap_ml: overlap as f64 * voxel_ml(lesion.grid()),
    })
}

fn require_pair(lesion: &Mask, structure: &Mask) -> Result<(), MeasureError> {
    require_one_grid(lesion, structure, "structure")?;
    require_right_angles(lesion.grid())?;
    require_inside(lesion, "lesion")?;
    require_inside(structure, "structure")
}

/// The mask with its 26 neighbours.
fn grown_by_a_voxel(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    let mut grown = mask.to_owned();
    for axis in 0..3 {
        let before = grown.clone();
        let n = grown.len_of(ndarray::Axis(axis));
        for (to, from) in [(1..n, 0..n - 1), (0..n - 1, 1..n)] {
            let part = |range: &std::ops::Range<usize>| {
                let range = range.clone();
                move |a: ndarray::AxisDescription| {
                    if a.axis.index() == axis {
                        ndarray::Slice::from(range.clone())
                    } else {
                        ndarray::Slice::from(..)
                    }
                }
            };
            let source = before.slice_each_axis(part(&from));
            grown
                .slice_each_axis_mut(part(&to))
                .zip_mut_with(&source, |own, &neighbour| *own |= neighbour);
        }
    }
    grown
}

/// The voxel of the structure at this squared distance from `near`, and the voxel of the lesion
/// beside `near` that is closest to it.
fn nearest_voxels(
    lesion: &Mask,
    structure: &Mask,
    near: [usize; 3],
    least_mm2: f64,
) -> ([usize; 3], [usize; 3]) {
    let spacing = lesion.grid().spacing;
    let apart = |a: [usize; 3], b: [usize; 3]| squared_mm2(a, b, spacing);
    let to = structure
        .voxels()
        .indexed_iter()
        .filter(|&(_, &inside)| inside)
        .map(|(at, _)| <[usize; 3]>::from(at))
        .min_by(|&a, &b| {
            let off = |at| (apart(near, at) - least_mm2).abs();
            off(a).total_cmp(&off(b))
        })
        .unwrap_or(near);
    let from = (0..27)
        .map(|n| {
            let steps = [n / 9, n / 3 % 3, n % 3];
            std::array::from_fn::<_, 3, _>(|a| near[a].wrapping_add(steps[a]).wrapping_sub(1))
        })
        .filter(|&at| lesion.voxels().get(at).copied().unwrap_or(false))
        .min_by(|&a, &b| box_gap_mm2(a, to, spacing).total_cmp(&box_gap_mm2(b, to, spacing)))
        .unwrap_or(near);
    (from, to)
}

fn squared_mm2(a: [usize; 3], b: [usize; 3], spacing: Spacing) -> f64 {
    let mm = spacing.zyx_mm();
    (0..3)
        .map(|i| (a[i].abs_diff(b[i]) as f64 * mm[i]).powi(2))
        .sum()
}

/// The squared distance between two voxels as solid boxes, mm².
fn box_gap_mm2(a: [usize; 3], b: [usize; 3], spacing: Spacing) -> f64 {
    let mm = spacing.zyx_mm();
    (0..3)
        .map(|i| (a[i].abs_diff(b[i]).saturating_sub(1) as f64 * mm[i]).powi(2))
        .sum()
}

/// Closest points of two voxels, in half voxels.
fn facing_points(from: [usize; 3], to: [usize; 3]) -> [[i32; 3]; 2] {
    let halves = |i: usize| i32::try_from(2 * i).unwrap_or(i32::MAX - 1);
    let (mut a, mut b) = (from.map(halves), to.map(halves));
    for i in 0..3 {
        let step = (b[i] - a[i]).signum();
        a[i] += step;
        b[i] -= step;
    }
    [a, b]
}

/// How much of the surface of a structure lies against a lesion, within `tolerance_mm`.
///
/// The surface of the structure is made of the blocks of 2x2x2 voxels on it, each with the area of
/// its marching-cubes polygons ([`surfel_areas_mm2`]), which unlike voxel faces does not count
/// the stairs of a slanted surface. A block counts with the share of its voxels outside of the
/// structure that belong to the lesion, so that half of a block at the rim of the contact counts.
/// Voxels that both claim are the structure's. With a tolerance, voxels whose centre is within it
/// of the lesion's nearest voxel centre count as lesion: segmentations often leave a seam.
///
/// # Errors
///
/// As [`structure_distance`], and [`MeasureError::Tolerance`].
pub fn contact_area(
    lesion: &Mask,
    structure: &Mask,
    tolerance_mm: f64,
) -> Result<ContactArea, MeasureError> {
    require_pair(lesion, structure)?;
    let near = grown(lesion, tolerance_mm)?;
    let areas = surfel_areas_mm2(lesion.grid().spacing);
    let (mut contact_mm2, mut surface_mm2) = (0.0, 0.0);
    let padded = |mask: &Array3<bool>| {
        let (z, y, x) = mask.dim();
        let mut padded = Array3::from_elem((z + 2, y + 2, x + 2), false);
        padded.slice_mut(s![1..=z, 1..=y, 1..=x]).assign(mask);
        padded
    };
    let (own, other) = (padded(structure.voxels()), padded(&near));
    Zip::from(own.windows((2, 2, 2)))
        .and(other.windows((2, 2, 2)))
        .for_each(|own, other| {
            let pattern = own
                .iter()
                .enumerate()
                .fold(0u8, |p, (bit, &inside)| p | u8::from(inside) << bit);
            let area = areas[usize::from(pattern)];
            if area == 0.0 {
                return;
            }
            surface_mm2 += area;
            let (mut outside, mut lesion) = (0, 0);
            for (&own, &other) in own.iter().zip(other) {
                outside += i32::from(!own);
                lesion += i32::from(!own && other);
            }
            contact_mm2 += area * f64::from(lesion) / f64::from(outside);
        });
    Ok(ContactArea {
        contact_mm2,
        surface_mm2,
    })
}

/// The voxels of a lesion and those within a tolerance of it.
pub(super) fn grown(lesion: &Mask, tolerance_mm: f64) -> Result<Array3<bool>, MeasureError> {
    if !(tolerance_mm.is_finite() && tolerance_mm >= 0.0) {
        return Err(MeasureError::Tolerance {
            found: tolerance_mm,
        });
    }
    if tolerance_mm == 0.0 {
        return Ok(lesion.voxels().clone());
    }
    let limit_mm2 = tolerance_mm.powi(2) * (1.0 + 1e-9);
    Ok(
        squared_distance_mm2(lesion.voxels().view(), lesion.grid().spacing)
            .map(|&mm2| mm2 <= limit_mm2),
    )
}

/// What [`structure_distance`] gives as gap, by comparing every voxel with every other, mm.
///
/// Quadratic: the oracle of the fast one. Infinite if one mask is empty.
#[must_use]
pub fn structure_gap_brute_force_mm(lesion: &Mask, structure: &Mask) -> f64 {
    let grid: &Grid = lesion.grid();
    let inside = |mask: &Mask| -> Vec<[usize; 3]> {
        mask.voxels()
            .indexed_iter()
            .filter(|&(_, &inside)| inside)
            .map(|(at, _)| at.into())
            .collect()
    };
    let to = inside(structure);
    inside(lesion)
        .into_iter()
        .flat_map(|a| to.iter().map(move |&b| box_gap_mm2(a, b, grid.spacing)))
        .fold(f64::INFINITY, f64::min)
        .sqrt()
}
