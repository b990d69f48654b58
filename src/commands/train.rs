//! `sarx train`: one fold, and the scores of its validation cases.

mod cascade;
mod validation;
mod watcher;

use super::preprocess::case_list;
use super::stop;
use crate::args::TrainArgs;
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result};
use cascade::NextStage;
use sarx_core::Progress;
use sarx_model::{
    ModelFolder, PretrainedWeights, TrainingFacts, fold_folder_name, store_identity, unet_config,
};
use sarx_nn::DeviceChoice;
use sarx_plan::{DatasetJson, Fold, Plans, Split, Splits, case_grid};
use sarx_preprocess::CaseStore;
use sarx_preprocess::augment::Augmentation;
use sarx_study::TrainingCurve;
use sarx_train::{
    EpochRecord, PreviousLabels, TrainConfig, TrainEnd, TrainReport, TrainRequest,
    check_pretrained, train,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
pub(super) use validation::Validation;
use watcher::Watcher;

pub(super) fn run(args: &TrainArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    let count = |n: usize, flag: &str| {
        NonZeroUsize::new(n).with_context(|| format!("{flag} must be at least 1"))
    };
    let config = TrainConfig {
        n_epochs: count(args.epochs, "--epochs")?,
        n_iterations: count(args.iterations, "--iterations")?,
        n_val_iterations: count(args.val_iterations, "--val-iterations")?,
        initial_lr: args.initial_lr,
        augmentation: args.augmentation.parse()?,
        seed: args.seed,
        n_workers: workers(),
        ..TrainConfig::default()
    };
    if !(config.initial_lr.is_finite() && config.initial_lr > 0.0) {
        anyhow::bail!(
            "--initial-lr must be a positive number, {} was given",
            args.initial_lr
        );
    }
    let job = TrainJob::open(&JobSpec {
        preprocessed: &args.preprocessed,
        plans_name: &args.plans,
        configuration: &args.configuration,
        fold: args.fold.parse()?,
        out: &args.out,
        device,
        augmentation: config.augmentation,
        previous: args.previous.as_deref(),
        pretrained: args.pretrained.as_deref(),
    })?;
    let stop = stop::on_ctrl_c()?;
    let report = job.train(&config, args.resume, &stop, console)?;
    let validate = report.end == TrainEnd::Finished && !args.no_validation;
    let validation = if validate {
        Some(job.validate(args.save_probabilities.map(Into::into), &stop, console)?)
    } else {
        None
    };
    Ok(outcome(&job, &report, validation))
}

fn outcome(job: &TrainJob, report: &TrainReport, validation: Option<Validation>) -> Outcome {
    let end = match report.end {
        TrainEnd::Finished => "finished",
        TrainEnd::Interrupted => "interrupted",
    };
    let folder = job.model.path().join(fold_folder_name(job.fold));
    let last = report.records.last();
    let waited: f64 = report.records.iter().map(|r| r.waited_s).sum();
    let duration: f64 = report.records.iter().map(|r| r.duration_s).sum();
    let mut text = format!("{end} after {} epochs", report.records.len());
    if report.end == TrainEnd::Interrupted {
        text.push_str("; say --resume to go on");
    }
    if let Some(validation) = &validation {
        text.push_str(&format!("; validation: {}", validation.text));
        if job.fold == Fold::All {
            text.push_str(" (on the training cases: no test)");
        }
    }
    text.push_str(&format!(": {}", folder.display()));
    let json = json!({
        "end": end,
        "folder": folder,
        "epochs": report.records.len(),
        "best_ema": report.best_ema,
        "last": last,
        "duration_s": duration,
        "waited_s": waited,
        "loader_wait_share": if duration > 0.0 { waited / duration } else { 0.0 },
        "validated_on_training_cases": job.fold == Fold::All,
        "validation": validation.as_ref().map(|v| v.json.clone()),
    });
    let failed = validation.map(|v| v.failed).unwrap_or_default();
    Outcome {
        json,
        text,
        failed,
        interrupted: report.end == TrainEnd::Interrupted,
    }
}

/// The learning curve of a training.
pub(super) fn curve(records: &[EpochRecord]) -> TrainingCurve {
    let series = |value: fn(&EpochRecord) -> f64| records.iter().map(value).collect();
    TrainingCurve {
        epoch: records.iter().map(|r| r.epoch).collect(),
        train_loss: series(|r| r.train_loss),
        val_loss: series(|r| r.val_loss),
        pseudo_dice: series(|r| r.pseudo_dice.unwrap_or(f64::NAN)),
        ema: series(|r| r.ema.unwrap_or(f64::NAN)),
    }
}

/// Threads that make batches: one for every four that the network has.
pub(super) fn workers() -> NonZeroUsize {
    NonZeroUsize::new(rayon::current_num_threads() / 4).unwrap_or(NonZeroUsize::MIN)
}

/// What to train, as it is typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobSpec<'a> {
    pub(super) preprocessed: &'a Path,
    pub(super) plans_name: &'a str,
    pub(super) configuration: &'a str,
    pub(super) fold: Fold,
    pub(super) out: &'a Path,
    /// Where the network runs.
    pub(super) device: DeviceChoice,
    pub(super) augmentation: Augmentation,
    /// Model folder of a cascade's previous stage.
    pub(super) previous: Option<&'a Path>,
    /// Weights to begin from.
    pub(super) pretrained: Option<&'a Path>,
}

