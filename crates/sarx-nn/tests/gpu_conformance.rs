//! The network on a GPU against the CPU kernels: forward, loss, gradients, training steps.
//!
//! Any GPU will do, also software that plays one (feature `gpu-test`). Kernels sum in other orders
//! than the CPU, all in f32, so results agree to rounding and not to the bit. A sum of n products
//! is off by about sqrt(n) * 6e-8 of its size; the longest here have 27 * 16 terms in a convolution
//! and 1024 in a norm, and a dozen layers follow each other.
#![cfg(feature = "wgpu")]

use sarx_nn::{
    DeepSupervisionLoss, Device, DeviceChoice, DeviceFailure, DeviceRequest, EncoderKind,
    LossConfig, NamedArray, OpPath, Precision, StepReport, Target, Tensor, TensorData, TrainState,
    Unet, UnetConfig, guarded, image_tensor, read_f32, target_tensor,
};

/// Relative RMS of logits: sqrt(1024) * 6e-8 = 2e-6 per layer, a dozen layers, most of it averages
/// out; the CPU kernels themselves are allowed 2e-5 against Burn's operations.
const LOGITS: f64 = 2e-5;
/// Relative, of the loss: a mean over all voxels of what the logits give.
const LOSS: f64 = 1e-5;
/// Relative RMS of the gradient of a parameter; the way back doubles the layers, and a gradient is
/// a sum over all voxels whose terms cancel.
const GRADIENT: f64 = 1e-4;
/// What is allowed above that, as a part of the norm of the whole gradient: gradients that are zero
/// in exact arithmetic (a bias before a norm) come out as rounding noise.
const GRADIENT_NOISE: f64 = 1e-6;
/// Relative RMS of the parameters after two steps: their change is small against their size.
const PARAMETERS: f64 = 1e-6;

const PATCH: [usize; 3] = [4, 16, 16];
const BATCH: usize = 2;
const SEED: u64 = 7;

/// The first GPU. Without one: a failure under CI, a message elsewhere.
fn gpu() -> Option<DeviceChoice> {
    match DeviceRequest::Gpu(0).choose() {
        Ok(choice) => {
            assert_ne!(choice, DeviceChoice::Cpu);
            Some(choice)
        }
        Err(error) => {
            sarx_testkit::missing(&format!("GPU, not even Mesa's software Vulkan ({error})"));
            None
        }
    }
}

