//! Fine-tuning: everything but the heads from another network.
//!
//! Source: nnU-Net v2, `run/load_pretrained_weights.py`.

use super::NamedArray;
use crate::{Unet, WeightsError};
use std::collections::BTreeMap;

/// Names with this part are heads: labels differ between tasks, so they begin anew.
const HEADS: &str = ".seg_layers.";

impl Unet {
    /// The same network with the weights of another one; its heads keep theirs.
    ///
    /// Every parameter that is no head must be given with its shape. What else is given is not
    /// looked at, so the other network may have other heads.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] names the first tensor that is missing or misshapen.
    pub fn with_pretrained(self, arrays: Vec<NamedArray>) -> Result<Self, WeightsError> {
        let found = arrays.len();
        let mut given: BTreeMap<String, NamedArray> = arrays
            .into_iter()
            .map(|array| (array.name.clone(), array))
            .collect();
        let mut own = self.named_parameters();
        let expected = own.len();
        for parameter in own.iter_mut().filter(|p| !p.name.contains(HEADS)) {
            let Some(array) = given.remove(&parameter.name) else {
                let name = parameter.name.clone();
                return Err(WeightsError::Missing {
                    name,
                    expected,
                    found,
                });
            };
            if array.shape != parameter.shape {
                return Err(WeightsError::Shape {
                    name: array.name,
                    found: array.shape,
                    expected: parameter.shape.clone(),
                });
            }
            *parameter = array;
        }
        self.with_parameters(own)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Device, EncoderKind, NamedArray, Unet, UnetConfig, WeightsError};

    fn unet(n_heads: usize, seed: u64) -> Unet {
        let config = UnetConfig {
            input_channels: 1,
            n_heads,
            features_per_stage: vec![2, 4],
            kernel_sizes: vec![[1, 3, 3]; 2],
            strides: vec![[1, 1, 1], [1, 2, 2]],
            encoder: EncoderKind::Plain {
                n_conv_per_stage: vec![1, 1],
            },
            n_conv_per_stage_decoder: vec![1],
            conv_bias: true,
            norm_epsilon: 1e-5,
            leaky_slope: 0.01,
        };
        config.init(&Device::flex(), seed).expect("good")
    }

    #[test]
    fn all_but_the_heads_come_from_the_other_network() {
        let (other, fresh) = (unet(5, 1), unet(2, 2));
        let tuned = fresh
            .clone()
            .with_pretrained(other.named_parameters())
            .expect("same trunk");
        let find = |unet: &Unet, name: &str| -> NamedArray {
            let mut all = unet.named_parameters().into_iter();
            all.find(|a| a.name == name).expect("known")
        };
        for array in tuned.named_parameters() {
            let source = if array.name.contains(".seg_layers.") {
                &fresh
            } else {
                &other
            };
            assert_eq!(array, find(source, &array.name));
        }
    }

    #[test]
    fn a_missing_or_misshapen_tensor_is_named() {
        let mut arrays = unet(2, 1).named_parameters();
        let gone = arrays.remove(0).name;
        let error = unet(2, 2)
            .with_pretrained(arrays.clone())
            .expect_err("gone");
        assert!(matches!(error, WeightsError::Missing { name, .. } if name == gone));
        let mut arrays = unet(2, 1).named_parameters();
        arrays[0].shape.swap(0, 3);
        let error = unet(2, 2).with_pretrained(arrays).expect_err("misshapen");
        assert!(matches!(error, WeightsError::Shape { .. }));
    }
}
