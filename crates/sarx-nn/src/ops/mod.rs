//! The heavy operations of the network, each as a composition of Burn's own operations (the
//! reference, and what GPUs run) and on the kernels of `sarx-kernels`.
//!
//! Under the kernels maps stay in blocks of 16 channels from the first convolution to the heads.
//! `extension` makes the kernels operations of Burn's CPU backend, `autodiff` says how they are
//! differentiated. The kernels know kernels of 1 or 3 voxels per axis; others (which no planner
//! makes) run on Burn's operations.

mod autodiff;
mod composed;
mod extension;
mod flex;
mod kernels;
mod path;
mod specs;
#[cfg(test)]
mod tests;

use crate::feature_map::{BlockedMap, FeatureMap};
use burn::backend::DispatchTensor;
use burn::tensor::{Int, IntDType, Tensor};
use extension::{Dispatcher, KernelOps};
pub use path::OpPath;
pub(crate) use specs::PackedWeights;
use specs::{HeadSpec, LossSpec, MapSpec, PoolSpec, SumSpec, UnitSpec, UpSpec};

/// The constants of a unit.
#[derive(Debug, Clone)]
pub(crate) struct UnitConstants {
    pub(crate) stride: [usize; 3],
    /// Added to the variance.
    pub(crate) epsilon: f64,
    /// Slope of the leaky ReLU below zero; 1 = no activation.
    pub(crate) slope: f64,
    /// Weights in the kernels' order, if they do not change any more.
    pub(crate) packed: Option<PackedWeights>,
}

/// The parameters of a unit.
#[derive(Debug)]
pub(crate) struct UnitParameters {
    /// `[out, in, kz, ky, kx]`
    pub(crate) weight: Tensor<5>,
    /// `[out]`
    pub(crate) bias: Option<Tensor<1>>,
    /// `[out]`
    pub(crate) norm_weight: Tensor<1>,
    /// `[out]`
    pub(crate) norm_bias: Tensor<1>,
}

/// Convolution, instance norm and leaky ReLU of a map, or of two as if concatenated.
pub(crate) fn unit(
    x: FeatureMap,
    skip: Option<FeatureMap>,
    parameters: UnitParameters,
    constants: &UnitConstants,
    path: OpPath,
) -> FeatureMap {
    if path == OpPath::Fused && known(&parameters.weight) {
        return FeatureMap::Blocked(fused_unit(x, skip, parameters, constants));
    }
    let mut x = x.into_plain();
    if let Some(skip) = skip {
        x = Tensor::cat(vec![x, skip.into_plain()], 1);
    }
    let UnitParameters {
        weight,
        bias,
        norm_weight,
        norm_bias,
    } = parameters;
    let UnitConstants {
        stride,
        epsilon,
        slope,
        ..
    } = *constants;
    let y = composed::conv3d(x, weight, bias, stride);
    let y = composed::norm_act(y, norm_weight, norm_bias, epsilon, slope);
    match path {
        OpPath::Composed => FeatureMap::Plain(y),
        OpPath::Fused => FeatureMap::Blocked(blocked_from_plain(y)),
    }
}

fn fused_unit(
    x: FeatureMap,
    skip: Option<FeatureMap>,
    parameters: UnitParameters,
    constants: &UnitConstants,
) -> BlockedMap {
    let channels = parameters.weight.dims()[0];
    let (tensors, spec) = unit_tensors(x, skip, parameters, constants);
    let [x, skip, weight, bias, norm_weight, norm_bias] = tensors;
    let y = Dispatcher::unit(x, skip, weight, bias, norm_weight, norm_bias, spec);
    BlockedMap {
        tensor: Tensor::from_dispatch(y),
        channels,
    }
}

/// A unit and the head after it.
pub(crate) fn unit_head(
    x: FeatureMap,
    skip: Option<FeatureMap>,
    parameters: UnitParameters,
    constants: &UnitConstants,
    head_parameters: HeadParameters,
    path: OpPath,
) -> Tensor<5> {
    if path == OpPath::Composed || !known(&parameters.weight) {
        let y = unit(x, skip, parameters, constants, path);
        return head(y, head_parameters, path);
    }
    let (tensors, spec) = unit_tensors(x, skip, parameters, constants);
    let [x, skip, weight, bias, norm_weight, norm_bias] = tensors;
    let (head_weight, head_bias) = head_parameters.weight_and_bias();
    Tensor::from_dispatch(Dispatcher::unit_head(
        x,
        skip,
        weight,
        bias,
        norm_weight,
        norm_bias,
        head_weight.into_dispatch(),
        head_bias.into_dispatch(),
        spec,
    ))
}

/// Whether the kernels know a convolution.
fn known(weight: &Tensor<5>) -> bool {
    weight.dims()[2..].iter().all(|&k| k == 1 || k == 3)
}

/// x, skip, weight, bias, norm weight and norm bias; those that are not there are empty, as an
/// operation has a fixed number of tensors.
fn unit_tensors(
    x: FeatureMap,
    skip: Option<FeatureMap>,
    parameters: UnitParameters,
    constants: &UnitConstants,
) -> ([DispatchTensor; 6], UnitSpec) {
    let UnitParameters {
        weight,
        bias,
        norm_weight,
        norm_bias,
    } = parameters;
    let [channels_out, _, kz, ky, kx] = weight.dims();
    let device = weight.device();
    let spec = UnitSpec {
        channels_in: [x.channels(), skip.as_ref().map_or(0, FeatureMap::channels)],
        channels_out,
        kernel: [kz, ky, kx],
        stride: constants.stride,
        epsilon: constants.epsilon,
        slope: constants.slope as f32,
        packed: constants.packed.clone(),
    };
    // Images go in as they are; everything else is in blocks.
    let x = match x {
        FeatureMap::Plain(tensor) if skip.is_none() => tensor.into_dispatch(),
        other => other.into_blocked().tensor.into_dispatch(),
    };
    let none = || Tensor::<1>::empty([0], &device.clone().inner()).into_dispatch();
    let tensors = [
        x,
        skip.map_or_else(none, |skip| skip.into_blocked().tensor.into_dispatch()),
        weight.into_dispatch(),
        bias.map_or_else(none, Tensor::into_dispatch),
        norm_weight.into_dispatch(),
        norm_bias.into_dispatch(),
    ];
    (tensors, spec)
}

