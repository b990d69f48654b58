//! The parameters of a 3D convolution that keeps the size (up to its stride).

use crate::ops::HeadParameters;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// 3D convolution with zero padding `(kernel - 1) / 2`.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[channels_out, channels_in, kernel_z, kernel_y, kernel_x]`.
    pub weight: Param<Tensor<5>>,
    /// `[channels_out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Step per axis, `[z, y, x]`.
    #[module(skip)]
    pub stride: [usize; 3],
}

impl Convolution {
    /// A convolution whose weights are still zero.
    pub(crate) fn new(
        [channels_in, channels_out]: [usize; 2],
        kernel: [usize; 3],
        stride: [usize; 3],
        has_bias: bool,
        device: &Device,
    ) -> Self {
        let [z, y, x] = kernel;
        Self {
            weight: Param::from_tensor(Tensor::zeros([channels_out, channels_in, z, y, x], device)),
            bias: has_bias.then(|| Param::from_tensor(Tensor::zeros([channels_out], device))),
            stride,
        }
    }

    /// The parameters of a head.
    pub(crate) fn head_parameters(&self) -> HeadParameters {
        HeadParameters {
            weight: self.weight.val(),
            bias: self.bias.as_ref().map(Param::val),
        }
    }
}
