//! The encoder of `PlainConvUNet`: strided convolutions, no pooling.

use super::{ConvStage, UnetConfig, UnitConfig};
use crate::{FeatureMap, OpPath};
use burn::module::Module;
use burn::tensor::Device;
use sarx_kernels::Precision;

/// Stages of convolutions; each stage begins with its stride.
#[derive(Module, Debug)]
pub struct PlainEncoder {
    /// The stages, full resolution first. nnU-Net wraps each in a one-element `Sequential`, whose
    /// index 0 is part of the parameter names; the array of one gives the same names.
    pub stages: Vec<[ConvStage; 1]>,
}

impl PlainEncoder {
    pub(crate) fn new(config: &UnetConfig, n_convs: &[usize], device: &Device) -> Self {
        let mut channels_in = config.input_channels;
        let stages = (0..config.n_stages())
            .map(|stage| {
                let channels = [channels_in, config.features_per_stage[stage]];
                channels_in = channels[1];
                let unit = UnitConfig::of_stage(config, stage);
                [ConvStage::new(
                    channels,
                    n_convs[stage],
                    config.strides[stage],
                    unit,
                    device,
                )]
            })
            .collect();
        Self { stages }
    }

    /// The outputs of all stages, full resolution first; the last is the bottleneck.
    ///
    /// # Shapes
    ///
    /// - x: `[batch, input_channels, z, y, x]`
    /// - result `i`: `[batch, features_per_stage[i], ..]`, sizes divided by all strides up to `i`
    pub fn forward(&self, x: FeatureMap, path: OpPath) -> Vec<FeatureMap> {
        let mut skips = Vec::with_capacity(self.stages.len());
        let mut x = x;
        for [stage] in &self.stages {
            x = stage.forward(x, None, path);
            skips.push(x.clone());
        }
        skips
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        let stages = self.stages.iter_mut().flatten();
        stages.for_each(|stage| stage.prepare(precision));
    }
}
