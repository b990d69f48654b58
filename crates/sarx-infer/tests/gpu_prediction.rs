//! A sliding-window prediction on a GPU against the CPU kernels: several tiles, folds, mirrorings.
//!
//! Any GPU will do, also software that plays one (feature `gpu-test`).
#![cfg(feature = "wgpu")]

use ndarray::{Array4, ArrayView4};
use sarx_infer::{PredictOptions, Predictor};
use sarx_nn::{DeviceChoice, DeviceRequest, EncoderKind, UnetConfig};

/// Relative RMS. A tile agrees to 2e-5 (see the suite of the network); mirrorings, folds and
/// overlapping tiles average, so that their errors do not add up.
const LOGITS: f64 = 2e-5;

/// The first GPU. Without one: a failure under CI, a message elsewhere.
fn gpu() -> Option<DeviceChoice> {
    match DeviceRequest::Gpu(0).choose() {
        Ok(choice) => Some(choice),
        Err(error) => {
            sarx_testkit::missing(&format!("GPU, not even Mesa's software Vulkan ({error})"));
            None
        }
    }
}

fn config(kernel_z: usize, stride_z: usize) -> UnetConfig {
    UnetConfig {
        input_channels: 1,
        n_heads: 2,
        features_per_stage: vec![4, 8],
        kernel_sizes: vec![[kernel_z, 3, 3]; 2],
        strides: vec![[1, 1, 1], [stride_z, 2, 2]],
        encoder: EncoderKind::Plain {
            n_conv_per_stage: vec![2, 2],
        },
        n_conv_per_stage_decoder: vec![2],
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    }
}

fn logits(
    choice: DeviceChoice,
    config: &UnetConfig,
    patch: [usize; 3],
    image: ArrayView4<'_, f32>,
) -> Array4<f32> {
    let device = choice.inference();
    let folds = [1, 2].map(|seed| config.init(&device, seed).unwrap());
    let options = PredictOptions::default();
    let predictor = Predictor::new(folds.into(), device, patch, config.n_heads, &options).unwrap();
    let mut n_tiles = 0;
    let logits = predictor.logits(image, |_| {
        n_tiles += 1;
        true
    });
    assert!(n_tiles > 4, "{n_tiles} tiles blend");
    assert_eq!(predictor.take_notices(), Vec::<String>::new());
    logits.unwrap()
}

fn check(config: &UnetConfig, patch: [usize; 3], size: [usize; 3]) {
    let Some(gpu) = gpu() else { return };
    let [z, y, x] = size;
    let image = Array4::from_shape_fn([1, z, y, x], |(_, z, y, x)| {
        (z as f32 * 0.7).sin() + (y as f32 * 0.31).cos() * (x as f32 * 0.23).sin()
    });
    let found = logits(gpu, config, patch, image.view());
    let expected = logits(DeviceChoice::Cpu, config, patch, image.view());
    assert_eq!(found.dim(), (2, z, y, x));
    let square = |value: f32| f64::from(value).powi(2);
    let error: f64 = (&found - &expected).iter().map(|&v| square(v)).sum();
    let norm: f64 = expected.iter().map(|&v| square(v)).sum();
    let error = (error / norm).sqrt();
    assert!(error <= LOGITS, "{error}");
}

#[test]
fn a_volume_in_3d_tiles_agrees() {
    check(&config(3, 2), [4, 8, 8], [5, 13, 10]);
}

#[test]
fn slices_of_a_2d_network_agree() {
    check(&config(1, 1), [1, 16, 16], [3, 20, 16]);
}
