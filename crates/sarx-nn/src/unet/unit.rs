//! Convolution, instance norm, leaky ReLU: the unit of which everything is made.

use super::{Convolution, InstanceNorm, UnetConfig};
use crate::ops::{self, PackedWeights, UnitConstants, UnitParameters};
use crate::{FeatureMap, OpPath};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use sarx_kernels::Precision;

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
    /// Weights in the order of the CPU kernels, once they do not change any more.
    #[module(skip)]
    pub(crate) packed: Option<PackedWeights>,
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
            packed: None,
        }
    }

    /// Applies the three operations to a map, or to a map and a skip as if concatenated.
    ///
    /// # Shapes
    ///
    /// - x, skip: `[batch, .., z, y, x]`, together `channels_in` channels
    /// - result: `[batch, channels_out, z / stride_z, y / stride_y, x / stride_x]`
    pub fn forward(&self, x: FeatureMap, skip: Option<FeatureMap>, path: OpPath) -> FeatureMap {
        ops::unit(x, skip, self.parameters(), &self.constants(), path)
    }

    /// The logits of a head after this unit; on the kernels the features are not written again.
    pub(crate) fn forward_to_logits(
        &self,
        x: FeatureMap,
        skip: Option<FeatureMap>,
        head: &Convolution,
        path: OpPath,
    ) -> Tensor<5> {
        let head = head.head_parameters();
        ops::unit_head(x, skip, self.parameters(), &self.constants(), head, path)
    }

    fn parameters(&self) -> UnitParameters {
        UnitParameters {
            weight: self.conv.weight.val(),
            bias: self.conv.bias.as_ref().map(Param::val),
            norm_weight: self.norm.weight.val(),
            norm_bias: self.norm.bias.val(),
        }
    }

    fn constants(&self) -> UnitConstants {
        UnitConstants {
            stride: self.conv.stride,
            epsilon: self.norm.epsilon,
            slope: self.slope,
            packed: self.packed.clone(),
        }
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        self.packed = Some(PackedWeights::new(precision));
    }
}
