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
use burn::tensor::Tensor;
use extension::{Dispatcher, KernelOps};
pub use path::OpPath;
pub(crate) use specs::PackedWeights;
use specs::{HeadSpec, MapSpec, PoolSpec, SumSpec, UnitSpec, UpSpec};

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
    let [_, _, kz, ky, kx] = parameters.weight.dims();
    let known = [kz, ky, kx].iter().all(|&k| k == 1 || k == 3);
    if path == OpPath::Fused && known {
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
    // An operation has a fixed number of tensors; those that are not there are empty.
    let none = || Tensor::<1>::empty([0], &device.clone().inner()).into_dispatch();
    let skip = skip.map_or_else(none, |skip| skip.into_blocked().tensor.into_dispatch());
    let bias = bias.map_or_else(none, Tensor::into_dispatch);
    let (weight, norm_weight, norm_bias) = (
        weight.into_dispatch(),
        norm_weight.into_dispatch(),
        norm_bias.into_dispatch(),
    );
    let y = Dispatcher::unit(x, skip, weight, bias, norm_weight, norm_bias, spec);
    BlockedMap {
        tensor: Tensor::from_dispatch(y),
        channels: channels_out,
    }
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

/// 1x1x1 convolution to logits `[batch, head, z, y, x]`. weight: `[head, in, 1, 1, 1]`.
pub(crate) fn head(
    x: FeatureMap,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    path: OpPath,
) -> Tensor<5> {
    if path == OpPath::Composed {
        return composed::conv3d(x.into_plain(), weight, bias, [1; 3]);
    }
    let n_heads = weight.dims()[0];
    let bias = bias.unwrap_or_else(|| Tensor::zeros([n_heads], &weight.device()));
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
