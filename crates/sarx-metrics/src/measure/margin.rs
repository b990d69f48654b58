//! Shells around a lesion at given distances, within the body and this side of barriers.
//!
//! A margin is tissue that tumour cells may have reached: they grow along tissue and round the edge
//! of a fascia or a bone, but not through it, and not through air from one leg to the other. So the
//! distance is that of the shortest path from the lesion's border that stays within the body and
//! out of the barriers. Two simpler rules were refused: cutting barriers out of straight margins
//! would give the far side of a thin fascia to the margin; and tissue in the straight shadow of a
//! small bone can be reached round it, so it must not be left out.

use super::border_distance::BorderDistance;
use super::lesion::voxel_ml;
use super::mask::{require_inside, require_one_grid, require_right_angles};
use super::reach::path_lengths_mm;
use super::{Mask, MeasureError};
use ndarray::{Array3, s};
use sarx_core::{BoundingBox, Grid, Label, LabelMap};

/// Distances that surgeons and radiotherapists ask for, mm.
pub const USUAL_MARGINS_MM: [f64; 4] = [10.0, 15.0, 20.0, 30.0];

/// The shells around a lesion.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginShells {
    /// Label `i + 1` where shell `i` is, 0 in the lesion and elsewhere; on the lesion's grid.
    pub labels: LabelMap,
    /// The shells, from the inside outwards.
    pub shells: Vec<Shell>,
    /// Volume of the lesion outside of the body mask or inside a barrier, ml: there the masks
    /// contradict each other. The lesion is taken as it is.
    pub contradicted_ml: f64,
}

/// One shell.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Shell {
    /// Its label.
    pub label: Label,
    /// The distance at which it begins, mm; its voxels are further away.
    pub from_mm: f64,
    /// The distance at which it ends, mm; its voxels are no further away.
    pub to_mm: f64,
    /// Its volume, ml.
    pub volume_ml: f64,
    /// The volume it would have in this image without body and barriers, ml.
    pub unclipped_ml: f64,
    /// Whether it leaves the image, so that a part of it is missing.
    pub leaves_image: bool,
}

/// Shells around a lesion between ascending distances, mm.
///
/// A voxel belongs to the first shell whose distance is no less than the length of the shortest
/// path from its centre to the border of the lesion (the middles of its voxels' faces) that touches only
/// voxels of the body outside of all barriers. Without body and barriers this is the Euclidean
/// distance, exactly; with them it is exact wherever the straight line is free, and up to a few
/// per cent too long behind them.
/// A barrier is tight if its voxels touch by corners at least. The lesion itself is always free: a
/// barrier that it has broken through should not be given as one.
///
/// # Errors
///
/// [`MeasureError::Empty`] for an empty lesion (body and barriers may be), [`MeasureError::Grid`],
/// [`MeasureError::Sheared`], [`MeasureError::NoMargin`] or [`MeasureError::Margin`].
pub fn margin_shells(
    lesion: &Mask,
    body: Option<&Mask>,
    barriers: &[&Mask],
    distances_mm: &[f64],
) -> Result<MarginShells, MeasureError> {
    require_inside(lesion, "lesion")?;
    require_right_angles(lesion.grid())?;
    for (mask, what) in body
        .map(|body| (body, "body"))
        .into_iter()
        .chain(barriers.iter().map(|&barrier| (barrier, "barrier")))
    {
        require_one_grid(lesion, mask, what)?;
    }
    let most_mm = largest(distances_mm)?;
    let part = surroundings(lesion, most_mm)?;
    let spacing = lesion.grid().spacing;
    let own = within(lesion, &part);
    let mut allowed = body.map_or_else(|| own.map(|_| true), |body| within(body, &part));
    for barrier in barriers {
        allowed.zip_mut_with(&within(barrier, &part), |allowed, &barrier| {
            *allowed &= !barrier
        });
    }
    let contradicted = own
        .iter()
        .zip(&allowed)
        .filter(|&(&own, &free)| own && !free)
        .count();
    let free = ndarray::Zip::from(&own)
        .and(&allowed)
        .map_collect(|&own, &free| own || free);
    let straight = BorderDistance::to(own.view(), spacing);
    let lengths = if free.iter().all(|&free| free) {
        straight.squared_mm2.map(|mm2| mm2.sqrt())
    } else {
        path_lengths_mm(&straight, own.view(), free.view(), spacing, most_mm)
    };
    let unclipped = straight.squared_mm2.map(|mm2| mm2.sqrt());
    let voxel_ml = voxel_ml(lesion.grid());
    let shell_of = |length: f64| {
        distances_mm
            .iter()
            .position(|&to| length <= to * (1.0 + 1e-9))
    };
    let count = |lengths: &Array3<f64>| {
        let mut counts = vec![0usize; distances_mm.len()];
        for (&length, _) in lengths.iter().zip(&own).filter(|&(_, &own)| !own) {
            if let Some(shell) = shell_of(length) {
                counts[shell] += 1;
            }
        }
        counts
    };
    let leaves = reach_beyond_image(&lengths, &part, lesion.grid());
    let shells = count(&lengths)
        .into_iter()
        .zip(count(&unclipped))
        .enumerate()
        .map(|(i, (n, n_unclipped))| Shell {
            label: i as Label + 1,
            from_mm: if i == 0 { 0.0 } else { distances_mm[i - 1] },
            to_mm: distances_mm[i],
            volume_ml: n as f64 * voxel_ml,
            unclipped_ml: n_unclipped as f64 * voxel_ml,
            leaves_image: leaves < distances_mm[i],
        })
        .collect();
    let mut labels = LabelMap::filled(*lesion.grid(), 0);
    let (l, u) = (part.lower, part.upper);
    let mut target = labels.voxels_mut();
    ndarray::Zip::from(target.slice_mut(s![l[0]..u[0], l[1]..u[1], l[2]..u[2]]))
        .and(&lengths)
        .and(&own)
        .for_each(|label, &length, &own| {
            if let (false, Some(shell)) = (own, shell_of(length)) {
                *label = shell as Label + 1;
            }
        });
    Ok(MarginShells {
        labels,
        shells,
        contradicted_ml: contradicted as f64 * voxel_ml,
    })
}

