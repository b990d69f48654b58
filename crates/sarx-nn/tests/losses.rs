//! Losses and their gradients against nnU-Net's own classes (golden/make_loss.py).

use sarx_nn::{DeviceChoice, LossConfig, OpPath, Target, image_tensor, target_tensor};
use serde_json::Value;

/// Tiny inputs in f32.
const TOLERANCE: f32 = 2e-6;

fn floats(value: &Value) -> Vec<f32> {
    let list = value.as_array().expect("a list").iter();
    list.map(|v| v.as_f64().expect("a number") as f32).collect()
}

#[test]
fn every_mode_agrees_with_nnunet() {
    let golden: Value = serde_json::from_str(include_str!("../golden/loss.json")).expect("json");
    let device = DeviceChoice::Cpu.training();
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 8);
    let paths = [OpPath::Composed, OpPath::Fused];
    for (case, path) in cases.iter().flat_map(|case| paths.map(|path| (case, path))) {
        let target = match case["mode"].as_str() {
            Some("labels") => Target::Labels { n_labels: 3 },
            _ => Target::Regions {
                regions: vec![vec![1, 2], vec![2], vec![1]],
            },
        };
        let config = LossConfig {
            target,
            ignore_label: case["ignore_label"].as_i64(),
            batch_dice: case["batch_dice"].as_bool().expect("a flag"),
        };
        let logits = image_tensor(floats(&case["logits"]), [2, 3, 2, 3, 4], &device).require_grad();
        let labels: Vec<i16> = floats(&case["labels"]).iter().map(|&v| v as i16).collect();
        let labels = target_tensor(&labels, [2, 2, 3, 4], &DeviceChoice::Cpu.inference());
        let loss = config.forward(logits.clone(), labels, path);
        let expected = case["loss"].as_f64().expect("a number") as f32;
        let found = loss.clone().into_scalar::<f32>();
        assert!(
            (found - expected).abs() <= TOLERANCE,
            "{path:?} {config:?}: {found} vs {expected}"
        );

        let gradient = logits
            .grad(&loss.backward())
            .expect("a gradient")
            .into_data();
        let gradient = gradient.try_into_vec::<f32>().expect("f32");
        for (found, expected) in gradient.iter().zip(floats(&case["gradient"])) {
            assert!(
                (found - expected).abs() <= TOLERANCE,
                "{path:?} {config:?}: {found} vs {expected}"
            );
        }
    }
}

#[test]
fn a_batch_without_annotation_has_no_cross_entropy() {
    let device = DeviceChoice::Cpu.inference();
    let config = LossConfig {
        target: Target::Labels { n_labels: 2 },
        ignore_label: Some(2),
        batch_dice: false,
    };
    // All sums are empty: Dice is smooth / smooth = 1.
    for path in [OpPath::Composed, OpPath::Fused] {
        let logits = image_tensor(vec![3.0; 16], [1, 2, 2, 2, 2], &device);
        let labels = target_tensor(&[2; 8], [1, 2, 2, 2], &device);
        let loss = config.forward(logits, labels, path);
        assert_eq!(loss.into_scalar::<f32>(), -1.0, "{path:?}");
    }
}
