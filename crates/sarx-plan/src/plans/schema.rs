//! The form of a plans file: field names and their order are nnU-Net's.

use crate::fingerprint::IntensityProperties;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// What holds for all configurations; they themselves stay JSON until asked for.
#[derive(Serialize, Deserialize)]
pub(crate) struct PlansSchema {
    pub(crate) dataset_name: String,
    pub(crate) plans_name: String,
    pub(crate) original_median_spacing_after_transp: Vec<f64>,
    pub(crate) original_median_shape_after_transp: Vec<Number>,
    pub(crate) image_reader_writer: String,
    pub(crate) transpose_forward: Vec<usize>,
    pub(crate) transpose_backward: Vec<usize>,
    pub(crate) configurations: Map<String, Value>,
    pub(crate) experiment_planner_used: Option<String>,
    pub(crate) label_manager: Option<String>,
    #[serde(alias = "foreground_intensity_properties_by_modality")]
    pub(crate) foreground_intensity_properties_per_channel: Map<String, Value>,
}

/// One configuration after inheritance.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConfigurationSchema {
    pub(crate) data_identifier: String,
    pub(crate) preprocessor_name: String,
    pub(crate) batch_size: usize,
    pub(crate) patch_size: Vec<usize>,
    pub(crate) median_image_size_in_voxels: Vec<f64>,
    pub(crate) spacing: Vec<f64>,
    pub(crate) normalization_schemes: Vec<String>,
    pub(crate) use_mask_for_norm: Vec<bool>,
    pub(crate) resampling_fn_data: String,
    pub(crate) resampling_fn_seg: String,
    pub(crate) resampling_fn_data_kwargs: ResamplingSchema,
    pub(crate) resampling_fn_seg_kwargs: ResamplingSchema,
    pub(crate) resampling_fn_probabilities: String,
    pub(crate) resampling_fn_probabilities_kwargs: ResamplingSchema,
    pub(crate) architecture: ArchitectureSchema,
    pub(crate) batch_dice: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_stage: Option<NextStage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_stage: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum NextStage {
    One(String),
    Several(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResamplingSchema {
    pub(crate) is_seg: bool,
    pub(crate) order: u8,
    pub(crate) order_z: u8,
    pub(crate) force_separate_z: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ArchitectureSchema {
    pub(crate) network_class_name: String,
    pub(crate) arch_kwargs: ArgumentsSchema,
    #[serde(rename = "_kw_requires_import", default)]
    pub(crate) kw_requires_import: Vec<String>,
}

/// An argument that is not listed here would be a network that we do not have.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArgumentsSchema {
    pub(crate) n_stages: usize,
    pub(crate) features_per_stage: ConstantOrStages,
    pub(crate) conv_op: String,
    pub(crate) kernel_sizes: PerAxis,
    pub(crate) strides: PerAxis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_conv_per_stage: Option<ConstantOrStages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n_blocks_per_stage: Option<ConstantOrStages>,
    pub(crate) n_conv_per_stage_decoder: ConstantOrStages,
    pub(crate) conv_bias: bool,
    pub(crate) norm_op: Option<String>,
    pub(crate) norm_op_kwargs: Option<NormSchema>,
    pub(crate) dropout_op: Option<String>,
    pub(crate) dropout_op_kwargs: Option<Map<String, Value>>,
    pub(crate) nonlin: Option<String>,
    pub(crate) nonlin_kwargs: Option<LeakyReluSchema>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NormSchema {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) affine: Option<bool>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeakyReluSchema {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negative_slope: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inplace: Option<bool>,
}

/// A number for all, or one for each.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ConstantOrStages {
    Constant(usize),
    Stages(Vec<usize>),
}

/// Per stage, a number per axis.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum PerAxis {
    Stages(Vec<ConstantOrStages>),
}

/// Puts `{"0": .., "1": ..}` into a list. The error holds the keys found.
pub(crate) fn by_channel(map: Map<String, Value>) -> Result<Vec<IntensityProperties>, Vec<String>> {
    let keys: Vec<String> = map.keys().cloned().collect();
    (0..keys.len())
        .map(|channel| {
            map.get(&channel.to_string())
                .and_then(|value| serde_json::from_value(value.clone()).ok())
                .ok_or_else(|| keys.clone())
        })
        .collect()
}
