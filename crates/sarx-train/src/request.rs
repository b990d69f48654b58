//! What is asked of a training, and what it gives back.

use crate::checkpoint::RunIdentity;
use crate::{EpochRecord, PreviousLabels, TrainConfig};
use sarx_core::CaseId;
use sarx_model::{ModelFolder, PretrainedWeights, fold_folder_name};
use sarx_nn::{DeviceChoice, LossConfig, Target};
use sarx_plan::Fold;
use sarx_preprocess::CaseStore;
use std::sync::atomic::AtomicBool;

/// One fold to train.
#[derive(Debug, Clone, Copy)]
pub struct TrainRequest<'a> {
    /// Where the fold's folder is made, with the plans.
    pub model: &'a ModelFolder,
    /// Preprocessed cases.
    pub store: &'a CaseStore,
    /// Which fold.
    pub fold: Fold,
    /// Cases to train on.
    pub train_cases: &'a [CaseId],
    /// Cases to validate on.
    pub val_cases: &'a [CaseId],
    /// Exactly for a cascade: what its previous stage predicted for these cases.
    pub previous: Option<&'a PreviousLabels>,
    /// Weights to begin from instead of random ones; the heads are random in any case.
    pub pretrained: Option<&'a PretrainedWeights>,
    /// Numbers of the run.
    pub config: &'a TrainConfig,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Threads that the network may use; recorded, because sums may depend on it.
    pub n_threads: usize,
    /// Go on from a checkpoint if there is one. Without it a begun fold is refused.
    pub resume: bool,
    /// Becomes true when the run should write a checkpoint and stop.
    pub stop: &'a AtomicBool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainEnd {
    /// All epochs are done; the final weights are written.
    Finished,
    /// It was asked to stop; the checkpoint is written.
    Interrupted,
}

/// What a run gives back.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// How it ended.
    pub end: TrainEnd,
    /// Every epoch so far, earlier runs included.
    pub records: Vec<EpochRecord>,
    /// Best moving average of the pseudo Dice.
    pub best_ema: Option<f64>,
}

impl TrainRequest<'_> {
    pub(crate) fn identity(&self) -> RunIdentity {
        let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect();
        RunIdentity {
            plans_hash: self.model.manifest().plans_hash.clone(),
            configuration: self.model.manifest().configuration.clone(),
            fold: fold_folder_name(self.fold),
            seed: self.config.seed,
            initial_lr: self.config.initial_lr,
            n_epochs: self.config.n_epochs.get(),
            n_iterations: self.config.n_iterations.get(),
            n_val_iterations: self.config.n_val_iterations.get(),
            n_threads: self.n_threads,
            augmentation: self.config.augmentation.to_string(),
            pretrained: self.pretrained.map(|weights| weights.sha256.clone()),
            previous_labels: self.previous.map(|labels| labels.sha256().to_owned()),
            train_cases: names(self.train_cases),
            val_cases: names(self.val_cases),
        }
    }

    /// The loss that dataset.json and plans ask for.
    pub(crate) fn loss_config(&self) -> LossConfig {
        let labels = self.model.dataset().labels();
        let target = match labels.regions() {
            None => Target::Labels {
                n_labels: labels.n_heads(),
            },
            Some(regions) => Target::Regions {
                regions: regions
                    .iter()
                    .map(|r| {
                        r.value
                            .labels()
                            .iter()
                            .map(|&label| i64::from(label))
                            .collect()
                    })
                    .collect(),
            },
        };
        LossConfig {
            target,
            ignore_label: labels.ignore_label().map(i64::from),
            batch_dice: self.model.configuration().batch_dice,
        }
    }
}
