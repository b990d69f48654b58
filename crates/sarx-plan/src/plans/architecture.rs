//! The network of a configuration, by numbers.
//!
//! On file: a Python class name and its keyword arguments. Every argument is read; one that is
//! unknown or asks for something the networks here do not have is an error, because ignoring it
//! would run another network under the same name.
//!
//! Source of the arguments: dynamic-network-architectures 0.4.4 `architectures/unet.py`.

use super::ConfigurationError;
use super::schema::{
    ArchitectureSchema, ArgumentsSchema, ConstantOrStages, LeakyReluSchema, NormSchema, PerAxis,
};

/// The networks that sarx has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// nnU-Net's plain U-Net: two convolutions per stage.
    PlainConvUnet,
    /// The U-Net with a residual encoder.
    ResidualEncoderUnet,
}

/// Default of `torch.nn.LeakyReLU`.
const TORCH_NEGATIVE_SLOPE: f64 = 0.01;
/// Default of `torch.nn.InstanceNorm3d`.
const TORCH_NORM_EPSILON: f64 = 1e-5;

impl Network {
    const ALL: [Self; 2] = [Self::PlainConvUnet, Self::ResidualEncoderUnet];

    /// Name of the Python class.
    #[must_use]
    pub fn class_name(self) -> &'static str {
        match self {
            Self::PlainConvUnet => "PlainConvUNet",
            Self::ResidualEncoderUnet => "ResidualEncoderUNet",
        }
    }

    /// By class name alone: older releases had the classes in other modules.
    fn from_path(path: &str) -> Result<Self, ConfigurationError> {
        let class = path.rsplit('.').next().unwrap_or(path);
        Self::ALL
            .into_iter()
            .find(|network| network.class_name() == class)
            .ok_or_else(|| ConfigurationError::UnknownName {
                key: "network_class_name".to_owned(),
                found: path.to_owned(),
                known: Self::ALL.map(Self::class_name).to_vec(),
            })
    }
}

/// Stages, features, kernels and strides of a U-Net in 2 or 3 dimensions.
///
/// Lists are checked: one entry per stage (the decoder has one stage less), one number per axis
/// in each kernel and stride, nothing zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Which network.
    pub network: Network,
    /// Features of each encoder stage, stage 0 at full resolution.
    pub features_per_stage: Vec<usize>,
    /// Kernel of each stage, one size per axis.
    pub kernel_sizes: Vec<Vec<usize>>,
    /// Downsampling before each stage, one factor per axis.
    pub strides: Vec<Vec<usize>>,
    /// Convolutions (plain) or residual blocks (residual encoder) of each encoder stage.
    pub n_conv_or_blocks_per_stage: Vec<usize>,
    /// Convolutions of each decoder stage; entry `i` belongs to the resolution of the
    /// `n_stages - 2 - i`-th encoder stage, as on file.
    pub n_conv_per_stage_decoder: Vec<usize>,
    /// Whether convolutions have a bias.
    pub conv_bias: bool,
    /// Epsilon of the instance norm.
    pub norm_epsilon: f64,
    /// Whether the instance norm has learnt scale and shift.
    pub norm_affine: bool,
    /// Slope of the leaky ReLU below zero.
    pub negative_slope: f64,
}

impl Architecture {
    /// Number of encoder stages, the bottleneck included.
    #[must_use]
    pub fn n_stages(&self) -> usize {
        self.features_per_stage.len()
    }

    /// Number of spatial axes, 2 or 3.
    #[must_use]
    pub fn n_axes(&self) -> usize {
        self.strides.first().map_or(0, Vec::len)
    }

    /// Per axis, by how much the bottleneck is smaller than the patch; every patch must be a
    /// multiple of it.
    #[must_use]
    pub fn divisor(&self) -> Vec<usize> {
        (0..self.n_axes())
            .map(|axis| self.strides.iter().map(|s| s[axis]).product())
            .collect()
    }

