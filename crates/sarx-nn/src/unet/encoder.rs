//! Either encoder.

use super::{EncoderKind, PlainEncoder, ResidualEncoder, UnetConfig};
use crate::{FeatureMap, OpPath};
use burn::module::Module;
use burn::tensor::Device;
use sarx_kernels::Precision;

/// The part that goes down.
#[derive(Module, Debug)]
pub enum Encoder {
    /// Convolutions in a row.
    Plain(PlainEncoder),
    /// Residual blocks.
    Residual(ResidualEncoder),
}

impl Encoder {
    pub(crate) fn new(config: &UnetConfig, device: &Device) -> Self {
        match &config.encoder {
            EncoderKind::Plain { n_conv_per_stage } => {
                Self::Plain(PlainEncoder::new(config, n_conv_per_stage, device))
            }
            EncoderKind::Residual { n_blocks_per_stage } => {
                Self::Residual(ResidualEncoder::new(config, n_blocks_per_stage, device))
            }
        }
    }

    /// The outputs of all stages, full resolution first; the last is the bottleneck.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, input_channels, z, y, x]`
    /// - result `i`: `[batch, features_per_stage[i], ..]`, sizes divided by all strides up to `i`
    pub fn forward(&self, x: FeatureMap, path: OpPath) -> Vec<FeatureMap> {
        match self {
            Self::Plain(encoder) => encoder.forward(x, path),
            Self::Residual(encoder) => encoder.forward(x, path),
        }
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        match self {
            Self::Plain(encoder) => encoder.prepare(precision),
            Self::Residual(encoder) => encoder.prepare(precision),
        }
    }
}
