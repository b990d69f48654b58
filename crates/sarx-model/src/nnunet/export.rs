//! From a folder of ours to one that nnU-Net loads.
//!
//! nnU-Net predicts with it, and takes it as pretrained weights. It can also go on training from
//! it, except that the momentum of the optimizer begins at zero, as it does in a new training.

use super::import::{copy_fingerprint, make_fold_folder};
use super::names::state_dict_keys;
use super::training_record::TrainingRecord;
use super::{json, slice_kernels};
use crate::new_folder::write_folder;
use crate::{ModelError, ModelFolder, WeightsFormat, WeightsKind};
use sarx_core::Progress;
use sarx_nn::{DeviceChoice, NamedArray, SgdConfig};
use sarx_plan::Fold;
use sarx_torch::{PickleDict, PickleValue, TorchArchiveWriter, TorchDevice, TorchError};
use std::path::Path;

/// Class of nnU-Net's own trainer.
pub const DEFAULT_TRAINER: &str = "nnUNetTrainer";

/// Weights to export, with what is known of their training.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedFold {
    /// The fold.
    pub fold: Fold,
    /// Which of its weights.
    pub kind: WeightsKind,
    /// How far the training was.
    pub record: TrainingRecord,
}

/// What to export.
#[derive(Debug, Clone, Copy)]
pub struct ExportRequest<'a> {
    /// The model.
    pub model: &'a ModelFolder,
    /// Its weights.
    pub folds: &'a [ExportedFold],
    /// Class of the trainer that nnU-Net shall look up.
    pub trainer_name: &'a str,
    /// Folder to write; must not exist or be empty.
    pub out: &'a Path,
}

/// Writes a folder that nnU-Net loads: plans.json, dataset.json, the fingerprint if there is one,
/// and per fold `checkpoint_final.pth` and `checkpoint_best.pth` with every name that its strict
/// loading asks for. The folder appears whole or not at all.
///
/// # Errors
///
/// [`ModelError`] if weights do not fit or the folder cannot be written.
pub fn export_model(
    request: &ExportRequest<'_>,
    progress: &dyn Progress,
) -> Result<(), ModelError> {
    let model = request.model;
    write_folder(request.out, |folder| {
        progress.begin("export", request.folds.len() as u64);
        for exported in request.folds {
            export_fold(request, exported, folder)?;
            progress.advance(1);
        }
        model.plans().write(&folder.join("plans.json"))?;
        model.dataset().write(&folder.join("dataset.json"))?;
        copy_fingerprint(model.path(), folder)?;
        progress.finish();
        Ok(())
    })
}

fn export_fold(
    request: &ExportRequest<'_>,
    exported: &ExportedFold,
    folder: &Path,
) -> Result<(), ModelError> {
    let model = request.model;
    let device = DeviceChoice::Cpu.inference();
    let unet = model.load_fold(exported.fold, exported.kind, &device)?;
    let parameters = unet.named_parameters();
    let n_parameters = parameters.len();
    let folder = make_fold_folder(folder, exported.fold)?;
    let stem = exported.kind.stem();
    let path = folder.join(format!("{stem}{}", WeightsFormat::Torch.ending()));
    let unwritable = |source| ModelError::Torch {
        path: path.clone(),
        source: Box::new(source),
    };
    let mut archive = TorchArchiveWriter::new();
    let n_axes = model.configuration().n_axes();
    let weights = network_weights(parameters, n_axes, &mut archive).map_err(unwritable)?;
    let record = &exported.record;
    // The order is nnU-Net's.
    let mut checkpoint = PickleDict::default();
    checkpoint.insert("network_weights", weights);
    checkpoint.insert("optimizer_state", optimizer_state(record, n_parameters));
    // A CPU training has no gradient scaler.
    checkpoint.insert("grad_scaler_state", PickleValue::None);
    checkpoint.insert("logging", logging(record));
    let best_ema = record
        .best_ema
        .map_or(PickleValue::None, PickleValue::Float);
    checkpoint.insert("_best_ema", best_ema);
    if let Some(n_epochs) = record.n_epochs {
        checkpoint.insert("current_epoch", n_epochs);
    }
    checkpoint.insert("init_args", init_args(model, exported.fold));
    checkpoint.insert("trainer_name", request.trainer_name);
    checkpoint.insert("inference_allowed_mirroring_axes", mirroring(model));
    let checkpoint = PickleValue::Dict(checkpoint);
    sarx_io::write_atomic(&path, |out| {
        archive
            .write(stem, &checkpoint, out)
            .map_err(|error| match error {
                TorchError::Io(error) => error,
                other => std::io::Error::other(other),
            })
    })?;
    Ok(())
}