    pub(super) fn from_schema(
        schema: ArchitectureSchema,
        n_axes: usize,
    ) -> Result<Self, ConfigurationError> {
        let network = Network::from_path(&schema.network_class_name)?;
        let arguments = schema.arch_kwargs;
        check_operations(&arguments, n_axes)?;
        let n_stages = arguments.n_stages;
        let per_stage = per_stage_argument(network, &arguments)?;
        let stages = |key, value: ConstantOrStages| stages(key, value, n_stages);
        let norm = arguments.norm_op_kwargs.unwrap_or(NormSchema {
            eps: None,
            affine: None,
        });
        let relu = arguments.nonlin_kwargs.unwrap_or_default();
        let checked = Self {
            network,
            features_per_stage: stages("features_per_stage", arguments.features_per_stage)?,
            kernel_sizes: axes_of_stages("kernel_sizes", arguments.kernel_sizes, n_stages, n_axes)?,
            strides: axes_of_stages("strides", arguments.strides, n_stages, n_axes)?,
            n_conv_or_blocks_per_stage: stages(per_stage.0, per_stage.1)?,
            n_conv_per_stage_decoder: self::stages(
                "n_conv_per_stage_decoder",
                arguments.n_conv_per_stage_decoder,
                n_stages.saturating_sub(1),
            )?,
            conv_bias: arguments.conv_bias,
            norm_epsilon: norm.eps.unwrap_or(TORCH_NORM_EPSILON),
            norm_affine: norm.affine.unwrap_or(false),
            negative_slope: relu.negative_slope.unwrap_or(TORCH_NEGATIVE_SLOPE),
        };
        checked.check_ranges()?;
        Ok(checked)
    }

