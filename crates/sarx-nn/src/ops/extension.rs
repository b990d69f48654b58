//! The kernels as operations of Burn's backends.
//!
//! Maps are `[batch, block, z, y, x + 2, 16]` (see `sarx_kernels::FeatureShape`); the first unit
//! also takes images `[batch, channel, z, y, x]`. Tensors that are not there are empty.
#![expect(
    unreachable_pub,
    reason = "the macro generates code that needs a public trait"
)]
#![expect(
    clippy::too_many_arguments,
    reason = "one tensor per parameter, of two layers"
)]

use super::specs::{HeadSpec, LossSpec, MapSpec, PoolSpec, SumSpec, UnitSpec, UpSpec};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};

/// What the network is made of, each operation with its gradient.
#[backend_extension(Flex, Autodiff)]
pub trait KernelOps: Backend {
    /// Convolution of one or two maps, instance norm, leaky ReLU. The bias of the convolution has no
    /// effect before the norm and is not looked at.
    fn unit(
        x: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        spec: UnitSpec,
    ) -> FloatTensor<Self>;

    /// Logits `[batch, head, z, y, x]` of a head after a unit.
    fn unit_head(
        x: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        head_weight: FloatTensor<Self>,
        head_bias: FloatTensor<Self>,
        spec: UnitSpec,
    ) -> FloatTensor<Self>;

    /// A unit, with what the gradient needs: the map, the convolution before the norm, and its sums
    /// per channel.
    fn unit_for_training(
        x: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        spec: UnitSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients of convolution (before the norm), norm weight and norm bias.
    fn norm_backward(
        convolved: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: UnitSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients of x, skip (empty unless needed) and weight.
    fn conv_backward(
        x: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: UnitSpec,
        needs: [bool; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Up-convolution.
    fn up_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: UpSpec,
    ) -> FloatTensor<Self>;

    /// Gradients of x, weight and bias.
    fn up_conv_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: UpSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Logits `[batch, head, z, y, x]`.
    fn head(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: HeadSpec,
    ) -> FloatTensor<Self>;

    /// Gradients of x, weight and bias.
    fn head_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: HeadSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Leaky ReLU of a sum.
    fn add_act(a: FloatTensor<Self>, b: FloatTensor<Self>, spec: SumSpec) -> FloatTensor<Self>;

    /// The gradient of either summand.
    fn add_act_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: SumSpec,
    ) -> FloatTensor<Self>;

    /// Mean over blocks of voxels.
    fn average_pool(x: FloatTensor<Self>, spec: PoolSpec) -> FloatTensor<Self>;

    /// Its gradient.
    fn average_pool_backward(gradient: FloatTensor<Self>, spec: PoolSpec) -> FloatTensor<Self>;

    /// Soft Dice plus cross-entropy, `[1]`, of logits `[batch, label, voxel]` and labels
    /// `[batch, voxel]`.
    fn label_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        spec: LossSpec,
    ) -> FloatTensor<Self>;

    /// The gradient of the logits.
    fn label_loss_backward(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        gradient: FloatTensor<Self>,
        spec: LossSpec,
    ) -> FloatTensor<Self>;

    /// An array in blocks of channels.
    fn to_blocks(x: FloatTensor<Self>, spec: MapSpec) -> FloatTensor<Self>;

    /// The array of a map.
    fn from_blocks(x: FloatTensor<Self>, spec: MapSpec) -> FloatTensor<Self>;
}

/// The backend that finds the right implementation at run time.
pub(super) type Dispatcher = Dispatch;
