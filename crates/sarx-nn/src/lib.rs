//! U-Net, losses, optimizer and weights on Burn.
//!
//! The network of nnU-Net v2 with a plain or a residual encoder: a [`UnetConfig`] is checked,
//! [initialised](UnetConfig::init) from a seed and gives a [`Unet`]. [`TrainState`] holds what a
//! training run must remember (weights and momentum) and makes one step at a time:
//! forward, [`DeepSupervisionLoss`], backward, clipping, [`Sgd`]. Weights travel as
//! [`NamedArray`]s under nnU-Net's own parameter names.
//!
//! This crate knows no plans, no cases and no files: weights are bytes.
//!
//! Arrays are `[batch, channel, z, y, x]`, targets are label maps `[batch, z, y, x]`.
//! The heavy operations have two paths, see [`OpPath`]: Burn's own operations (the reference, and
//! what GPUs run) and the kernels of `sarx-kernels`. Results of both do not depend on the number of
//! threads.

mod device;
mod error;
mod feature_map;
mod init;
mod loss;
mod ops;
mod poly_lr;
mod sgd;
mod train_state;
mod unet;
mod weights;

pub use burn::tensor::{Device, Int, Tensor, TensorData};
pub use device::{
    DeviceChoice, DeviceError, DeviceFailure, DeviceRequest, guarded, image_tensor, read_f32,
    target_tensor,
};
pub use error::{ConfigError, PrecisionError, StepError, WeightsError};
pub use feature_map::{BlockedMap, FeatureMap};
pub use loss::{DeepSupervisionLoss, LossConfig, Target, deep_supervision_weights};
pub use ops::OpPath;
pub use poly_lr::poly_lr;
pub use sarx_kernels::Precision;
pub use sgd::{Sgd, SgdConfig};
pub use train_state::{StepReport, TrainState};
pub use unet::{
    ConvNorm, ConvStage, Convolution, Decoder, Encoder, EncoderKind, InstanceNorm, PlainEncoder,
    ResidualBlock, ResidualEncoder, ResidualStage, Unet, UnetConfig, UpConvolution,
};
pub use weights::{NamedArray, WeightsFile};
