//! The kernels as operations of Burn's CPU backend and of autodiff over it.
#![expect(
    unreachable_pub,
    reason = "the macro generates code that needs a public trait"
)]

use super::NormConstants;
use super::convolution::{self, Array, Window};
use super::norm;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::TensorData;

/// Convolutions with all the gradients they need, and norm with activation.
#[backend_extension(Flex, Autodiff)]
pub trait CpuOps: Backend {
    /// Convolution or up-convolution with bias.
    fn fused_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// Its gradients for x (empty unless `needs_x`), weight and bias.
    fn fused_conv_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        window: Window,
        needs_x: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Instance norm and leaky ReLU.
    fn fused_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        constants: NormConstants,
    ) -> FloatTensor<Self>;

    /// Its gradients for x, weight and bias.
    fn fused_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        constants: NormConstants,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("the fused operations take contiguous f32 tensors")
}

fn array(tensor: &FlexTensor) -> Array<'_> {
    Array {
        values: slice(tensor),
        shape: dims(tensor),
    }
}

fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 5] {
    tensor.shape().dims::<5>()
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

/// The values of a tensor, without a copy where nobody else holds them.
fn owned(tensor: FlexTensor) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("the fused operations take f32 tensors")
}

impl CpuOps for Flex {
    fn fused_conv(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        window: Window,
    ) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let (values, shape) =
            convolution::convolve(array(&x), array(&weight), slice(&bias), window);
        tensor(values, &shape)
    }

    fn fused_conv_backward(
        x: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        window: Window,
        needs_x: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, gradient) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            gradient.to_contiguous(),
        );
        let (x, weight) = (array(&x), array(&weight));
        let found = convolution::gradients(x, weight, array(&gradient), window, needs_x);
        let dx = match found.x {
            Some(values) => tensor(values, &x.shape),
            None => tensor(Vec::new(), &[0]),
        };
        let n_bias = found.bias.len();
        (
            dx,
            tensor(found.weight, &weight.shape),
            tensor(found.bias, &[n_bias]),
        )
    }

    fn fused_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        constants: NormConstants,
    ) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let shape = dims(&x);
        let n_voxels = shape[2..].iter().product();
        let affine = [slice(&weight), slice(&bias)];
        tensor(
            norm::forward(slice(&x), affine, n_voxels, constants),
            &shape,
        )
    }

    fn fused_norm_backward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        gradient: FlexTensor,
        constants: NormConstants,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let shape = dims(&x);
        let n_voxels = shape[2..].iter().product();
        let affine = [slice(&weight), slice(&bias)];
        // The gradient is this operation's own, so its memory becomes the result.
        let mut dx = owned(gradient);
        let [d_weight, d_bias] = norm::backward(slice(&x), &mut dx, affine, n_voxels, constants);
        let channels = [shape[1]];
        (
            tensor(dx, &shape),
            tensor(d_weight, &channels),
            tensor(d_bias, &channels),
        )
    }
}

impl<B: CpuOps, C: CheckpointStrategy> CpuOps for Autodiff<B, C> {
    fn fused_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;
        impl<B: CpuOps> Backward<B, 3> for Step {
            type State = (FloatTensor<B>, FloatTensor<B>, Window);
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let g = grads.consume::<B>(&ops.node);
                let (x, weight, window) = ops.state;
                let needs_x = ops.parents[0].is_some();
                let (dx, dw, db) = B::fused_conv_backward(x, weight, g, window, needs_x);
                for (node, gradient) in ops.parents.into_iter().zip([dx, dw, db]) {
                    if let Some(node) = node {
                        grads.register::<B>(node.id, gradient);
                    }
                }
            }
        }
        let step = Step.prepare::<C>([x.node(), weight.node(), bias.node()]);
        match step.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let bias = bias.into_primitive();
                let y = B::fused_conv(x.clone(), weight.clone(), bias, window);
                prep.finish((x, weight, window), y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::fused_conv(x, weight, bias.into_primitive(), window))
            }
        }
    }

    fn fused_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        constants: NormConstants,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;
        impl<B: CpuOps> Backward<B, 3> for Step {
            type State = (
                FloatTensor<B>,
                FloatTensor<B>,
                FloatTensor<B>,
                NormConstants,
            );
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let g = grads.consume::<B>(&ops.node);
                let (x, weight, bias, constants) = ops.state;
                let (dx, dw, db) = B::fused_norm_backward(x, weight, bias, g, constants);
                for (node, gradient) in ops.parents.into_iter().zip([dx, dw, db]) {
                    if let Some(node) = node {
                        grads.register::<B>(node.id, gradient);
                    }
                }
            }
        }
        let step = Step.prepare::<C>([x.node(), weight.node(), bias.node()]);
        match step.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let bias = bias.into_primitive();
                let y = B::fused_norm(x.clone(), weight.clone(), bias.clone(), constants);
                prep.finish((x, weight, bias, constants), y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::fused_norm(x, weight, bias.into_primitive(), constants))
            }
        }
    }

    fn fused_conv_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Window,
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("backward steps run on the inner backend")
    }

    fn fused_norm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: NormConstants,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("backward steps run on the inner backend")
    }
}

/// The backend that finds the right implementation at run time.
pub(super) type Dispatcher = Dispatch;
