//! From a folder of nnU-Net to a folder of ours.

use super::Checkpoint;
use crate::folder::folds_with;
use crate::new_folder::write_folder;
use crate::{Manifest, ModelError, ModelFolder, Origin, WeightsFormat, WeightsKind, plans_hash};
use sarx_core::Progress;
use sarx_nn::{DeviceChoice, WeightsFile};
use sarx_plan::{DatasetJson, Fold, Plans};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Kept beside the plans where it is there.
pub(super) const FINGERPRINT: &str = "dataset_fingerprint.json";

/// The checkpoint that speaks for a folder of nnU-Net: of the first fold, final before best.
/// `None` if there is none.
pub(crate) fn first_checkpoint(folder: &Path) -> Option<PathBuf> {
    WeightsKind::ALL.into_iter().find_map(|kind| {
        let folds = folds_with(folder, kind, WeightsFormat::Torch).ok()?;
        let fold = folds.first()?;
        let name = format!("{}{}", kind.stem(), WeightsFormat::Torch.ending());
        Some(folder.join(crate::fold_folder_name(*fold)).join(name))
    })
}

/// What the manifest of a folder of nnU-Net would say.
pub(crate) fn manifest(
    checkpoint: &Path,
    plans: &Plans,
    dataset: &DatasetJson,
) -> Result<Manifest, ModelError> {
    let checkpoint = Checkpoint::open(checkpoint)?;
    let configuration = checkpoint.configuration()?.to_owned();
    let mirroring_axes = checkpoint.mirroring_axes()?;
    let planned = plans.configuration(&configuration)?;
    let n_axes = planned.n_axes();
    if let Some(&axis) = mirroring_axes.iter().find(|&&axis| axis >= n_axes) {
        return Err(ModelError::MirroringAxis {
            axis,
            configuration,
            n_axes,
        });
    }
    // Axes of a configuration of slices begin at y.
    let first = 3 - n_axes;
    let mirror_axes = mirroring_axes.into_iter().map(|axis| axis + first);
    Ok(Manifest {
        schema_version: Manifest::SCHEMA_VERSION,
        sarx_version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration,
        plans_name: plans.plans_name().to_owned(),
        plans_hash: plans_hash(plans, dataset),
        slice_axes: BTreeMap::new(),
        previous_stage: planned.previous_stage,
        mirror_axes: Some(mirror_axes.collect()),
        origin: Some(Origin {
            trainer_name: checkpoint.trainer_name()?.to_owned(),
        }),
    })
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedModel {
    /// Folds and which of their weights.
    pub weights: Vec<(Fold, WeightsKind)>,
}

/// Writes a model of nnU-Net as a folder of ours: the same plans and dataset.json, a manifest
/// with the origin, safetensors in the folds. `out` must not exist or be empty; it appears whole
/// or not at all.
///
/// # Errors
///
/// [`ModelError`] if a fold does not fit or `out` cannot be written.
pub fn import_model(
    model: &ModelFolder,
    out: &Path,
    progress: &dyn Progress,
) -> Result<ImportedModel, ModelError> {
    let weights = model.all_weights()?;
    write_folder(out, |folder| {
        progress.begin("import", weights.len() as u64);
        for &(fold, kind) in &weights {
            import_fold(model, fold, kind, folder)?;
            progress.advance(1);
        }
        model.plans().write(&folder.join("plans.json"))?;
        model.dataset().write(&folder.join("dataset.json"))?;
        copy_fingerprint(model.path(), folder)?;
        model.manifest().write(&folder.join("manifest.json"))?;
        progress.finish();
        Ok(())
    })?;
    Ok(ImportedModel { weights })
}

fn import_fold(
    model: &ModelFolder,
    fold: Fold,
    kind: WeightsKind,
    folder: &Path,
) -> Result<(), ModelError> {
    let unet = model.load_fold(fold, kind, &DeviceChoice::Cpu.inference())?;
    let record = model.training_record(fold, kind)?.unwrap_or_default();
    let unwritable = |source: sarx_nn::WeightsError| ModelError::Weights {
        path: model.weights_path(fold, kind),
        source,
    };
    let metadata = record
        .to_metadata()
        .map_err(|source| ModelError::Checkpoint {
            what: format!("its logging cannot be kept ({source})"),
            path: model.weights_path(fold, kind),
        })?;
    let file = WeightsFile {
        arrays: unet.named_parameters(),
        metadata: BTreeMap::from([metadata]),
    };
    let bytes = file.to_bytes().map_err(unwritable)?;
    let folder = make_fold_folder(folder, fold)?;
    let name = format!("{}{}", kind.stem(), WeightsFormat::Safetensors.ending());
    sarx_io::write_atomic(&folder.join(name), |out| out.write_all(&bytes))?;
    Ok(())
}

/// Makes the folder of a fold in the folder of a model.
pub(super) fn make_fold_folder(folder: &Path, fold: Fold) -> Result<PathBuf, ModelError> {
    let path = folder.join(crate::fold_folder_name(fold));
    std::fs::create_dir_all(&path).map_err(|source| ModelError::Read {
        what: "or make the folder of a fold",
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// Copies the fingerprint, if the model has one.
pub(super) fn copy_fingerprint(from: &Path, to: &Path) -> Result<(), ModelError> {
    let source = from.join(FINGERPRINT);
    if !source.exists() {
        return Ok(());
    }
    let bytes = std::fs::read(&source).map_err(|error| ModelError::Read {
        what: "the fingerprint",
        path: source.clone(),
        source: error,
    })?;
    sarx_io::write_atomic(&to.join(FINGERPRINT), |out| out.write_all(&bytes))?;
    Ok(())
}
