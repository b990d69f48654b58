//! The whole network.

use super::{Decoder, Encoder, UnetConfig};
use crate::{FeatureMap, OpPath, PrecisionError};
use burn::module::Module;
use burn::tensor::Tensor;
use sarx_kernels::Precision;

/// nnU-Net's `PlainConvUNet` or `ResidualEncoderUNet`; made by [`UnetConfig::init`].
///
/// Cloning shares the weights.
#[derive(Module, Debug)]
pub struct Unet {
    /// The part that goes down.
    pub encoder: Encoder,
    /// The part that goes up, with the heads.
    pub decoder: Decoder,
    /// What the network was made from.
    #[module(skip)]
    pub(crate) config: UnetConfig,
    /// Which implementation of the operations runs.
    #[module(skip)]
    pub(crate) op_path: OpPath,
}

impl Unet {
    /// What the network was made from.
    #[must_use]
    pub fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// The same network on another implementation of its operations.
    #[must_use]
    pub fn with_op_path(self, op_path: OpPath) -> Self {
        Self { op_path, ..self }
    }

    /// The network for prediction with weights that do not change any more: the CPU kernels keep
    /// their own copies of them, made once, in the precision that is asked for.
    ///
    /// # Errors
    ///
    /// [`PrecisionError`] if 16 bits are asked for where Burn's own operations run.
    pub fn prepared(mut self, precision: Precision) -> Result<Self, PrecisionError> {
        match (self.op_path, precision) {
            (OpPath::Fused, _) => {
                self.encoder.prepare(precision);
                self.decoder.prepare(precision);
            }
            (OpPath::Composed, Precision::F32) => {}
            (OpPath::Composed, Precision::Bf16) => return Err(PrecisionError),
        }
        Ok(self)
    }

    /// Logits at full resolution; the other heads are not computed.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, input_channels, z, y, x]`
    /// - result: `[batch, n_heads, z, y, x]`
    ///
    /// # Panics
    ///
    /// If the channels are not `input_channels`, or a size is no multiple of
    /// [`UnetConfig::size_multiple`] (the message names the axis; ask
    /// [`UnetConfig::check_patch`] first).
    #[must_use]
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        self.check_input(&x);
        self.decoder.forward(
            self.encoder.forward(FeatureMap::Plain(x), self.op_path),
            self.op_path,
        )
    }

    /// Logits of every head, full resolution first (deep supervision).
    ///
    /// # Shapes
    ///
    /// - x: `[batch, input_channels, z, y, x]`
    /// - result `i`: `[batch, n_heads, ..]`, sizes divided by all strides up to stage `i`
    ///
    /// # Panics
    ///
    /// As [`Unet::forward`].
    #[must_use]
    pub fn forward_deep(&self, x: Tensor<5>) -> Vec<Tensor<5>> {
        self.check_input(&x);
        self.decoder.forward_deep(
            self.encoder.forward(FeatureMap::Plain(x), self.op_path),
            self.op_path,
        )
    }

    fn check_input(&self, x: &Tensor<5>) {
        let [_, channels, z, y, x] = x.dims();
        let expected = self.config.input_channels;
        assert_eq!(
            channels, expected,
            "input has {channels} channels, expected {expected}"
        );
        if let Err(error) = self.config.check_patch([z, y, x]) {
            panic!("{error}");
        }
    }
}
