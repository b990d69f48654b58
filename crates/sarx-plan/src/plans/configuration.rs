//! One configuration of a plans file, checked.

use super::schema::{ConfigurationSchema, NextStage, ResamplingSchema};
use super::{Architecture, ConfigurationError, PlansError};
use serde_json::{Map, Value};

/// How the intensities of a channel are normalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormalizationScheme {
    /// Clip to foreground percentiles of the data set, then its mean and deviation.
    Ct,
    /// As it is.
    None,
    /// Mean 0 and deviation 1 over the image or its nonzero part.
    ZScore,
    /// Linear to the range 0 to 1.
    RescaleTo01,
    /// Divided by 255.
    RgbTo01,
}

impl NormalizationScheme {
    const ALL: [Self; 5] = [
        Self::ZScore,
        Self::Ct,
        Self::None,
        Self::RescaleTo01,
        Self::RgbTo01,
    ];

    /// Name of nnU-Net's class.
    #[must_use]
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Ct => "CTNormalization",
            Self::None => "NoNormalization",
            Self::ZScore => "ZScoreNormalization",
            Self::RescaleTo01 => "RescaleTo01Normalization",
            Self::RgbTo01 => "RGBTo01Normalization",
        }
    }

    /// What nnU-Net chooses for a channel of this name: a few names are known, every other is
    /// an MRI sequence and gets the z-score.
    ///
    /// Source: nnU-Net v2 `map_channel_name_to_normalization.py`.
    #[must_use]
    pub fn for_channel(name: &str) -> Self {
        match name.to_lowercase().as_str() {
            "ct" => Self::Ct,
            "nonorm" => Self::None,
            "rescale_to_0_1" => Self::RescaleTo01,
            "rgb_to_0_1" => Self::RgbTo01,
            _ => Self::ZScore,
        }
    }

    /// Whether the scheme may be restricted to the nonzero part of an image.
    #[must_use]
    pub fn can_use_mask(self) -> bool {
        self == Self::ZScore
    }

    fn from_class(name: &str) -> Result<Self, ConfigurationError> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.class_name() == name)
            .ok_or_else(|| ConfigurationError::UnknownName {
                key: "normalization_schemes".to_owned(),
                found: name.to_owned(),
                known: Self::ALL.map(Self::class_name).to_vec(),
            })
    }
}

/// Spline orders of nnU-Net's `resample_data_or_seg_to_shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Order in the plane, or in all axes; 0 to 5.
    pub order: u8,
    /// Order across slices where slices are resampled apart; 0 to 5.
    pub order_z: u8,
    /// Whether slices are resampled apart; `None` lets the anisotropy decide.
    pub force_separate_z: Option<bool>,
}

/// The one resampling function.
const RESAMPLING_FUNCTION: &str = "resample_data_or_seg_to_shape";
const PREPROCESSOR: &str = "DefaultPreprocessor";

/// A configuration, as `3d_fullres`. All lists of numbers per axis have 2 (slices) or 3 entries
/// in the transposed order of the plans; lists per channel have one entry per channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Its name.
    pub name: String,
    /// Folder of its preprocessed cases.
    pub data_identifier: String,
    /// Patches per training step.
    pub batch_size: usize,
    /// Voxels of a patch per axis.
    pub patch_size: Vec<usize>,
    /// Median size of the cases at this spacing, voxels; may end in .5.
    pub median_size: Vec<f64>,
    /// Voxel edges, mm.
    pub spacing_mm: Vec<f64>,
    /// Per channel.
    pub normalization: Vec<NormalizationScheme>,
    /// Per channel: only the nonzero part of the image counts.
    pub use_mask_for_norm: Vec<bool>,
    /// Of images.
    pub resample_data: Resampling,
    /// Of label maps.
    pub resample_labels: Resampling,
    /// Of predicted logits.
    pub resample_probabilities: Resampling,
    /// The network.
    pub architecture: Architecture,
    /// Whether Dice is computed over the batch as one image.
    pub batch_dice: bool,
    /// Configuration whose predictions are additional input.
    pub previous_stage: Option<String>,
    /// Configurations that take predictions of this one as input.
    pub next_stages: Vec<String>,
}

impl Configuration {
    /// Number of spatial axes, 2 or 3.
    #[must_use]
    pub fn n_axes(&self) -> usize {
        self.patch_size.len()
    }

    pub(super) fn from_map(
        name: &str,
        map: Map<String, Value>,
    ) -> Result<Self, ConfigurationError> {
        let schema: ConfigurationSchema = serde_json::from_value(Value::Object(map))
            .map_err(|source| ConfigurationError::Form { source })?;
        let n_axes = schema.patch_size.len();
        if !(n_axes == 2 || n_axes == 3) {
            return Err(length("patch_size", 3, n_axes, "2 or 3 axes"));
        }
        if schema.preprocessor_name != PREPROCESSOR {
            return Err(ConfigurationError::UnknownName {
                key: "preprocessor_name".to_owned(),
                found: schema.preprocessor_name,
                known: vec![PREPROCESSOR],
            });
        }
        let normalization = schema
            .normalization_schemes
            .iter()
            .map(|class| NormalizationScheme::from_class(class))
            .collect::<Result<Vec<_>, _>>()?;
        let configuration = Self {
            name: name.to_owned(),
            data_identifier: schema.data_identifier,
            batch_size: schema.batch_size,
            architecture: Architecture::from_schema(schema.architecture, n_axes)?,
            patch_size: schema.patch_size,
            median_size: schema.median_image_size_in_voxels,
            spacing_mm: schema.spacing,
            normalization,
            use_mask_for_norm: schema.use_mask_for_norm,
            resample_data: resampling(
                "resampling_fn_data",
                &schema.resampling_fn_data,
                &schema.resampling_fn_data_kwargs,
                false,
            )?,
            resample_labels: resampling(
                "resampling_fn_seg",
                &schema.resampling_fn_seg,
                &schema.resampling_fn_seg_kwargs,
                true,
            )?,
            resample_probabilities: resampling(
                "resampling_fn_probabilities",
                &schema.resampling_fn_probabilities,
                &schema.resampling_fn_probabilities_kwargs,
                false,
            )?,
            batch_dice: schema.batch_dice,
            previous_stage: schema.previous_stage,
            next_stages: match schema.next_stage {
                None => Vec::new(),
                Some(NextStage::One(name)) => vec![name],
                Some(NextStage::Several(names)) => names,
            },
        };
        configuration.check()?;
        Ok(configuration)
    }

