//! From a configuration of the plans to the network's own configuration.

use crate::ModelError;
use sarx_nn::{EncoderKind, UnetConfig};
use sarx_plan::{Configuration, DatasetJson, Network};

/// The network of a configuration, checked.
///
/// # Errors
///
/// [`ModelError`] if the configuration needs what this release does not have (2D, a cascade,
/// norms without learnt scale), or the network cannot be built.
pub fn unet_config(
    configuration: &Configuration,
    dataset: &DatasetJson,
) -> Result<UnetConfig, ModelError> {
    let unsupported = |what: &str| ModelError::Unsupported {
        configuration: configuration.name.clone(),
        what: what.to_owned(),
    };
    let architecture = &configuration.architecture;
    if architecture.n_axes() != 3 {
        return Err(unsupported("a 2D network"));
    }
    if configuration.previous_stage.is_some() {
        return Err(unsupported("predictions of a previous stage (a cascade)"));
    }
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
        input_channels: dataset.n_channels(),
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

/// The patch, `[z, y, x]`; a 2D patch is one slice.
pub(crate) fn patch(configuration: &Configuration) -> [usize; 3] {
    match *configuration.patch_size.as_slice() {
        [z, y, x] => [z, y, x],
        [y, x] => [1, y, x],
        // Checked when the plans are read.
        _ => [1; 3],
    }
}

/// The checked plans hold 3 numbers per entry here.
fn per_axis(entries: &[Vec<usize>]) -> Vec<[usize; 3]> {
    entries
        .iter()
        .map(|entry| std::array::from_fn(|axis| entry[axis]))
        .collect()
}
