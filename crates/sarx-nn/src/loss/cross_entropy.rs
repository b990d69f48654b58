//! Cross-entropy over labels and binary cross-entropy over regions.

use burn::tensor::{Tensor, activation};

/// The floor of nnU-Net's masked mean in regions mode.
const MASK_FLOOR: f64 = 1e-8;

/// Mean over the counted voxels of `-log p(label)`; 0 if none counts.
///
/// # Shapes
///
/// - log_probabilities: `[batch, labels, voxels]`
/// - member: one-hot of the same shape, 0 everywhere where a voxel does not count
/// - n_counted: voxels that count, of the whole batch
///
/// # Source
///
/// nnU-Net v2, `training/loss/compound_losses.py`, `DC_and_CE_loss` with
/// `RobustCrossEntropyLoss` (mean over voxels that are not `ignore_index`).
pub(crate) fn cross_entropy(
    log_probabilities: Tensor<3>,
    member: Tensor<3>,
    n_counted: f64,
) -> Tensor<1> {
    (log_probabilities * member).sum() * (-1.0 / n_counted.max(1.0))
}

/// Binary cross-entropy with logits, `max(x, 0) - x t + log(1 + exp(-|x|))`, per voxel and region.
///
/// Without a mask the mean over everything; with a mask the masked sum over all regions divided by
/// the number of counted voxels (not by the number of regions).
///
/// # Shapes
///
/// - logits, member: `[batch, regions, voxels]`
/// - counted: `[batch, 1, voxels]`, 1 where a voxel counts
///
/// # Source
///
/// nnU-Net v2, `training/loss/compound_losses.py`, `DC_and_BCE_loss`.
pub(crate) fn binary_cross_entropy(
    logits: Tensor<3>,
    member: Tensor<3>,
    counted: Option<Tensor<3>>,
) -> Tensor<1> {
    let tail = (logits.clone().abs().neg().exp() + 1.0).log();
    let per_voxel = activation::relu(logits.clone()) - logits * member + tail;
    match counted {
        None => per_voxel.mean(),
        Some(counted) => {
            let n_counted = counted.clone().sum().clamp_min(MASK_FLOOR);
            (per_voxel * counted).sum() / n_counted
        }
    }
}
