//! How the operations are differentiated.

use super::extension::KernelOps;
use super::specs::{HeadSpec, LossSpec, MapSpec, PoolSpec, SumSpec, UnitSpec, UpSpec};
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};

/// Hands each gradient to the parent that asked for it.
macro_rules! register {
    ($backend:ty, $grads:expr, $parents:expr, $gradients:expr) => {
        for (node, gradient) in $parents.into_iter().zip($gradients) {
            if let Some(node) = node {
                $grads.register::<$backend>(node.id, gradient);
            }
        }
    };
}

#[derive(Debug)]
struct UnitStep;

impl<B: KernelOps> Backward<B, 6> for UnitStep {
    /// x, skip, weight, norm weight, norm bias, convolution before the norm, its sums
    type State = ([FloatTensor<B>; 7], UnitSpec);

    fn backward(self, ops: Ops<Self::State, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([x, skip, weight, norm_weight, norm_bias, convolved, sums], spec) = ops.state;
        let (gradient, d_norm_weight, d_norm_bias) = B::norm_backward(
            convolved,
            sums,
            norm_weight,
            norm_bias,
            gradient,
            spec.clone(),
        );
        let needs = [ops.parents[0].is_some(), ops.parents[1].is_some()];
        let (dx, d_skip, d_weight) = B::conv_backward(x, skip, weight, gradient, spec, needs);
        // What is added to every voxel of a channel before the norm changes nothing.
        let d_bias = B::float_mul_scalar(d_norm_bias.clone(), 0.0.into());
        let all = [dx, d_skip, d_weight, d_bias, d_norm_weight, d_norm_bias];
        register!(B, grads, ops.parents, all);
    }
}

#[derive(Debug)]
struct UpStep;

impl<B: KernelOps> Backward<B, 3> for UpStep {
    type State = (FloatTensor<B>, FloatTensor<B>, UpSpec);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (x, weight, spec) = ops.state;
        let (dx, d_weight, d_bias) = B::up_conv_backward(x, weight, gradient, spec);
        register!(B, grads, ops.parents, [dx, d_weight, d_bias]);
    }
}

#[derive(Debug)]
struct HeadStep;

impl<B: KernelOps> Backward<B, 3> for HeadStep {
    type State = (FloatTensor<B>, FloatTensor<B>, HeadSpec);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (x, weight, spec) = ops.state;
        let (dx, d_weight, d_bias) = B::head_backward(x, weight, gradient, spec);
        register!(B, grads, ops.parents, [dx, d_weight, d_bias]);
    }
}

#[derive(Debug)]
struct SumStep;

impl<B: KernelOps> Backward<B, 2> for SumStep {
    type State = (FloatTensor<B>, FloatTensor<B>, SumSpec);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (a, b, spec) = ops.state;
        let gradient = B::add_act_backward(a, b, gradient, spec);
        register!(B, grads, ops.parents, [gradient.clone(), gradient]);
    }
}

#[derive(Debug)]
struct PoolStep;

impl<B: KernelOps> Backward<B, 1> for PoolStep {
    type State = PoolSpec;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = B::average_pool_backward(gradient, ops.state);
        register!(B, grads, ops.parents, [gradient]);
    }
}

#[derive(Debug)]
struct LossStep;

impl<B: KernelOps> Backward<B, 1> for LossStep {
    type State = (FloatTensor<B>, IntTensor<B>, LossSpec);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (logits, labels, spec) = ops.state;
        let gradient = B::label_loss_backward(logits, labels, gradient, spec);
        register!(B, grads, ops.parents, [gradient]);
    }
}

/// The two changes of layout are each other's gradient.
#[derive(Debug)]
struct ToBlocksStep;

impl<B: KernelOps> Backward<B, 1> for ToBlocksStep {
    type State = MapSpec;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        register!(B, grads, ops.parents, [B::from_blocks(gradient, ops.state)]);
    }
}

#[derive(Debug)]
struct FromBlocksStep;

impl<B: KernelOps> Backward<B, 1> for FromBlocksStep {
    type State = MapSpec;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        register!(B, grads, ops.parents, [B::to_blocks(gradient, ops.state)]);
    }
}

