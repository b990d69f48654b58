//! From the cases to one target spacing, one axis order and one median size.
//!
//! Source: nnU-Net v2 `default_experiment_planner.py`, `determine_fullres_target_spacing`,
//! `determine_transpose`, `plan_experiment`.

use crate::fingerprint::Fingerprint;
use crate::percentile::{median, percentile};

/// From which ratio on an axis counts as much coarser than the others.
pub(super) const ANISOTROPY_THRESHOLD: f64 = 3.0;

/// Why the target spacing is what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SpacingRule {
    /// Given by the caller.
    Given,
    /// Median of every axis.
    Median,
    /// Median, but the 10th percentile on the one coarse axis.
    FineOnCoarseAxis {
        /// In the axis order of the files.
        axis: usize,
        /// Its median.
        median_mm: f64,
        /// The percentile was finer than the other axes and was raised to them.
        raised: bool,
    },
}

/// The values of one axis over all cases.
fn along<T: Copy>(cases: &[[T; 3]], axis: usize, value: impl Fn(T) -> f64) -> Vec<f64> {
    cases.iter().map(|case| value(case[axis])).collect()
}

/// Median of sizes or spacings per axis.
pub(super) fn median_per_axis<T: Copy>(cases: &[[T; 3]], value: impl Fn(T) -> f64) -> [f64; 3] {
    std::array::from_fn(|axis| median(&along(cases, axis, &value)))
}

/// Target spacing of 3d_fullres, in the axis order of the files.
///
/// The median of each axis. If one axis is more than three times coarser than every other and
/// has less than a third of their voxels, a median there would blur the better cases, so its
/// 10th percentile is taken, but not less than the coarser of the other two.
pub(super) fn target_spacing(fingerprint: &Fingerprint) -> ([f64; 3], SpacingRule) {
    let spacings = &fingerprint.spacings_mm;
    let mut target: [f64; 3] =
        std::array::from_fn(|axis| percentile(&along(spacings, axis, |s| s), 0.5));
    let size: [f64; 3] = std::array::from_fn(|axis| {
        percentile(
            &along(&fingerprint.sizes_after_crop, axis, |n| n as f64),
            0.5,
        )
    });
    let coarse = first_largest(target);
    let others = [(coarse + 1) % 3, (coarse + 2) % 3];
    let other_spacing = target[others[0]].max(target[others[1]]);
    let other_size = size[others[0]].min(size[others[1]]);
    let coarse_spacing = target[coarse] > ANISOTROPY_THRESHOLD * other_spacing;
    let few_voxels = size[coarse] * ANISOTROPY_THRESHOLD < other_size;
    if !(coarse_spacing && few_voxels) {
        return (target, SpacingRule::Median);
    }
    let median_mm = target[coarse];
    let fine = percentile(&along(spacings, coarse, |s| s), 0.1);
    let raised = fine < other_spacing;
    target[coarse] = if raised { other_spacing + 1e-5 } else { fine };
    (
        target,
        SpacingRule::FineOnCoarseAxis {
            axis: coarse,
            median_mm,
            raised,
        },
    )
}

/// `transpose_forward`: the coarsest axis first, the others in their order.
pub(super) fn transpose_forward(target_mm: [f64; 3]) -> [usize; 3] {
    match first_largest(target_mm) {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        _ => [2, 0, 1],
    }
}

/// The permutation that undoes another.
pub(super) fn inverse(forward: [usize; 3]) -> [usize; 3] {
    let mut backward = [0; 3];
    for (to, from) in forward.into_iter().enumerate() {
        backward[from] = to;
    }
    backward
}

/// Median over cases of their size after resampling to the target, in the order of the files.
/// Half-voxel medians are kept.
pub(super) fn median_size_at(fingerprint: &Fingerprint, target_mm: [f64; 3]) -> [f64; 3] {
    let sizes: Vec<[f64; 3]> = fingerprint
        .spacings_mm
        .iter()
        .zip(&fingerprint.sizes_after_crop)
        .map(|(spacing, size)| {
            std::array::from_fn(|axis| {
                (spacing[axis] / target_mm[axis] * size[axis] as f64).round_ties_even()
            })
        })
        .collect();
    median_per_axis(&sizes, |size| size)
}

/// Index of the largest; the first on a tie, so that isotropic data keep their order.
fn first_largest(values: [f64; 3]) -> usize {
    let mut largest = 0;
    for axis in 1..3 {
        if values[axis] > values[largest] {
            largest = axis;
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(spacings_mm: Vec<[f64; 3]>, size: [usize; 3]) -> Fingerprint {
        let sizes_after_crop = vec![size; spacings_mm.len()];
        Fingerprint {
            spacings_mm,
            sizes_after_crop,
            foreground_intensities: Vec::new(),
            median_relative_size_after_cropping: 1.0,
        }
    }

    #[test]
    fn the_coarse_axis_takes_its_tenth_percentile() {
        // nnunet-v2.md 4.2, found by running nnU-Net.
        let cases = [10.0, 5.0, 10.0, 10.0, 6.0].map(|z| [z, 1.5, 1.5]);
        let (target, rule) = target_spacing(&fingerprint(cases.to_vec(), [9, 237, 208]));
        assert!((target[0] - 5.4).abs() < 1e-12 && target[1..] == [1.5, 1.5]);
        assert_eq!(
            rule,
            SpacingRule::FineOnCoarseAxis {
                axis: 0,
                median_mm: 10.0,
                raised: false,
            }
        );
    }

    #[test]
    fn many_slices_keep_the_median() {
        let cases = [10.0, 5.0, 10.0].map(|z| [z, 1.5, 1.5]);
        let (target, rule) = target_spacing(&fingerprint(cases.to_vec(), [100, 237, 208]));
        assert_eq!((target[0], rule), (10.0, SpacingRule::Median));
    }

    #[test]
    fn the_coarse_axis_never_gets_finer_than_the_others() {
        let mut cases = vec![[10.0, 1.5, 1.5]; 8];
        cases.extend([[1.0, 1.5, 1.5]; 2]);
        let (target, rule) = target_spacing(&fingerprint(cases, [9, 237, 208]));
        assert_eq!(target[0], 1.5 + 1e-5);
        assert!(matches!(
            rule,
            SpacingRule::FineOnCoarseAxis { raised: true, .. }
        ));
    }

    #[test]
    fn ties_keep_the_order_and_inverse_undoes() {
        assert_eq!(transpose_forward([1.0, 1.0, 1.0]), [0, 1, 2]);
        for coarse in 0..3 {
            let mut target = [1.0; 3];
            target[coarse] = 5.0;
            let forward = transpose_forward(target);
            let backward = inverse(forward);
            assert_eq!([0, 1, 2].map(|axis| backward[forward[axis]]), [0, 1, 2]);
            assert_eq!(forward[0], coarse);
        }
    }
}
