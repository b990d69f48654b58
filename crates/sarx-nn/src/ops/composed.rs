//! The operations as compositions of Burn's own: what they mean, and what runs on GPUs.

use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, activation, module};

/// 3D convolution with zero padding `(kernel - 1) / 2`. x: `[batch, in, z, y, x]`, weight:
/// `[out, in, kz, ky, kx]`, bias: `[out]`.
pub(super) fn conv3d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    stride: [usize; 3],
) -> Tensor<5> {
    let [_, _, kz, ky, kx] = weight.dims();
    let padding = [kz, ky, kx].map(|k| (k - 1) / 2);
    module::conv3d(
        x,
        weight,
        bias,
        ConvOptions::new(stride, padding, [1; 3], 1),
    )
}

/// Transposed 3D convolution with kernel = stride. x: `[batch, in, z, y, x]`, weight:
/// `[in, out, sz, sy, sx]`, bias: `[out]`.
pub(super) fn up_conv3d(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let [_, _, sz, sy, sx] = weight.dims();
    let options = ConvTransposeOptions::new([sz, sy, sx], [0; 3], [0; 3], [1; 3], 1);
    let y = module::conv_transpose3d(x, weight, None, options);
    let spread_bias = spread(bias, y.dims());
    y + spread_bias
}

/// Repeats a value per channel over `[batch, channel, z, y, x]`, one axis after the other.
///
/// The gradient then comes back as sums along one axis at a time, and rounding stays small. Most of what an
/// up-convolution's bias adds vanishes in the next norm, so that its gradient is a small difference of large sums: with
/// Burn's own bias, one f32 sum over the whole volume, it is off by 1.3e-4 of its size, this way by less than 1e-5.
fn spread(channels: Tensor<1>, [batch, n_channels, z, y, x]: [usize; 5]) -> Tensor<5> {
    let one = channels.reshape([1, n_channels, 1, 1, 1]);
    one.expand([1, n_channels, z, 1, 1])
        .expand([1, n_channels, z, y, 1])
        .expand([1, n_channels, z, y, x])
        .expand([batch, n_channels, z, y, x])
}

/// Instance norm, then leaky ReLU. x: `[batch, channel, z, y, x]`, weight, bias: `[channel]`.
pub(super) fn norm_act(
    x: Tensor<5>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    slope: f64,
) -> Tensor<5> {
    let shape = x.dims();
    let [batch, channels, z, y, w] = shape;
    let x: Tensor<3> = x.reshape([batch, channels, z * y * w]);
    let centred = x.clone() - x.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    let normal = centred / (variance + epsilon).sqrt();
    let y = normal * weight.reshape([1, channels, 1]) + bias.reshape([1, channels, 1]);
    leaky_relu(y.reshape(shape), slope)
}

/// `x` where it is not negative, `slope * x` elsewhere.
pub(super) fn leaky_relu(x: Tensor<5>, slope: f64) -> Tensor<5> {
    if slope == 1.0 {
        x
    } else {
        activation::leaky_relu(x, slope)
    }
}

/// Mean over blocks of `stride` voxels. x: `[batch, channel, z, y, x]`, sizes divisible.
pub(super) fn average_pool(x: Tensor<5>, stride: [usize; 3]) -> Tensor<5> {
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
    use burn::tensor::Device;

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
