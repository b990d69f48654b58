//! `checkpoint_final.pth` and its siblings.

use super::names::canonical;
use super::training_record::TrainingRecord;
use super::{json, slice_kernels};
use crate::ModelError;
use sarx_nn::{NamedArray, WeightsError};
use sarx_torch::{PickleDict, PickleValue, TorchArchive, TorchTensor};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A checkpoint of nnU-Net: everything but the numbers of its tensors.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    archive: TorchArchive<BufReader<File>>,
    content: PickleDict,
    path: PathBuf,
}

/// A tensor of the state dict, without its numbers.
#[derive(Debug)]
struct StoredTensor {
    /// Its one name, whatever alias the key is.
    name: String,
    /// Its key in the file.
    key: String,
    /// Where its numbers are.
    tensor: TorchTensor,
}

impl Checkpoint {
    /// Opens a checkpoint. No code in it is run; foreign code is refused by name.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path).map_err(|source| ModelError::Read {
            what: "the checkpoint",
            path: path.to_owned(),
            source,
        })?;
        let unreadable = |source| ModelError::Torch {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let mut archive = TorchArchive::open(BufReader::new(file)).map_err(unreadable)?;
        match archive.value().map_err(unreadable)? {
            PickleValue::Dict(content) => Ok(Self {
                archive,
                content,
                path: path.to_owned(),
            }),
            other => Err(ModelError::Checkpoint {
                what: format!("it holds {} instead of a dictionary", other.kind()),
                path: path.to_owned(),
            }),
        }
    }

    /// Name of the configuration that was trained.
    pub(crate) fn configuration(&self) -> Result<&str, ModelError> {
        let arguments = self.key("init_args")?;
        arguments
            .as_dict()
            .and_then(|arguments| arguments.get("configuration")?.as_str())
            .ok_or_else(|| self.bad("init_args names no configuration"))
    }

    /// Class of the trainer.
    pub(crate) fn trainer_name(&self) -> Result<&str, ModelError> {
        self.key("trainer_name")?
            .as_str()
            .ok_or_else(|| self.bad("trainer_name is no text"))
    }

    /// Axes of the network's input along which prediction may mirror, ascending; none if the
    /// checkpoint says `None` or nothing, as nnU-Net reads it.
    pub(crate) fn mirroring_axes(&self) -> Result<Vec<usize>, ModelError> {
        let key = "inference_allowed_mirroring_axes";
        let value = match self.content.get(key) {
            None | Some(PickleValue::None) => return Ok(Vec::new()),
            Some(value) => value,
        };
        let axes: Option<Vec<usize>> = value.as_items().and_then(|items| {
            let axis = |item: &PickleValue| usize::try_from(item.as_i64()?).ok();
            items.iter().map(axis).collect()
        });
        let Some(mut axes) = axes else {
            return Err(self.bad(&format!("{key} is no list of axes")));
        };
        axes.sort_unstable();
        if axes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.bad(&format!("{key} names an axis twice")));
        }
        Ok(axes)
    }

    /// How far the training was, as far as the checkpoint says it.
    pub(crate) fn training_record(&self) -> TrainingRecord {
        let logging = self.content.get("logging").and_then(PickleValue::as_dict);
        let lists = logging.into_iter().flat_map(PickleDict::iter);
        TrainingRecord {
            n_epochs: self
                .content
                .get("current_epoch")
                .and_then(PickleValue::as_i64),
            best_ema: self.content.get("_best_ema").and_then(PickleValue::as_f64),
            learning_rate: self.learning_rate(),
            logging: lists
                .filter_map(|(key, list)| {
                    Some((key.as_str()?.to_owned(), json::from_pickle(list)?))
                })
                .collect(),
        }
    }

    fn learning_rate(&self) -> Option<f64> {
        let optimizer = self.content.get("optimizer_state")?.as_dict()?;
        let groups = optimizer.get("param_groups")?.as_items()?;
        groups.first()?.as_dict()?.get("lr")?.as_f64()
    }

    /// The weights under the network's own names, in the order of `expected`, each with its shape
    /// and given once. Aliases are dropped when they mean the same numbers. Names and shapes are
    /// checked before any number is read, so memory is bounded by the network.
    pub(crate) fn weights(
        &mut self,
        expected: &[(String, Vec<usize>)],
        n_axes: usize,
    ) -> Result<Vec<NamedArray>, ModelError> {
        let tensors = self.tensors()?;
        let unfit = |source| ModelError::Weights {
            path: self.path.clone(),
            source,
        };
        let mut by_name: HashMap<&str, Vec<&StoredTensor>> = HashMap::new();
        for tensor in &tensors {
            by_name.entry(&tensor.name).or_default().push(tensor);
        }
        for (name, shape) in expected {
            let Some(same) = by_name.get(name.as_str()) else {
                let (name, n_expected) = (name.clone(), expected.len());
                return Err(unfit(WeightsError::Missing {
                    name,
                    expected: n_expected,
                    found: by_name.len(),
                }));
            };
            for StoredTensor { key, tensor, .. } in same {
                let found = slice_kernels::from_nnunet(tensor.shape.clone(), n_axes);
                if found != *shape {
                    return Err(unfit(WeightsError::Shape {
                        name: key.clone(),
                        found: tensor.shape.clone(),
                        expected: slice_kernels::to_nnunet(shape.clone(), n_axes),
                    }));
                }
            }
        }
        let known: HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        let is_foreign = |stored: &&StoredTensor| !known.contains(stored.name.as_str());
        if let Some(foreign) = tensors.iter().find(is_foreign) {
            let name = foreign.key.clone();
            return Err(unfit(WeightsError::Extra { name }));
        }
        let mut arrays = Vec::with_capacity(expected.len());
        for (name, shape) in expected {
            arrays.push(NamedArray {
                name: name.clone(),
                shape: shape.clone(),
                values: self.values(&by_name[name.as_str()])?,
            });
        }
        Ok(arrays)
    }

    /// All weights under canonical names, whatever network they belong to; kernels on slices as
    /// kernels of depth 1. Aliases are dropped as in [`Checkpoint::weights`]. `n_file_bytes` bounds
    /// what they may fill: many names for one storage are no weights.
    pub(crate) fn all_weights(
        &mut self,
        n_file_bytes: usize,
    ) -> Result<Vec<NamedArray>, ModelError> {
        let tensors = self.tensors()?;
        let mut by_name: Vec<(&str, Vec<&StoredTensor>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for tensor in &tensors {
            let place = *places.entry(&tensor.name).or_insert_with(|| {
                by_name.push((&tensor.name, Vec::new()));
                by_name.len() - 1
            });
            by_name[place].1.push(tensor);
        }
        let mut n_values = 0usize;
        let mut arrays = Vec::with_capacity(by_name.len());
        for (name, same) in by_name {
            let tensor = &same[0].tensor;
            n_values = n_values.saturating_add(tensor.len());
            // Two bytes are the smallest float.
            if n_values > n_file_bytes / 2 {
                return Err(self.bad("its tensors are larger than the file"));
            }
            arrays.push(NamedArray {
                name: name.to_owned(),
                shape: slice_kernels::from_nnunet(tensor.shape.clone(), 2),
                values: self.values(&same)?,
            });
        }
        Ok(arrays)
    }

    /// Every tensor of the state dict, in the order of the file.
    fn tensors(&self) -> Result<Vec<StoredTensor>, ModelError> {
        let weights = self.key("network_weights")?;
        let weights = weights
            .as_dict()
            .ok_or_else(|| self.bad("network_weights is no dictionary"))?;
        let tensor = |(key, value): (&PickleValue, &PickleValue)| {
            let key = key
                .as_str()
                .ok_or_else(|| self.bad("a key of network_weights is no text"))?;
            let tensor = value
                .as_tensor()
                .ok_or_else(|| self.bad(&format!("{key:?} is {}, no tensor", value.kind())))?;
            Ok(StoredTensor {
                name: canonical(key),
                key: key.to_owned(),
                tensor: tensor.clone(),
            })
        };
        weights.iter().map(tensor).collect()
    }

    /// The numbers of the first, after a check that the others have the same.
    fn values(&mut self, same: &[&StoredTensor]) -> Result<Vec<f32>, ModelError> {
        let Some((first, aliases)) = same.split_first() else {
            unreachable!("a name is listed with at least one tensor")
        };
        let values = self.floats(first)?;
        for alias in aliases {
            if alias.tensor == first.tensor {
                continue;
            }
            let other = self.floats(alias)?;
            // Bit by bit: NaN is the same as itself here.
            let bits = |value: &f32| value.to_bits();
            if !other.iter().map(bits).eq(values.iter().map(bits)) {
                return Err(ModelError::AliasDiffers {
                    alias: alias.key.clone(),
                    name: first.key.clone(),
                    path: self.path.clone(),
                });
            }
        }
        Ok(values)
    }

    fn floats(&mut self, stored: &StoredTensor) -> Result<Vec<f32>, ModelError> {
        self.archive
            .floats(&stored.tensor)
            .map_err(|source| ModelError::Tensor {
                name: stored.key.clone(),
                path: self.path.clone(),
                source: Box::new(source),
            })
    }

    fn key(&self, key: &str) -> Result<&PickleValue, ModelError> {
        self.content
            .get(key)
            .ok_or_else(|| self.bad(&format!("it has no {key:?}")))
    }

    fn bad(&self, what: &str) -> ModelError {
        ModelError::Checkpoint {
            what: what.to_owned(),
            path: self.path.clone(),
        }
    }
}
