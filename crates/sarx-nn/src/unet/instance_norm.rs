//! Instance norm and leaky ReLU.

use crate::cpu_ops::{self, OpPath};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// Instance norm with learned scale and shift, without running statistics.
///
/// Every channel of every sample: `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`,
/// biased variance.
#[derive(Module, Debug)]
pub struct InstanceNorm {
    /// Scale per channel, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift per channel, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Added to the variance.
    #[module(skip)]
    pub epsilon: f64,
}

impl InstanceNorm {
    /// A norm whose scale and shift are still zero.
    pub(crate) fn new(channels: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            epsilon,
        }
    }

    /// Normalizes, then applies a leaky ReLU (`slope` 1 leaves values as they are).
    ///
    /// # Shapes
    ///
    /// - x, result: `[batch, channels, z, y, x]`
    pub fn forward(&self, x: Tensor<5>, slope: f64, path: OpPath) -> Tensor<5> {
        let constants = cpu_ops::NormConstants {
            epsilon: self.epsilon,
            slope,
        };
        cpu_ops::norm_act(x, self.weight.val(), self.bias.val(), constants, path)
    }
}