impl<B: KernelOps, C: CheckpointStrategy> KernelOps for Autodiff<B, C> {
    fn unit(
        x: FloatTensor<Self>,
        skip: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        spec: UnitSpec,
    ) -> FloatTensor<Self> {
        let nodes = [&x, &skip, &weight, &bias, &norm_weight, &norm_bias].map(|t| t.node());
        let (x, skip, weight) = (
            x.into_primitive(),
            skip.into_primitive(),
            weight.into_primitive(),
        );
        let (bias, norm_weight, norm_bias) = (
            bias.into_primitive(),
            norm_weight.into_primitive(),
            norm_bias.into_primitive(),
        );
        match UnitStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (y, convolved, sums) = B::unit_for_training(
                    x.clone(),
                    skip.clone(),
                    weight.clone(),
                    norm_weight.clone(),
                    norm_bias.clone(),
                    spec.clone(),
                );
                let kept = [x, skip, weight, norm_weight, norm_bias, convolved, sums];
                prep.finish((kept, spec), y)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::unit(x, skip, weight, bias, norm_weight, norm_bias, spec))
            }
        }
    }

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
    ) -> FloatTensor<Self> {
        let channels = spec.channels_out;
        let y = Self::unit(x, skip, weight, bias, norm_weight, norm_bias, spec);
        Self::head(y, head_weight, head_bias, HeadSpec { channels })
    }

    fn up_conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: UpSpec,
    ) -> FloatTensor<Self> {
        let nodes = [&x, &weight, &bias].map(|t| t.node());
        let (x, weight, bias) = (
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
        );
        match UpStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::up_conv(x.clone(), weight.clone(), bias, spec.clone());
                prep.finish((x, weight, spec), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::up_conv(x, weight, bias, spec)),
        }
    }

    fn head(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        spec: HeadSpec,
    ) -> FloatTensor<Self> {
        let nodes = [&x, &weight, &bias].map(|t| t.node());
        let (x, weight, bias) = (
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
        );
        match HeadStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::head(x.clone(), weight.clone(), bias, spec);
                prep.finish((x, weight, spec), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::head(x, weight, bias, spec)),
        }
    }

    fn add_act(a: FloatTensor<Self>, b: FloatTensor<Self>, spec: SumSpec) -> FloatTensor<Self> {
        let nodes = [&a, &b].map(|t| t.node());
        let (a, b) = (a.into_primitive(), b.into_primitive());
        match SumStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::add_act(a.clone(), b.clone(), spec);
                prep.finish((a, b, spec), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::add_act(a, b, spec)),
        }
    }

    fn average_pool(x: FloatTensor<Self>, spec: PoolSpec) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::average_pool(x.into_primitive(), spec);
        match PoolStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(spec, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn label_loss(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        spec: LossSpec,
    ) -> FloatTensor<Self> {
        let nodes = [logits.node()];
        let logits = logits.into_primitive();
        match LossStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let loss = B::label_loss(logits.clone(), labels.clone(), spec);
                prep.finish((logits, labels, spec), loss)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::label_loss(logits, labels, spec)),
        }
    }

    fn to_blocks(x: FloatTensor<Self>, spec: MapSpec) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::to_blocks(x.into_primitive(), spec);
        match ToBlocksStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(spec, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn from_blocks(x: FloatTensor<Self>, spec: MapSpec) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::from_blocks(x.into_primitive(), spec);
        match FromBlocksStep
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(spec, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    // Backward steps run on the inner backend.

    fn unit_for_training(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: UnitSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("runs on the inner backend")
    }

    fn norm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: UnitSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("runs on the inner backend")
    }

    fn conv_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: UnitSpec,
        _: [bool; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("runs on the inner backend")
    }

    fn up_conv_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: UpSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("runs on the inner backend")
    }

    fn head_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: HeadSpec,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("runs on the inner backend")
    }

    fn add_act_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: SumSpec,
    ) -> FloatTensor<Self> {
        unreachable!("runs on the inner backend")
    }

    fn label_loss_backward(
        _: FloatTensor<Self>,
        _: IntTensor<Self>,
        _: FloatTensor<Self>,
        _: LossSpec,
    ) -> FloatTensor<Self> {
        unreachable!("runs on the inner backend")
    }

    fn average_pool_backward(_: FloatTensor<Self>, _: PoolSpec) -> FloatTensor<Self> {
        unreachable!("runs on the inner backend")
    }
}
