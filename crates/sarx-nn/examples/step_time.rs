//! Times training steps of a small anisotropic U-Net: `step_time [composed|fused] [steps]`.
#![expect(clippy::print_stdout, reason = "an example reports on the terminal")]

use sarx_nn::{
    DeepSupervisionLoss, DeviceChoice, EncoderKind, LossConfig, OpPath, Target, TrainState,
    UnetConfig, image_tensor, target_tensor,
};
use std::time::Instant;

const PATCH: [usize; 3] = [24, 96, 96];

fn config() -> UnetConfig {
    UnetConfig {
        input_channels: 1,
        n_heads: 2,
        features_per_stage: vec![8, 16, 32, 64, 80],
        kernel_sizes: vec![[1, 3, 3], [3; 3], [3; 3], [3; 3], [3; 3]],
        strides: vec![[1; 3], [1, 2, 2], [2; 3], [2; 3], [1, 2, 2]],
        encoder: EncoderKind::Plain {
            n_conv_per_stage: vec![2; 5],
        },
        n_conv_per_stage_decoder: vec![2; 4],
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let op_path = match arguments.next().as_deref() {
        Some("composed") => OpPath::Composed,
        _ => OpPath::Fused,
    };
    let n_steps = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(5);
    let device = DeviceChoice::Cpu.training();
    let config = config();
    let unet = config
        .init(&device, 1)
        .expect("a good configuration")
        .with_op_path(op_path);
    let loss = DeepSupervisionLoss::new(
        LossConfig {
            target: Target::Labels { n_labels: 2 },
            ignore_label: None,
            batch_dice: false,
        },
        4,
    );
    let [nz, ny, nx] = PATCH;
    let noise = |i: usize| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 1.0;
    let image: Vec<f32> = (0..2 * nz * ny * nx).map(noise).collect();
    let mut size = PATCH;
    let mut targets = Vec::new();
    for stride in &config.strides[..4] {
        for axis in 0..3 {
            size[axis] /= stride[axis];
        }
        let [z, y, x] = size;
        let labels: Vec<i16> = (0..2 * z * y * x)
            .map(|i| i16::from((i / x) % y > y / 2 && i % x > x / 3))
            .collect();
        targets.push(target_tensor(
            &labels,
            [2, z, y, x],
            &DeviceChoice::Cpu.inference(),
        ));
    }
    let mut state = TrainState::new(unet);
    let mut times = Vec::new();
    for _ in 0..n_steps {
        let images = image_tensor(image.clone(), [2, 1, nz, ny, nx], &device);
        let start = Instant::now();
        let report = state.step(images, &targets, &loss, 0.01).expect("finite");
        times.push(start.elapsed().as_secs_f64() * 1e3);
        println!("loss {:.4}  {:.0} ms", report.loss, times[times.len() - 1]);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "median {:.0} ms, min {:.0} ms",
        times[times.len() / 2],
        times[0]
    );
}
