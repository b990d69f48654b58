//! How nnU-Net fills a network before training.

use crate::unet::Unet;
use crate::weights::ParameterPath;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The slope in the gain of He's formula. nnU-Net uses 0.01 whatever the activation is.
const NEGATIVE_SLOPE: f64 = 0.01;

/// Kernels ~ N(0, gain^2 / fan_in) with gain^2 = 2 / (1 + 0.01^2) and
/// fan_in = shape[1] * kernel volume (also for up-convolutions, where shape[1] are the output
/// channels); all biases 0; norms weight 1, bias 0, except the second norm of a residual block,
/// whose weight is 0 so that a block begins as its skip.
///
/// # Source
///
/// `dynamic_network_architectures`, `initialization/weight_init.py`: `InitWeights_He(0.01)` and
/// `init_last_bn_before_add_to_0`.
pub(crate) fn initialise(unet: Unet, seed: u64) -> Unet {
    let mut initializer = Initializer {
        path: ParameterPath::default(),
        rng: ChaCha8Rng::seed_from_u64(seed),
    };
    unet.map(&mut initializer)
}

struct Initializer {
    path: ParameterPath,
    rng: ChaCha8Rng,
}

impl Initializer {
    fn values(&mut self, shape: &[usize]) -> Vec<f32> {
        let n_values: usize = shape.iter().product();
        let name = self.path.name();
        if shape.len() == 5 {
            let fan_in: usize = shape[1..].iter().product();
            let deviation = (2.0 / (1.0 + NEGATIVE_SLOPE.powi(2)) / fan_in as f64).sqrt();
            return (0..n_values)
                .map(|_| {
                    let normal: f64 = StandardNormal.sample(&mut self.rng);
                    (normal * deviation) as f32
                })
                .collect();
        }
        let scale = name.ends_with(".norm.weight") && !name.ends_with(".conv2.norm.weight");
        vec![if scale { 1.0 } else { 0.0 }; n_values]
    }
}

impl ModuleMapper for Initializer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.dims();
        let data = TensorData::new(self.values(&shape), shape);
        param.map(|old| {
            Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Device, EncoderKind, Unet, UnetConfig};

    fn residual(seed: u64) -> Unet {
        let config = UnetConfig {
            input_channels: 2,
            n_heads: 3,
            features_per_stage: vec![16, 32],
            kernel_sizes: vec![[1, 3, 3], [3, 3, 3]],
            strides: vec![[1, 1, 1], [1, 2, 2]],
            encoder: EncoderKind::Residual {
                n_blocks_per_stage: vec![1, 2],
            },
            n_conv_per_stage_decoder: vec![1],
            conv_bias: true,
            norm_epsilon: 1e-5,
            leaky_slope: 0.01,
        };
        config
            .init(&Device::flex(), seed)
            .expect("good configuration")
    }

    #[test]
    fn kernels_have_the_variance_of_he_and_the_rest_is_constant() {
        for array in residual(1).named_parameters() {
            let n = array.values.len() as f64;
            if array.shape.len() == 1 {
                let one = array.name.ends_with(".norm.weight")
                    && !array.name.ends_with(".conv2.norm.weight");
                let expected = if one { 1.0 } else { 0.0 };
                assert!(
                    array.values.iter().all(|&v| v == expected),
                    "{}",
                    array.name
                );
                continue;
            }
            let fan_in: usize = array.shape[1..].iter().product();
            let expected = 2.0 / (1.0 + 1e-4) / fan_in as f64;
            let mean = array.values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            let variance = array
                .values
                .iter()
                .map(|&v| (f64::from(v) - mean).powi(2))
                .sum::<f64>()
                / n;
            // Five standard errors of a mean and of a variance of n normal values.
            assert!(
                mean.abs() < 5.0 * (expected / n).sqrt(),
                "{}: mean {mean}",
                array.name
            );
            let ratio = variance / expected;
            assert!(
                (ratio - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
                "{}: {ratio}",
                array.name
            );
        }
    }

    #[test]
    fn the_seed_decides_every_byte() {
        assert_eq!(
            residual(7).named_parameters(),
            residual(7).named_parameters()
        );
        assert_ne!(
            residual(7).named_parameters(),
            residual(8).named_parameters()
        );
    }
}
