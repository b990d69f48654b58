//! Plans of older releases, which had the network's numbers beside everything else.
//!
//! Source: nnU-Net v2 `plans_handler.py`, `ConfigurationManager.__init__`.

use super::ConfigurationError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Keys that the conversion replaces by `architecture`.
const LEGACY_KEYS: [&str; 8] = [
    "UNet_class_name",
    "UNet_base_num_features",
    "unet_max_num_features",
    "n_conv_per_stage_encoder",
    "n_conv_per_stage_decoder",
    "num_pool_per_axis",
    "pool_op_kernel_sizes",
    "conv_kernel_sizes",
];

#[derive(Deserialize)]
struct Legacy {
    #[serde(rename = "UNet_class_name")]
    class_name: String,
    #[serde(rename = "UNet_base_num_features")]
    base_features: usize,
    #[serde(rename = "unet_max_num_features")]
    max_features: usize,
    n_conv_per_stage_encoder: Vec<usize>,
    n_conv_per_stage_decoder: Vec<usize>,
    pool_op_kernel_sizes: Value,
    conv_kernel_sizes: Value,
    patch_size: Vec<usize>,
}

/// Gives an old configuration the key `architecture`; leaves a new one alone.
pub(super) fn convert(configuration: &mut Map<String, Value>) -> Result<(), ConfigurationError> {
    if configuration.contains_key("architecture") {
        return Ok(());
    }
    if !configuration.contains_key("UNet_class_name") {
        // Neither form: let the reader of the new form say what is missing.
        return Ok(());
    }
    let legacy: Legacy = serde_json::from_value(Value::Object(configuration.clone()))
        .map_err(|source| ConfigurationError::Form { source })?;
    let per_stage_key = match legacy.class_name.as_str() {
        "ResidualEncoderUNet" => "n_blocks_per_stage",
        // A class that is not known is named by the reader of the new form.
        _ => "n_conv_per_stage",
    };
    let n_stages = legacy.n_conv_per_stage_encoder.len();
    let features: Vec<usize> = (0..n_stages)
        .map(|stage| {
            let factor = u32::try_from(stage)
                .ok()
                .and_then(|stage| 2usize.checked_pow(stage));
            let features = factor.and_then(|factor| legacy.base_features.checked_mul(factor));
            features.map_or(legacy.max_features, |features| {
                features.min(legacy.max_features)
            })
        })
        .collect();
    let dims = legacy.patch_size.len();
    let mut arguments = json!({
        "n_stages": n_stages,
        "features_per_stage": features,
        "conv_op": format!("torch.nn.modules.conv.Conv{dims}d"),
        "kernel_sizes": legacy.conv_kernel_sizes,
        "strides": legacy.pool_op_kernel_sizes,
        "n_conv_per_stage_decoder": legacy.n_conv_per_stage_decoder,
        "conv_bias": true,
        "norm_op": format!("torch.nn.modules.instancenorm.InstanceNorm{dims}d"),
        "norm_op_kwargs": {"eps": 1e-5, "affine": true},
        "dropout_op": null,
        "dropout_op_kwargs": null,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": true},
    });
    arguments[per_stage_key] = json!(legacy.n_conv_per_stage_encoder);
    for key in LEGACY_KEYS {
        configuration.remove(key);
    }
    let architecture = json!({
        "network_class_name": legacy.class_name,
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    });
    configuration.insert("architecture".to_owned(), architecture);
    Ok(())
}
