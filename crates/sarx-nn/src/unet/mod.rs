//! The U-Net of nnU-Net with a plain or residual encoder, one part per file.
//!
//! Field names follow nnU-Net's modules, because parameter names are made from them.

mod config;
mod convolution;
mod decoder;
mod encoder;
mod instance_norm;
mod network;
mod parameter_shapes;
mod plain_encoder;
mod residual_block;
mod residual_encoder;
mod stage;
mod unit;
mod up_convolution;

pub use config::{EncoderKind, UnetConfig};
pub use convolution::Convolution;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use instance_norm::InstanceNorm;
pub use network::Unet;
pub use plain_encoder::PlainEncoder;
pub use residual_block::ResidualBlock;
pub use residual_encoder::{ResidualEncoder, ResidualStage};
pub use stage::ConvStage;
pub use unit::ConvNorm;
pub use up_convolution::UpConvolution;

pub(crate) use unit::UnitConfig;
