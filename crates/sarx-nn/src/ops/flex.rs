//! The operations on Burn's CPU backend: tensors to maps, a kernel, and back.

use super::extension::KernelOps;
use super::kernels;
use super::specs::{HeadSpec, LossSpec, MapSpec, PoolSpec, SumSpec, UnitSpec, UpSpec};
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use sarx_kernels::{ChannelSums, FeatureShape, Features, Isa, LANES, LabelLoss, NormAct};

fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("the kernels take contiguous f32 tensors")
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn map_tensor(values: Vec<f32>, shape: FeatureShape) -> FlexTensor {
    tensor(values, &shape.dims())
}

fn empty() -> FlexTensor {
    tensor(Vec::new(), &[0])
}

/// The values of a tensor, without a copy where nobody else holds them.
fn owned(tensor: FlexTensor) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("the kernels take f32 tensors")
}

/// The shape of a map `[batch, block, z, y, x + 2, 16]`.
fn map_shape(tensor: &FlexTensor, channels: usize) -> FeatureShape {
    let [batch, _, z, y, x, _] = tensor.shape().dims::<6>();
    FeatureShape {
        batch,
        channels,
        size: [z, y, x - 2],
    }
}

fn map(tensor: &FlexTensor, channels: usize) -> Features<'_> {
    Features::new(slice(tensor), map_shape(tensor, channels))
}

/// Sums in f64 as two floats each, `[4, batch * channel]`, because tensors of this backend that meet
/// are all f32.
fn sums_tensor(sums: &ChannelSums) -> FlexTensor {
    let part = |which: usize, low: bool| {
        sums.sums.iter().map(move |sum| {
            let high = sum[which] as f32;
            if low {
                (sum[which] - f64::from(high)) as f32
            } else {
                high
            }
        })
    };
    let parts = [(0, false), (0, true), (1, false), (1, true)];
    let values = parts.iter().flat_map(|&(which, low)| part(which, low));
    tensor(values.collect(), &[4, sums.sums.len()])
}

fn sums_of(tensor: &FlexTensor, shape: FeatureShape) -> ChannelSums {
    let values = slice(tensor);
    let n = values.len() / 4;
    let sum = |which: usize, i: usize| {
        f64::from(values[2 * which * n + i]) + f64::from(values[(2 * which + 1) * n + i])
    };
    ChannelSums {
        sums: (0..n).map(|i| [sum(0, i), sum(1, i)]).collect(),
        voxels: shape.voxels(),
    }
}

fn norm<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor, spec: &UnitSpec) -> NormAct<'a> {
    NormAct {
        weight: slice(weight),
        bias: slice(bias),
        epsilon: spec.epsilon,
        slope: spec.slope,
    }
}

/// What a unit reads: an image (its first tensor has five axes), or one or two maps.
fn unit_input<'a>(x: &'a FlexTensor, skip: &'a FlexTensor, spec: &UnitSpec) -> kernels::Input<'a> {
    if x.shape().num_dims() == 5 {
        return kernels::Input::Image(slice(x), x.shape().dims::<5>());
    }
    let mut maps = vec![map(x, spec.channels_in[0])];
    if spec.channels_in[1] > 0 {
        maps.push(map(skip, spec.channels_in[1]));
    }
    kernels::Input::Maps(maps)
}

fn label_loss<'a>(logits: &'a FlexTensor, labels: &'a FlexTensor, spec: LossSpec) -> LabelLoss<'a> {
    let [batch, n_labels, _] = logits.shape().dims::<3>();
    LabelLoss {
        logits: slice(logits),
        labels: labels
            .as_slice::<i32>()
            .expect("labels are contiguous 32-bit integers"),
        batch,
        n_labels,
        ignore: spec.ignore,
        batch_dice: spec.batch_dice,
    }
}

impl KernelOps for Flex {
    fn unit(
        x: FlexTensor,
        skip: FlexTensor,
        weight: FlexTensor,
        _bias: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        spec: UnitSpec,
    ) -> FlexTensor {
        let (x, skip, weight) = (
            x.to_contiguous(),
            skip.to_contiguous(),
            weight.to_contiguous(),
        );
        let (norm_weight, norm_bias) = (norm_weight.to_contiguous(), norm_bias.to_contiguous());
        let input = unit_input(&x, &skip, &spec);
        let (mut values, shape, sums) = kernels::convolve(&input, slice(&weight), &spec);
        let norm = norm(&norm_weight, &norm_bias, &spec);
        sarx_kernels::norm_act_in_place(Isa::best(), &mut values, shape, &sums, norm);
        map_tensor(values, shape)
    }