/// The state dict: every parameter under all its names; the names share the numbers.
fn network_weights(
    parameters: Vec<NamedArray>,
    n_axes: usize,
    archive: &mut TorchArchiveWriter,
) -> Result<PickleDict, TorchError> {
    let names: Vec<String> = parameters.iter().map(|array| array.name.clone()).collect();
    let tensors = parameters
        .into_iter()
        .map(|array| {
            let shape = slice_kernels::to_nnunet(array.shape, n_axes);
            archive.tensor(&shape, array.values)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut weights: PickleDict = state_dict_keys(&names)
        .into_iter()
        .map(|(key, index)| (key, tensors[index].clone()))
        .collect();
    weights.is_ordered_dict = true;
    Ok(weights)
}

/// The optimizer without momentum: our final weights do not hold it.
fn optimizer_state(record: &TrainingRecord, n_parameters: usize) -> PickleDict {
    let sgd = SgdConfig::default();
    let mut group = PickleDict::default();
    if let Some(rate) = record.learning_rate {
        group.insert("lr", rate);
    }
    group.insert("momentum", sgd.momentum);
    group.insert("dampening", 0i64);
    group.insert("weight_decay", sgd.weight_decay);
    group.insert("nesterov", true);
    group.insert("maximize", false);
    group.insert("foreach", PickleValue::None);
    group.insert("differentiable", false);
    group.insert("fused", PickleValue::None);
    let indices = (0..n_parameters as i64).map(PickleValue::Int);
    group.insert("params", indices.collect::<Vec<_>>());
    let mut state = PickleDict::default();
    state.insert("state", PickleDict::default());
    state.insert("param_groups", vec![PickleValue::Dict(group)]);
    state
}

/// The lists of nnU-Net's log; `null` stands for a quantity that was not defined.
fn logging(record: &TrainingRecord) -> PickleDict {
    fn nan_for_none(value: PickleValue) -> PickleValue {
        match value {
            PickleValue::None => PickleValue::Float(f64::NAN),
            PickleValue::List(items) => {
                PickleValue::List(items.into_iter().map(nan_for_none).collect())
            }
            other => other,
        }
    }
    record
        .logging
        .iter()
        .map(|(key, list)| (key.clone(), nan_for_none(json::to_pickle(list))))
        .collect()
}

fn init_args(model: &ModelFolder, fold: Fold) -> PickleDict {
    let mut arguments = PickleDict::default();
    arguments.insert("plans", json::dict(model.plans().to_json()));
    arguments.insert("configuration", model.configuration().name.as_str());
    let fold = match fold {
        Fold::Index(index) => PickleValue::Int(index as i64),
        Fold::All => PickleValue::from("all"),
    };
    arguments.insert("fold", fold);
    arguments.insert("dataset_json", json::to_pickle(model.dataset().document()));
    let device = TorchDevice {
        kind: "cpu".to_owned(),
        index: None,
    };
    arguments.insert("device", PickleValue::Device(Box::new(device)));
    arguments
}

/// Axes of the configuration; `None` where mirroring is not allowed.
fn mirroring(model: &ModelFolder) -> PickleValue {
    let first = 3usize.saturating_sub(model.configuration().n_axes());
    let mut axes = model.mirror_axes();
    // Mirroring the one voxel of a slice along z changes nothing.
    axes.retain(|&axis| axis >= first);
    if axes.is_empty() {
        return PickleValue::None;
    }
    let axes = axes
        .into_iter()
        .map(|a| PickleValue::Int((a - first) as i64));
    PickleValue::Tuple(axes.collect())
}
