//! Which kernel does a convolution: Winograd where it is less work, else the direct one.

use super::specs::{ConvPlan, PackedWeights, UnitSpec, UpSpec};
use sarx_kernels::{
    ChannelSums, ConvWeights, DirectWeights, FeatureShape, Features, Isa, PlainImage, Precision,
    WinogradWeights, choose_tile_in, conv_backward_data, conv_backward_weight, conv_forward,
    conv_forward_image, conv_out_size, from_features_with, sum_per_channel, to_features_with,
    up_backward_data, up_backward_weight, up_forward, winograd_forward,
};

/// What a convolution reads.
pub(super) enum Input<'a> {
    /// `[batch, channel, z, y, x]`
    Image(&'a [f32], [usize; 5]),
    /// One or two maps, as if concatenated.
    Maps(Vec<Features<'a>>),
}

impl Input<'_> {
    fn batch_and_size(&self) -> (usize, [usize; 3]) {
        match self {
            Self::Image(_, [batch, _, z, y, x]) => (*batch, [*z, *y, *x]),
            Self::Maps(maps) => (maps[0].shape.batch, maps[0].shape.size),
        }
    }
}

/// The convolution of a unit before its norm, and its sums per channel.
pub(super) fn convolve(
    input: &Input<'_>,
    weight: &[f32],
    spec: &UnitSpec,
) -> (Vec<f32>, FeatureShape, ChannelSums) {
    let isa = Isa::best();
    let (batch, size) = input.batch_and_size();
    let shape = FeatureShape {
        batch,
        channels: spec.channels_out,
        size: conv_out_size(size, spec.stride),
    };
    let mut sums = ChannelSums::zeros(shape);
    let make = || plan(input, weight, spec);
    let fresh;
    let plan = match &spec.packed {
        Some(packed) => packed.plan.get_or_init(make),
        None => {
            fresh = make();
            &fresh
        }
    };
    let values = match (input, plan) {
        (Input::Maps(maps), ConvPlan::Winograd(weights)) => {
            winograd_forward(isa, maps, weights, Some(&mut sums))
        }
        (Input::Maps(maps), ConvPlan::Direct(weights)) => {
            let (channels, stride) = (spec.channels_out, spec.stride);
            conv_forward(isa, maps, weights, channels, stride, Some(&mut sums))
        }
        (Input::Image(values, shape), ConvPlan::Direct(weights)) => {
            let image = PlainImage::new(values, *shape);
            let (channels, stride) = (spec.channels_out, spec.stride);
            conv_forward_image(isa, &image, weights, channels, stride, Some(&mut sums))
        }
        (Input::Image(..), ConvPlan::Winograd(_)) => {
            unreachable!("images are convolved directly")
        }
    };
    (values, shape, sums)
}

fn plan(input: &Input<'_>, weight: &[f32], spec: &UnitSpec) -> ConvPlan {
    let isa = Isa::best();
    let inputs = spec.inputs();
    if let Input::Maps(maps) = input {
        let shape = maps[0].shape;
        let channels = [inputs.iter().sum(), spec.channels_out];
        if let Some((tile, precision)) = tile(shape, channels, spec, spec.packed.as_ref()) {
            let weights = ConvWeights {
                values: weight,
                channels_out: channels[1],
                channels_in: channels[0],
                kernel: spec.kernel,
                mirrored: false,
            };
            return ConvPlan::Winograd(WinogradWeights::new(
                isa, weights, &inputs, tile, precision,
            ));
        }
    }
    ConvPlan::Direct(DirectWeights::forward(
        isa,
        weight,
        spec.channels_out,
        &inputs,
        spec.kernel,
    ))
}

/// The Winograd tile for a map of that shape, if it is faster, and the precision of its products.
fn tile(
    shape: FeatureShape,
    [channels_in, channels_out]: [usize; 2],
    spec: &UnitSpec,
    packed: Option<&PackedWeights>,
) -> Option<([usize; 3], Precision)> {
    if spec.stride != [1; 3] {
        return None;
    }
    // Gradients and weights that change are never rounded.
    let precision = packed.map_or(Precision::F32, |packed| packed.precision);
    let of_call = (shape.size, shape.batch, packed.is_some());
    choose_tile_in(precision, of_call, [channels_in, channels_out], spec.kernel)
}

/// Gradients of a convolution.
pub(super) struct ConvGradients {
    /// Of each map (or of the image), if it was asked for.
    pub(super) inputs: Vec<Option<Vec<f32>>>,
    /// `[out, in, kz, ky, kx]`
    pub(super) weight: Vec<f32>,
}

