//! Units in a row: a stage of the plain encoder, the residual stem, a level of the decoder.

use super::{ConvNorm, UnitConfig};
use crate::OpPath;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// nnU-Net's `StackedConvBlocks`.
#[derive(Module, Debug)]
pub struct ConvStage {
    /// The units; only the first has a stride and may change the number of channels.
    pub convs: Vec<ConvNorm>,
}

impl ConvStage {
    pub(crate) fn new(
        [channels_in, channels_out]: [usize; 2],
        n_convs: usize,
        stride: [usize; 3],
        unit: UnitConfig,
        device: &Device,
    ) -> Self {
        let convs = (0..n_convs)
            .map(|index| match index {
                0 => ConvNorm::new([channels_in, channels_out], stride, unit, device),
                _ => ConvNorm::new([channels_out; 2], [1; 3], unit, device),
            })
            .collect();
        Self { convs }
    }

    /// Applies all units.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, channels_in, z, y, x]`
    /// - result: `[batch, channels_out, z / stride_z, y / stride_y, x / stride_x]`
    pub fn forward(&self, x: Tensor<5>, path: OpPath) -> Tensor<5> {
        self.convs.iter().fold(x, |x, conv| conv.forward(x, path))
    }
}
