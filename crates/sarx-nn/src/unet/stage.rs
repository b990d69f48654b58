//! Units in a row: a stage of the plain encoder, the residual stem, a level of the decoder.

use super::{ConvNorm, Convolution, UnitConfig};
use crate::{FeatureMap, OpPath};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use sarx_kernels::Precision;

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

    /// Applies all units; the first also sees the skip, if there is one.
    ///
    /// # Shapes
    ///
    /// - x, skip: `[batch, .., z, y, x]`, together `channels_in` channels
    /// - result: `[batch, channels_out, z / stride_z, y / stride_y, x / stride_x]`
    pub fn forward(&self, x: FeatureMap, skip: Option<FeatureMap>, path: OpPath) -> FeatureMap {
        let start = (x, skip);
        let through = |(x, skip), conv: &ConvNorm| (conv.forward(x, skip, path), None);
        self.convs.iter().fold(start, through).0
    }

    /// The logits of a head after all units.
    pub(crate) fn forward_to_logits(
        &self,
        x: FeatureMap,
        skip: Option<FeatureMap>,
        head: &Convolution,
        path: OpPath,
    ) -> Tensor<5> {
        let Some((last, before)) = self.convs.split_last() else {
            unreachable!("a stage has at least one unit");
        };
        let through = |(x, skip), conv: &ConvNorm| (conv.forward(x, skip, path), None);
        let (x, skip) = before.iter().fold((x, skip), through);
        last.forward_to_logits(x, skip, head, path)
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        for conv in &mut self.convs {
            conv.prepare(precision);
        }
    }
}
