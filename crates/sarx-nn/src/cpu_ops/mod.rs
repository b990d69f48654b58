//! The heavy operations of the network, each as a composition of Burn's own operations (the
//! reference) and as fused CPU kernels.
//!
//! The kernels read channels-last copies with a border of zeros (`layout`). One kernel (`taps`)
//! serves convolution, data gradient and up-convolution, one (`weight_gradient`) the weights, one
//! (`norm`) instance norm with leaky ReLU. `extension` makes them operations of Burn's backend.
//! Tasks are whole output planes or whole sums, so results do not depend on the number of threads.

mod convolution;
mod extension;
mod layout;
mod norm;
mod path;
mod scratch;
mod taps;
#[cfg(test)]
mod tests;
mod weight_gradient;

use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, activation, module};
use convolution::Window;
use extension::{CpuOps, Dispatcher};
pub use path::OpPath;

/// Stride and zero padding of a convolution, `[z, y, x]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvGeometry {
    pub(crate) stride: [usize; 3],
    pub(crate) padding: [usize; 3],
}

/// Constants of a norm with activation; slope 1 is no activation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormConstants {
    pub(crate) epsilon: f64,
    pub(crate) slope: f64,
}

/// 3D convolution. x: `[batch, in, z, y, x]`, weight: `[out, in, kz, ky, kx]`, bias: `[out]`.
pub(crate) fn conv3d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
    path: OpPath,
) -> Tensor<5> {
    let ConvGeometry { stride, padding } = geometry;
    match path {
        OpPath::Composed => module::conv3d(
            x,
            weight,
            bias,
            ConvOptions::new(stride, padding, [1; 3], 1),
        ),
        OpPath::Fused => {
            let channels_out = weight.dims()[0];
            let bias = bias.unwrap_or_else(|| Tensor::zeros([channels_out], &weight.device()));
            let (x, weight, bias) = (
                x.into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
            );
            let window = Window {
                stride,
                padding,
                up: false,
            };
            Tensor::from_dispatch(Dispatcher::fused_conv(x, weight, bias, window))
        }
    }
}

/// Transposed 3D convolution with kernel = stride. x: `[batch, in, z, y, x]`, weight:
/// `[in, out, sz, sy, sx]`, bias: `[out]`.
pub(crate) fn up_conv3d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Tensor<1>,
    path: OpPath,
) -> Tensor<5> {
    let [_, _, sz, sy, sx] = weight.dims();
    let stride = [sz, sy, sx];
    match path {
        OpPath::Composed => {
            let options = ConvTransposeOptions::new(stride, [0; 3], [0; 3], [1; 3], 1);
            let y = module::conv_transpose3d(x, weight, None, options);
            let spread_bias = spread(bias, y.dims());
            y + spread_bias
        }
        OpPath::Fused => {
            let (x, weight, bias) = (
                x.into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
            );
            let window = Window {
                stride,
                padding: [0; 3],
                up: true,
            };
            Tensor::from_dispatch(Dispatcher::fused_conv(x, weight, bias, window))
        }
    }
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
pub(crate) fn norm_act(
    x: Tensor<5>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    constants: NormConstants,
    path: OpPath,
) -> Tensor<5> {
    if path == OpPath::Fused {
        let (x, weight, bias) = (
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
        );
        return Tensor::from_dispatch(Dispatcher::fused_norm(x, weight, bias, constants));
    }
    let NormConstants { epsilon, slope } = constants;
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
pub(crate) fn leaky_relu(x: Tensor<5>, slope: f64) -> Tensor<5> {
    if slope == 1.0 {
        x
    } else {
        activation::leaky_relu(x, slope)
    }
}
