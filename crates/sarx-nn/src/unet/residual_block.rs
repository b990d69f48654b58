//! Two units and a way around them.

use super::{ConvNorm, UnitConfig};
use crate::{FeatureMap, OpPath, ops};
use burn::module::Module;
use burn::tensor::Device;
use sarx_kernels::Precision;

/// nnU-Net's `BasicBlockD`: `leaky_relu(conv2(conv1(x)) + skip(x))`.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// The first unit, with the stride of the block.
    pub conv1: ConvNorm,
    /// The second unit, without activation.
    pub conv2: ConvNorm,
    /// The way around, position by position as in nnU-Net's `Sequential`: a `None` is an average
    /// pool over the stride (no parameters), a `Some` is a 1x1x1 convolution with norm, present
    /// only if the number of channels changes. Empty: the identity.
    pub skip: Vec<Option<ConvNorm>>,
    /// Stride of the block, `[z, y, x]`.
    #[module(skip)]
    pub stride: [usize; 3],
    /// Slope of the leaky ReLU after the sum.
    #[module(skip)]
    pub slope: f64,
}

impl ResidualBlock {
    pub(crate) fn new(
        channels: [usize; 2],
        stride: [usize; 3],
        unit: UnitConfig,
        device: &Device,
    ) -> Self {
        let mut skip = Vec::new();
        if stride != [1; 3] {
            skip.push(None);
        }
        if channels[0] != channels[1] {
            let projection = UnitConfig {
                kernel: [1; 3],
                conv_bias: false,
                ..unit
            };
            let projection = projection.without_activation();
            skip.push(Some(ConvNorm::new(channels, [1; 3], projection, device)));
        }
        let second = unit.without_activation();
        Self {
            conv1: ConvNorm::new(channels, stride, unit, device),
            conv2: ConvNorm::new([channels[1]; 2], [1; 3], second, device),
            skip,
            stride,
            slope: unit.slope,
        }
    }

    /// Applies the block.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, channels_in, z, y, x]`
    /// - result: `[batch, channels_out, z / stride_z, y / stride_y, x / stride_x]`
    pub fn forward(&self, x: FeatureMap, path: OpPath) -> FeatureMap {
        let around = self.skip.iter().fold(x.clone(), |x, part| match part {
            None => ops::average_pool(x, self.stride, path),
            Some(projection) => projection.forward(x, None, path),
        });
        let through = self.conv1.forward(x, None, path);
        let through = self.conv2.forward(through, None, path);
        ops::add_act(through, around, self.slope, path)
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        self.conv1.prepare(precision);
        self.conv2.prepare(precision);
        for skip in self.skip.iter_mut().flatten() {
            skip.prepare(precision);
        }
    }
}
