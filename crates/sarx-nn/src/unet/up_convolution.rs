//! The transposed convolution of the decoder: kernel = stride, so outputs never overlap.

use crate::FeatureMap;
use crate::ops::{self, OpPath, PackedWeights};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use sarx_kernels::Precision;

/// Transposed 3D convolution with kernel = stride and no padding.
#[derive(Module, Debug)]
pub struct UpConvolution {
    /// `[channels_in, channels_out, stride_z, stride_y, stride_x]`.
    pub weight: Param<Tensor<5>>,
    /// `[channels_out]`.
    pub bias: Param<Tensor<1>>,
    /// Weights in the order of the CPU kernels, once they do not change any more.
    #[module(skip)]
    pub(crate) packed: Option<PackedWeights>,
}

impl UpConvolution {
    /// An up-convolution whose weights are still zero.
    pub(crate) fn new(
        [channels_in, channels_out]: [usize; 2],
        stride: [usize; 3],
        device: &Device,
    ) -> Self {
        let [z, y, x] = stride;
        Self {
            weight: Param::from_tensor(Tensor::zeros([channels_in, channels_out, z, y, x], device)),
            bias: Param::from_tensor(Tensor::zeros([channels_out], device)),
            packed: None,
        }
    }

    /// Up-samples.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, channels_in, z, y, x]`
    /// - result: `[batch, channels_out, z * stride_z, y * stride_y, x * stride_x]`
    pub fn forward(&self, x: FeatureMap, path: OpPath) -> FeatureMap {
        let packed = self.packed.clone();
        ops::up_conv3d(x, self.weight.val(), self.bias.val(), packed, path)
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        self.packed = Some(PackedWeights::new(precision));
    }
}
