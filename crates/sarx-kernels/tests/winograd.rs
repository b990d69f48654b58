//! Winograd convolution against its plain meaning, on every instruction set of the machine.

use proptest::prelude::*;
use sarx_kernels::reference::{self, Array};
use sarx_kernels::{
    ChannelSums, ConvWeights, FeatureShape, Features, Isa, Precision, WinogradWeights,
    from_features, to_features, winograd_forward,
};

/// A convolution to check.
#[derive(Debug, Clone)]
struct Case {
    size: [usize; 3],
    batch: usize,
    channels_in: Vec<usize>,
    channels_out: usize,
    tile: [usize; 3],
    mirrored: bool,
}

impl Case {
    fn kernel(&self) -> [usize; 3] {
        self.tile.map(|m| if m == 1 { 1 } else { 3 })
    }
}

/// Numbers that look random, between -1 and 1; the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// Inputs and weights.
fn data(case: &Case) -> (Vec<(Vec<f32>, FeatureShape)>, Vec<f32>) {
    let inputs = case.channels_in.iter().enumerate().map(|(i, &channels)| {
        let shape = FeatureShape {
            batch: case.batch,
            channels,
            size: case.size,
        };
        let values = noise(case.batch * channels * shape.voxels(), i as u64 + 1);
        (values, shape)
    });
    let taps: usize = case.kernel().iter().product();
    let channels_in: usize = case.channels_in.iter().sum();
    (
        inputs.collect(),
        noise(case.channels_out * channels_in * taps, 99),
    )
}

/// What should come out.
fn expected(case: &Case) -> Array {
    let (inputs, weights) = data(case);
    let [z, y, x] = case.size;
    let voxels = z * y * x;
    let channels: usize = case.channels_in.iter().sum();
    let mut all = Vec::new();
    for sample in 0..case.batch {
        for (values, shape) in &inputs {
            let len = shape.channels * voxels;
            all.extend(&values[sample * len..][..len]);
        }
    }
    let x = Array {
        values: all,
        shape: [case.batch, channels, z, y, x],
    };
    let [kz, ky, kx] = case.kernel();
    let (o, i) = (case.channels_out, channels);
    if case.mirrored {
        let weight = Array {
            values: weights,
            shape: [i, o, kz, ky, kx],
        };
        let [n, _, z, y, xx] = x.shape;
        reference::convolution_backward_data(&x, &weight, [1; 3], [n, o, z, y, xx])
    } else {
        let weight = Array {
            values: weights,
            shape: [o, i, kz, ky, kx],
        };
        reference::convolution(&x, &weight, [1; 3])
    }
}

/// What comes out, in blocks, with its sums.
fn found(case: &Case, isa: Isa) -> (Vec<f32>, ChannelSums) {
    found_in(case, isa, Precision::F32)
}

fn found_in(case: &Case, isa: Isa, precision: Precision) -> (Vec<f32>, ChannelSums) {
    let (inputs, weights) = data(case);
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(values, shape)| (to_features(values, *shape), *shape))
        .collect();
    let inputs: Vec<_> = inputs.iter().map(|(v, s)| Features::new(v, *s)).collect();
    let weights = ConvWeights {
        values: &weights,
        channels_out: case.channels_out,
        channels_in: case.channels_in.iter().sum(),
        kernel: case.kernel(),
        mirrored: case.mirrored,
    };
    let weights = WinogradWeights::new(isa, weights, &case.channels_in, case.tile, precision);
    let mut sums = ChannelSums::zeros(out_shape(case));
    let out = winograd_forward(isa, &inputs, &weights, Some(&mut sums));
    (out, sums)
}

fn out_shape(case: &Case) -> FeatureShape {
    FeatureShape {
        batch: case.batch,
        channels: case.channels_out,
        size: case.size,
    }
}

/// The error that a tile may have, as relative RMS.
fn limit(tile: [usize; 3]) -> f64 {
    match tile.iter().filter(|&&m| m == 4).count() {
        0 => 1e-6,
        1 | 2 => 3e-6,
        _ => 6e-6,
    }
}

/// The same in 16 bits, whose smallest step is 2^16 times as large.
fn limit_in(precision: Precision, tile: [usize; 3]) -> f64 {
    match (precision, tile.iter().filter(|&&m| m == 4).count()) {
        (Precision::F32, _) => limit(tile),
        (Precision::Bf16, 0) => 1.2e-2,
        (Precision::Bf16, 1 | 2) => 4e-2,
        (Precision::Bf16, _) => 1e-1,
    }
}

fn check(case: &Case) {
    check_in(case, Precision::F32);
}

