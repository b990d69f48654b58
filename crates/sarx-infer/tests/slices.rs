//! A 2D network of nnU-Net: logits of a batch of slices, and a whole volume slice by slice.
//!
//! `golden/slices.safetensors` is written by `golden/make_slices.py`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array4, ArrayView4};
use sarx_infer::{PredictOptions, Predictor};
use sarx_nn::{
    DeviceChoice, EncoderKind, NamedArray, OpPath, Unet, UnetConfig, WeightsFile, image_tensor,
};

/// f32 sums in another order.
const LOGITS_TOLERANCE: f64 = 1e-5;
/// nnU-Net sums tiles in half precision.
const HALF_TOLERANCE: f64 = 2e-3;

struct Golden(Vec<NamedArray>);

impl Golden {
    fn read() -> Self {
        let bytes = include_bytes!("../golden/slices.safetensors");
        Self(WeightsFile::from_bytes(bytes).unwrap().arrays)
    }

    fn get(&self, name: &str) -> &NamedArray {
        self.0.iter().find(|array| array.name == name).unwrap()
    }

    /// The network with kernels of depth 1.
    fn unet(&self) -> Unet {
        let config = UnetConfig {
            input_channels: 2,
            n_heads: 3,
            features_per_stage: vec![4, 8, 12],
            kernel_sizes: vec![[1, 3, 3]; 3],
            strides: vec![[1, 1, 1], [1, 2, 2], [1, 2, 1]],
            encoder: EncoderKind::Plain {
                n_conv_per_stage: vec![2, 2, 2],
            },
            n_conv_per_stage_decoder: vec![2, 2],
            conv_bias: true,
            norm_epsilon: 1e-5,
            leaky_slope: 0.01,
        };
        let weights = self.0.iter().filter_map(|array| {
            let mut array = NamedArray {
                name: array.name.strip_prefix("weights.")?.to_owned(),
                ..array.clone()
            };
            if array.shape.len() == 4 {
                array.shape.insert(2, 1);
            }
            Some(array)
        });
        let unet = config.init(&DeviceChoice::Cpu.inference(), 0).unwrap();
        unet.with_parameters(weights.collect()).unwrap()
    }
}

fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(f, e)| f64::from(f - e).powi(2)).sum();
    let norm: f64 = expected.iter().map(|&e| f64::from(e).powi(2)).sum();
    (error / norm).sqrt()
}

#[test]
fn logits_of_slices_agree_with_nnunet() {
    let golden = Golden::read();
    let input = golden.get("input");
    let shape = [2, 2, 1, 24, 32];
    for path in [OpPath::Fused, OpPath::Composed] {
        let unet = golden.unet().with_op_path(path);
        let device = DeviceChoice::Cpu.inference();
        let image = image_tensor(input.values.clone(), shape, &device);
        for (i, logits) in unet.forward_deep(image).into_iter().enumerate() {
            let found: Vec<f32> = logits.into_data().try_into_vec().unwrap();
            let error = relative_rms(&found, &golden.get(&format!("logits.{i}")).values);
            assert!(error <= LOGITS_TOLERANCE, "{path:?} head {i}: {error}");
        }
    }
}

#[test]
fn a_volume_is_predicted_slice_by_slice_as_nnunet_does() {
    let golden = Golden::read();
    let volume = golden.get("volume");
    let image = ArrayView4::from_shape([2, 5, 37, 44], &volume.values).unwrap();
    let device = DeviceChoice::Cpu.inference();
    let options = PredictOptions::default();
    let predictor = Predictor::new(vec![golden.unet()], device, [1, 24, 32], 3, &options).unwrap();
    let mut n_tiles = 0;
    let logits: Array4<f32> = predictor
        .logits(image, |total| {
            n_tiles += 1;
            assert_eq!(total, 5 * 3 * 2, "each slice is visited once");
            true
        })
        .unwrap();
    assert_eq!(n_tiles, 30);
    let expected = golden.get("volume_logits");
    let error = relative_rms(logits.as_slice().unwrap(), &expected.values);
    assert!(error <= HALF_TOLERANCE, "{error}");
    // A slice alone gives the bytes that it gives among others.
    let third = image.slice(ndarray::s![.., 2..3, .., ..]);
    let alone = predictor.logits(third, |_| true).unwrap();
    assert_eq!(alone, logits.slice(ndarray::s![.., 2..3, .., ..]));
}