    pub(super) fn to_schema(&self) -> ArchitectureSchema {
        let n_axes = self.n_axes();
        let (convs, blocks) = match self.network {
            Network::PlainConvUnet => (Some(self.n_conv_or_blocks_per_stage.clone()), None),
            Network::ResidualEncoderUnet => (None, Some(self.n_conv_or_blocks_per_stage.clone())),
        };
        let per_axis = |stages: &[Vec<usize>]| {
            PerAxis::Stages(
                stages
                    .iter()
                    .cloned()
                    .map(ConstantOrStages::Stages)
                    .collect(),
            )
        };
        let is_default_slope = self.negative_slope == TORCH_NEGATIVE_SLOPE;
        ArchitectureSchema {
            network_class_name: format!(
                "dynamic_network_architectures.architectures.unet.{}",
                self.network.class_name()
            ),
            arch_kwargs: ArgumentsSchema {
                n_stages: self.n_stages(),
                features_per_stage: ConstantOrStages::Stages(self.features_per_stage.clone()),
                conv_op: format!("torch.nn.modules.conv.Conv{n_axes}d"),
                kernel_sizes: per_axis(&self.kernel_sizes),
                strides: per_axis(&self.strides),
                n_conv_per_stage: convs.map(ConstantOrStages::Stages),
                n_blocks_per_stage: blocks.map(ConstantOrStages::Stages),
                n_conv_per_stage_decoder: ConstantOrStages::Stages(
                    self.n_conv_per_stage_decoder.clone(),
                ),
                conv_bias: self.conv_bias,
                norm_op: Some(format!(
                    "torch.nn.modules.instancenorm.InstanceNorm{n_axes}d"
                )),
                norm_op_kwargs: Some(NormSchema {
                    eps: Some(self.norm_epsilon),
                    affine: Some(self.norm_affine),
                }),
                dropout_op: None,
                dropout_op_kwargs: None,
                nonlin: Some("torch.nn.LeakyReLU".to_owned()),
                nonlin_kwargs: Some(LeakyReluSchema {
                    negative_slope: (!is_default_slope).then_some(self.negative_slope),
                    inplace: Some(true),
                }),
            },
            kw_requires_import: ["conv_op", "norm_op", "dropout_op", "nonlin"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    fn check_ranges(&self) -> Result<(), ConfigurationError> {
        let zero = |key: &str, holds_zero: bool| {
            if holds_zero {
                return Err(out_of_range(key, "0", "at least 1"));
            }
            Ok(())
        };
        zero("n_stages", self.n_stages() == 0)?;
        zero("features_per_stage", self.features_per_stage.contains(&0))?;
        zero(
            "kernel_sizes",
            self.kernel_sizes.iter().flatten().any(|&k| k == 0),
        )?;
        zero("strides", self.strides.iter().flatten().any(|&s| s == 0))?;
        zero(
            "convolutions per stage",
            self.n_conv_or_blocks_per_stage.contains(&0),
        )?;
        zero(
            "n_conv_per_stage_decoder",
            self.n_conv_per_stage_decoder.contains(&0),
        )?;
        if let Some(even) = self.kernel_sizes.iter().flatten().find(|&k| k % 2 == 0) {
            // Padding is (kernel - 1) / 2: an even kernel would shrink the array.
            return Err(out_of_range("kernel_sizes", &even.to_string(), "odd"));
        }
        if !(self.norm_epsilon.is_finite() && self.norm_epsilon >= 0.0) {
            return Err(out_of_range(
                "eps",
                &self.norm_epsilon.to_string(),
                "0 or more",
            ));
        }
        if !self.negative_slope.is_finite() {
            return Err(out_of_range(
                "negative_slope",
                &self.negative_slope.to_string(),
                "finite",
            ));
        }
        Ok(())
    }
}

fn out_of_range(key: &str, found: &str, expected: &'static str) -> ConfigurationError {
    ConfigurationError::OutOfRange {
        key: key.to_owned(),
        found: found.to_owned(),
        expected,
    }
}

/// Convolution, norm, dropout and activation must be those that the networks here have.
fn check_operations(arguments: &ArgumentsSchema, n_axes: usize) -> Result<(), ConfigurationError> {
    let (conv, norm) = match n_axes {
        2 => ("Conv2d", "InstanceNorm2d"),
        _ => ("Conv3d", "InstanceNorm3d"),
    };
    check_class("conv_op", Some(&arguments.conv_op), conv)?;
    check_class("norm_op", arguments.norm_op.as_deref(), norm)?;
    check_class("nonlin", arguments.nonlin.as_deref(), "LeakyReLU")?;
    match &arguments.dropout_op {
        None => Ok(()),
        Some(name) => Err(ConfigurationError::Unsupported {
            key: "dropout_op".to_owned(),
            found: name.clone(),
            supported: "networks here have no dropout; it must be null",
        }),
    }
}

fn check_class(
    key: &str,
    path: Option<&str>,
    expected: &'static str,
) -> Result<(), ConfigurationError> {
    let found = path.unwrap_or("null");
    if found.rsplit('.').next() == Some(expected) {
        return Ok(());
    }
    Err(ConfigurationError::UnknownName {
        key: key.to_owned(),
        found: found.to_owned(),
        known: vec![expected],
    })
}

fn per_stage_argument(
    network: Network,
    arguments: &ArgumentsSchema,
) -> Result<(&'static str, ConstantOrStages), ConfigurationError> {
    let convs = ("n_conv_per_stage", &arguments.n_conv_per_stage);
    let blocks = ("n_blocks_per_stage", &arguments.n_blocks_per_stage);
    let (wanted, other) = match network {
        Network::PlainConvUnet => (convs, blocks),
        Network::ResidualEncoderUnet => (blocks, convs),
    };
    match (wanted.1, other.1) {
        (Some(value), None) => Ok((wanted.0, value.clone())),
        (found, _) => Err(ConfigurationError::Unsupported {
            key: (if found.is_none() { wanted.0 } else { other.0 }).to_owned(),
            found: (if found.is_none() {
                "missing"
            } else {
                "present"
            })
            .to_owned(),
            supported: "a plain U-Net takes n_conv_per_stage, a residual encoder n_blocks_per_stage",
        }),
    }
}

/// A single number stands for all stages.
fn stages(
    key: &str,
    value: ConstantOrStages,
    n_stages: usize,
) -> Result<Vec<usize>, ConfigurationError> {
    match value {
        // The bound keeps a file from asking for a list of any length.
        ConstantOrStages::Constant(constant) if n_stages <= 64 => Ok(vec![constant; n_stages]),
        ConstantOrStages::Constant(_) => Err(out_of_range(
            "n_stages",
            &n_stages.to_string(),
            "at most 64",
        )),
        ConstantOrStages::Stages(list) => checked_length(key, list, n_stages, "one per stage"),
    }
}

fn axes_of_stages(
    key: &str,
    value: PerAxis,
    n_stages: usize,
    n_axes: usize,
) -> Result<Vec<Vec<usize>>, ConfigurationError> {
    let PerAxis::Stages(list) = value;
    checked_length(key, list, n_stages, "one per stage")?
        .into_iter()
        .map(|stage| match stage {
            ConstantOrStages::Constant(constant) => Ok(vec![constant; n_axes]),
            ConstantOrStages::Stages(axes) => checked_length(key, axes, n_axes, "one per axis"),
        })
        .collect()
}

fn checked_length<T>(
    key: &str,
    list: Vec<T>,
    expected: usize,
    reason: &'static str,
) -> Result<Vec<T>, ConfigurationError> {
    let found = list.len();
    if found == expected {
        return Ok(list);
    }
    Err(ConfigurationError::Length {
        key: key.to_owned(),
        expected,
        found,
        reason,
    })
}
