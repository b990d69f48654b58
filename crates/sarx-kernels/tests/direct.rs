//! The direct kernels against their plain meaning, on every instruction set of this machine.

use proptest::prelude::*;
use sarx_kernels::reference::{self, Array, relative_rms};
use sarx_kernels::{
    ChannelSums, DirectWeights, FeatureShape, Features, Isa, LANES, PlainImage, conv_backward_data,
    conv_forward, conv_forward_image, from_features, to_features, up_backward_data, up_forward,
};

/// f32 sums of up to some thousand terms.
const LIMIT: f64 = 2e-6;

/// Reproducible values around zero.
fn noise(shape: [usize; 5], salt: usize) -> Array {
    let value = |i: usize| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1001.0 - 1.0;
    Array {
        values: (0..shape.iter().product()).map(value).collect(),
        shape,
    }
}

fn shape_of([batch, channels, z, y, x]: [usize; 5]) -> FeatureShape {
    FeatureShape {
        batch,
        channels,
        size: [z, y, x],
    }
}

fn features(array: &Array) -> Vec<f32> {
    to_features(&array.values, shape_of(array.shape))
}

/// The values of a map; its border and its unused channels must be zero.
fn checked(values: &[f32], shape: FeatureShape) -> Vec<f32> {
    let plain = from_features(Features::new(values, shape));
    assert_eq!(
        to_features(&plain, shape),
        values,
        "border and unused channels are zero"
    );
    plain
}

/// Two arrays as one along the channels.
fn concatenated(a: &Array, b: &Array) -> Array {
    let [n, ca, z, y, x] = a.shape;
    let cb = b.shape[1];
    let mut values = Vec::new();
    for sample in 0..n {
        for part in [a, b] {
            let len = part.values.len() / n;
            values.extend_from_slice(&part.values[sample * len..][..len]);
        }
    }
    Array {
        values,
        shape: [n, ca + cb, z, y, x],
    }
}

#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    channels_in: [usize; 2],
    channels_out: usize,
    size: [usize; 3],
    kernel: [usize; 3],
    stride: [usize; 3],
}

fn cases() -> impl Strategy<Value = Case> {
    let per_axis = |values: &'static [usize]| prop::array::uniform3(prop::sample::select(values));
    (
        1..3_usize,
        [1..36_usize, 0..20_usize],
        1..40_usize,
        prop::array::uniform3(1..12_usize),
        per_axis(&[1, 3]),
        per_axis(&[1, 1, 2, 3]),
    )
        .prop_map(
            |(batch, channels_in, channels_out, size, kernel, stride)| Case {
                batch,
                channels_in,
                channels_out,
                size,
                kernel,
                stride,
            },
        )
}

fn check_convolution(case: &Case) {
    let Case {
        batch,
        channels_in: [c1, c2],
        channels_out,
        size: [z, y, x],
        kernel: [kz, ky, kx],
        stride,
        ..
    } = *case;
    let (a, b) = (
        noise([batch, c1, z, y, x], 1),
        noise([batch, c2, z, y, x], 2),
    );
    let weight = noise([channels_out, c1 + c2, kz, ky, kx], 3);
    let joined = concatenated(&a, &b);
    let expected = reference::convolution(&joined, &weight, stride);
    let out_shape = shape_of(expected.shape);
    let gradient = noise(expected.shape, 4);
    let expected_dx =
        reference::convolution_backward_data(&gradient, &weight, stride, joined.shape);
    let channels: Vec<usize> = [c1, c2].into_iter().filter(|&c| c > 0).collect();
    let maps: Vec<(Vec<f32>, FeatureShape)> = [&a, &b]
        .iter()
        .filter(|m| m.shape[1] > 0)
        .map(|m| (features(m), shape_of(m.shape)))
        .collect();
    let inputs: Vec<_> = maps
        .iter()
        .map(|(values, shape)| Features::new(values, *shape))
        .collect();
    for isa in Isa::available() {
        let packed =
            DirectWeights::forward(isa, &weight.values, channels_out, &channels, case.kernel);
        let mut sums = ChannelSums::zeros(out_shape);
        let found = conv_forward(isa, &inputs, &packed, channels_out, stride, Some(&mut sums));
        let found = checked(&found, out_shape);
        let distance = relative_rms(&found, &expected.values);
        assert!(distance <= LIMIT, "{isa:?} {case:?}: {distance:e}");
        check_sums(&sums, &expected, isa);

        if c2 == 0 {
            let image = PlainImage::new(&a.values, a.shape);
            let found = conv_forward_image(isa, &image, &packed, channels_out, stride, None);
            let distance = relative_rms(&checked(&found, out_shape), &expected.values);
            assert!(distance <= LIMIT, "image, {isa:?} {case:?}: {distance:e}");
        }

        let packed =
            DirectWeights::transposed(isa, &weight.values, &channels, channels_out, case.kernel);
        let g = features(&gradient);
        let shapes: Vec<_> = maps.iter().map(|(_, shape)| *shape).collect();
        let found = conv_backward_data(isa, Features::new(&g, out_shape), &packed, stride, &shapes);
        let plain: Vec<Array> = found
            .iter()
            .zip(&shapes)
            .map(|(values, shape)| Array {
                values: checked(values, *shape),
                shape: [batch, shape.channels, z, y, x],
            })
            .collect();
        let found = match &plain[..] {
            [a, b] => concatenated(a, b),
            _ => plain[0].clone(),
        };
        let distance = relative_rms(&found.values, &expected_dx.values);
        assert!(
            distance <= LIMIT,
            "data gradient, {isa:?} {case:?}: {distance:e}"
        );
    }
}

