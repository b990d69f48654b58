//! The weights in the folds of a model folder: which there are, and the network of each.

use super::ModelFolder;
use crate::ModelError;
use crate::nnunet::{Checkpoint, TrainingRecord};
use sarx_nn::{Device, Unet, WeightsFile};
use sarx_plan::Fold;
use std::path::{Path, PathBuf};

/// Which weights of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightsKind {
    /// After the last epoch.
    Final,
    /// Of the epoch with the best moving average of the pseudo Dice.
    Best,
}

impl WeightsKind {
    /// Both, in the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Final, Self::Best];

    /// Stem of the file, as nnU-Net's.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Final => "checkpoint_final",
            Self::Best => "checkpoint_best",
        }
    }
}

/// How the weights of a folder are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightsFormat {
    /// Our own: safetensors.
    Safetensors,
    /// nnU-Net's: archives of torch.
    Torch,
}

impl WeightsFormat {
    /// Ending of the files, with its dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Safetensors => ".safetensors",
            Self::Torch => ".pth",
        }
    }
}

/// Name of a fold's folder, as nnU-Net's: `fold_0`, `fold_all`.
#[must_use]
pub fn fold_folder_name(fold: Fold) -> String {
    format!("fold_{fold}")
}

impl ModelFolder {
    /// Folds that have weights, in order.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the folder cannot be listed or no fold has weights.
    pub fn folds(&self, kind: WeightsKind) -> Result<Vec<Fold>, ModelError> {
        let failed = |source| ModelError::Read {
            what: "the folder",
            path: self.path.clone(),
            source,
        };
        let folds = folds_with(&self.path, kind, self.format).map_err(failed)?;
        if folds.is_empty() {
            return Err(ModelError::NoFolds {
                path: self.path.clone(),
            });
        }
        Ok(folds)
    }

    /// Everything that the folder has weights of: all folds, final before best.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the folder cannot be listed or has no weights at all.
    pub fn all_weights(&self) -> Result<Vec<(Fold, WeightsKind)>, ModelError> {
        let mut weights = Vec::new();
        for kind in WeightsKind::ALL {
            match self.folds(kind) {
                Ok(folds) => weights.extend(folds.into_iter().map(|fold| (fold, kind))),
                Err(ModelError::NoFolds { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        if weights.is_empty() {
            let path = self.path.clone();
            return Err(ModelError::NoFolds { path });
        }
        weights.sort_by_key(|(fold, _)| *fold);
        Ok(weights)
    }

    /// Loads the network of a fold; every parameter must be there with its shape.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the fold has no weights or they do not fit the plans.
    pub fn load_fold(
        &self,
        fold: Fold,
        kind: WeightsKind,
        device: &Device,
    ) -> Result<Unet, ModelError> {
        let path = self.existing_weights(fold, kind)?;
        let unfit = |source| ModelError::Weights {
            path: path.clone(),
            source,
        };
        let arrays = match self.format {
            WeightsFormat::Safetensors => self.read_safetensors(&path)?.arrays,
            WeightsFormat::Torch => {
                let n_axes = self.configuration.n_axes();
                let mut checkpoint = self.open_checkpoint(&path)?;
                checkpoint.weights(&self.unet.parameter_shapes(), n_axes)?
            }
        };
        let unet = self
            .unet
            .init(device, 0)
            .map_err(|source| ModelError::Network {
                configuration: self.configuration.name.clone(),
                source,
            })?;
        unet.with_parameters(arrays).map_err(unfit)
    }

    /// How far nnU-Net's training of a fold was; `None` if the weights were trained here, whose
    /// own record only the training reads.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the fold has no weights or its file is damaged.
    pub fn training_record(
        &self,
        fold: Fold,
        kind: WeightsKind,
    ) -> Result<Option<TrainingRecord>, ModelError> {
        let path = self.existing_weights(fold, kind)?;
        match self.format {
            WeightsFormat::Torch => Ok(Some(self.open_checkpoint(&path)?.training_record())),
            WeightsFormat::Safetensors => {
                let file = self.read_safetensors(&path)?;
                TrainingRecord::from_metadata(&file.metadata)
                    .map_err(|what| ModelError::Checkpoint { what, path })
            }
        }
    }

    fn read_safetensors(&self, path: &Path) -> Result<WeightsFile, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Read {
            what: "the weights",
            path: path.to_owned(),
            source,
        })?;
        WeightsFile::from_bytes(&bytes).map_err(|source| ModelError::Weights {
            path: path.to_owned(),
            source,
        })
    }

    fn open_checkpoint(&self, path: &Path) -> Result<Checkpoint, ModelError> {
        let checkpoint = Checkpoint::open(path)?;
        let found = checkpoint.configuration()?;
        if found != self.configuration.name {
            return Err(ModelError::OtherConfiguration {
                expected: self.configuration.name.clone(),
                found: found.to_owned(),
                path: path.to_owned(),
            });
        }
        Ok(checkpoint)
    }

    fn existing_weights(&self, fold: Fold, kind: WeightsKind) -> Result<PathBuf, ModelError> {
        let path = self.weights_path(fold, kind);
        if path.exists() {
            return Ok(path);
        }
        let folds = self.folds(kind).unwrap_or_default();
        let available = folds.iter().map(Fold::to_string).collect::<Vec<_>>();
        let available = if available.is_empty() {
            "none".to_owned()
        } else {
            available.join(", ")
        };
        Err(ModelError::NoFold {
            fold,
            available,
            path,
        })
    }

    /// File of a fold's weights.
    #[must_use]
    pub fn weights_path(&self, fold: Fold, kind: WeightsKind) -> PathBuf {
        weights_path(&self.path, fold, kind, self.format)
    }

    /// How the weights are kept: in our form, or in nnU-Net's.
    #[must_use]
    pub fn weights_format(&self) -> WeightsFormat {
        self.format
    }
}

/// File of a fold's weights in the folder of a model.
fn weights_path(folder: &Path, fold: Fold, kind: WeightsKind, format: WeightsFormat) -> PathBuf {
    folder
        .join(fold_folder_name(fold))
        .join(format!("{}{}", kind.stem(), format.ending()))
}

/// Folds of a folder that have weights, in order.
pub(crate) fn folds_with(
    folder: &Path,
    kind: WeightsKind,
    format: WeightsFormat,
) -> std::io::Result<Vec<Fold>> {
    let mut folds = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let fold = name
            .to_str()
            .and_then(|n| n.strip_prefix("fold_")?.parse::<Fold>().ok());
        folds.extend(fold.filter(|&fold| weights_path(folder, fold, kind, format).exists()));
    }
    folds.sort_unstable();
    Ok(folds)
}
