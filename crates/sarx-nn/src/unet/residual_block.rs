//! Two units and a way around them.

use super::{ConvNorm, UnitConfig};
use crate::{OpPath, cpu_ops};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

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
    pub fn forward(&self, x: Tensor<5>, path: OpPath) -> Tensor<5> {
        let around = self.skip.iter().fold(x.clone(), |x, part| match part {
            None => average_pool(x, self.stride),
            Some(projection) => projection.forward(x, path),
        });
        let through = self.conv2.forward(self.conv1.forward(x, path), path);
        cpu_ops::leaky_relu(through + around, self.slope)
    }
}

/// Mean over blocks of `stride` voxels.
///
/// # Shapes
///
/// - x: `[batch, channels, z, y, x]`, sizes divisible by `stride`
/// - result: `[batch, channels, z / stride_z, y / stride_y, x / stride_x]`
fn average_pool(x: Tensor<5>, stride: [usize; 3]) -> Tensor<5> {
    let [batch, channels, nz, ny, nx] = x.dims();
    let [sz, sy, sx] = stride;
    let [oz, oy, ox] = [nz / sz, ny / sy, nx / sx];
    let x = x
        .reshape([batch * channels * oz, sz, oy, sy, ox * sx])
        .mean_dim(1)
        .mean_dim(3);
    let x: Tensor<3> = x.reshape([batch * channels * oz * oy, ox, sx]);
    x.mean_dim(2).reshape([batch, channels, oz, oy, ox])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_pool_takes_the_mean_of_each_block() {
        let device = Device::flex();
        let x = Tensor::<1>::from_floats(
            [
                0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.,
            ],
            &device,
        );
        let y = average_pool(x.clone().reshape([1, 1, 2, 2, 4]), [1, 2, 2]);
        assert_eq!(y.dims(), [1, 1, 2, 1, 2]);
        assert_eq!(
            y.into_data().try_to_vec::<f32>().expect("f32"),
            [2.5, 4.5, 10.5, 12.5]
        );
        let y = average_pool(x.reshape([1, 1, 2, 2, 4]), [2, 1, 4]);
        assert_eq!(y.into_data().try_to_vec::<f32>().expect("f32"), [5.5, 9.5]);
    }
}
