//! Stochastic gradient descent with Nesterov momentum, and clipping of the whole gradient.

use crate::weights::{ParameterPath, host_values, match_names};
use crate::{DeviceFailure, NamedArray, Unet, WeightsError, read_f32};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// Constants of the optimizer; the default is nnU-Net's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// Share of the old momentum that stays.
    pub momentum: f64,
    /// Added to each gradient times the parameter (all parameters, biases and norms too).
    pub weight_decay: f64,
    /// The L2 norm of all gradients together is brought down to this.
    pub max_gradient_norm: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self {
            momentum: 0.99,
            weight_decay: 3e-5,
            max_gradient_norm: 12.0,
        }
    }
}

/// Nesterov SGD as in PyTorch, for the parameters of a [`Unet`].
///
/// ```text
/// g = clip(gradient) + weight_decay * p
/// m = momentum * m + g          (first step: m = g)
/// p = p - lr * (g + momentum * m)
/// ```
///
/// A parameter without a gradient keeps its value and its momentum.
///
/// # Source
///
/// `torch.optim.SGD(nesterov=True)` and `torch.nn.utils.clip_grad_norm_`, as called by
/// nnU-Net v2, `nnUNetTrainer.configure_optimizers` and `train_step`.
#[derive(Debug, Clone, Default)]
pub struct Sgd {
    /// The constants.
    pub config: SgdConfig,
    /// Momentum per parameter, flat; empty before the first step.
    momentum: BTreeMap<String, Tensor<1>>,
}

impl Sgd {
    /// An optimizer before its first step.
    #[must_use]
    pub fn new(config: SgdConfig) -> Self {
        Self {
            config,
            momentum: BTreeMap::new(),
        }
    }

    /// The L2 norm of all gradients of the network together.
    ///
    /// # Errors
    ///
    /// [`DeviceFailure`] if a GPU failed at them.
    pub fn gradient_norm(unet: &Unet, gradients: &Gradients) -> Result<f64, DeviceFailure> {
        let mut norm = SquaredNorms {
            gradients,
            sums: Vec::new(),
        };
        unet.visit(&mut norm);
        if norm.sums.is_empty() {
            return Ok(0.0);
        }
        // One read: on a GPU each would wait for all that is queued.
        let sums = read_f32(Tensor::cat(norm.sums, 0))?;
        Ok(sums.into_iter().map(f64::from).sum::<f64>().sqrt())
    }

    /// One step; `gradient_norm` is [`Sgd::gradient_norm`] of the same gradients.
    #[must_use]
    pub fn step(
        &mut self,
        unet: Unet,
        gradients: Gradients,
        gradient_norm: f64,
        learning_rate: f64,
    ) -> Unet {
        let rates = Rates::new(self.config, gradient_norm, learning_rate);
        let path = ParameterPath::default();
        unet.map(&mut Update {
            sgd: self,
            path,
            gradients,
            rates,
        })
    }

    /// The momentum of every parameter that has one, under the parameter's name and shape, in the
    /// order of [`Unet::named_parameters`].
    #[must_use]
    pub fn momentum(&self, unet: &Unet) -> Vec<NamedArray> {
        let shapes = unet.parameter_shapes().into_iter();
        let with_momentum = shapes.filter_map(|(name, shape)| {
            let values = host_values(self.momentum.get(&name)?.clone());
            Some(NamedArray {
                name,
                shape,
                values,
            })
        });
        with_momentum.collect()
    }

    /// Takes up the momentum of an earlier run of the same network. Parameters without an array
    /// have none, as before their first step.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] names a tensor that is foreign, double or misshapen; the optimizer is then
    /// as before.
    pub fn set_momentum(
        &mut self,
        unet: &Unet,
        arrays: Vec<NamedArray>,
    ) -> Result<(), WeightsError> {
        let mut expected = unet.parameter_shapes();
        expected.retain(|(name, _)| arrays.iter().any(|array| array.name == *name));
        let arrays = match_names(&expected, arrays)?;
        let device = unet
            .devices()
            .pop()
            .map(burn::tensor::Device::inner)
            .unwrap_or_default();
        let on_device = |array: NamedArray| {
            let n = array.values.len();
            Tensor::from_data(TensorData::new(array.values, [n]), &device)
        };
        self.momentum = arrays
            .into_iter()
            .map(|(name, array)| (name, on_device(array)))
            .collect();
        Ok(())
    }
}

