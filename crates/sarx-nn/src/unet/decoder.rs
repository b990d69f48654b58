//! The part that goes up again: up-convolution, skip, units, and a head at every level.

use super::{ConvStage, Convolution, UnetConfig, UnitConfig, UpConvolution};
use crate::{FeatureMap, OpPath, ops};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use sarx_kernels::Precision;

/// nnU-Net's `UNetDecoder`. Level 0 is the LOWEST resolution; every level has a head.
#[derive(Module, Debug)]
pub struct Decoder {
    /// The units after each concatenation.
    pub stages: Vec<ConvStage>,
    /// The up-convolution into each level.
    pub transpconvs: Vec<UpConvolution>,
    /// The 1x1x1 convolution to logits of each level.
    pub seg_layers: Vec<Convolution>,
}

impl Decoder {
    pub(crate) fn new(config: &UnetConfig, device: &Device) -> Self {
        let n_levels = config.n_stages() - 1;
        let mut decoder = Self {
            stages: Vec::new(),
            transpconvs: Vec::new(),
            seg_layers: Vec::new(),
        };
        for level in 0..n_levels {
            let (below, stage) = (n_levels - level, n_levels - level - 1);
            let [features_below, features] = [
                config.features_per_stage[below],
                config.features_per_stage[stage],
            ];
            let up = UpConvolution::new([features_below, features], config.strides[below], device);
            let n_convs = config.n_conv_per_stage_decoder[level];
            let unit = UnitConfig::of_stage(config, stage);
            let units = ConvStage::new([2 * features, features], n_convs, [1; 3], unit, device);
            let head = Convolution::new([features, config.n_heads], [1; 3], [1; 3], true, device);
            decoder.transpconvs.push(up);
            decoder.stages.push(units);
            decoder.seg_layers.push(head);
        }
        decoder
    }

    /// The features of every level, lowest resolution first.
    fn features(&self, mut skips: Vec<FeatureMap>, path: OpPath) -> Vec<FeatureMap> {
        let mut levels: Vec<FeatureMap> = Vec::with_capacity(self.stages.len());
        let mut x = skips.pop();
        for (up, stage) in self.transpconvs.iter().zip(&self.stages) {
            let (Some(below), Some(skip)) = (x.take(), skips.pop()) else {
                break;
            };
            let features = stage.forward(up.forward(below, path), Some(skip), path);
            levels.push(features.clone());
            x = Some(features);
        }
        levels
    }

    /// The logits of all levels, full resolution first.
    ///
    /// # Shapes
    ///
    /// - skips: the encoder's outputs, full resolution first
    /// - result `i`: `[batch, n_heads, ..]` at the size of stage `i`
    pub fn forward_deep(&self, skips: Vec<FeatureMap>, path: OpPath) -> Vec<Tensor<5>> {
        let features = self.features(skips, path);
        let heads = self.seg_layers.iter();
        heads
            .zip(features)
            .rev()
            .map(|(head, x)| ops::head(x, head.head_parameters(), path))
            .collect()
    }

    /// The logits at full resolution.
    ///
    /// # Shapes
    ///
    /// - skips: the encoder's outputs, full resolution first
    /// - result: `[batch, n_heads, z, y, x]`
    ///
    /// # Panics
    ///
    /// If `skips` does not hold one tensor per stage.
    pub fn forward(&self, mut skips: Vec<FeatureMap>, path: OpPath) -> Tensor<5> {
        assert_eq!(
            skips.len(),
            self.stages.len() + 1,
            "one skip per stage of the encoder"
        );
        let (Some(mut x), Some(head)) = (skips.pop(), self.seg_layers.last()) else {
            unreachable!("a checked configuration has at least one decoder level");
        };
        let mut levels = self.transpconvs.iter().zip(&self.stages);
        let last = levels.next_back();
        for (up, stage) in levels {
            x = stage.forward(up.forward(x, path), skips.pop(), path);
        }
        let Some((up, stage)) = last else {
            unreachable!("a checked configuration has at least one decoder level");
        };
        stage.forward_to_logits(up.forward(x, path), skips.pop(), head, path)
    }

    pub(crate) fn prepare(&mut self, precision: Precision) {
        for stage in &mut self.stages {
            stage.prepare(precision);
        }
        for up in &mut self.transpconvs {
            up.prepare(precision);
        }
    }
}
