//! What a U-Net is made of, checked before anything is allocated.

use super::{Decoder, Encoder, Unet};
use crate::{ConfigError, OpPath, init};
use burn::tensor::Device;

/// The two encoders of nnU-Net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncoderKind {
    /// Convolutions in a row (`PlainConvUNet`).
    Plain {
        /// Convolutions per stage; the first of a stage carries its stride.
        n_conv_per_stage: Vec<usize>,
    },
    /// A stem and residual blocks (`ResidualEncoderUNet`).
    Residual {
        /// Blocks of two convolutions per stage.
        n_blocks_per_stage: Vec<usize>,
    },
}

/// Arguments of a U-Net. Stage 0 is full resolution; sizes are in `[z, y, x]` order.
#[derive(Debug, Clone, PartialEq)]
pub struct UnetConfig {
    /// Channels of the image.
    pub input_channels: usize,
    /// Channels of every output: labels with background, or regions.
    pub n_heads: usize,
    /// Feature channels per stage.
    pub features_per_stage: Vec<usize>,
    /// Kernel edge lengths per stage, all odd.
    pub kernel_sizes: Vec<[usize; 3]>,
    /// Down-sampling on entering each stage; the first is `[1, 1, 1]`.
    pub strides: Vec<[usize; 3]>,
    /// The encoder and its depth per stage.
    pub encoder: EncoderKind,
    /// Convolutions per decoder level, lowest resolution first (one fewer than stages).
    pub n_conv_per_stage_decoder: Vec<usize>,
    /// Whether convolutions have a bias (nnU-Net: yes). Heads and up-convolutions always have.
    pub conv_bias: bool,
    /// Added to the variance in the instance norm (nnU-Net: 1e-5).
    pub norm_epsilon: f64,
    /// Slope of the leaky ReLU below zero (nnU-Net: 0.01).
    pub leaky_slope: f64,
}

impl UnetConfig {
    /// Number of stages, bottleneck included.
    #[must_use]
    pub fn n_stages(&self) -> usize {
        self.features_per_stage.len()
    }

    /// Whether this network can be built.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let n_stages = self.n_stages();
        if n_stages < 2 {
            return Err(ConfigError::TooFewStages { found: n_stages });
        }
        let depth = self.encoder_depth();
        self.check_lengths(depth)?;
        positive("input_channels", &[self.input_channels])?;
        positive("n_heads", &[self.n_heads])?;
        positive("features_per_stage", &self.features_per_stage)?;
        positive(depth.0, depth.1)?;
        positive("n_conv_per_stage_decoder", &self.n_conv_per_stage_decoder)?;
        positive("kernel_sizes", self.kernel_sizes.as_flattened())?;
        positive("strides", self.strides.as_flattened())?;
        for (stage, &kernel) in self.kernel_sizes.iter().enumerate() {
            if kernel.iter().any(|edge| edge % 2 == 0) {
                return Err(ConfigError::EvenKernel { stage, kernel });
            }
        }
        if self.strides[0] != [1; 3] {
            return Err(ConfigError::FirstStride {
                stride: self.strides[0],
            });
        }
        constant(
            "norm_epsilon",
            self.norm_epsilon,
            self.norm_epsilon > 0.0,
            "it must be positive",
        )?;
        let slope_is_good = (0.0..1.0).contains(&self.leaky_slope);
        constant(
            "leaky_slope",
            self.leaky_slope,
            slope_is_good,
            "it must be in [0, 1)",
        )
    }

    fn encoder_depth(&self) -> (&'static str, &[usize]) {
        match &self.encoder {
            EncoderKind::Plain { n_conv_per_stage } => ("n_conv_per_stage", n_conv_per_stage),
            EncoderKind::Residual { n_blocks_per_stage } => {
                ("n_blocks_per_stage", n_blocks_per_stage)
            }
        }
    }

    fn check_lengths(&self, depth: (&'static str, &[usize])) -> Result<(), ConfigError> {
        let n_stages = self.n_stages();
        let lists = [
            ("kernel_sizes", self.kernel_sizes.len(), n_stages),
            ("strides", self.strides.len(), n_stages),
            (depth.0, depth.1.len(), n_stages),
            (
                "n_conv_per_stage_decoder",
                self.n_conv_per_stage_decoder.len(),
                n_stages - 1,
            ),
        ];
        for (field, found, expected) in lists {
            if found != expected {
                return Err(ConfigError::WrongLength {
                    field,
                    found,
                    expected,
                    n_stages,
                });
            }
        }
        Ok(())
    }

    /// The product of all strides per axis: what a patch must be a multiple of.
    #[must_use]
    pub fn size_multiple(&self) -> [usize; 3] {
        let mut multiple = [1; 3];
        for stride in &self.strides {
            for axis in 0..3 {
                multiple[axis] *= stride[axis];
            }
        }
        multiple
    }

    /// Whether a patch of this size (voxels, `[z, y, x]`) can pass.
    ///
    /// # Errors
    ///
    /// [`ConfigError::SizeNotDivisible`] names the axis.
    pub fn check_patch(&self, size: [usize; 3]) -> Result<(), ConfigError> {
        let multiples = self.size_multiple();
        for axis in 0..3 {
            let (size, multiple) = (size[axis], multiples[axis]);
            if size == 0 || size % multiple != 0 {
                return Err(ConfigError::SizeNotDivisible {
                    axis,
                    size,
                    multiple,
                });
            }
        }
        Ok(())
    }

    /// Builds the network with nnU-Net's initialisation from a seed.
    ///
    /// # Determinism
    ///
    /// The same seed gives the same bytes on every machine and device: weights are drawn on the
    /// host from ChaCha8, in parameter order.
    ///
    /// # Errors
    ///
    /// What [`UnetConfig::check`] finds.
    pub fn init(&self, device: &Device, seed: u64) -> Result<Unet, ConfigError> {
        self.check()?;
        let unet = Unet {
            encoder: Encoder::new(self, device),
            decoder: Decoder::new(self, device),
            config: self.clone(),
            op_path: OpPath::of(device),
        };
        Ok(init::initialise(unet, seed))
    }
}

