//! Names and shapes of a network's parameters, from its numbers alone.
//!
//! A file of weights is checked against them before a network is allocated.

use super::{EncoderKind, UnetConfig};

impl UnetConfig {
    /// Names and shapes of all parameters, as [`super::Unet::parameter_shapes`] gives them for
    /// the network itself. The configuration must be checked.
    #[must_use]
    pub fn parameter_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Shapes::default();
        match &self.encoder {
            EncoderKind::Plain { n_conv_per_stage } => self.plain(n_conv_per_stage, &mut shapes),
            EncoderKind::Residual { n_blocks_per_stage } => {
                self.residual(n_blocks_per_stage, &mut shapes);
            }
        }
        self.decoder(&mut shapes);
        shapes.0
    }

    fn plain(&self, n_convs: &[usize], shapes: &mut Shapes) {
        let mut channels = self.input_channels;
        for (stage, &features) in self.features_per_stage.iter().enumerate() {
            for conv in 0..n_convs[stage] {
                let unit = format!("encoder.stages.{stage}.0.convs.{conv}");
                let kernel = self.kernel_sizes[stage];
                shapes.unit(&unit, [channels, features], kernel, self.conv_bias);
                channels = features;
            }
        }
    }

    fn residual(&self, n_blocks: &[usize], shapes: &mut Shapes) {
        let features = &self.features_per_stage;
        let bias = self.conv_bias;
        let mut channels = [self.input_channels, features[0]];
        shapes.unit("encoder.stem.convs.0", channels, self.kernel_sizes[0], bias);
        for stage in 0..self.n_stages() {
            for block in 0..n_blocks[stage] {
                channels = [channels[1], features[stage]];
                let prefix = format!("encoder.stages.{stage}.blocks.{block}");
                let kernel = self.kernel_sizes[stage];
                shapes.unit(&format!("{prefix}.conv1"), channels, kernel, bias);
                let second = [features[stage]; 2];
                shapes.unit(&format!("{prefix}.conv2"), second, kernel, bias);
                if channels[0] != channels[1] {
                    // A pool before it takes a place in the list.
                    let is_strided = block == 0 && self.strides[stage] != [1; 3];
                    let skip = format!("{prefix}.skip.{}", usize::from(is_strided));
                    shapes.unit(&skip, channels, [1; 3], false);
                }
            }
        }
    }

    fn decoder(&self, shapes: &mut Shapes) {
        let n_levels = self.n_stages() - 1;
        let features = &self.features_per_stage;
        for level in 0..n_levels {
            let stage = n_levels - level - 1;
            let mut channels = 2 * features[stage];
            for conv in 0..self.n_conv_per_stage_decoder[level] {
                let unit = format!("decoder.stages.{level}.convs.{conv}");
                let kernel = self.kernel_sizes[stage];
                shapes.unit(&unit, [channels, features[stage]], kernel, self.conv_bias);
                channels = features[stage];
            }
        }
        for level in 0..n_levels {
            let (below, stage) = (n_levels - level, n_levels - level - 1);
            let name = format!("decoder.transpconvs.{level}");
            let channels = [features[below], features[stage]];
            shapes.kernel(&name, channels, self.strides[below]);
            shapes.vector(&format!("{name}.bias"), features[stage]);
        }
        for level in 0..n_levels {
            let name = format!("decoder.seg_layers.{level}");
            let features = features[n_levels - level - 1];
            shapes.kernel(&name, [self.n_heads, features], [1; 3]);
            shapes.vector(&format!("{name}.bias"), self.n_heads);
        }
    }
}

#[derive(Default)]
struct Shapes(Vec<(String, Vec<usize>)>);

impl Shapes {
    /// A convolution with its norm.
    fn unit(&mut self, name: &str, [c_in, c_out]: [usize; 2], kernel: [usize; 3], bias: bool) {
        self.kernel(&format!("{name}.conv"), [c_out, c_in], kernel);
        if bias {
            self.vector(&format!("{name}.conv.bias"), c_out);
        }
        self.vector(&format!("{name}.norm.weight"), c_out);
        self.vector(&format!("{name}.norm.bias"), c_out);
    }

    fn kernel(&mut self, name: &str, channels: [usize; 2], [z, y, x]: [usize; 3]) {
        let shape = vec![channels[0], channels[1], z, y, x];
        self.0.push((format!("{name}.weight"), shape));
    }

    fn vector(&mut self, name: &str, length: usize) {
        self.0.push((name.to_owned(), vec![length]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn config(encoder: EncoderKind) -> UnetConfig {
        UnetConfig {
            input_channels: 2,
            n_heads: 3,
            features_per_stage: vec![4, 4, 6],
            kernel_sizes: vec![[1, 3, 3], [3, 3, 3], [3, 3, 3]],
            strides: vec![[1, 1, 1], [1, 2, 2], [1, 1, 1]],
            encoder,
            n_conv_per_stage_decoder: vec![2, 1],
            conv_bias: true,
            norm_epsilon: 1e-5,
            leaky_slope: 0.01,
        }
    }

    #[test]
    fn they_are_those_of_the_network() {
        let plain = EncoderKind::Plain {
            n_conv_per_stage: vec![1, 2, 2],
        };
        let residual = EncoderKind::Residual {
            n_blocks_per_stage: vec![1, 3, 2],
        };
        for encoder in [plain, residual] {
            for conv_bias in [true, false] {
                let config = UnetConfig {
                    conv_bias,
                    ..config(encoder.clone())
                };
                let unet = config.init(&Device::flex(), 0).expect("good configuration");
                assert_eq!(config.parameter_shapes(), unet.parameter_shapes());
            }
        }
    }
}
