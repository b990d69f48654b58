//! From a configuration of the plans to the network's own configuration.
//!
//! A 2D configuration is a 3D network whose kernels, strides and patches have depth 1: the same
//! sums in the same order, so one set of operations serves both.

use crate::ModelError;
use crate::preprocessing::stored_label;
use sarx_nn::{EncoderKind, UnetConfig};
use sarx_plan::{Configuration, DatasetJson, Network};

/// The network of a configuration, checked.
///
/// # Errors
///
/// [`ModelError`] if the configuration needs what this release does not have (norms without
/// learnt scale), or the network cannot be built.
pub fn unet_config(
    configuration: &Configuration,
    dataset: &DatasetJson,
) -> Result<UnetConfig, ModelError> {
    let unsupported = |what: &str| ModelError::Unsupported {
        configuration: configuration.name.clone(),
        what: what.to_owned(),
    };
    let architecture = &configuration.architecture;
    if !architecture.norm_affine {
        return Err(unsupported("instance norms without learnt scale and shift"));
    }
    if configuration.normalization.len() != dataset.n_channels() {
        return Err(ModelError::Channels {
            configuration: configuration.name.clone(),
            plans: configuration.normalization.len(),
            dataset: dataset.n_channels(),
        });
    }
    let depth = architecture.n_conv_or_blocks_per_stage.clone();
    let config = UnetConfig {
        input_channels: dataset.n_channels() + previous_labels(configuration, dataset)?.len(),
        n_heads: dataset.labels().n_heads(),
        features_per_stage: architecture.features_per_stage.clone(),
        kernel_sizes: per_axis(&architecture.kernel_sizes),
        strides: per_axis(&architecture.strides),
        encoder: match architecture.network {
            Network::PlainConvUnet => EncoderKind::Plain {
                n_conv_per_stage: depth,
            },
            Network::ResidualEncoderUnet => EncoderKind::Residual {
                n_blocks_per_stage: depth,
            },
        },
        n_conv_per_stage_decoder: architecture.n_conv_per_stage_decoder.clone(),
        conv_bias: architecture.conv_bias,
        norm_epsilon: architecture.norm_epsilon,
        leaky_slope: architecture.negative_slope,
    };
    let check = config
        .check()
        .and_then(|()| config.check_patch(patch(configuration)));
    check.map_err(|source| ModelError::Network {
        configuration: configuration.name.clone(),
        source,
    })?;
    Ok(config)
}

/// The labels that a cascade's previous stage predicts, one channel of the network each, in this
/// order behind the channels of the image; empty where there is no previous stage.
///
/// With regions too these are labels, as in nnU-Net.
///
/// # Errors
///
/// [`ModelError::LabelRange`] for a label above 32767: preprocessed labels are 16-bit numbers with a sign.
pub fn previous_labels(
    configuration: &Configuration,
    dataset: &DatasetJson,
) -> Result<Vec<i16>, ModelError> {
    if configuration.previous_stage.is_none() {
        return Ok(Vec::new());
    }
    let labels = dataset.labels().foreground_labels();
    labels.iter().map(|&label| stored_label(label)).collect()
}

/// The patch, `[z, y, x]`; a 2D patch is one slice.
pub(crate) fn patch(configuration: &Configuration) -> [usize; 3] {
    with_depth(&configuration.patch_size)
}

fn per_axis(entries: &[Vec<usize>]) -> Vec<[usize; 3]> {
    entries.iter().map(|entry| with_depth(entry)).collect()
}

/// Three axes of two or three; the checked plans have no others.
fn with_depth(entry: &[usize]) -> [usize; 3] {
    match *entry {
        [z, y, x] => [z, y, x],
        [y, x] => [1, y, x],
        _ => [1; 3],
    }
}