fn plain() -> UnetConfig {
    UnetConfig {
        input_channels: 2,
        n_heads: 3,
        features_per_stage: vec![4, 8, 16],
        kernel_sizes: vec![[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        strides: vec![[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        encoder: EncoderKind::Plain {
            n_conv_per_stage: vec![2, 2, 2],
        },
        n_conv_per_stage_decoder: vec![2, 2],
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    }
}

fn residual() -> UnetConfig {
    UnetConfig {
        encoder: EncoderKind::Residual {
            n_blocks_per_stage: vec![1, 2, 2],
        },
        n_conv_per_stage_decoder: vec![1, 1],
        ..plain()
    }
}

/// A network whose residual blocks do something: their last norms begin as 0.
fn unet(config: &UnetConfig, device: &Device) -> Unet {
    let unet = config.init(device, SEED).expect("a good configuration");
    assert_eq!(
        unet.named_parameters().len(),
        unet.parameter_shapes().len(),
        "all parameters come back from the device"
    );
    let arrays = unet.named_parameters().into_iter().map(|array| {
        let zero = array.name.ends_with("conv2.norm.weight");
        NamedArray {
            values: if zero {
                vec![0.5; array.values.len()]
            } else {
                array.values.clone()
            },
            ..array
        }
    });
    let arrays = arrays.collect();
    unet.with_parameters(arrays).expect("its own parameters")
}

/// A fixed wave with all frequencies of a hash; no two voxels are alike.
fn image(device: &Device) -> Tensor<5> {
    let [z, y, x] = PATCH;
    let n = BATCH * 2 * z * y * x;
    let value = |i: usize| {
        let hashed = (i as u32).wrapping_mul(2_654_435_761) >> 8;
        hashed as f32 / (1 << 23) as f32 - 1.0 + (i as f32 * 0.05).sin()
    };
    image_tensor((0..n).map(value).collect(), [BATCH, 2, z, y, x], device)
}

/// Labels in bands, at the size of every head that learns.
fn targets(config: &UnetConfig, device: &Device) -> Vec<sarx_nn::Tensor<4, sarx_nn::Int>> {
    let mut size = PATCH;
    let n_outputs = config.n_stages() - 1;
    let strides = config.strides[..n_outputs].iter();
    strides
        .map(|stride| {
            size = std::array::from_fn(|axis| size[axis] / stride[axis]);
            let [z, y, x] = size;
            let labels: Vec<i16> = (0..BATCH * z * y * x)
                .map(|i| ((i % x) * 4 / x + i / (x * y)) as i16 % 4)
                .collect();
            target_tensor(&labels, [BATCH, z, y, x], device)
        })
        .collect()
}

fn losses() -> Vec<(&'static str, LossConfig)> {
    let labels = Target::Labels { n_labels: 3 };
    let regions = Target::Regions {
        regions: vec![vec![1, 2], vec![2], vec![]],
    };
    let config = |target: &Target, ignore_label, batch_dice| LossConfig {
        target: target.clone(),
        ignore_label,
        batch_dice,
    };
    vec![
        ("labels", config(&labels, Some(3), false)),
        ("labels, batch Dice", config(&labels, Some(3), true)),
        ("regions", config(&regions, None, false)),
    ]
}

fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    (squares(found, expected) / squares(expected, &vec![0.0; expected.len()])).sqrt()
}

fn squares(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    read_f32(tensor).expect("the device works")
}

/// Logits of every head, and of the forward pass of prediction.
fn check_forward(config: &UnetConfig) {
    let Some(gpu) = gpu() else { return };
    let logits = |choice: DeviceChoice| {
        let device = choice.inference();
        let unet = unet(config, &device).prepared(Precision::F32).unwrap();
        let mut all: Vec<Vec<f32>> = unet
            .forward_deep(image(&device))
            .into_iter()
            .map(values)
            .collect();
        all.push(values(unet.forward(image(&device))));
        all
    };
    let (found, expected) = (logits(gpu), logits(DeviceChoice::Cpu));
    assert_eq!(found.len(), config.n_stages());
    for (head, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = relative_rms(found, expected);
        assert!(error <= LOGITS, "head {head}: {error}");
    }
}

#[test]
fn the_forward_pass_of_a_plain_network_agrees() {
    check_forward(&plain());
}

#[test]
fn the_forward_pass_of_a_residual_network_agrees() {
    check_forward(&residual());
}

/// What two steps left behind.
struct Trained {
    validation_loss: f32,
    reports: [StepReport; 2],
    /// After the first step: the gradients, up to decay and clipping that both sides share.
    gradients: Vec<NamedArray>,
    parameters: Vec<NamedArray>,
}

fn trained(config: &UnetConfig, loss: &LossConfig, choice: DeviceChoice) -> Trained {
    let device = choice.training();
    let mut state = TrainState::new(unet(config, &device));
    let loss = DeepSupervisionLoss::new(loss.clone(), config.n_stages() - 1)
        .with_op_path(OpPath::of(&device));
    let (image, targets) = (image(&device), targets(config, &device));
    let (validation_loss, _) = state
        .evaluate(image.clone(), &targets, &loss)
        .expect("a loss");
    let step = |state: &mut TrainState| {
        state
            .step(image.clone(), &targets, &loss, 0.01)
            .expect("a step")
    };
    let first = step(&mut state);
    let gradients = state.optimizer.momentum(&state.unet);
    let second = step(&mut state);
    Trained {
        validation_loss,
        reports: [first, second],
        gradients,
        parameters: state.unet.named_parameters(),
    }
}

fn check_training(config: &UnetConfig) {
    let Some(gpu) = gpu() else { return };
    for (name, loss) in losses() {
        let found = trained(config, &loss, gpu);
        let expected = trained(config, &loss, DeviceChoice::Cpu);
        let near = |what: &str, found: f32, expected: f32, tolerance: f64| {
            let error = f64::from(found - expected).abs();
            let allowed = tolerance * f64::from(expected.abs());
            assert!(error <= allowed, "{name}, {what}: {found} for {expected}");
        };
        near(
            "validation",
            found.validation_loss,
            expected.validation_loss,
            LOSS,
        );
        for (found, expected) in found.reports.iter().zip(&expected.reports) {
            near("loss", found.loss, expected.loss, LOSS);
            near(
                "norm",
                found.gradient_norm,
                expected.gradient_norm,
                GRADIENT,
            );
        }
        check_gradients(name, &found, &expected);
        assert_eq!(found.parameters.len(), expected.parameters.len());
        let flat = |arrays: &[NamedArray]| -> Vec<f32> {
            arrays.iter().flat_map(|a| a.values.clone()).collect()
        };
        let error = relative_rms(&flat(&found.parameters), &flat(&expected.parameters));
        assert!(error <= PARAMETERS, "{name}, parameters: {error}");
    }
}

/// Every parameter's gradient by itself.
fn check_gradients(name: &str, found: &Trained, expected: &Trained) {
    let names = |arrays: &[NamedArray]| -> Vec<String> {
        arrays.iter().map(|array| array.name.clone()).collect()
    };
    assert_eq!(names(&found.gradients), names(&expected.gradients));
    // All but the head of weight 0 learn.
    assert_eq!(expected.gradients.len() + 2, expected.parameters.len());
    let whole = f64::from(expected.reports[0].gradient_norm);
    for (found, expected) in found.gradients.iter().zip(&expected.gradients) {
        let error = squares(&found.values, &expected.values).sqrt();
        let size = squares(&expected.values, &vec![0.0; expected.values.len()]).sqrt();
        assert!(
            error <= GRADIENT * size + GRADIENT_NOISE * whole,
            "{name}, {}: off by {error}, its norm is {size}, that of all {whole}",
            expected.name
        );
    }
}

#[test]
fn losses_gradients_and_steps_of_a_plain_network_agree() {
    check_training(&plain());
}

#[test]
fn losses_gradients_and_steps_of_a_residual_network_agree() {
    check_training(&residual());
}

#[test]
fn the_device_decides_what_runs() {
    let Some(gpu) = gpu() else { return };
    assert_eq!(OpPath::of(&gpu.inference()), OpPath::Composed);
    assert_eq!(OpPath::of(&gpu.training()), OpPath::Composed);
    assert_eq!(OpPath::of(&DeviceChoice::Cpu.training()), OpPath::Fused);
    assert_eq!(gpu.to_string(), "gpu:0");
}

#[test]
fn a_gpu_that_is_not_there_is_refused_with_what_is() {
    let Some(_) = gpu() else { return };
    let error = DeviceRequest::Gpu(1000).choose().expect_err("no such GPU");
    let text = error.to_string();
    assert!(text.contains("no device \"gpu:1000\""), "{text}");
    assert!(text.contains("cpu, gpu:0 ("), "{text}");
}

#[test]
fn too_little_memory_is_an_error_and_the_device_goes_on() {
    let Some(gpu) = gpu() else { return };
    let device = gpu.inference();
    // The first two values, worked out from whole tensors.
    let two = |edge: usize| {
        let work = || {
            let x = Tensor::<3>::ones([edge, edge, edge], &device);
            let whole = x.clone() + x.clone().flip([0]) * x;
            read_f32(whole.slice([0..1, 0..1, 0..2]))
        };
        guarded(&device, work).and_then(|result| result)
    };
    // 64 GiB and 4 TiB in each tensor.
    for edge in [2560, 10_240] {
        match two(edge) {
            Err(DeviceFailure::OutOfMemory { .. }) => {}
            other => panic!("{edge}: {other:?}"),
        }
    }
    device.memory_cleanup();
    assert_eq!(two(8), Ok(vec![2.0, 2.0]));
    let data = TensorData::new(vec![1.0f32, 2.0], [2]);
    assert_eq!(values(Tensor::<1>::from_data(data, &device)), [1.0, 2.0]);
}