/// Transposed 3D convolution with kernel = stride. weight: `[in, out, sz, sy, sx]`, bias: `[out]`.
pub(crate) fn up_conv3d(
    x: FeatureMap,
    weight: Tensor<5>,
    bias: Tensor<1>,
    packed: Option<PackedWeights>,
    path: OpPath,
) -> FeatureMap {
    if path == OpPath::Composed {
        return FeatureMap::Plain(composed::up_conv3d(x.into_plain(), weight, bias));
    }
    let [channels_in, channels_out, sz, sy, sx] = weight.dims();
    let spec = UpSpec {
        channels_in,
        channels_out,
        stride: [sz, sy, sx],
        packed,
    };
    let (x, weight, bias) = (
        x.into_blocked().tensor.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    );
    FeatureMap::Blocked(BlockedMap {
        tensor: Tensor::from_dispatch(Dispatcher::up_conv(x, weight, bias, spec)),
        channels: channels_out,
    })
}

/// The parameters of a 1x1x1 convolution to logits.
#[derive(Debug)]
pub(crate) struct HeadParameters {
    /// `[head, in, 1, 1, 1]`
    pub(crate) weight: Tensor<5>,
    /// `[head]`
    pub(crate) bias: Option<Tensor<1>>,
}

impl HeadParameters {
    fn weight_and_bias(self) -> (Tensor<5>, Tensor<1>) {
        let Self { weight, bias } = self;
        let n_heads = weight.dims()[0];
        let bias = bias.unwrap_or_else(|| Tensor::zeros([n_heads], &weight.device()));
        (weight, bias)
    }
}

/// 1x1x1 convolution to logits `[batch, head, z, y, x]`.
pub(crate) fn head(x: FeatureMap, parameters: HeadParameters, path: OpPath) -> Tensor<5> {
    let (weight, bias) = parameters.weight_and_bias();
    if path == OpPath::Composed {
        return composed::conv3d(x.into_plain(), weight, Some(bias), [1; 3]);
    }
    let x = x.into_blocked();
    let spec = HeadSpec {
        channels: x.channels,
    };
    let (x, weight, bias) = (
        x.tensor.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(Dispatcher::head(x, weight, bias, spec))
}

/// Leaky ReLU of a sum.
pub(crate) fn add_act(a: FeatureMap, b: FeatureMap, slope: f64, path: OpPath) -> FeatureMap {
    if path == OpPath::Composed {
        let sum = a.into_plain() + b.into_plain();
        return FeatureMap::Plain(composed::leaky_relu(sum, slope));
    }
    let (a, b) = (a.into_blocked(), b.into_blocked());
    let channels = a.channels;
    let spec = SumSpec {
        channels,
        slope: slope as f32,
    };
    let (a, b) = (a.tensor.into_dispatch(), b.tensor.into_dispatch());
    FeatureMap::Blocked(BlockedMap {
        tensor: Tensor::from_dispatch(Dispatcher::add_act(a, b, spec)),
        channels,
    })
}

/// Mean over blocks of `stride` voxels.
pub(crate) fn average_pool(x: FeatureMap, stride: [usize; 3], path: OpPath) -> FeatureMap {
    if path == OpPath::Composed {
        return FeatureMap::Plain(composed::average_pool(x.into_plain(), stride));
    }
    let BlockedMap { tensor, channels } = x.into_blocked();
    let spec = PoolSpec { channels, stride };
    FeatureMap::Blocked(BlockedMap {
        tensor: Tensor::from_dispatch(Dispatcher::average_pool(tensor.into_dispatch(), spec)),
        channels,
    })
}

/// Soft Dice plus cross-entropy of labels that exclude each other, on the kernels.
///
/// logits: `[batch, label, voxel]`, labels: `[batch, 1, voxel]`, result: `[1]`.
pub(crate) fn fused_label_loss(
    logits: Tensor<3>,
    labels: Tensor<3, Int>,
    ignore: Option<i64>,
    batch_dice: bool,
) -> Tensor<1> {
    let spec = LossSpec {
        // A label that no voxel can have is ignored nowhere.
        ignore: ignore.and_then(|label| i32::try_from(label).ok()),
        batch_dice,
    };
    let labels = labels.cast(IntDType::I32);
    let (logits, labels) = (logits.into_dispatch(), labels.into_dispatch());
    Tensor::from_dispatch(Dispatcher::label_loss(logits, labels, spec))
}

/// An array in blocks of channels.
pub(crate) fn blocked_from_plain(x: Tensor<5>) -> BlockedMap {
    let channels = x.dims()[1];
    let spec = MapSpec { channels };
    BlockedMap {
        tensor: Tensor::from_dispatch(Dispatcher::to_blocks(x.into_dispatch(), spec)),
        channels,
    }
}

/// The array of a map in blocks of channels.
pub(crate) fn plain_from_blocked(x: BlockedMap) -> Tensor<5> {
    let spec = MapSpec {
        channels: x.channels,
    };
    Tensor::from_dispatch(Dispatcher::from_blocks(x.tensor.into_dispatch(), spec))
}
