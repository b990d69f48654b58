//! Training is reproducible to the byte, also across an interruption; bad weights are refused.

use sarx_nn::{
    DeepSupervisionLoss, DeviceChoice, EncoderKind, LossConfig, NamedArray, StepError, Target,
    TrainState, UnetConfig, WeightsFile, image_tensor, target_tensor,
};

fn config() -> UnetConfig {
    UnetConfig {
        input_channels: 1,
        n_heads: 2,
        features_per_stage: vec![4, 8, 12],
        kernel_sizes: vec![[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        strides: vec![[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        encoder: EncoderKind::Plain {
            n_conv_per_stage: vec![1, 1, 1],
        },
        n_conv_per_stage_decoder: vec![1, 1],
        conv_bias: true,
        norm_epsilon: 1e-5,
        leaky_slope: 0.01,
    }
}

fn new_state(seed: u64) -> TrainState {
    TrainState::new(
        config()
            .init(&DeviceChoice::Cpu.training(), seed)
            .expect("good configuration"),
    )
}

fn step_with(state: &mut TrainState, index: usize, image_value: f32) -> Result<f32, StepError> {
    let noise = |i: usize| ((i * 31 + index * 17) % 101) as f32 / 50.0 - image_value;
    let image = (0..2 * 4 * 8 * 8).map(noise).collect();
    let image = image_tensor(image, [2, 1, 4, 8, 8], &DeviceChoice::Cpu.training());
    let target = |[z, y, x]: [usize; 3]| {
        let labels: Vec<i16> = (0..2 * z * y * x)
            .map(|i| i16::from(i % x > x / 2))
            .collect();
        target_tensor(&labels, [2, z, y, x], &DeviceChoice::Cpu.inference())
    };
    let target_kind = Target::Labels { n_labels: 2 };
    let loss = LossConfig {
        target: target_kind,
        ignore_label: None,
        batch_dice: true,
    };
    let loss = DeepSupervisionLoss::new(loss, 2);
    let report = state.step(image, &[target([4, 8, 8]), target([4, 4, 4])], &loss, 0.01)?;
    Ok(report.loss)
}

fn bytes(state: &TrainState) -> Vec<u8> {
    let mut arrays = state.unet.named_parameters();
    arrays.extend(
        state
            .optimizer
            .momentum(&state.unet)
            .into_iter()
            .map(|array| NamedArray {
                name: format!("momentum.{}", array.name),
                ..array
            }),
    );
    WeightsFile {
        arrays,
        ..WeightsFile::default()
    }
    .to_bytes()
    .expect("good arrays")
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let run = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .expect("threads");
        pool.install(|| {
            let mut state = new_state(3);
            (0..3).for_each(|i| assert!(step_with(&mut state, i, 1.0).is_ok()));
            bytes(&state)
        })
    };
    let first = run(1);
    assert_eq!(run(1), first);
    assert_eq!(run(3), first);
}

#[test]
fn a_resumed_run_gives_the_same_bytes() {
    let mut whole = new_state(3);
    (0..3).for_each(|i| assert!(step_with(&mut whole, i, 1.0).is_ok()));

    let mut first = new_state(3);
    (0..2).for_each(|i| assert!(step_with(&mut first, i, 1.0).is_ok()));
    let momentum = first.optimizer.momentum(&first.unet);
    // The lowest head has weight 0, so no gradient and no momentum.
    assert_eq!(momentum.len() + 2, first.unet.named_parameters().len());

    let mut second = new_state(99);
    second
        .unet
        .set_parameters(first.unet.named_parameters())
        .expect("same network");
    second
        .optimizer
        .set_momentum(&second.unet, momentum)
        .expect("same network");
    step_with(&mut second, 2, 1.0).expect("finite");
    assert_eq!(bytes(&second), bytes(&whole));
}

#[test]
fn a_step_that_is_not_finite_changes_nothing() {
    let mut state = new_state(3);
    step_with(&mut state, 0, 1.0).expect("finite");
    let before = bytes(&state);
    let error = step_with(&mut state, 1, f32::NAN).expect_err("NaN");
    assert!(matches!(error, StepError::NotFinite { .. }), "{error}");
    assert_eq!(bytes(&state), before);
}

#[test]
fn weights_that_do_not_fit_are_refused_whole() {
    let mut unet = new_state(1).unet;
    let before = unet.named_parameters();
    let other = new_state(2).unet.named_parameters();
    let mut refused = |change: fn(&mut Vec<NamedArray>)| {
        let mut arrays = other.clone();
        change(&mut arrays);
        let error = unet
            .set_parameters(arrays)
            .expect_err("must be refused")
            .to_string();
        assert_eq!(unet.named_parameters(), before);
        error
    };
    let first = "encoder.stages.0.0.convs.0.conv.weight";
    let message = refused(|arrays| drop(arrays.remove(0)));
    let count = before.len();
    assert_eq!(
        message,
        format!(
            "tensor \"{first}\" is missing; the network has {count} tensors, {} were given",
            count - 1
        )
    );
    let message = refused(|arrays| {
        arrays.push(NamedArray {
            name: "more".to_owned(),
            shape: vec![1],
            values: vec![0.0],
        });
    });
    assert_eq!(message, "tensor \"more\" does not belong to this network");
    let message = refused(|arrays| arrays[0].shape = vec![4, 1, 3, 3, 1]);
    assert_eq!(
        message,
        format!("tensor \"{first}\" has shape [4, 1, 3, 3, 1], expected [4, 1, 1, 3, 3]")
    );
    let message = refused(|arrays| arrays.push(arrays[0].clone()));
    assert_eq!(message, format!("tensor \"{first}\" is given twice"));
}

#[test]
fn evaluation_agrees_with_the_loss_of_a_step_and_changes_nothing() {
    let mut state = new_state(3);
    let before = bytes(&state);
    let noise = |i: usize| ((i * 31) % 101) as f32 / 50.0 - 1.0;
    let image: Vec<f32> = (0..2 * 4 * 8 * 8).map(noise).collect();
    let labels = |[z, y, x]: [usize; 3]| {
        let labels: Vec<i16> = (0..2 * z * y * x)
            .map(|i| i16::from(i % x > x / 2))
            .collect();
        target_tensor(&labels, [2, z, y, x], &DeviceChoice::Cpu.inference())
    };
    let targets = [labels([4, 8, 8]), labels([4, 4, 4])];
    let config = LossConfig {
        target: Target::Labels { n_labels: 2 },
        ignore_label: None,
        batch_dice: true,
    };
    let loss = DeepSupervisionLoss::new(config, 2);
    let images = image_tensor(image, [2, 1, 4, 8, 8], &DeviceChoice::Cpu.inference());
    let (found, logits) = state
        .evaluate(images.clone(), &targets, &loss)
        .expect("good batch");
    assert_eq!(logits.dims(), [2, 2, 4, 8, 8]);
    assert_eq!(bytes(&state), before);

    let error = state
        .evaluate(images, &targets[..1], &loss)
        .expect_err("a target is missing");
    assert!(matches!(error, StepError::TargetCount { .. }), "{error}");
    let stepped = step_with(&mut state, 0, 1.0).expect("finite");
    assert!((found - stepped).abs() < 1e-6, "{found} vs {stepped}");
}
