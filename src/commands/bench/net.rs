//! `sarx bench net`: forward pass and training step of a network with random weights.

use super::{Stopwatch, npy, report, three};
use crate::args::{BenchNetArgs, NetworkName, PassName};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use ndarray::ArrayView5;
use sarx_core::NumpyRandom;
use sarx_nn::{
    DeepSupervisionLoss, Device, DeviceChoice, EncoderKind, Int, LossConfig, OpPath, Precision,
    Target, Tensor, TrainState, Unet, UnetConfig, WeightsFile, image_tensor, target_tensor,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The seed of weights and images.
const SEED: u64 = 1;
/// Small, so that many steps on one batch stay finite.
const LEARNING_RATE: f64 = 1e-3;
/// Features per stage are no more than this, as in nnU-Net's 3D plans.
const MOST_FEATURES: usize = 320;

pub(super) fn run(args: &BenchNetArgs, choice: DeviceChoice, console: &Console) -> Result<Outcome> {
    let first_features = args.features.map_or(32, std::num::NonZeroUsize::get);
    let (config, usual_patch) = network(args.network, first_features);
    let patch = match &args.patch {
        Some(patch) => three("--patch", patch)?,
        None => usual_patch,
    };
    config.check_patch(patch)?;
    let precision = Precision::from(args.precision);
    if precision == Precision::Bf16 && args.pass != PassName::Forward {
        bail!("training has 32 bits only; with --precision bf16 say --pass forward");
    }
    let job = Job {
        shape: [
            args.batch.get(),
            config.input_channels,
            patch[0],
            patch[1],
            patch[2],
        ],
        config: &config,
        choice,
    };
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let mut timings = Vec::new();
    let mut rounding = None;
    if args.pass != PassName::Step || args.write_inputs.is_some() {
        let device = choice.inference();
        let unet = config.init(&device, SEED)?;
        let images = job.images(&device);
        if args.pass != PassName::Step {
            // As in prediction: weights are packed once, before the first round that counts.
            let prepared = unet.clone().prepared(precision)?;
            let (timing, _) = watch.time("forward", || Ok(forward(&prepared, &images)))?;
            timings.push(timing);
            if precision == Precision::Bf16 {
                let exact = unet.clone().prepared(Precision::F32)?;
                rounding = Some(relative_rms(&prepared, &exact, &images)?);
            }
        }
        if let Some(folder) = &args.write_inputs {
            job.write(folder, &unet, &images)?;
        }
    }
    let mut loss_value = None;
    if args.pass != PassName::Forward {
        let device = choice.training();
        let mut state = TrainState::new(config.init(&device, SEED)?);
        let (loss, targets) = (job.loss(), job.targets());
        let images = job.images(&device);
        let (timing, last) = watch.time("training step", || {
            let step = state.step(images.clone(), &targets, &loss, LEARNING_RATE)?;
            Ok(step.loss)
        })?;
        timings.push(timing);
        loss_value = Some(last);
    }
    let details = json!({
        "network": format!("{:?}", args.network).to_lowercase(),
        "features_per_stage": config.features_per_stage,
        "kernel_sizes": config.kernel_sizes,
        "strides": config.strides,
        "outputs": config.n_heads,
        "device": choice.to_string(),
        "patch": patch,
        "batch": args.batch,
        "precision": format!("{precision:?}").to_lowercase(),
        "relative_rms_of_rounding": rounding,
        "loss_after_last_step": loss_value,
    });
    Ok(report("net", args.rounds, &timings, details))
}

/// The network and the patch that it is usually given.
fn network(name: NetworkName, first_features: usize) -> (UnetConfig, [usize; 3]) {
    let (n_heads, kernel_sizes, strides, patch) = match name {
        NetworkName::Plain => (
            5,
            vec![[3; 3]; 5],
            [vec![[1; 3]], vec![[2; 3]; 4]].concat(),
            [64; 3],
        ),
        NetworkName::Anisotropic => (
            2,
            [vec![[1, 3, 3]; 2], vec![[3; 3]; 4]].concat(),
            [vec![[1; 3]], vec![[1, 2, 2]; 2], vec![[2; 3]; 3]].concat(),
            [40, 224, 192],
        ),
    };
    let n_stages = kernel_sizes.len();
    let features = |stage: usize| (first_features << stage).min(MOST_FEATURES.max(first_features));
    let config = UnetConfig {
        input_channels: 1,
        n_heads,
        features_per_stage: (0..n_stages).map(features).collect(),
        kernel_sizes,
        strides,
        encoder: EncoderKind::Plain {
            n_conv_per_stage: vec![2; n_stages],
        },
        n_conv_per_stage_decoder: vec![2; n_stages - 1],
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    };
    (config, patch)
}

/// How far the logits of two networks are apart, as a part of their size.
fn relative_rms(found: &Unet, expected: &Unet, images: &Tensor<5>) -> Result<f64> {
    let [found, expected] = [found, expected].map(|unet| {
        let logits = unet.forward(images.clone()).into_data();
        logits.try_to_vec::<f32>().ok()
    });
    let (Some(found), Some(expected)) = (found, expected) else {
        bail!("the logits are no 32-bit floats");
    };
    Ok(sarx_kernels::reference::relative_rms(&found, &expected))
}

/// Runs the network; one number of the result is looked at, so that the work is over.
fn forward(unet: &Unet, images: &Tensor<5>) -> f32 {
    let logits = unet.forward(images.clone());
    logits.slice([0..1, 0..1, 0..1, 0..1, 0..1]).into_scalar()
}

struct Job<'a> {
    /// Of the images, `[batch, channel, z, y, x]`.
    shape: [usize; 5],
    config: &'a UnetConfig,
    choice: DeviceChoice,
}

