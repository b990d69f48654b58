//! `sarx model show`: what a model is.

use super::{named, weights_json};
use crate::args::ModelShowArgs;
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_model::{ModelFolder, WeightsFormat};
use serde_json::{Value, json};
use std::fmt::Display;

pub(super) fn run(args: &ModelShowArgs) -> Result<Outcome> {
    let model = ModelFolder::open(&args.folder)?;
    let weights = model.all_weights()?;
    let configuration = model.configuration();
    let n_parameters = n_parameters(&model);
    let format = match model.weights_format() {
        WeightsFormat::Safetensors => "safetensors",
        WeightsFormat::Torch => "torch",
    };
    let manifest = model.manifest();
    let origin = manifest.origin.as_ref();
    let json = json!({
        "model": args.folder,
        "dataset": model.plans().dataset_name(),
        "plans": model.plans().plans_name(),
        "configuration": configuration.name,
        "patch": configuration.patch_size,
        "spacing_mm": configuration.spacing_mm,
        "channels": model.dataset().channel_names(),
        "network": configuration.architecture.network.class_name(),
        "features_per_stage": configuration.architecture.features_per_stage,
        "n_heads": model.unet_config().n_heads,
        "n_parameters": n_parameters,
        "mirror_axes": model.mirror_axes(),
        "weights": weights_json(&weights),
        "weights_format": format,
        "origin": if origin.is_some() { "nnU-Net checkpoint" } else { "sarx" },
        "trainer_name": origin.map(|origin| origin.trainer_name.as_str()),
        "sarx_version": if format == "torch" { Value::Null } else { json!(manifest.sarx_version) },
        "plans_hash": manifest.plans_hash,
        "slice_axes": manifest.slice_axes,
    });
    let from = match origin {
        Some(origin) => format!("nnU-Net checkpoint ({})", origin.trainer_name),
        None => format!("sarx {}", manifest.sarx_version),
    };
    let axes = model.mirror_axes();
    let axes: Vec<&str> = axes.iter().map(|&axis| ["z", "y", "x"][axis]).collect();
    let lines = [
        ("dataset", model.plans().dataset_name().to_owned()),
        ("plans", model.plans().plans_name().to_owned()),
        ("configuration", configuration.name.clone()),
        ("patch", joined(&configuration.patch_size, " x ")),
        (
            "spacing",
            format!("{} mm", joined(&configuration.spacing_mm, " x ")),
        ),
        ("channels", model.dataset().channel_names().join(", ")),
        (
            "network",
            format!(
                "{}, features {}, {} outputs",
                configuration.architecture.network.class_name(),
                joined(&configuration.architecture.features_per_stage, " "),
                model.unet_config().n_heads
            ),
        ),
        ("parameters", n_parameters.to_string()),
        (
            "mirroring",
            if axes.is_empty() {
                "none".to_owned()
            } else {
                axes.join(" ")
            },
        ),
        ("weights", format!("{}, {format}", named(&weights))),
        ("origin", from),
    ];
    let text = lines
        .map(|(name, value)| format!("{name:14} {value}"))
        .join("\n");
    Ok(Outcome::done(json, text))
}

fn n_parameters(model: &ModelFolder) -> usize {
    let shapes = model.unet_config().parameter_shapes();
    shapes
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum()
}

fn joined<T: Display>(items: &[T], between: &str) -> String {
    items
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(between)
}
