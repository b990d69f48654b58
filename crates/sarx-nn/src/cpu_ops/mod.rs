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
            module::conv_transpose3d(x, weight, Some(bias), options)
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
