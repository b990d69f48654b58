//! Parameters of a network as named host arrays, in and out.

use super::ParameterPath;
use crate::{Unet, WeightsError};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// A tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// nnU-Net's name, for example `encoder.stages.0.0.convs.0.conv.weight`.
    pub name: String,
    /// Sizes, slowest axis first. Kernels are `[out, in, z, y, x]` (up-convolutions `[in, out, ..]`).
    pub shape: Vec<usize>,
    /// Values in C order.
    pub values: Vec<f32>,
}

impl Unet {
    /// All parameters in nnU-Net's order: encoder, decoder stages, up-convolutions, heads; in a
    /// unit conv weight, conv bias, norm weight, norm bias. No aliases.
    #[must_use]
    pub fn named_parameters(&self) -> Vec<NamedArray> {
        let mut collector = Collector::default();
        self.visit(&mut collector);
        collector.arrays
    }

    /// Names and shapes of all parameters, in the order of [`Unet::named_parameters`].
    #[must_use]
    pub fn parameter_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Shapes::default();
        self.visit(&mut shapes);
        shapes.shapes
    }

    /// The same network with other weights. All or nothing: order is free, but every parameter
    /// must be given once, with its shape, and nothing else.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] names the first tensor that is missing, foreign, double or misshapen.
    pub fn with_parameters(self, arrays: Vec<NamedArray>) -> Result<Self, WeightsError> {
        let arrays = match_names(&self.parameter_shapes(), arrays)?;
        Ok(self.map(&mut Setter {
            path: ParameterPath::default(),
            arrays,
        }))
    }

    /// [`Unet::with_parameters`] in place; after an error the weights are as before.
    ///
    /// # Errors
    ///
    /// As [`Unet::with_parameters`].
    pub fn set_parameters(&mut self, arrays: Vec<NamedArray>) -> Result<(), WeightsError> {
        *self = self.clone().with_parameters(arrays)?;
        Ok(())
    }
}

/// Checks that `arrays` are exactly the tensors of `expected`, and indexes them by name.
pub(crate) fn match_names(
    expected: &[(String, Vec<usize>)],
    arrays: Vec<NamedArray>,
) -> Result<BTreeMap<String, NamedArray>, WeightsError> {
    let n_given = arrays.len();
    let mut by_name = BTreeMap::new();
    for array in arrays {
        if array.shape.iter().product::<usize>() != array.values.len() {
            let NamedArray {
                name,
                shape,
                values,
            } = array;
            return Err(WeightsError::Length {
                name,
                shape,
                found: values.len(),
            });
        }
        if let Some(double) = by_name.insert(array.name.clone(), array) {
            return Err(WeightsError::Twice { name: double.name });
        }
    }
    for (name, shape) in expected {
        match by_name.get(name) {
            None => {
                let name = name.clone();
                return Err(WeightsError::Missing {
                    name,
                    expected: expected.len(),
                    found: n_given,
                });
            }
            Some(array) if array.shape != *shape => {
                let (name, found) = (name.clone(), array.shape.clone());
                return Err(WeightsError::Shape {
                    name,
                    found,
                    expected: shape.clone(),
                });
            }
            Some(_) => {}
        }
    }
    let known: BTreeMap<&str, ()> = expected
        .iter()
        .map(|(name, _)| (name.as_str(), ()))
        .collect();
    match by_name
        .keys()
        .find(|name| !known.contains_key(name.as_str()))
    {
        Some(name) => Err(WeightsError::Extra { name: name.clone() }),
        None => Ok(by_name),
    }
}

/// The values of a float tensor on the host.
pub(crate) fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let values = tensor.into_data().convert::<f32>().try_into_vec::<f32>();
    values.expect("data converted to f32 is f32")
}

#[derive(Default)]
struct Collector {
    path: ParameterPath,
    arrays: Vec<NamedArray>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let (name, shape) = (self.path.name(), tensor.dims().to_vec());
        self.arrays.push(NamedArray {
            name,
            shape,
            values: host_values(tensor),
        });
    }
}

#[derive(Default)]
struct Shapes {
    path: ParameterPath,
    shapes: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.shapes.push((self.path.name(), param.dims().to_vec()));
    }
}

struct Setter {
    path: ParameterPath,
    arrays: BTreeMap<String, NamedArray>,
}

impl ModuleMapper for Setter {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(array) = self.arrays.remove(&self.path.name()) else {
            return param;
        };
        let data = TensorData::new(array.values, param.dims());
        param.map(|old| {
            Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
        })
    }
}