impl Job<'_> {
    fn values(&self) -> Vec<f32> {
        let mut rng = NumpyRandom::new(SEED as u32);
        let n = self.shape.iter().product();
        // A sum of four uniform numbers, scaled to mean 0 and deviation 1.
        let mut uniform = || rng.next_u32() as f32 / u32::MAX as f32;
        (0..n)
            .map(|_| ((0..4).map(|_| uniform()).sum::<f32>() - 2.0) * 3.0f32.sqrt())
            .collect()
    }

    fn images(&self, device: &Device) -> Tensor<5> {
        image_tensor(self.values(), self.shape, device)
    }

    fn loss(&self) -> DeepSupervisionLoss {
        let config = LossConfig {
            target: Target::Labels {
                n_labels: self.config.n_heads,
            },
            ignore_label: None,
            batch_dice: false,
        };
        DeepSupervisionLoss::new(config, self.config.n_stages() - 1)
            .with_op_path(OpPath::of(&self.choice.inference()))
    }

    /// Label maps for every head that learns: slabs across y, one per label.
    fn targets(&self) -> Vec<Tensor<4, Int>> {
        let [batch, _, mut z, mut y, mut x] = self.shape;
        let (n_labels, n_outputs) = (self.config.n_heads, self.config.n_stages() - 1);
        let device = self.choice.inference();
        let mut targets = Vec::with_capacity(n_outputs);
        for stride in &self.config.strides[..n_outputs] {
            [z, y, x] = [z / stride[0], y / stride[1], x / stride[2]];
            let label = |i: usize| (i / x % y) * n_labels / y;
            let labels: Vec<i16> = (0..batch * z * y * x).map(|i| label(i) as i16).collect();
            targets.push(target_tensor(&labels, [batch, z, y, x], &device));
        }
        targets
    }

    fn write(&self, folder: &Path, unet: &Unet, images: &Tensor<5>) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| {
            format!("cannot make the folder: {:?}", folder.display().to_string())
        })?;
        let weights = WeightsFile {
            arrays: unet.named_parameters(),
            metadata: BTreeMap::new(),
        };
        let bytes = weights.to_bytes()?;
        sarx_io::write_atomic(&folder.join("weights.safetensors"), |file| {
            file.write_all(&bytes)
        })?;
        npy::write(
            &folder.join("input.npy"),
            &ArrayView5::from_shape(self.shape, &self.values())?,
        )?;
        let logits = unet.forward(images.clone());
        let shape = logits.dims();
        let Ok(values) = logits.into_data().try_to_vec::<f32>() else {
            bail!("the logits are no 32-bit floats");
        };
        npy::write(
            &folder.join("logits.npy"),
            &ArrayView5::from_shape(shape, &values)?,
        )
    }
}
