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
///
/// `up` marks the transposed convolution with kernel = stride and weights `[in, out, ..]`.
#[backend_extension(Flex, Autodiff)]
pub trait CpuOps: Backend {
    /// Convolution or up-convolution with bias.
    fn fused_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> FloatTensor<Self>;

    /// Its gradient for an input of size `size`.
    fn fused_conv_data(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        size: [usize; 3],
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> FloatTensor<Self>;

    /// Its gradients for weight and bias.
    fn fused_conv_weight(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        kernel: [usize; 3],
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Instance norm and leaky ReLU.
    fn fused_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        slope: f64,
    ) -> FloatTensor<Self>;

    /// Its gradients for x, weight and bias.
    fn fused_norm_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        slope: f64,
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

fn spatial([_, _, z, y, x]: [usize; 5]) -> [usize; 3] {
    [z, y, x]
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

impl CpuOps for Flex {
    fn fused_conv(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let (x, weight, bias) = (array(&x), array(&weight), Some(slice(&bias)));
        let (window, kernel) = (Window { stride, padding }, spatial(weight.shape));
        let (values, channels, [z, y, w]) = if up {
            let size = spatial(x.shape);
            let size = [0, 1, 2].map(|a| size[a] * stride[a]);
            let values = convolution::backward_data(x, weight, bias, window, size);
            (values, weight.shape[1], size)
        } else {
            let size = window.out_size(spatial(x.shape), kernel);
            (
                convolution::forward(x, weight, bias, window),
                weight.shape[0],
                size,
            )
        };
        tensor(values, &[x.shape[0], channels, z, y, w])
    }

    fn fused_conv_data(
        gradient: FlexTensor,
        weight: FlexTensor,
        size: [usize; 3],
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> FlexTensor {
        let (gradient, weight) = (gradient.to_contiguous(), weight.to_contiguous());
        let (gradient, weight) = (array(&gradient), array(&weight));
        let window = Window { stride, padding };
        let (values, channels) = if up {
            (
                convolution::forward(gradient, weight, None, window),
                weight.shape[0],
            )
        } else {
            let values = convolution::backward_data(gradient, weight, None, window, size);
            (values, weight.shape[1])
        };
        tensor(
            values,
            &[gradient.shape[0], channels, size[0], size[1], size[2]],
        )
    }

    fn fused_conv_weight(
        x: FlexTensor,
        gradient: FlexTensor,
        kernel: [usize; 3],
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> (FlexTensor, FlexTensor) {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let (x, gradient) = (array(&x), array(&gradient));
        // An up-convolution is the data gradient of a convolution: input and gradient change places.
        let (small, large) = if up { (x, gradient) } else { (gradient, x) };
        let window = Window { stride, padding };
        let weight = convolution::backward_weight(large, small, kernel, window);
        let bias = convolution::channel_sums(gradient);
        let [z, y, w] = kernel;
        let shape = [small.shape[1], large.shape[1], z, y, w];
        let n_bias = bias.len();
        (tensor(weight, &shape), tensor(bias, &[n_bias]))
    }

    fn fused_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        epsilon: f64,
        slope: f64,
    ) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let shape = dims(&x);
        let n_voxels = spatial(shape).iter().product();
        let constants = NormConstants { epsilon, slope };
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
        epsilon: f64,
        slope: f64,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
        let shape = dims(&x);
        let n_voxels = spatial(shape).iter().product();
        let constants = NormConstants { epsilon, slope };
        let affine = [slice(&weight), slice(&bias)];
        let inputs = [slice(&x), slice(&gradient)];
        let [dx, d_weight, d_bias] = norm::backward(inputs, affine, n_voxels, constants);
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
        stride: [usize; 3],
        padding: [usize; 3],
        up: bool,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;
        impl<B: CpuOps> Backward<B, 3> for Step {
            type State = (FloatTensor<B>, FloatTensor<B>, [usize; 3], [usize; 3], bool);
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let [node_x, node_weight, node_bias] = ops.parents;
                let g = grads.consume::<B>(&ops.node);
                let (x, weight, stride, padding, up) = ops.state;
                let (size, kernel) = (spatial(dims(&x)), spatial(dims(&weight)));
                if let Some(node) = node_x {
                    let dx = B::fused_conv_data(g.clone(), weight, size, stride, padding, up);
                    grads.register::<B>(node.id, dx);
                }
                if node_weight.is_some() || node_bias.is_some() {
                    let (dw, db) = B::fused_conv_weight(x, g, kernel, stride, padding, up);
                    if let Some(node) = node_weight {
                        grads.register::<B>(node.id, dw);
                    }
                    if let Some(node) = node_bias {
                        grads.register::<B>(node.id, db);
                    }
                }
            }
        }
        let step = Step.prepare::<C>([x.node(), weight.node(), bias.node()]);
        match step.compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let bias = bias.into_primitive();
                let y = B::fused_conv(x.clone(), weight.clone(), bias, stride, padding, up);
                prep.finish((x, weight, stride, padding, up), y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::fused_conv(
                    x,
                    weight,
                    bias.into_primitive(),
                    stride,
                    padding,
                    up,
                ))
            }
        }
    }

    fn fused_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        slope: f64,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Step;
        impl<B: CpuOps> Backward<B, 3> for Step {
            type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, f64, f64);
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let g = grads.consume::<B>(&ops.node);
                let (x, weight, bias, epsilon, slope) = ops.state;
                let (dx, dw, db) = B::fused_norm_backward(x, weight, bias, g, epsilon, slope);
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
                let y = B::fused_norm(x.clone(), weight.clone(), bias.clone(), epsilon, slope);
                prep.finish((x, weight, bias, epsilon, slope), y)
            }
            OpsKind::UnTracked(prep) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                prep.finish(B::fused_norm(
                    x,
                    weight,
                    bias.into_primitive(),
                    epsilon,
                    slope,
                ))
            }
        }
    }

    fn fused_conv_data(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: [usize; 3],
        _: [usize; 3],
        _: [usize; 3],
        _: bool,
    ) -> FloatTensor<Self> {
        unreachable!("backward steps run on the inner backend")
    }

    fn fused_conv_weight(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: [usize; 3],
        _: [usize; 3],
        _: [usize; 3],
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("backward steps run on the inner backend")
    }

    fn fused_norm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f64,
        _: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("backward steps run on the inner backend")
    }
}

/// The backend that finds the right implementation at run time.
pub(super) type Dispatcher = Dispatch;
