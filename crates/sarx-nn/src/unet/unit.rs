//! Convolution, instance norm, leaky ReLU: the unit of which everything is made.

use super::{Convolution, InstanceNorm, UnetConfig};
use crate::OpPath;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// What units of one stage share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitConfig {
    pub(crate) kernel: [usize; 3],
    pub(crate) conv_bias: bool,
    pub(crate) epsilon: f64,
    /// Slope below zero; 1 = no activation.
    pub(crate) slope: f64,
}

impl UnitConfig {
    /// The units of a stage.
    pub(crate) fn of_stage(config: &UnetConfig, stage: usize) -> Self {
        Self {
            kernel: config.kernel_sizes[stage],
            conv_bias: config.conv_bias,
            epsilon: config.norm_epsilon,
            slope: config.leaky_slope,
        }
    }

    /// The same without its leaky ReLU.
    pub(crate) fn without_activation(self) -> Self {
        Self { slope: 1.0, ..self }
    }
}

/// Convolution, instance norm and (except before a residual sum) leaky ReLU.
///
/// nnU-Net's `ConvDropoutNormReLU`.
#[derive(Module, Debug)]
pub struct ConvNorm {
    /// The convolution.
    pub conv: Convolution,
    /// The norm after it.
    pub norm: InstanceNorm,
    /// Slope of the leaky ReLU; 1 for none.
    #[module(skip)]
    pub slope: f64,
}

impl ConvNorm {
    pub(crate) fn new(
        channels: [usize; 2],
        stride: [usize; 3],
        unit: UnitConfig,
        device: &Device,
    ) -> Self {
        Self {
            conv: Convolution::new(channels, unit.kernel, stride, unit.conv_bias, device),
            norm: InstanceNorm::new(channels[1], unit.epsilon, device),
            slope: unit.slope,
        }
    }

    /// Applies the three operations.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, channels_in, z, y, x]`
    /// - result: `[batch, channels_out, z / stride_z, y / stride_y, x / stride_x]`
    pub fn forward(&self, x: Tensor<5>, path: OpPath) -> Tensor<5> {
        self.norm
            .forward(self.conv.forward(x, path), self.slope, path)
    }
}