fn check_sums(sums: &ChannelSums, expected: &Array, isa: Isa) {
    let [batch, channels, ..] = expected.shape;
    let voxels = sums.voxels;
    let blocks = channels.div_ceil(LANES);
    for sample in 0..batch {
        for channel in 0..channels {
            let values = &expected.values[(sample * channels + channel) * voxels..][..voxels];
            let [sum, square] = sums.sums[sample * blocks * LANES + channel];
            let scale: f64 = values.iter().map(|v| f64::from(v.abs())).sum::<f64>() + 1e-9;
            let wanted: f64 = values.iter().map(|&v| f64::from(v)).sum();
            assert!(
                (sum - wanted).abs() <= 1e-5 * scale,
                "{isa:?}: sum {sum}, expected {wanted}"
            );
            let wanted: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            assert!(
                (square - wanted).abs() <= 1e-5 * (wanted + 1e-9),
                "{isa:?}: squares {square}, expected {wanted}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn convolutions_mean_what_they_say(case in cases()) {
        check_convolution(&case);
    }

    #[test]
    fn up_convolutions_mean_what_they_say(
        batch in 1..3_usize,
        channels_in in 1..40_usize,
        channels_out in 1..36_usize,
        size in prop::array::uniform3(1..7_usize),
        stride in prop::array::uniform3(1..4_usize),
    ) {
        let ([z, y, x], [sz, sy, sx]) = (size, stride);
        let input = noise([batch, channels_in, z, y, x], 1);
        let weight = noise([channels_in, channels_out, sz, sy, sx], 2);
        let bias = noise([1, channels_out, 1, 1, 1], 3).values;
        let mut expected = reference::up_convolution(&input, &weight);
        let voxels: usize = expected.shape[2..].iter().product();
        for (i, value) in expected.values.iter_mut().enumerate() {
            *value += bias[i / voxels % channels_out];
        }
        let out_shape = shape_of(expected.shape);
        let values = features(&input);
        for isa in Isa::available() {
            let packed = DirectWeights::transposed(isa, &weight.values, &[channels_out], channels_in, stride);
            let found = up_forward(isa, Features::new(&values, shape_of(input.shape)), &packed, channels_out, &bias);
            let distance = relative_rms(&checked(&found, out_shape), &expected.values);
            prop_assert!(distance <= LIMIT, "{:?} {:?}: {:e}", isa, stride, distance);

            // Without bias an up-convolution is a convolution's data gradient, and the other way round.
            let packed = DirectWeights::forward(isa, &weight.values, channels_in, &[channels_out], stride);
            let gradient = noise(expected.shape, 5);
            let g = features(&gradient);
            let found = up_backward_data(isa, Features::new(&g, out_shape), &packed, channels_in);
            let found = checked(&found, shape_of(input.shape));
            let pairing = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            };
            let up = reference::up_convolution(&input, &weight);
            let (left, right) = (pairing(&up.values, &gradient.values), pairing(&input.values, &found));
            let scale = (pairing(&up.values, &up.values) * pairing(&gradient.values, &gradient.values)).sqrt();
            prop_assert!((left - right).abs() <= 1e-5 * scale, "{:?}: {} and {}", isa, left, right);
        }
    }
}

#[test]
fn many_channels_are_summed_in_chunks() {
    check_convolution(&Case {
        batch: 1,
        channels_in: [80, 40],
        channels_out: 48,
        size: [3, 4, 9],
        kernel: [3; 3],
        stride: [1; 3],
    });
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let shape = shape_of([2, 40, 6, 7, 9]);
    let values = features(&noise([2, 40, 6, 7, 9], 1));
    let weight = noise([33, 40, 3, 3, 3], 2);
    let run = || {
        let isa = Isa::best();
        let packed = DirectWeights::forward(isa, &weight.values, 33, &[40], [3; 3]);
        let mut sums = ChannelSums::zeros(shape_of([2, 33, 6, 7, 9]));
        let out = conv_forward(
            isa,
            &[Features::new(&values, shape)],
            &packed,
            33,
            [1; 3],
            Some(&mut sums),
        );
        (out, sums)
    };
    let with = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .expect("threads");
        pool.install(run)
    };
    assert_eq!(with(1), with(3));
}