/// Checks the distances and gives the last.
fn largest(distances_mm: &[f64]) -> Result<f64, MeasureError> {
    let mut before = 0.0;
    for (index, &found) in distances_mm.iter().enumerate() {
        if !(found.is_finite() && found > before) || index >= usize::from(Label::MAX) {
            return Err(MeasureError::Margin { index, found });
        }
        before = found;
    }
    if distances_mm.is_empty() {
        return Err(MeasureError::NoMargin);
    }
    Ok(before)
}

/// The part of the image that the widest shell can reach.
fn surroundings(lesion: &Mask, most_mm: f64) -> Result<BoundingBox, MeasureError> {
    let own = BoundingBox::around(lesion.voxels().view())
        .ok_or(MeasureError::Empty { what: "lesion" })?;
    let (size, mm) = (lesion.grid().size.zyx(), lesion.grid().spacing.zyx_mm());
    // A float beyond usize becomes its largest value.
    let room: [usize; 3] = std::array::from_fn(|a| (most_mm / mm[a]).ceil() as usize);
    Ok(BoundingBox {
        lower: std::array::from_fn(|a| own.lower[a].saturating_sub(room[a].saturating_add(1))),
        upper: std::array::from_fn(|a| {
            own.upper[a]
                .saturating_add(room[a].saturating_add(1))
                .min(size[a])
        }),
    })
}

fn within(mask: &Mask, part: &BoundingBox) -> Array3<bool> {
    let (l, u) = (part.lower, part.upper);
    mask.voxels()
        .slice(s![l[0]..u[0], l[1]..u[1], l[2]..u[2]])
        .to_owned()
}

/// The shortest distance from the lesion to the border of the image along free paths, mm.
fn reach_beyond_image(lengths: &Array3<f64>, part: &BoundingBox, grid: &Grid) -> f64 {
    let (size, mm) = (grid.size.zyx(), grid.spacing.zyx_mm());
    let mut least = f64::INFINITY;
    for ((z, y, x), &length) in lengths.indexed_iter() {
        for (axis, at) in [z, y, x].into_iter().enumerate() {
            let at = at + part.lower[axis];
            if at == 0 || at + 1 == size[axis] {
                least = least.min(length + 0.5 * mm[axis]);
            }
        }
    }
    least
}
