//! One fold of one model: trained, then its validation cases segmented.

use super::Study;
use super::prepare::preset_of;
use super::units::FoldState;
use crate::commands::train::{self, JobSpec, TrainJob};
use anyhow::{Context, Result, bail};
use sarx_infer::ProbabilityFormat;
use sarx_plan::Fold;
use sarx_preprocess::augment::Augmentation;
use sarx_study::design::ModelSpec;
use sarx_train::{TrainConfig, TrainEnd};
use std::num::NonZeroUsize;

impl Study<'_> {
    /// Trains and validates one fold, or goes on with it. False if the training was interrupted.
    pub(super) fn fold(&self, model: &ModelSpec, fold: usize) -> Result<bool> {
        let state = FoldState::of(&self.folders, &model.name, fold);
        if state == FoldState::Done {
            return Ok(true);
        }
        let folders = self.folders.model(&model.name);
        if !folders.prepared().exists() {
            bail!(
                "the data of model {} are not whole; run the study with --stage prepare first",
                model.name
            );
        }
        let preprocessed = folders.preprocessed();
        let plans_name = preset_of(&model.training)?.plans_name;
        let job = TrainJob::open(&JobSpec {
            preprocessed: &preprocessed,
            plans_name: &plans_name,
            configuration: &model.training.configuration,
            fold: Fold::Index(fold),
            out: &folders.model(),
            device: self.device,
            augmentation: Augmentation::Default,
            previous: None,
            pretrained: None,
        })
        .with_context(|| format!("model {}, fold {fold}", model.name))?;
        if state != FoldState::Trained {
            let resume = state == FoldState::Begun;
            let report = job.train(&config(model)?, resume, self.stop, self.console)?;
            if report.end == TrainEnd::Interrupted {
                return Ok(false);
            }
        }
        let keep = self.is_member(model).then_some(ProbabilityFormat::Compact);
        let validation = job.validate(keep, self.stop, self.console)?;
        if let Some(failure) = validation.failed.first() {
            bail!("model {}, fold {fold}: {failure}", model.name);
        }
        Ok(true)
    }

    /// Whether a late fusion needs its probabilities.
    pub(super) fn is_member(&self, model: &ModelSpec) -> bool {
        self.design
            .models
            .iter()
            .any(|other| other.members.contains(&model.name))
    }
}

fn config(model: &ModelSpec) -> Result<TrainConfig> {
    let training = &model.training;
    // The design has checked that none is zero.
    let count = |n: usize| NonZeroUsize::new(n).context("a count of zero in [training]");
    Ok(TrainConfig {
        n_epochs: count(training.epochs)?,
        n_iterations: count(training.iterations)?,
        n_val_iterations: count(training.val_iterations)?,
        initial_lr: training.initial_lr,
        augmentation: Augmentation::Default,
        seed: training.seed,
        n_workers: train::workers(),
        ..TrainConfig::default()
    })
}