fn check_in(case: &Case, precision: Precision) {
    let expected = expected(case);
    let shape = out_shape(case);
    for isa in Isa::available() {
        let (out, sums) = found_in(case, isa, precision);
        let plain = from_features(Features::new(&out, shape));
        let error = reference::relative_rms(&plain, &expected.values);
        assert!(
            error <= limit_in(precision, case.tile),
            "{error:e} with {isa:?}"
        );
        // Borders and padding are zero: nothing is lost on the way to arrays and back.
        assert!(to_features(&plain, shape) == out, "borders with {isa:?}");
        let voxels = shape.voxels();
        for (i, channel) in plain.chunks(voxels).enumerate() {
            let (sample, c) = (i / shape.channels, i % shape.channels);
            let [sum, square] = sums.sums[sample * shape.blocks() * 16 + c];
            let exact = channel.iter().map(|&v| f64::from(v));
            let [a, b] = exact.fold([0.0; 2], |[a, b], v| [a + v, b + v * v]);
            let size = (b * voxels as f64).sqrt();
            assert!((sum - a).abs() <= 1e-6 * size, "sum {sum} {a} with {isa:?}");
            assert!(
                (square - b).abs() <= 1e-6 * b,
                "square {square} {b} with {isa:?}"
            );
        }
        assert_eq!(sums.voxels, voxels);
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let size = prop::array::uniform3(1_usize..=20);
    let channels = || prop_oneof![1_usize..=24, 24_usize..=70];
    let tile = prop::array::uniform3(prop_oneof![Just(1_usize), Just(2), Just(4), Just(4)]);
    (
        size,
        1_usize..=2,
        prop::collection::vec(channels(), 1..=2),
        channels(),
        tile,
        any::<bool>(),
    )
        .prop_map(|(size, batch, channels_in, channels_out, tile, mirrored)| {
            // The plain meaning is slow: keep its products below some millions.
            let mut size = size;
            let channels = channels_in.iter().sum::<usize>() * channels_out;
            while size.iter().product::<usize>() * batch * channels > 400_000 {
                let longest = (0..3).max_by_key(|&a| size[a]).unwrap_or(0);
                if size[longest] == 1 {
                    break;
                }
                size[longest] = size[longest].div_ceil(2);
            }
            Case {
                size,
                batch,
                channels_in,
                channels_out,
                tile,
                mirrored,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_shape_is_convolved(case in cases()) {
        check(&case);
    }

    #[test]
    fn any_shape_is_convolved_in_16_bits(case in cases()) {
        check_in(&case, Precision::Bf16);
    }
}

/// The same numbers in every product: values and weights that 16 bits hold, and transforms that stay
/// whole numbers, give what 32 bits give, bit by bit, with taken-apart pairs and with instructions
/// for them.
#[test]
fn whole_numbers_are_exact_in_16_bits() {
    for channels_in in [vec![1], vec![17, 5], vec![32], vec![16, 33]] {
        let channels: usize = channels_in.iter().sum();
        let shape = |channels| FeatureShape {
            batch: 2,
            channels,
            size: [5, 6, 7],
        };
        let small = |len, seed| -> Vec<f32> {
            noise(len, seed).iter().map(|v| (v * 3.0).round()).collect()
        };
        let inputs: Vec<_> = channels_in
            .iter()
            .map(|&c| {
                (
                    to_features(&small(2 * c * 210, c as u64), shape(c)),
                    shape(c),
                )
            })
            .collect();
        let inputs: Vec<_> = inputs.iter().map(|(v, s)| Features::new(v, *s)).collect();
        // Multiples of 8 stay whole in the transform of weights, which halves once per axis.
        let values: Vec<f32> = small(35 * channels * 27, 7)
            .iter()
            .map(|v| v * 8.0)
            .collect();
        let weights = ConvWeights {
            values: &values,
            channels_out: 35,
            channels_in: channels,
            kernel: [3; 3],
            mirrored: false,
        };
        for isa in Isa::available() {
            let of = |precision| {
                let packed = WinogradWeights::new(isa, weights, &channels_in, [2; 3], precision);
                assert_eq!(packed.precision(), precision);
                winograd_forward(isa, &inputs, &packed, None)
            };
            assert!(
                of(Precision::F32) == of(Precision::Bf16),
                "{channels_in:?} with {isa:?}"
            );
        }
    }
}

/// The table of the module's documentation, with a quarter more as room for other values.
#[test]
fn accuracy_is_as_documented() {
    for (tile, few, many) in [
        ([2, 2, 2], 2.6e-7, 7.4e-7),
        ([1, 4, 4], 6.1e-7, 1.7e-6),
        ([2, 4, 4], 8.1e-7, 2.2e-6),
        ([4, 4, 4], 1.4e-6, 3.8e-6),
    ] {
        for (channels_in, documented) in [(vec![32], few), (vec![160, 160], many)] {
            let case = Case {
                size: [6, 8, 5],
                batch: 1,
                channels_in,
                channels_out: 20,
                tile,
                mirrored: false,
            };
            let expected = expected(&case);
            for isa in Isa::available() {
                let (out, _) = found(&case, isa);
                let out = from_features(Features::new(&out, out_shape(&case)));
                let error = reference::relative_rms(&out, &expected.values);
                assert!(
                    error <= 1.25 * documented,
                    "{error:e} with {isa:?} in {case:?}"
                );
            }
        }
    }
}

#[test]
fn threads_change_nothing() {
    for (size, channels_in, channels_out) in
        [([17, 18, 35], vec![8, 20], 24), ([9, 8, 8], vec![130], 140)]
    {
        let case = Case {
            size,
            batch: 2,
            channels_in,
            channels_out,
            tile: [4; 3],
            mirrored: false,
        };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| found(&case, Isa::best()))
        };
        let (one, two) = (with(1), with(2));
        assert!(one.0 == two.0 && one.1 == two.1, "{case:?}");
    }
}
