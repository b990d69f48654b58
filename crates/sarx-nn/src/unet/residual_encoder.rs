//! The encoder of `ResidualEncoderUNet`: a stem, then stages of residual blocks.

use super::{ConvStage, ResidualBlock, UnetConfig, UnitConfig};
use crate::{FeatureMap, OpPath};
use burn::module::Module;
use burn::tensor::Device;
use sarx_kernels::Precision;

/// Residual blocks in a row; the first has the stride and changes the number of channels.
#[derive(Module, Debug)]
pub struct ResidualStage {
    /// The blocks.
    pub blocks: Vec<ResidualBlock>,
}

/// A stem of one unit, then residual stages.
#[derive(Module, Debug)]
pub struct ResidualEncoder {
    /// One unit that brings the image to the features of stage 0, without stride.
    pub stem: ConvStage,
    /// The stages, full resolution first.
    pub stages: Vec<ResidualStage>,
}

impl ResidualEncoder {
    pub(crate) fn new(config: &UnetConfig, n_blocks: &[usize], device: &Device) -> Self {
        let features = &config.features_per_stage;
        let unit = UnitConfig::of_stage(config, 0);
        let stem = ConvStage::new(
            [config.input_channels, features[0]],
            1,
            [1; 3],
            unit,
            device,
        );
        let stages = (0..config.n_stages())
            .map(|stage| {
                let unit = UnitConfig::of_stage(config, stage);
                let channels_in = features[stage.saturating_sub(1)];
                let blocks = (0..n_blocks[stage])
                    .map(|block| match block {
                        0 => {
                            let channels = [channels_in, features[stage]];
                            ResidualBlock::new(channels, config.strides[stage], unit, device)
                        }
                        _ => ResidualBlock::new([features[stage]; 2], [1; 3], unit, device),
                    })
                    .collect();
                ResidualStage { blocks }
            })
            .collect();
        Self { stem, stages }
    }

    /// The outputs of all stages, full resolution first; the last is the bottleneck.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, input_channels, z, y, x]`
    /// - result `i`: `[batch, features_per_stage[i], ..]`, sizes divided by all strides up to `i`
    pub fn forward(&self, x: FeatureMap, path: OpPath) -> Vec<FeatureMap> {
        let mut skips = Vec::with_capacity(self.stages.len());
        let mut x = self.stem.forward(x, None, path);
        for stage in &self.stages {
            x = stage
                .blocks
                .iter()
                .fold(x, |x, block| block.forward(x, path));
            skips.push(x.clone());
        }
        skips
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        self.stem.prepare(precision);
        let blocks = self.stages.iter_mut().flat_map(|stage| &mut stage.blocks);
        blocks.for_each(|block| block.prepare(precision));
    }
}