    fn unit_head(
        x: FlexTensor,
        skip: FlexTensor,
        weight: FlexTensor,
        _bias: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        head_weight: FlexTensor,
        head_bias: FlexTensor,
        spec: UnitSpec,
    ) -> FlexTensor {
        let (x, skip, weight) = (
            x.to_contiguous(),
            skip.to_contiguous(),
            weight.to_contiguous(),
        );
        let (norm_weight, norm_bias) = (norm_weight.to_contiguous(), norm_bias.to_contiguous());
        let (head_weight, head_bias) = (head_weight.to_contiguous(), head_bias.to_contiguous());
        let input = unit_input(&x, &skip, &spec);
        let (values, shape, sums) = kernels::convolve(&input, slice(&weight), &spec);
        let logits = sarx_kernels::head_after_norm(
            Isa::best(),
            Features::new(&values, shape),
            &sums,
            norm(&norm_weight, &norm_bias, &spec),
            slice(&head_weight),
            slice(&head_bias),
        );
        let [z, y, x] = shape.size;
        let n_heads = slice(&head_bias).len();
        tensor(logits, &[shape.batch, n_heads, z, y, x])
    }

    fn unit_for_training(
        x: FlexTensor,
        skip: FlexTensor,
        weight: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        spec: UnitSpec,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, skip, weight) = (
            x.to_contiguous(),
            skip.to_contiguous(),
            weight.to_contiguous(),
        );
        let (norm_weight, norm_bias) = (norm_weight.to_contiguous(), norm_bias.to_contiguous());
        let input = unit_input(&x, &skip, &spec);
        let (convolved, shape, sums) = kernels::convolve(&input, slice(&weight), &spec);
        let norm = norm(&norm_weight, &norm_bias, &spec);
        let convolved_map = Features::new(&convolved, shape);
        let values = sarx_kernels::norm_act(Isa::best(), convolved_map, &sums, norm);
        (
            map_tensor(values, shape),
            map_tensor(convolved, shape),
            sums_tensor(&sums),
        )
    }

    fn norm_backward(
        convolved: FlexTensor,
        sums: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        gradient: FlexTensor,
        spec: UnitSpec,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (convolved, sums) = (convolved.to_contiguous(), sums.to_contiguous());
        let (norm_weight, norm_bias) = (norm_weight.to_contiguous(), norm_bias.to_contiguous());
        let y = map(&convolved, spec.channels_out);
        let sums = sums_of(&sums, y.shape);
        // The gradient is this operation's own, so its memory becomes the result.
        let mut gradient = owned(gradient);
        let norm = norm(&norm_weight, &norm_bias, &spec);
        let [d_weight, d_bias] =
            sarx_kernels::norm_act_backward(Isa::best(), y, &sums, norm, &mut gradient);
        let channels = [spec.channels_out];
        (
            map_tensor(gradient, y.shape),
            tensor(d_weight, &channels),
            tensor(d_bias, &channels),
        )
    }

    fn conv_backward(
        x: FlexTensor,
        skip: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        spec: UnitSpec,
        needs: [bool; 2],
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, skip, weight) = (
            x.to_contiguous(),
            skip.to_contiguous(),
            weight.to_contiguous(),
        );
        let gradient = gradient.to_contiguous();
        let input = unit_input(&x, &skip, &spec);
        let found = kernels::convolve_backward(
            &input,
            slice(&weight),
            map(&gradient, spec.channels_out),
            &spec,
            needs,
        );
        let d_weight = tensor(found.weight, &weight.shape().to_vec());
        let mut maps = found.inputs.into_iter();
        let mut next = |like: &FlexTensor| match maps.next() {
            Some(Some(values)) => tensor(values, &like.shape().to_vec()),
            _ => empty(),
        };
        (next(&x), next(&skip), d_weight)
    }

    fn up_conv(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, spec: UpSpec) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let (values, shape) = kernels::up_convolve(
            map(&x, spec.channels_in),
            slice(&weight),
            slice(&bias),
            &spec,
        );
        map_tensor(values, shape)
    }

    fn up_conv_backward(
        x: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        spec: UpSpec,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, gradient) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            gradient.to_contiguous(),
        );
        let (input, gradient) = (map(&x, spec.channels_in), map(&gradient, spec.channels_out));
        let [dx, d_weight, d_bias] =
            kernels::up_convolve_backward(input, slice(&weight), gradient, &spec);
        (
            map_tensor(dx, input.shape),
            tensor(d_weight, &weight.shape().to_vec()),
            tensor(d_bias, &[spec.channels_out]),
        )
    }

    fn head(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, spec: HeadSpec) -> FlexTensor {
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let input = map(&x, spec.channels);
        let n_heads = slice(&bias).len();
        let logits = sarx_kernels::head(Isa::best(), input, slice(&weight), slice(&bias));
        let [z, y, x] = input.shape.size;
        tensor(logits, &[input.shape.batch, n_heads, z, y, x])
    }

    fn head_backward(
        x: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        spec: HeadSpec,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, gradient) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            gradient.to_contiguous(),
        );
        let input = map(&x, spec.channels);
        let (dx, d_weight, d_bias) =
            sarx_kernels::head_backward(Isa::best(), input, slice(&weight), slice(&gradient));
        let n_heads = [d_bias.len()];
        (
            map_tensor(dx, input.shape),
            tensor(d_weight, &weight.shape().to_vec()),
            tensor(d_bias, &n_heads),
        )
    }

    fn add_act(a: FlexTensor, b: FlexTensor, spec: SumSpec) -> FlexTensor {
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let (a, b) = (map(&a, spec.channels), map(&b, spec.channels));
        map_tensor(
            sarx_kernels::add_act(Isa::best(), a, b, spec.slope),
            a.shape,
        )
    }

    fn add_act_backward(
        a: FlexTensor,
        b: FlexTensor,
        gradient: FlexTensor,
        spec: SumSpec,
    ) -> FlexTensor {
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let (a, b) = (map(&a, spec.channels), map(&b, spec.channels));
        let mut gradient = owned(gradient);
        sarx_kernels::add_act_backward(Isa::best(), a, b, spec.slope, &mut gradient);
        map_tensor(gradient, a.shape)
    }

    fn average_pool(x: FlexTensor, spec: PoolSpec) -> FlexTensor {
        let x = x.to_contiguous();
        let input = map(&x, spec.channels);
        let shape = FeatureShape {
            size: [0, 1, 2].map(|a| input.shape.size[a] / spec.stride[a]),
            ..input.shape
        };
        map_tensor(
            sarx_kernels::average_pool(Isa::best(), input, spec.stride),
            shape,
        )
    }

    fn average_pool_backward(gradient: FlexTensor, spec: PoolSpec) -> FlexTensor {
        let gradient = gradient.to_contiguous();
        let gradient = map(&gradient, spec.channels);
        let shape = FeatureShape {
            size: [0, 1, 2].map(|a| gradient.shape.size[a] * spec.stride[a]),
            ..gradient.shape
        };
        map_tensor(
            sarx_kernels::average_pool_backward(Isa::best(), gradient, spec.stride),
            shape,
        )
    }

    fn label_loss(logits: FlexTensor, labels: FlexTensor, spec: LossSpec) -> FlexTensor {
        let (logits, labels) = (logits.to_contiguous(), labels.to_contiguous());
        let sums = label_loss(&logits, &labels, spec).sums(Isa::best());
        tensor(vec![sums.loss(spec.batch_dice) as f32], &[1])
    }

    fn label_loss_backward(
        logits: FlexTensor,
        labels: FlexTensor,
        gradient: FlexTensor,
        spec: LossSpec,
    ) -> FlexTensor {
        let (logits, labels) = (logits.to_contiguous(), labels.to_contiguous());
        let loss = label_loss(&logits, &labels, spec);
        let factor = f64::from(slice(&gradient.to_contiguous())[0]);
        let sums = loss.sums(Isa::best());
        let values = loss.gradient(Isa::best(), &sums, factor);
        tensor(values, &logits.shape().to_vec())
    }

    fn to_blocks(x: FlexTensor, spec: MapSpec) -> FlexTensor {
        let x = x.to_contiguous();
        let [batch, _, nz, ny, nx] = x.shape().dims::<5>();
        let shape = FeatureShape {
            batch,
            channels: spec.channels,
            size: [nz, ny, nx],
        };
        map_tensor(
            sarx_kernels::to_features_with(Isa::best(), slice(&x), shape),
            shape,
        )
    }

    fn from_blocks(x: FlexTensor, spec: MapSpec) -> FlexTensor {
        let x = x.to_contiguous();
        let [batch, blocks, nz, ny, nx, lanes] = x.shape().dims::<6>();
        debug_assert!(lanes == LANES && blocks == spec.channels.div_ceil(LANES));
        let plain = sarx_kernels::from_features_with(Isa::best(), map(&x, spec.channels));
        tensor(plain, &[batch, spec.channels, nz, ny, nx - 2])
    }
}
