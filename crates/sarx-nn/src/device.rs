//! Where tensors live, and the way onto it.
//!
//! A user asks for a device ([`DeviceRequest`]); [`DeviceRequest::choose`] looks whether this build
//! and this machine have it, opens it, and gives a [`DeviceChoice`]. What runs on it follows from
//! the device alone ([`crate::OpPath::of`]).

mod failure;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod found;
mod request;

use burn::tensor::{Device, Int, Tensor, TensorData};
pub use failure::{DeviceFailure, guarded, read_f32};
pub use request::{DeviceError, DeviceRequest};

/// A device that a network runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// Burn's pure-Rust CPU backend ("flex") with the fused kernels of this crate.
    #[default]
    Cpu,
    /// A GPU behind Burn's wgpu backend, by its place in the list of all GPUs: discrete ones first,
    /// then integrated, then virtual ones.
    #[cfg(feature = "wgpu")]
    Gpu(usize),
    /// An NVIDIA GPU behind Burn's CUDA backend, by CUDA's own number.
    #[cfg(feature = "cuda")]
    Cuda(usize),
}

impl DeviceChoice {
    /// The device for prediction: no gradients are recorded.
    ///
    /// # Panics
    ///
    /// If there is no such GPU; ask for it by [`DeviceRequest::choose`], which does not panic.
    #[must_use]
    pub fn inference(self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
            #[cfg(feature = "wgpu")]
            Self::Gpu(index) => match found::gpus().get(index) {
                Some(gpu) => gpu.device.clone(),
                None => panic!("there is no device gpu:{index}"),
            },
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Device::cuda(index),
        }
    }

    /// The device for training: operations on it can be differentiated.
    ///
    /// # Panics
    ///
    /// As [`DeviceChoice::inference`].
    #[must_use]
    pub fn training(self) -> Device {
        self.inference().autodiff()
    }
}

/// As it is typed: `cpu`, `gpu:0`, `cuda:1`.
impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            #[cfg(feature = "wgpu")]
            Self::Gpu(index) => write!(f, "gpu:{index}"),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Whether a device is the CPU, with or without gradients.
pub(crate) fn is_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// A batch of images as a tensor.
///
/// # Shapes
///
/// - `values`: the batch in `[batch, channel, z, y, x]` order
/// - result: `[batch, channel, z, y, x]`
///
/// # Panics
///
/// If `values` does not have as many elements as `shape` says.
#[must_use]
pub fn image_tensor(values: Vec<f32>, shape: [usize; 5], device: &Device) -> Tensor<5> {
    assert_eq!(
        values.len(),
        shape.iter().product::<usize>(),
        "values of an image of shape {shape:?}"
    );
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A batch of label maps as an integer tensor.
///
/// # Shapes
///
/// - `labels`: the batch in `[batch, z, y, x]` order
/// - result: `[batch, z, y, x]`
///
/// # Panics
///
/// If `labels` does not have as many elements as `shape` says.
#[must_use]
pub fn target_tensor(labels: &[i16], shape: [usize; 4], device: &Device) -> Tensor<4, Int> {
    assert_eq!(
        labels.len(),
        shape.iter().product::<usize>(),
        "labels of a target of shape {shape:?}"
    );
    let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
    Tensor::from_data(TensorData::new(labels, shape), device)
}
