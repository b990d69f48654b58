//! Distances between the surfaces of two masks, voxel by voxel.

use crate::{Emptiness, MaskPair, quantile_sorted, squared_distances_from_mm2};
use ndarray::{Array3, ArrayView3, Axis, s};
use rayon::prelude::*;
use sarx_core::Spacing;

/// A tolerance is widened by this factor: headers hold spacings as `f32`, so five voxels of 0.4 mm
/// are 2.00000003 mm, and must still be within 2 mm. Ours; the other tools compare as is.
pub(crate) const TOLERANCE_SLACK: f64 = 1.0 + 1e-6;

/// The two directed lists of surface distances, and every score made of them.
///
/// All scores are millimetres and follow one convention: 0 if both masks are empty, infinite if
/// one is. The crate's page defines the names.
///
/// # Source
///
/// Project-MONAI/MetricsReloaded, `metrics/pairwise_measures.py`, `measured_distance`;
/// loli/medpy, `medpy/metric/binary.py`, for the pooled percentile.
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistances {
    /// For each surface voxel of the reference the distance to the prediction's surface, mm,
    /// ascending; infinite if the prediction is empty.
    pub ref_to_pred_mm: Vec<f64>,
    /// For each surface voxel of the prediction the distance to the reference's surface, mm,
    /// ascending; infinite if the reference is empty.
    pub pred_to_ref_mm: Vec<f64>,
    emptiness: Option<Emptiness>,
}

/// Foreground voxels with background among their six neighbours; outside the array is
/// background. Shape as `mask`, `[z, y, x]`.
#[must_use]
pub fn surface_voxels(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    let mask = mask.as_standard_layout();
    let (depth, height, width) = mask.dim();
    let row = |z: usize, y: usize| mask.slice(s![z, y, ..]);
    let mut surface = mask.to_owned();
    surface
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            // A voxel at the border of the image is surface.
            if z == 0 || z + 1 == depth || width < 3 {
                return;
            }
            for y in 1..height.saturating_sub(1) {
                let around = [row(z - 1, y), row(z + 1, y), row(z, y - 1), row(z, y + 1)];
                let own = row(z, y);
                for x in 1..width - 1 {
                    let enclosed = own[x - 1] & own[x + 1] & around.iter().all(|row| row[x]);
                    plane[[y, x]] &= !enclosed;
                }
            }
        });
    surface
}

impl SurfaceDistances {
    /// Measures both directions.
    #[must_use]
    pub fn of(pair: &MaskPair) -> Self {
        let reference = surface_voxels(pair.reference());
        let prediction = surface_voxels(pair.prediction());
        Self {
            ref_to_pred_mm: directed(&reference, &prediction, pair.spacing()),
            pred_to_ref_mm: directed(&prediction, &reference, pair.spacing()),
            emptiness: pair.emptiness(),
        }
    }

    /// Average symmetric surface distance: the mean of both lists joined.
    #[must_use]
    pub fn assd_mm(&self) -> f64 {
        let n = self.ref_to_pred_mm.len() + self.pred_to_ref_mm.len();
        self.unless_empty(|d| (sum(&d.ref_to_pred_mm) + sum(&d.pred_to_ref_mm)) / n as f64)
    }

    /// Mean average surface distance: the mean of the two directed means.
    #[must_use]
    pub fn assd_masd_mm(&self) -> f64 {
        self.unless_empty(|d| 0.5 * (mean(&d.ref_to_pred_mm) + mean(&d.pred_to_ref_mm)))
    }

    /// Hausdorff distance: the largest of all distances.
    #[must_use]
    pub fn hd_mm(&self) -> f64 {
        self.hd_percentile_mm(1.0)
    }

    /// The larger of the two directed 95th percentiles.
    #[must_use]
    pub fn hd95_mm(&self) -> f64 {
        self.hd_percentile_mm(0.95)
    }

    /// The larger of the two directed `q`-quantiles, `q` in `[0, 1]`.
    #[must_use]
    pub fn hd_percentile_mm(&self, q: f64) -> f64 {
        self.ref_to_pred_quantile_mm(q)
            .max(self.pred_to_ref_quantile_mm(q))
    }

    /// The `q`-quantile of the distances from reference to prediction: large when a part of the
    /// reference was left out.
    #[must_use]
    pub fn ref_to_pred_quantile_mm(&self, q: f64) -> f64 {
        self.unless_empty(|d| quantile_sorted(&d.ref_to_pred_mm, q).unwrap_or(f64::INFINITY))
    }

    /// The `q`-quantile of the distances from prediction to reference: large when something far
    /// away was added.
    #[must_use]
    pub fn pred_to_ref_quantile_mm(&self, q: f64) -> f64 {
        self.unless_empty(|d| quantile_sorted(&d.pred_to_ref_mm, q).unwrap_or(f64::INFINITY))
    }

    /// One 95th percentile of both lists joined, as MedPy.
    #[must_use]
    pub fn hd95_pooled_mm(&self) -> f64 {
        self.unless_empty(|d| {
            let mut pooled = [&d.ref_to_pred_mm[..], &d.pred_to_ref_mm].concat();
            pooled.sort_unstable_by(f64::total_cmp);
            quantile_sorted(&pooled, 0.95).unwrap_or(f64::INFINITY)
        })
    }

    /// Normalized surface distance (surface Dice): the share of the surface voxels of both masks
    /// that lie within `tolerance_mm` of the other surface. 1 if both masks are empty, 0 if one.
    #[must_use]
    pub fn nsd(&self, tolerance_mm: f64) -> f64 {
        let limit = tolerance_mm * TOLERANCE_SLACK;
        let within = |sorted: &[f64]| sorted.partition_point(|&d| d <= limit);
        match self.emptiness {
            Some(Emptiness::BothEmpty) => 1.0,
            Some(_) => 0.0,
            None => {
                let n = self.ref_to_pred_mm.len() + self.pred_to_ref_mm.len();
                (within(&self.ref_to_pred_mm) + within(&self.pred_to_ref_mm)) as f64 / n as f64
            }
        }
    }

    fn unless_empty(&self, score: impl FnOnce(&Self) -> f64) -> f64 {
        match self.emptiness {
            Some(Emptiness::BothEmpty) => 0.0,
            Some(_) => f64::INFINITY,
            None => score(self),
        }
    }
}

/// Ascending distances from each voxel of one surface to the other surface.
fn directed(from: &Array3<bool>, to: &Array3<bool>, spacing: Spacing) -> Vec<f64> {
    let squared = squared_distances_from_mm2(from.view(), to.view(), spacing);
    let mut distances: Vec<f64> = squared.into_iter().map(f64::sqrt).collect();
    distances.par_sort_unstable_by(f64::total_cmp);
    distances
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}
