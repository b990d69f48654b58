//! From plans to what preprocessing and its inverse need.

use crate::ModelError;
use sarx_core::Label;
use sarx_plan::{Configuration, DatasetJson, NormalizationScheme, Plans};
use sarx_preprocess::{
    Heads, Normalization, PreprocessSpec, Resampling, SplineOrder, StoreIdentity, TargetSpacing,
};
use sha2::{Digest, Sha256};

/// How cases are preprocessed under a configuration.
///
/// # Errors
///
/// [`ModelError`] if the plans ask for a spline order that is not supported or lack intensities.
pub fn preprocess_spec(
    plans: &Plans,
    configuration: &Configuration,
    dataset: &DatasetJson,
) -> Result<PreprocessSpec, ModelError> {
    let target_spacing_mm = match *configuration.spacing_mm.as_slice() {
        [y, x] => TargetSpacing::Slices([y, x]),
        [z, y, x] => TargetSpacing::Volume([z, y, x]),
        // Checked when the plans are read.
        _ => TargetSpacing::Volume([1.0; 3]),
    };
    let labels = dataset.labels();
    let foreground = labels
        .foreground()
        .iter()
        .map(|region| {
            region
                .value
                .labels()
                .iter()
                .map(|&label| stored_label(label))
                .collect()
        })
        .collect::<Result<_, _>>()?;
    let resampling = |r| resampling(&configuration.name, r);
    Ok(PreprocessSpec {
        transpose_forward: plans.transpose_forward(),
        target_spacing_mm,
        normalization: normalization(plans, configuration)?,
        image_resampling: resampling(configuration.resample_data)?,
        label_resampling: resampling(configuration.resample_labels)?,
        logits_resampling: resampling(configuration.resample_probabilities)?,
        foreground,
        ignore: labels.ignore_label().map(stored_label).transpose()?,
    })
}

/// A label as preprocessed cases hold it.
pub(crate) fn stored_label(label: Label) -> Result<i16, ModelError> {
    i16::try_from(label).map_err(|_| ModelError::LabelRange { label })
}

/// Which store holds the preprocessed cases of a configuration.
///
/// Configurations that share a `data_identifier` and preprocess alike share a store: a cascade's
/// second stage and the configuration that it inherits from, and the same configuration of
/// several plans (as nnU-Net's residual presets share the cases of its default).
///
/// # Errors
///
/// [`ModelError`] as [`preprocess_spec`], for this configuration.
pub fn store_identity(
    plans: &Plans,
    configuration: &Configuration,
    dataset: &DatasetJson,
) -> Result<StoreIdentity, ModelError> {
    let spec = preprocess_spec(plans, configuration, dataset)?;
    let shares = |name: &&str| {
        plans.configuration(name).is_ok_and(|other| {
            other.data_identifier == configuration.data_identifier
                && preprocess_spec(plans, &other, dataset).is_ok_and(|s| s == spec)
        })
    };
    let first = plans.configuration_names().find(shares);
    Ok(StoreIdentity {
        preprocessing_hash: preprocessing_hash(&spec),
        configuration: first.unwrap_or(&configuration.name).to_owned(),
    })
}

/// SHA-256 of everything that decides what a preprocessed case looks like, as hex. Rust writes
/// numbers so that they are read back exactly; a store of a release that names these fields
/// otherwise is made anew.
fn preprocessing_hash(spec: &PreprocessSpec) -> String {
    let PreprocessSpec {
        transpose_forward,
        target_spacing_mm,
        normalization,
        image_resampling,
        label_resampling,
        // The way back concerns predictions, not stored cases.
        logits_resampling: _,
        foreground,
        ignore,
    } = spec;
    let grid = (transpose_forward, target_spacing_mm);
    let values = (normalization, image_resampling, label_resampling);
    let digest = Sha256::digest(format!("{grid:?} {values:?} {foreground:?} {ignore:?}"));
    sarx_core::hex(&digest)
}

/// What the channels of the network's output mean.
#[must_use]
pub fn heads(dataset: &DatasetJson) -> Heads {
    let labels = dataset.labels();
    if labels.has_regions() {
        Heads::Regions {
            class_order: labels.regions_class_order().to_vec(),
        }
    } else {
        Heads::Labels {
            count: labels.n_heads(),
        }
    }
}

fn normalization(
    plans: &Plans,
    configuration: &Configuration,
) -> Result<Vec<Normalization>, ModelError> {
    let one = |(channel, scheme): (usize, &NormalizationScheme)| {
        Ok(match scheme {
            NormalizationScheme::ZScore => Normalization::ZScore {
                masked: configuration
                    .use_mask_for_norm
                    .get(channel)
                    .copied()
                    .unwrap_or(false),
            },
            NormalizationScheme::Ct => {
                let foreground = plans
                    .foreground_intensities()
                    .get(channel)
                    .ok_or(ModelError::NoIntensities { channel })?;
                Normalization::Ct {
                    mean: foreground.mean,
                    std: foreground.std,
                    percentile_00_5: foreground.percentile_00_5,
                    percentile_99_5: foreground.percentile_99_5,
                }
            }
            NormalizationScheme::None => Normalization::None,
            NormalizationScheme::RescaleTo01 => Normalization::Rescale01,
            NormalizationScheme::RgbTo01 => Normalization::Rgb01,
        })
    };
    configuration
        .normalization
        .iter()
        .enumerate()
        .map(one)
        .collect()
}

fn resampling(
    configuration: &str,
    resampling: sarx_plan::Resampling,
) -> Result<Resampling, ModelError> {
    let order = |order: u8| {
        SplineOrder::from_number(u64::from(order)).ok_or_else(|| ModelError::SplineOrder {
            configuration: configuration.to_owned(),
            order,
        })
    };
    Ok(Resampling {
        order: order(resampling.order)?,
        order_z: order(resampling.order_z)?,
        force_separate_z: resampling.force_separate_z,
    })
}
