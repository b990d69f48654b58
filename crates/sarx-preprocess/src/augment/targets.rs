//! What the network should answer, at every resolution at which it is supervised.
//!
//! Source: batchgeneratorsv2, `transforms/utils/deep_supervision_downsampling.py` and
//! `transforms/utils/seg_to_regions.py`; scales from nnU-Net v2,
//! `nnUNetTrainer._get_deep_supervision_scales`.

use super::error::{AugmentError, Result};
use super::options::TargetKind;
use super::sample::Targets;
use ndarray::{Array3, Array4, Axis, Zip};

/// The scales of the supervised outputs, highest resolution first, per axis of `z, y, x`.
///
/// - `strides`: per stage and axis, the first stage first; `[y, x]` strides get 1 along z.
/// - result: `1 / cumulative product`, without the last stage. Empty or single-stage strides
///   give the one full resolution.
#[must_use]
pub fn deep_supervision_scales<S: AsRef<[usize]>>(strides: &[S]) -> Vec<[f64; 3]> {
    let mut product = [1usize; 3];
    let n_outputs = strides.len().saturating_sub(1);
    let scales: Vec<[f64; 3]> = strides[..n_outputs]
        .iter()
        .map(|stage| {
            let stage = stage.as_ref();
            let skipped = 3usize.saturating_sub(stage.len());
            for (total, &stride) in product[skipped..].iter_mut().zip(stage) {
                *total = total.saturating_mul(stride);
            }
            product.map(|total| 1.0 / total as f64)
        })
        .collect();
    if scales.is_empty() {
        vec![[1.0; 3]]
    } else {
        scales
    }
}

/// Voxels of a target: `n * scale` per axis, rounded half to even.
pub(super) fn target_size(size: [usize; 3], scale: [f64; 3]) -> [usize; 3] {
    std::array::from_fn(|axis| (size[axis] as f64 * scale[axis]).round_ties_even() as usize)
}

/// The label map at every scale, each target voxel taking the nearest source voxel.
///
/// - `labels`: `[z, y, x]`; `scales`: per output and axis, see [`deep_supervision_scales`].
///
/// # Errors
///
/// [`AugmentError::TargetTooCoarse`] if a target would have no voxels.
pub fn deep_supervision_targets(
    labels: &Array3<i16>,
    scales: &[[f64; 3]],
) -> Result<Vec<Array3<i16>>> {
    let size: [usize; 3] = labels.dim().into();
    check_scales(size, scales)?;
    Ok(scales
        .iter()
        .map(|&scale| nearest(labels, target_size(size, scale)))
        .collect())
}

pub(super) fn check_scales(size: [usize; 3], scales: &[[f64; 3]]) -> Result<()> {
    for (output, &scale) in scales.iter().enumerate() {
        if let Some(axis) = target_size(size, scale).iter().position(|&n| n == 0) {
            let (patch, scale) = (size[axis], scale[axis]);
            return Err(AugmentError::TargetTooCoarse {
                output,
                axis,
                patch,
                scale,
            });
        }
    }
    Ok(())
}

/// PyTorch's `nearest-exact`: source voxel `floor((i + 0.5) * source / target)`, in `f32`.
pub(super) fn nearest_index(i: usize, source: usize, target: usize) -> usize {
    let scale = source as f32 / target as f32;
    (((i as f32 + 0.5) * scale) as usize).min(source - 1)
}

fn nearest(labels: &Array3<i16>, size: [usize; 3]) -> Array3<i16> {
    let source: [usize; 3] = labels.dim().into();
    if source == size {
        return labels.clone();
    }
    let [z, y, x]: [Vec<usize>; 3] = std::array::from_fn(|axis| {
        (0..size[axis])
            .map(|i| nearest_index(i, source[axis], size[axis]))
            .collect()
    });
    Array3::from_shape_fn(size, |at| labels[[z[at.0], y[at.1], x[at.2]]])
}

/// Targets of a final label map: every scale, as labels or as one mask per region.
///
/// # Errors
///
/// As [`deep_supervision_targets`].
pub fn make_targets(
    labels: &Array3<i16>,
    kind: &TargetKind,
    scales: &[[f64; 3]],
) -> Result<Targets> {
    let maps = deep_supervision_targets(labels, scales)?;
    Ok(match kind {
        TargetKind::Labels => Targets::Labels(maps),
        TargetKind::Regions { regions, ignore } => {
            // Masks of nearest voxels are nearest voxels of masks, so the order is free.
            let masks = maps
                .iter()
                .map(|map| region_masks(map, regions, *ignore))
                .collect();
            Targets::Regions(masks)
        }
    })
}

fn region_masks(labels: &Array3<i16>, regions: &[Vec<i16>], ignore: Option<i16>) -> Array4<bool> {
    let (z, y, x) = labels.dim();
    let ignored = ignore.map(|label| vec![label]);
    let mut masks = Array4::from_elem(
        (regions.len() + usize::from(ignore.is_some()), z, y, x),
        false,
    );
    for (mask, region) in masks
        .axis_iter_mut(Axis(0))
        .zip(regions.iter().chain(&ignored))
    {
        Zip::from(mask)
            .and(labels)
            .for_each(|inside, label| *inside = region.contains(label));
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_inverse_cumulative_strides_without_the_last() {
        let scales = deep_supervision_scales(&[[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]);
        assert_eq!(
            scales,
            [[1.0, 1.0, 1.0], [1.0, 0.5, 0.5], [0.5, 0.25, 0.25]]
        );
        let flat = deep_supervision_scales(&[[1, 1], [2, 2], [2, 1]]);
        assert_eq!(flat, [[1.0, 1.0, 1.0], [1.0, 0.5, 0.5]]);
        assert_eq!(deep_supervision_scales::<[usize; 3]>(&[]), [[1.0; 3]]);
        assert_eq!(deep_supervision_scales(&[[1, 1, 1]]), [[1.0; 3]]);
    }

    #[test]
    fn halving_takes_every_second_voxel_from_the_second_on() {
        let labels = Array3::from_shape_fn((1, 1, 8), |(_, _, x)| x as i16);
        let targets = deep_supervision_targets(&labels, &[[1.0; 3], [1.0, 1.0, 0.5]]).unwrap();
        assert_eq!(targets[0], labels);
        assert_eq!(targets[1].iter().copied().collect::<Vec<_>>(), [1, 3, 5, 7]);
    }

    #[test]
    fn a_target_without_voxels_is_refused() {
        let labels = Array3::zeros((4, 4, 4));
        let error = deep_supervision_targets(&labels, &[[1.0; 3], [1.0, 0.1, 1.0]]).unwrap_err();
        let expected = AugmentError::TargetTooCoarse {
            output: 1,
            axis: 1,
            patch: 4,
            scale: 0.1,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn regions_overlap_and_the_ignore_mask_comes_last() {
        let labels = Array3::from_shape_fn((1, 1, 5), |(_, _, x)| x as i16);
        let kind = TargetKind::Regions {
            regions: vec![vec![1, 2, 3], vec![2]],
            ignore: Some(4),
        };
        let Targets::Regions(masks) = make_targets(&labels, &kind, &[[1.0; 3]]).unwrap() else {
            panic!("regions were asked for");
        };
        let [f, t] = [false, true];
        assert_eq!(
            masks[0].iter().copied().collect::<Vec<_>>(),
            [[f, t, t, t, f], [f, f, t, f, f], [f, f, f, f, t]].concat()
        );
    }
}