fn positive(field: &str, values: &[usize]) -> Result<(), ConfigError> {
    match values.iter().position(|&value| value == 0) {
        None => Ok(()),
        Some(_) if values.len() == 1 => Err(ConfigError::Zero {
            field: field.to_owned(),
        }),
        Some(index) => Err(ConfigError::Zero {
            field: format!("{field}[{index}]"),
        }),
    }
}

fn constant(
    field: &'static str,
    value: f64,
    good: bool,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if value.is_finite() && good {
        return Ok(());
    }
    Err(ConfigError::BadConstant {
        field,
        value,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> UnetConfig {
        UnetConfig {
            input_channels: 1,
            n_heads: 2,
            features_per_stage: vec![4, 8],
            kernel_sizes: vec![[1, 3, 3], [3, 3, 3]],
            strides: vec![[1, 1, 1], [1, 2, 2]],
            encoder: EncoderKind::Plain {
                n_conv_per_stage: vec![1, 1],
            },
            n_conv_per_stage_decoder: vec![1],
            conv_bias: true,
            norm_epsilon: 1e-5,
            leaky_slope: 0.01,
        }
    }

    fn message(change: impl FnOnce(&mut UnetConfig)) -> String {
        let mut config = config();
        change(&mut config);
        config.check().expect_err("must be refused").to_string()
    }

    #[test]
    fn a_good_configuration_passes() {
        assert_eq!(config().check(), Ok(()));
        assert_eq!(config().check_patch([3, 8, 6]), Ok(()));
    }

    #[test]
    fn every_fault_is_named() {
        assert_eq!(
            message(|c| c.features_per_stage.truncate(1)),
            "features_per_stage has 1 stages; a U-Net needs at least 2"
        );
        assert_eq!(
            message(|c| c.strides.push([1; 3])),
            "strides has 3 entries, expected 2 for 2 stages"
        );
        assert_eq!(
            message(|c| c.kernel_sizes[1][0] = 2),
            "kernel_sizes[1] is [2, 3, 3] (z, y, x); every edge must be odd"
        );
        assert_eq!(
            message(|c| c.strides[0][1] = 2),
            "strides[0] is [1, 2, 1] (z, y, x), expected [1, 1, 1]"
        );
        assert_eq!(
            message(|c| c.features_per_stage[1] = 0),
            "features_per_stage[1] is 0; it must be at least 1"
        );
        assert_eq!(
            message(|c| c.n_heads = 0),
            "n_heads is 0; it must be at least 1"
        );
        assert_eq!(
            message(|c| c.norm_epsilon = f64::NAN),
            "norm_epsilon is NaN; it must be positive"
        );
        assert_eq!(
            message(|c| c.leaky_slope = 1.0),
            "leaky_slope is 1; it must be in [0, 1)"
        );
    }

    #[test]
    fn a_patch_that_does_not_divide_names_its_axis() {
        let error = config().check_patch([3, 8, 5]).expect_err("5 is odd");
        assert_eq!(
            error.to_string(),
            "size 5 along axis 2 (0 = z, 1 = y, 2 = x) is not a positive multiple of 2, the product of the strides along it"
        );
    }
}
