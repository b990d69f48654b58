//! Surface distances in which each piece of surface counts with its area.
//!
//! With slices of 5 mm and pixels of 0.5 mm a surface voxel stands for anything between 0.25 and
//! 5 mm² of surface, so counting voxels gives in-plane outlines and slice faces unequal weights.
//! Here the surface is made of the 2x2x2 blocks of voxels that hold both colours, each with the
//! area of [`surfel_areas_mm2`]. A sensitivity analysis beside [`crate::SurfaceDistances`].

use crate::surface::TOLERANCE_SLACK;
use crate::{Emptiness, MaskPair, squared_distances_from_mm2, surfel_areas_mm2};
use ndarray::{Array3, ArrayView3, Axis, Zip, s};
use rayon::prelude::*;

/// The two directed lists of surface distances with areas.
///
/// Conventions for empty masks as in [`crate::SurfaceDistances`].
///
/// # Source
///
/// google-deepmind/surface-distance, `metrics.py`, `compute_surface_distances` and
/// `compute_robust_hausdorff`; the symmetric mean is ours, because theirs is two numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaWeightedDistances {
    ref_to_pred: Vec<Piece>,
    pred_to_ref: Vec<Piece>,
    emptiness: Option<Emptiness>,
}

/// A piece of surface.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    /// To the nearest piece of the other surface.
    distance_mm: f64,
    area_mm2: f64,
}

impl AreaWeightedDistances {
    /// Measures both directions.
    #[must_use]
    pub fn of(pair: &MaskPair) -> Self {
        let reference = patterns(pair.reference());
        let prediction = patterns(pair.prediction());
        let areas = surfel_areas_mm2(pair.spacing());
        let directed = |from: &Array3<u8>, to: &Array3<u8>| {
            let squared = squared_distances_from_mm2(
                from.map(|&p| has_surface(p)).view(),
                to.map(|&p| has_surface(p)).view(),
                pair.spacing(),
            );
            let mut pieces: Vec<Piece> = from
                .iter()
                .filter(|&&pattern| has_surface(pattern))
                .zip(squared)
                .map(|(&pattern, squared)| Piece {
                    distance_mm: squared.sqrt(),
                    area_mm2: areas[usize::from(pattern)],
                })
                .collect();
            // The order of equal distances is kept: sums do not depend on the sort.
            pieces.par_sort_by(|a, b| a.distance_mm.total_cmp(&b.distance_mm));
            pieces
        };
        Self {
            ref_to_pred: directed(&reference, &prediction),
            pred_to_ref: directed(&prediction, &reference),
            emptiness: pair.emptiness(),
        }
    }

    /// The mean distance over the area of both surfaces, mm.
    #[must_use]
    pub fn assd_mm(&self) -> f64 {
        self.unless_empty(|d| {
            let weighted = |pieces: &[Piece]| -> f64 {
                pieces.iter().map(|p| p.distance_mm * p.area_mm2).sum()
            };
            (weighted(&d.ref_to_pred) + weighted(&d.pred_to_ref)) / d.area_mm2()
        })
    }

    /// The larger of the two directed distances within which 95 % of the area lies, mm; no
    /// interpolation.
    #[must_use]
    pub fn hd95_mm(&self) -> f64 {
        self.unless_empty(|d| reach(&d.ref_to_pred, 0.95).max(reach(&d.pred_to_ref, 0.95)))
    }

    /// The share of the area of both surfaces that lies within `tolerance_mm` of the other. 1 if
    /// both masks are empty, 0 if one.
    #[must_use]
    pub fn nsd(&self, tolerance_mm: f64) -> f64 {
        let limit = tolerance_mm * TOLERANCE_SLACK;
        let within = |pieces: &[Piece]| -> f64 {
            pieces
                .iter()
                .take_while(|p| p.distance_mm <= limit)
                .map(|p| p.area_mm2)
                .sum()
        };
        match self.emptiness {
            Some(Emptiness::BothEmpty) => 1.0,
            Some(_) => 0.0,
            None => (within(&self.ref_to_pred) + within(&self.pred_to_ref)) / self.area_mm2(),
        }
    }

    /// The area-weighted mean distance from reference to prediction, mm.
    #[must_use]
    pub fn ref_to_pred_mean_mm(&self) -> f64 {
        self.unless_empty(|d| mean(&d.ref_to_pred))
    }

    /// The area-weighted mean distance from prediction to reference, mm.
    #[must_use]
    pub fn pred_to_ref_mean_mm(&self) -> f64 {
        self.unless_empty(|d| mean(&d.pred_to_ref))
    }

    fn area_mm2(&self) -> f64 {
        area(&self.ref_to_pred) + area(&self.pred_to_ref)
    }

    fn unless_empty(&self, score: impl FnOnce(&Self) -> f64) -> f64 {
        match self.emptiness {
            Some(Emptiness::BothEmpty) => 0.0,
            Some(_) => f64::INFINITY,
            None => score(self),
        }
    }
}

fn area(pieces: &[Piece]) -> f64 {
    pieces.iter().map(|p| p.area_mm2).sum()
}

fn mean(pieces: &[Piece]) -> f64 {
    pieces
        .iter()
        .map(|p| p.distance_mm * p.area_mm2)
        .sum::<f64>()
        / area(pieces)
}

/// The first distance within which at least the fraction `share` of the area lies.
fn reach(pieces: &[Piece], share: f64) -> f64 {
    let total = area(pieces);
    let mut sum = 0.0;
    pieces
        .iter()
        .find(|p| {
            sum += p.area_mm2;
            sum / total >= share
        })
        .or(pieces.last())
        .map_or(f64::INFINITY, |p| p.distance_mm)
}

fn has_surface(pattern: u8) -> bool {
    pattern != 0 && pattern != 255
}

/// The foreground pattern of each 2x2x2 block, one more per axis than voxels; bits as in
/// [`surfel_areas_mm2`].
fn patterns(mask: ArrayView3<'_, bool>) -> Array3<u8> {
    let (depth, height, width) = mask.dim();
    let mut patterns = Array3::zeros((depth + 1, height + 1, width + 1));
    patterns
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                // The block that begins before voxel [z, y, x] holds it at offset 1.
                for [dz, dy] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
                    let (Some(z), Some(y)) = ((z + dz).checked_sub(1), (y + dy).checked_sub(1))
                    else {
                        continue;
                    };
                    if z >= depth || y >= height {
                        continue;
                    }
                    let voxels = mask.slice(s![z, y, ..]);
                    let bit = 4 * dz + 2 * dy;
                    Zip::from(row.slice_mut(s![..width]))
                        .and(voxels)
                        .for_each(|pattern, &inside| *pattern |= u8::from(inside) << (bit + 1));
                    Zip::from(row.slice_mut(s![1..]))
                        .and(voxels)
                        .for_each(|pattern, &inside| *pattern |= u8::from(inside) << bit);
                }
            }
        });
    patterns
}