    pub(crate) fn to_map(&self) -> Result<Map<String, Value>, PlansError> {
        let function = || RESAMPLING_FUNCTION.to_owned();
        let schema = ConfigurationSchema {
            data_identifier: self.data_identifier.clone(),
            preprocessor_name: PREPROCESSOR.to_owned(),
            batch_size: self.batch_size,
            patch_size: self.patch_size.clone(),
            median_image_size_in_voxels: self.median_size.clone(),
            spacing: self.spacing_mm.clone(),
            normalization_schemes: self
                .normalization
                .iter()
                .map(|scheme| scheme.class_name().to_owned())
                .collect(),
            use_mask_for_norm: self.use_mask_for_norm.clone(),
            resampling_fn_data: function(),
            resampling_fn_seg: function(),
            resampling_fn_data_kwargs: self.resample_data.to_schema(false),
            resampling_fn_seg_kwargs: self.resample_labels.to_schema(true),
            resampling_fn_probabilities: function(),
            resampling_fn_probabilities_kwargs: self.resample_probabilities.to_schema(false),
            architecture: self.architecture.to_schema(),
            batch_dice: self.batch_dice,
            next_stage: match self.next_stages.as_slice() {
                [] => None,
                [name] => Some(NextStage::One(name.clone())),
                names => Some(NextStage::Several(names.to_vec())),
            },
            previous_stage: self.previous_stage.clone(),
        };
        match serde_json::to_value(schema) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Ok(Map::new()),
            Err(source) => Err(PlansError::Form { source }),
        }
    }

    fn check(&self) -> Result<(), ConfigurationError> {
        let n_axes = self.n_axes();
        let per_axis = "one per axis";
        expect_length(
            "median_image_size_in_voxels",
            n_axes,
            self.median_size.len(),
            per_axis,
        )?;
        expect_length("spacing", n_axes, self.spacing_mm.len(), per_axis)?;
        let n_channels = self.normalization.len();
        let per_channel = "one per normalization scheme";
        expect_length(
            "use_mask_for_norm",
            n_channels,
            self.use_mask_for_norm.len(),
            per_channel,
        )?;
        positive("batch_size", self.batch_size as f64)?;
        for &edge in &self.spacing_mm {
            positive("spacing", edge)?;
        }
        for (axis, (&edge, divisor)) in self
            .patch_size
            .iter()
            .zip(self.architecture.divisor())
            .enumerate()
        {
            positive("patch_size", edge as f64)?;
            if edge % divisor != 0 {
                return Err(ConfigurationError::Unsupported {
                    key: format!("patch_size of axis {axis}"),
                    found: edge.to_string(),
                    supported: "it must be a multiple of the product of the strides",
                });
            }
        }
        Ok(())
    }
}

impl Resampling {
    fn to_schema(self, is_seg: bool) -> ResamplingSchema {
        let Self {
            order,
            order_z,
            force_separate_z,
        } = self;
        ResamplingSchema {
            is_seg,
            order,
            order_z,
            force_separate_z,
        }
    }
}

fn resampling(
    key: &str,
    function: &str,
    arguments: &ResamplingSchema,
    is_labels: bool,
) -> Result<Resampling, ConfigurationError> {
    if function != RESAMPLING_FUNCTION {
        return Err(ConfigurationError::UnknownName {
            key: key.to_owned(),
            found: function.to_owned(),
            known: vec![RESAMPLING_FUNCTION],
        });
    }
    if arguments.is_seg != is_labels {
        return Err(ConfigurationError::Unsupported {
            key: format!("{key}_kwargs is_seg"),
            found: arguments.is_seg.to_string(),
            supported: "it must be true for label maps and false for everything else",
        });
    }
    for order in [arguments.order, arguments.order_z] {
        if order > 5 {
            return Err(ConfigurationError::OutOfRange {
                key: format!("{key}_kwargs order"),
                found: order.to_string(),
                expected: "a spline order from 0 to 5",
            });
        }
    }
    Ok(Resampling {
        order: arguments.order,
        order_z: arguments.order_z,
        force_separate_z: arguments.force_separate_z,
    })
}

fn positive(key: &str, value: f64) -> Result<(), ConfigurationError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(ConfigurationError::OutOfRange {
        key: key.to_owned(),
        found: value.to_string(),
        expected: "positive and finite",
    })
}

fn expect_length(
    key: &str,
    expected: usize,
    found: usize,
    reason: &'static str,
) -> Result<(), ConfigurationError> {
    if found == expected {
        Ok(())
    } else {
        Err(length(key, expected, found, reason))
    }
}

fn length(key: &str, expected: usize, found: usize, reason: &'static str) -> ConfigurationError {
    ConfigurationError::Length {
        key: key.to_owned(),
        expected,
        found,
        reason,
    }
}