/// Everything that belongs to one fold, opened and checked.
#[derive(Debug)]
pub(super) struct TrainJob {
    pub(super) model: ModelFolder,
    device: DeviceChoice,
    pub(super) fold: Fold,
    pub(super) split: Split,
    store: CaseStore,
    references: PathBuf,
    previous: Option<PreviousLabels>,
    next_stages: Vec<NextStage>,
    pretrained: Option<PretrainedWeights>,
}

impl TrainJob {
    pub(super) fn open(spec: &JobSpec<'_>) -> Result<Self> {
        let JobSpec {
            preprocessed,
            plans_name,
            fold,
            ..
        } = *spec;
        let plans = Plans::read(&plans_file(preprocessed, plans_name)?)?;
        let dataset = DatasetJson::read(&preprocessed.join("dataset.json"))?;
        let configuration = plans.configuration(spec.configuration)?;
        let folder = preprocessed.join(&configuration.data_identifier);
        let store = CaseStore::open(&folder)?;
        if *store.identity() != store_identity(&plans, &configuration, &dataset)? {
            anyhow::bail!(
                "the cases were preprocessed in another way than {plans_name}.json asks for; run \
                 `sarx preprocess` into a new folder: {:?}",
                folder.display().to_string()
            );
        }
        let split = split(preprocessed, fold, &store)?;
        let previous = cascade::previous_labels(spec, &plans, &dataset, &split)?;
        let pretrained = spec.pretrained.map(PretrainedWeights::read).transpose()?;
        if let Some(weights) = &pretrained {
            // Before a folder is made for a model that then cannot be trained.
            check_pretrained(&unet_config(&configuration, &dataset)?, weights)?;
        }
        let references = preprocessed.join("gt_segmentations");
        let axes = slice_axes(&references, &store, dataset.file_ending())?;
        let facts = TrainingFacts {
            slice_axes: axes,
            // Without mirrored samples a network knows nothing of mirrored images.
            mirror_axes: (spec.augmentation == Augmentation::None).then(Vec::new),
        };
        let model = ModelFolder::create(spec.out, &plans, &dataset, spec.configuration, facts)?;
        let next_stages = cascade::next_stages(&model)?;
        Ok(Self {
            model,
            device: spec.device,
            fold,
            split,
            store,
            references,
            previous,
            next_stages,
            pretrained,
        })
    }

    pub(super) fn train(
        &self,
        config: &TrainConfig,
        resume: bool,
        stop: &AtomicBool,
        console: &Console,
    ) -> Result<TrainReport> {
        let request = TrainRequest {
            model: &self.model,
            store: &self.store,
            fold: self.fold,
            train_cases: &self.split.train,
            val_cases: &self.split.val,
            previous: self.previous.as_ref(),
            pretrained: self.pretrained.as_ref(),
            config,
            device: self.device,
            n_threads: rayon::current_num_threads(),
            resume,
            stop,
        };
        let configuration = self.model.configuration();
        let patch: Vec<String> = configuration
            .patch_size
            .iter()
            .map(usize::to_string)
            .collect();
        console.say(&format!(
            "fold {}: {} training and {} validation cases, patch {}, batch {}, {} epochs of {} iterations",
            self.fold,
            self.split.train.len(),
            self.split.val.len(),
            patch.join("x"),
            configuration.batch_size,
            config.n_epochs,
            config.n_iterations
        ));
        let report = train(&request, &mut Watcher::new(console, config));
        console.finish();
        Ok(report?)
    }
}

/// The file of the plans; where it is missing the plans that are there are named.
fn plans_file(preprocessed: &Path, name: &str) -> Result<PathBuf> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let path = preprocessed.join(format!("{stem}.json"));
    if path.exists() {
        return Ok(path);
    }
    let entries = std::fs::read_dir(preprocessed).with_context(|| {
        let shown = preprocessed.display().to_string();
        format!("cannot read the folder of preprocessed data: {shown:?}")
    })?;
    let mut present: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(|path| Some(Plans::read(&path).ok()?.plans_name().to_owned()))
        .collect();
    present.sort();
    anyhow::bail!(
        "there are no plans \"{stem}\"; say --plans with one of: {}: {:?}",
        if present.is_empty() {
            "none".to_owned()
        } else {
            present.join(", ")
        },
        preprocessed.display().to_string()
    );
}

/// The cases of a fold; `all` needs no splits.
fn split(preprocessed: &Path, fold: Fold, store: &CaseStore) -> Result<Split> {
    let cases = case_list::read_whole(preprocessed, store)?;
    if fold == Fold::All {
        return Ok(Split {
            train: cases.clone(),
            val: cases,
        });
    }
    let splits = Splits::read(&preprocessed.join("splits_final.json"))
        .context("a numbered fold needs splits (with fewer than five cases say --fold all)")?;
    splits.check(&cases)?;
    Ok(splits.fold(fold, &cases)?)
}

/// How many cases of the dataset, whatever the fold, have axial, sagittal and coronal slices.
fn slice_axes(
    references: &Path,
    store: &CaseStore,
    ending: &str,
) -> Result<BTreeMap<String, usize>> {
    let mut axes = BTreeMap::new();
    for id in store.cases() {
        let header = sarx_io::read_header(&references.join(format!("{id}{ending}")))?;
        let axis = case_grid(&header).slice_axis().to_string();
        *axes.entry(axis).or_insert(0) += 1;
    }
    Ok(axes)
}
