//! Soft Dice.

use burn::tensor::Tensor;

/// nnU-Net's smoothing term.
const SMOOTH: f64 = 1e-5;
/// nnU-Net's floor of the denominator.
const FLOOR: f64 = 1e-8;

/// `-mean((2 sum(p g) + smooth) / max(sum(p) + sum(g) + smooth, 1e-8))` over samples and heads,
/// or over heads with the sums taken over the batch first.
///
/// # Shapes
///
/// - probabilities, member: `[batch, heads, voxels]`, both 0 where a voxel does not count
///   (a background channel is already left out)
///
/// # Source
///
/// nnU-Net v2, `training/loss/dice.py`, `MemoryEfficientSoftDiceLoss`.
pub(crate) fn soft_dice(
    probabilities: Tensor<3>,
    member: Tensor<3>,
    batch_dice: bool,
) -> Tensor<1> {
    let sum = |x: Tensor<3>| {
        let per_sample = x.sum_dim(2);
        if batch_dice {
            per_sample.sum_dim(0)
        } else {
            per_sample
        }
    };
    let intersection = sum(probabilities.clone() * member.clone());
    let denominator = (sum(probabilities) + sum(member) + SMOOTH).clamp_min(FLOOR);
    ((intersection * 2.0 + SMOOTH) / denominator).mean().neg()
}
