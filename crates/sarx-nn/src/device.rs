//! Where tensors live, and the way onto it.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// The device a user asks for. Only the CPU exists so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// Burn's pure-Rust CPU backend ("flex") with the fused kernels of this crate.
    #[default]
    Cpu,
}

impl DeviceChoice {
    /// The device for prediction: no gradients are recorded.
    #[must_use]
    pub fn inference(self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
        }
    }

    /// The device for training: operations on it can be differentiated.
    #[must_use]
    pub fn training(self) -> Device {
        self.inference().autodiff()
    }
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
