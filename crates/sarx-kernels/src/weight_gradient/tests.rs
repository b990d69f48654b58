use super::*;
use crate::reference::{self, relative_rms};
use crate::samples::{array, between_nans, on_each};
use crate::{FeatureShape, reference::Array};
use proptest::prelude::*;

fn map(array: &Array) -> (crate::samples::Guarded, FeatureShape) {
    let (values, shape) = crate::samples::map(array);
    (between_nans(&values), shape)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn of_convolutions(
        batch in 1_usize..3,
        channels in (1_usize..37, 0_usize..20, 1_usize..40),
        size in [1_usize..7, 1_usize..9, 1_usize..20],
        kernel in [0_usize..2, 0_usize..2, 0_usize..2],
        stride in [1_usize..4, 1_usize..4, 1_usize..4],
        seed in any::<u64>(),
    ) {
        let kernel = kernel.map(|k| 2 * k + 1);
        let (first, second, out) = channels;
        let [z, y, x] = size;
        let whole = array([batch, first + second, z, y, x], seed);
        let [oz, oy, ox] = out_size(size, kernel, stride);
        let gradient = array([batch, out, oz, oy, ox], seed ^ 1);
        let weight = [out, first + second, kernel[0], kernel[1], kernel[2]];
        let expected =
            reference::convolution_backward_weight(&whole, &gradient, stride, weight).values;

        let parts = [0..first, first..first + second].map(|channels| {
            let voxels = z * y * x;
            let mut part = array([batch, channels.len(), z, y, x], 0);
            part.values = whole
                .values
                .chunks_exact((first + second) * voxels)
                .flat_map(|sample| sample[channels.start * voxels..channels.end * voxels].to_vec())
                .collect();
            map(&part)
        });
        let used = if second == 0 { 1 } else { 2 };
        let inputs: Vec<_> = parts.iter().take(used).map(|(v, s)| Features::new(v, *s)).collect();
        let (g, g_shape) = map(&gradient);
        on_each(
            |isa| conv_backward_weight(isa, &inputs, Features::new(&g, g_shape), kernel, stride),
            |isa, found| {
                let error = relative_rms(&found, &expected);
                assert!(found.len() == expected.len() && error < 5e-6, "{isa:?}: {error}");
            },
        );
    }

    #[test]
    fn of_up_convolutions(
        batch in 1_usize..3,
        channels in [1_usize..40, 1_usize..40],
        size in [1_usize..4, 1_usize..6, 1_usize..12],
        stride in [1_usize..3, 1_usize..3, 1_usize..4],
        seed in any::<u64>(),
    ) {
        let [z, y, x_] = size;
        let x = array([batch, channels[0], z, y, x_], seed);
        let up = [0, 1, 2].map(|a| size[a] * stride[a]);
        let gradient = array([batch, channels[1], up[0], up[1], up[2]], seed ^ 1);
        let weight = [channels[0], channels[1], stride[0], stride[1], stride[2]];
        let expected = crate::reference_layers::up_convolution_backward_weight(&x, &gradient, weight);
        let ((v, shape), (g, g_shape)) = (map(&x), map(&gradient));
        on_each(
            |isa| up_backward_weight(isa, Features::new(&v, shape), Features::new(&g, g_shape), stride),
            |isa, found| {
                let error = relative_rms(&found, &expected.values);
                assert!(found.len() == expected.values.len() && error < 5e-6, "{isa:?}: {error}");
            },
        );
    }

    /// Kernels and sizes that go by tiles.
    #[test]
    fn of_convolutions_by_tiles(
        batch in 1_usize..3,
        channels in [4_usize..40, 1_usize..70],
        size in [1_usize..20, 3_usize..14, 3_usize..25],
        deep in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let [z, y, x_] = size;
        let kernel = [if deep { 3 } else { 1 }, 3, 3];
        let x = array([batch, channels[0], z, y, x_], seed);
        let gradient = array([batch, channels[1], z, y, x_], seed ^ 1);
        let weight = [channels[1], channels[0], kernel[0], 3, 3];
        let ((v, shape), (g, g_shape)) = (map(&x), map(&gradient));
        // The plain meaning is slow; the direct way, which is checked against it, is not.
        let plain = voxels_of(size) * channels[0] * channels[1] < 40_000;
        let expected = if plain {
            reference::convolution_backward_weight(&x, &gradient, [1; 3], weight).values
        } else {
            let inputs = [Features::new(&v, shape)];
            let geometry = geometry_of(&inputs, Features::new(&g, g_shape), kernel, [1; 3]);
            geometry.summed(Isa::best(), false, conv_strides(channels[0], kernel))
        };
        on_each(
            |isa| {
                let gradient = Features::new(&g, g_shape);
                conv_backward_weight(isa, &[Features::new(&v, shape)], gradient, kernel, [1; 3])
            },
            |isa, found| {
                let error = relative_rms(&found, &expected);
                assert!(found.len() == expected.len() && error < 5e-6, "{isa:?}: {error}");
            },
        );
    }
}

fn voxels_of(size: [usize; 3]) -> usize {
    size.iter().product()
}