/// The gradients of [`convolve`], given that of its output.
pub(super) fn convolve_backward(
    input: &Input<'_>,
    weight: &[f32],
    gradient: Features<'_>,
    spec: &UnitSpec,
    needs: [bool; 2],
) -> ConvGradients {
    let isa = Isa::best();
    let spread;
    let maps = match input {
        Input::Maps(maps) => maps.clone(),
        Input::Image(values, [batch, channels, z, y, x]) => {
            let shape = FeatureShape {
                batch: *batch,
                channels: *channels,
                size: [*z, *y, *x],
            };
            spread = to_features_with(isa, values, shape);
            vec![Features::new(&spread, shape)]
        }
    };
    let d_weight = conv_backward_weight(isa, &maps, gradient, spec.kernel, spec.stride);
    let shapes: Vec<_> = maps.iter().map(|map| map.shape).collect();
    let mut inputs = vec![None; shapes.len()];
    if needs[0] || needs[1] {
        inputs = backward_data(weight, gradient, spec, &shapes);
    }
    if let (Input::Image(..), Some(Some(values))) = (input, inputs.first_mut()) {
        *values = from_features_with(isa, Features::new(values, shapes[0]));
    }
    ConvGradients {
        inputs,
        weight: d_weight,
    }
}

fn backward_data(
    weight: &[f32],
    gradient: Features<'_>,
    spec: &UnitSpec,
    shapes: &[FeatureShape],
) -> Vec<Option<Vec<f32>>> {
    let isa = Isa::best();
    let inputs = spec.inputs();
    let channels_in: usize = inputs.iter().sum();
    let taps: usize = spec.kernel.iter().product();
    let widest = inputs.iter().copied().max().unwrap_or(0);
    let shape = gradient.shape;
    let Some((tile, precision)) = tile(shape, [spec.channels_out, widest], spec, None) else {
        let weights =
            DirectWeights::transposed(isa, weight, &inputs, spec.channels_out, spec.kernel);
        let maps = conv_backward_data(isa, gradient, &weights, spec.stride, shapes);
        return maps.into_iter().map(Some).collect();
    };
    // Each map by itself, with its part of the weights.
    let mut first = 0;
    let each = inputs.iter().map(|&channels| {
        let part: Vec<f32> = weight
            .chunks_exact(channels_in * taps)
            .flat_map(|row| &row[first * taps..(first + channels) * taps])
            .copied()
            .collect();
        first += channels;
        let weights = ConvWeights {
            values: &part,
            channels_out: channels,
            channels_in: spec.channels_out,
            kernel: spec.kernel,
            mirrored: true,
        };
        let weights = WinogradWeights::new(isa, weights, &[spec.channels_out], tile, precision);
        Some(winograd_forward(isa, &[gradient], &weights, None))
    });
    each.collect()
}

/// Up-convolution with bias.
pub(super) fn up_convolve(
    x: Features<'_>,
    weight: &[f32],
    bias: &[f32],
    spec: &UpSpec,
) -> (Vec<f32>, FeatureShape) {
    let isa = Isa::best();
    let (channels, stride) = (spec.channels_out, spec.stride);
    let make = || {
        let weights = DirectWeights::transposed(isa, weight, &[channels], spec.channels_in, stride);
        ConvPlan::Direct(weights)
    };
    let fresh;
    let plan = match &spec.packed {
        Some(packed) => packed.plan.get_or_init(make),
        None => {
            fresh = make();
            &fresh
        }
    };
    let ConvPlan::Direct(weights) = plan else {
        unreachable!("up-convolutions are direct");
    };
    let shape = FeatureShape {
        channels,
        size: [0, 1, 2].map(|a| x.shape.size[a] * stride[a]),
        ..x.shape
    };
    (up_forward(isa, x, weights, channels, bias), shape)
}

/// The gradients of [`up_convolve`] for x, weight and bias.
pub(super) fn up_convolve_backward(
    x: Features<'_>,
    weight: &[f32],
    gradient: Features<'_>,
    spec: &UpSpec,
) -> [Vec<f32>; 3] {
    let isa = Isa::best();
    let (channels_in, stride) = (spec.channels_in, spec.stride);
    let weights = DirectWeights::forward(isa, weight, channels_in, &[spec.channels_out], stride);
    [
        up_backward_data(isa, gradient, &weights, channels_in),
        up_backward_weight(isa, x, gradient, stride),
        sum_per_channel(isa, gradient),
    ]
}
