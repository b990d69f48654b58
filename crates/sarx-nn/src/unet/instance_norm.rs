//! The parameters of an instance norm.

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
}