struct SquaredNorms<'a> {
    gradients: &'a Gradients,
    /// One per parameter.
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let squares = gradient.clone() * gradient;
            self.sums.push(squares.sum());
        }
    }
}

/// What all parameters of a step share.
#[derive(Debug, Clone, Copy)]
struct Rates {
    /// Factor on every gradient, at most 1.
    clip: f64,
    learning_rate: f64,
}

impl Rates {
    /// PyTorch's `clip_grad_norm_`, with its 1e-6.
    fn new(config: SgdConfig, gradient_norm: f64, learning_rate: f64) -> Self {
        let clip = (config.max_gradient_norm / (gradient_norm + 1e-6)).min(1.0);
        Self {
            clip,
            learning_rate,
        }
    }
}

impl Sgd {
    /// The new value of a flat parameter.
    fn updated(
        &mut self,
        name: String,
        value: Tensor<1>,
        gradient: Tensor<1>,
        rates: Rates,
    ) -> Tensor<1> {
        let SgdConfig {
            momentum,
            weight_decay,
            ..
        } = self.config;
        let gradient = if rates.clip < 1.0 {
            gradient * rates.clip
        } else {
            gradient
        };
        let gradient = gradient + value.clone() * weight_decay;
        let new = match self.momentum.remove(&name) {
            None => gradient.clone(),
            Some(old) => old * momentum + gradient.clone(),
        };
        self.momentum.insert(name, new.clone());
        value - (gradient + new * momentum) * rates.learning_rate
    }
}

struct Update<'a> {
    sgd: &'a mut Sgd,
    path: ParameterPath,
    gradients: Gradients,
    rates: Rates,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = param.val().grad_remove(&mut self.gradients) else {
            return param;
        };
        let (name, rates, sgd) = (self.path.name(), self.rates, &mut *self.sgd);
        param.map(|tensor| {
            let (shape, requires_grad) = (tensor.dims(), tensor.is_require_grad());
            let flat = [shape.iter().product::<usize>()];
            let value = sgd.updated(
                name,
                tensor.inner().reshape(flat),
                gradient.reshape(flat),
                rates,
            );
            value
                .reshape(shape)
                .autodiff()
                .set_require_grad(requires_grad)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use serde_json::Value;

    fn floats(value: &Value) -> Option<Vec<f32>> {
        Some(
            value
                .as_array()?
                .iter()
                .filter_map(Value::as_f64)
                .map(|v| v as f32)
                .collect(),
        )
    }

    fn vector(values: Vec<f32>) -> Tensor<1> {
        let n = values.len();
        Tensor::from_data(TensorData::new(values, [n]), &Device::flex())
    }

    fn assert_close(found: &Tensor<1>, expected: &Value) {
        let found = host_values(found.clone());
        let expected = floats(expected).expect("a list");
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 1e-6 * e.abs().max(1.0), "{f} vs {e}");
        }
    }

    /// Golden figures of `golden/make_sgd.py`.
    #[test]
    fn four_steps_are_those_of_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../golden/sgd.json")).expect("json");
        let mut values: Vec<Tensor<1>> = (0..2)
            .filter_map(|i| floats(&golden["initial"][i]))
            .map(vector)
            .collect();
        let mut sgd = Sgd::default();
        for step in golden["steps"].as_array().expect("steps") {
            let gradients: Vec<_> = (0..2).map(|i| floats(&step["gradients"][i])).collect();
            let squares = gradients
                .iter()
                .flatten()
                .flatten()
                .map(|g| f64::from(g * g));
            let norm = squares.sum::<f64>().sqrt();
            assert!((norm - step["norm"].as_f64().expect("norm")).abs() < 1e-5 * norm);
            let rates = Rates::new(sgd.config, norm, step["lr"].as_f64().expect("lr"));
            for (i, gradient) in gradients.into_iter().enumerate() {
                if let Some(gradient) = gradient {
                    let (name, old) = (i.to_string(), values[i].clone());
                    values[i] = sgd.updated(name, old, vector(gradient), rates);
                }
                assert_close(&values[i], &step["parameters"][i]);
                assert_close(&sgd.momentum[&i.to_string()], &step["momentum"][i]);
            }
        }
    }
}
