//! The training loop of one fold.
//!
//! An epoch is training iterations, validation iterations, one line in the log, a checkpoint and
//! the figure, in this order; a crash anywhere repeats at most the epoch.

use crate::batches::{Batch, BatchKind, BatchSource};
use crate::checkpoint::{Checkpoint, Position, RunIdentity, warn_of_other_threads};
use crate::fold_folder::FoldFolder;
use crate::online_validation::{PseudoCounts, ema, mean_dice};
use crate::training_log::TrainingLog;
use crate::{
    EpochRecord, TrainEnd, TrainError, TrainObserver, TrainReport, TrainRequest, figure,
    pseudo_dice,
};
use sarx_model::{PretrainedWeights, fold_folder_name};
use sarx_nn::{
    DeepSupervisionLoss, Device, DeviceChoice, Int, OpPath, StepError, Tensor, TrainState, Unet,
    UnetConfig, image_tensor, poly_lr, target_tensor,
};
use sarx_preprocess::augment::{
    AugmentError, AugmentationOptions, AugmentationPlan, BatchLoader, LoaderOptions,
};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Trains one fold to its end, or until it is asked to stop.
///
/// # Determinism
///
/// The same request on the same kind of machine gives the same bytes, also when the run is
/// interrupted or killed and resumed any number of times.
///
/// # Errors
///
/// [`TrainError`]; the last checkpoint then stays.
pub fn train(
    request: &TrainRequest<'_>,
    observer: &mut dyn TrainObserver,
) -> Result<TrainReport, TrainError> {
    let folder = FoldFolder::lock(&request.model.path().join(fold_folder_name(request.fold)))?;
    if let Some(report) = finished_before(request, &folder)? {
        return Ok(report);
    }
    Run::begin(request, &folder, observer)?.finish(observer)
}

/// The report of a fold whose final weights are already there.
fn finished_before(
    request: &TrainRequest<'_>,
    folder: &FoldFolder,
) -> Result<Option<TrainReport>, TrainError> {
    let path = folder.last();
    if !path.exists() {
        return Ok(None);
    }
    if !request.resume {
        return Err(TrainError::AlreadyBegun { path });
    }
    let checkpoint = Checkpoint::read(&path)?;
    checkpoint.require_same_run(&request.identity(), &path)?;
    // A run that was killed right after its end left this behind.
    std::fs::remove_file(folder.latest()).ok();
    let log = TrainingLog::open(&folder.log(), checkpoint.position.epoch)?;
    Ok(Some(TrainReport {
        end: TrainEnd::Finished,
        records: log.records().to_vec(),
        best_ema: checkpoint.position.best_ema,
    }))
}

/// A fold in training.
struct Run<'a> {
    request: &'a TrainRequest<'a>,
    folder: &'a FoldFolder,
    identity: RunIdentity,
    position: Position,
    state: TrainState,
    device: Device,
    loss: DeepSupervisionLoss,
    source: Arc<BatchSource>,
    loader: BatchLoader<Batch, AugmentError>,
    log: TrainingLog,
}

/// What the validation batches of an epoch gave.
struct EpochValidation {
    loss: f64,
    dice_per_label: Vec<Option<f64>>,
}

/// Whether to go on.
#[derive(PartialEq)]
enum Flow {
    Continue,
    Stop,
}

impl<'a> Run<'a> {
    fn begin(
        request: &'a TrainRequest<'a>,
        folder: &'a FoldFolder,
        observer: &mut dyn TrainObserver,
    ) -> Result<Self, TrainError> {
        let identity = request.identity();
        let device = request.device.training();
        let mut state = TrainState::new(first_network(request, &device)?);
        let mut position = Position::default();
        let latest = folder.latest();
        if latest.exists() {
            if !request.resume {
                return Err(TrainError::AlreadyBegun { path: latest });
            }
            let checkpoint = Checkpoint::read(&latest)?;
            checkpoint.require_same_run(&identity, &latest)?;
            warn_of_other_threads(&checkpoint.identity, &identity, observer);
            state.unet.set_parameters(checkpoint.weights)?;
            state
                .optimizer
                .set_momentum(&state.unet, checkpoint.momentum)?;
            position = checkpoint.position;
        } else if request.resume {
            observer.warn("there is no checkpoint to resume; the fold is begun anew");
        }
        let plan = augmentation_plan(request)?;
        let n_outputs = plan.deep_supervision_scales().len();
        let source = Arc::new(BatchSource::open(request, plan)?);
        let loader = start_loader(request, &source, &position)?;
        Ok(Self {
            loss: DeepSupervisionLoss::new(request.loss_config(), n_outputs)
                .with_op_path(OpPath::of(&device)),
            log: TrainingLog::open(&folder.log(), position.epoch)?,
            request,
            folder,
            identity,
            position,
            state,
            device,
            source,
            loader,
        })
    }

    fn finish(mut self, observer: &mut dyn TrainObserver) -> Result<TrainReport, TrainError> {
        while self.position.epoch < self.identity.n_epochs {
            if self.epoch(observer)? == Flow::Stop {
                self.checkpoint().write(&self.folder.latest())?;
                return Ok(self.report(TrainEnd::Interrupted));
            }
        }
        self.weights_only().write(&self.folder.last())?;
        // The final weights are written; an old checkpoint that stays does no harm.
        std::fs::remove_file(self.folder.latest()).ok();
        Ok(self.report(TrainEnd::Finished))
    }

    fn epoch(&mut self, observer: &mut dyn TrainObserver) -> Result<Flow, TrainError> {
        let begun = Instant::now();
        let waited = self.loader.waited();
        let epoch = self.position.epoch;
        observer.epoch_begins(
            epoch,
            self.identity.n_iterations + self.identity.n_val_iterations,
        );
        let lr = poly_lr(
            self.request.config.initial_lr,
            epoch,
            self.identity.n_epochs,
        );
        while self.position.iteration < self.identity.n_iterations {
            let loss = self.training_iteration(lr)?;
            self.position.losses.push(loss);
            self.position.iteration += 1;
            observer.iteration(Some(loss));
            if self.asked_to_stop() {
                return Ok(Flow::Stop);
            }
        }
        let Some(validation) = self.validation(observer)? else {
            return Ok(Flow::Stop);
        };
        let pseudo_dice = mean_dice(&validation.dice_per_label);
        let new_ema = ema(self.position.ema, pseudo_dice);
        let duration_s = begun.elapsed().as_secs_f64();
        let waited_s = (self.loader.waited() - waited).as_secs_f64();
        let record = EpochRecord {
            epoch,
            lr,
            train_loss: mean(&self.position.losses),
            val_loss: validation.loss,
            dice_per_label: validation.dice_per_label,
            pseudo_dice,
            ema: new_ema,
            duration_s,
            waited_s,
            loader_wait_share: waited_s / duration_s.max(f64::MIN_POSITIVE),
        };
        self.end_epoch(record, observer)?;
        Ok(if self.asked_to_stop() {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }

    fn training_iteration(&mut self, lr: f64) -> Result<f32, TrainError> {
        let (epoch, iteration) = (self.position.epoch, self.position.iteration);
        let mut batch = self.next_batch(self.source.number(epoch, iteration))?;
        let (images, targets) = tensors(&mut batch, &self.device);
        match self.state.step(images.clone(), &targets, &self.loss, lr) {
            Ok(report) => Ok(report.loss),
            Err(StepError::NotFinite {
                loss,
                gradient_norm,
            }) => {
                // Either may be what is not finite; that one is told.
                let bad = if loss.is_finite() {
                    gradient_norm
                } else {
                    loss
                };
                Err(self.not_finite(bad, iteration, &batch))
            }
            Err(StepError::Device(source)) if source.is_out_of_memory() => {
                let fits = self.state.fitting_batch(&images, &targets, &self.loss);
                Err(TrainError::OutOfMemory {
                    batch: batch.image_shape[0],
                    fits: fits
                        .map_or_else(|| "not even one fits".to_owned(), |n| format!("{n} fit")),
                    source,
                })
            }
            Err(source) => Err(TrainError::Step {
                epoch,
                iteration,
                source,
            }),
        }
    }

    /// Mean loss and Dice per label over the validation batches, or `None` if asked to stop.
    fn validation(
        &mut self,
        observer: &mut dyn TrainObserver,
    ) -> Result<Option<EpochValidation>, TrainError> {
        let (epoch, first) = (self.position.epoch, self.identity.n_iterations);
        let config = self.loss.config.clone();
        let n_foreground = self.request.model.dataset().labels().foreground().len();
        let mut counts = vec![PseudoCounts::default(); n_foreground];
        let mut losses = Vec::with_capacity(self.identity.n_val_iterations);
        for iteration in 0..self.identity.n_val_iterations {
            let number = self.source.number(epoch, first + iteration);
            debug_assert_eq!(self.source.place(number).kind, BatchKind::Validation);
            let mut batch = self.next_batch(number)?;
            let (images, targets) = tensors(&mut batch, &self.device);
            let (loss, logits) =
                self.state
                    .evaluate(images, &targets, &self.loss)
                    .map_err(|source| TrainError::Step {
                        epoch,
                        iteration: first + iteration,
                        source,
                    })?;
            if !loss.is_finite() {
                return Err(self.not_finite(loss, first + iteration, &batch));
            }
            losses.push(loss);
            let logits = logits.into_data().convert::<f32>();
            let logits = logits
                .as_slice::<f32>()
                .unwrap_or_else(|_| unreachable!("converted to f32"));
            let (labels, shape) = &batch.targets[0];
            pseudo_dice::count(logits, labels, shape[0], &config, &mut counts);
            observer.iteration(None);
            if self.asked_to_stop() {
                return Ok(None);
            }
        }
        Ok(Some(EpochValidation {
            loss: mean(&losses),
            dice_per_label: counts.iter().map(PseudoCounts::dice).collect(),
        }))
    }

    /// Log, best weights, checkpoint, figure; the position moves to the next epoch.
    fn end_epoch(
        &mut self,
        record: EpochRecord,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let better = match (record.ema, self.position.best_ema) {
            (Some(new), Some(best)) => new > best,
            (new, _) => new.is_some(),
        };
        let best_ema = if better {
            record.ema
        } else {
            self.position.best_ema
        };
        self.position = Position {
            epoch: self.position.epoch + 1,
            iteration: 0,
            losses: Vec::new(),
            ema: record.ema,
            best_ema,
        };
        if better {
            self.weights_only().write(&self.folder.best())?;
        }
        self.log.push(record.clone())?;
        self.checkpoint().write(&self.folder.latest())?;
        figure::write(self.log.records(), self.folder)?;
        observer.epoch_ends(&record);
        Ok(())
    }

    /// The next batch of the loader, which must be the one of this number.
    fn next_batch(&mut self, number: u64) -> Result<Batch, TrainError> {
        let failed = |what: String| TrainError::Batch {
            batch: number,
            what,
        };
        match self.loader.next_batch() {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(error)) => {
                let cause = std::error::Error::source(&error).map(|e| format!(": {e}"));
                Err(failed(format!("{error}{}", cause.unwrap_or_default())))
            }
            None => Err(failed("the batches of the run are used up".to_owned())),
        }
    }

    fn not_finite(&self, value: f32, iteration: usize, batch: &Batch) -> TrainError {
        TrainError::NotFinite {
            value,
            epoch: self.position.epoch,
            iteration,
            cases: batch.cases.join(", "),
            path: self.folder.latest(),
        }
    }

    fn asked_to_stop(&self) -> bool {
        self.request.stop.load(Ordering::Relaxed)
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            momentum: self.state.optimizer.momentum(&self.state.unet),
            ..self.weights_only()
        }
    }

    fn weights_only(&self) -> Checkpoint {
        Checkpoint {
            identity: self.identity.clone(),
            position: self.position.clone(),
            weights: self.state.unet.named_parameters(),
            momentum: Vec::new(),
        }
    }

    fn report(&self, end: TrainEnd) -> TrainReport {
        TrainReport {
            end,
            records: self.log.records().to_vec(),
            best_ema: self.position.best_ema,
        }
    }
}

/// The network before the first step: random, or with the trunk of another one.
fn first_network(request: &TrainRequest<'_>, device: &Device) -> Result<Unet, TrainError> {
    let config = request.model.unet_config();
    let unet = config.init(device, request.config.seed)?;
    match request.pretrained {
        None => Ok(unet),
        Some(weights) => with_pretrained(unet, weights),
    }
}

fn with_pretrained(unet: Unet, weights: &PretrainedWeights) -> Result<Unet, TrainError> {
    unet.with_pretrained(weights.arrays.clone())
        .map_err(|source| TrainError::Pretrained {
            path: weights.path.clone(),
            source,
        })
}

/// Refuses weights that do not fit a network, before anything is made for its training.
///
/// # Errors
///
/// [`TrainError::Pretrained`] names the first tensor that does not fit.
pub fn check_pretrained(
    network: &UnetConfig,
    weights: &PretrainedWeights,
) -> Result<(), TrainError> {
    let unet = network.init(&DeviceChoice::Cpu.inference(), 0)?;
    with_pretrained(unet, weights)?;
    Ok(())
}

fn augmentation_plan(request: &TrainRequest<'_>) -> Result<AugmentationPlan, TrainError> {
    let configuration = request.model.configuration();
    let options = AugmentationOptions {
        use_mask_for_norm: configuration.use_mask_for_norm.clone(),
        strides: configuration.architecture.strides.clone(),
        augmentation: request.config.augmentation,
        previous_labels: request.model.previous_labels().to_vec(),
        ..AugmentationOptions::default()
    };
    let n_channels = request.model.dataset().n_channels();
    AugmentationPlan::for_patch(&configuration.patch_size, n_channels, options)
        .map_err(TrainError::Augmentation)
}

fn start_loader(
    request: &TrainRequest<'_>,
    source: &Arc<BatchSource>,
    position: &Position,
) -> Result<BatchLoader<Batch, AugmentError>, TrainError> {
    let workers = request.config.n_workers;
    let options = LoaderOptions {
        workers,
        ahead: workers.saturating_mul(const { NonZeroUsize::new(3).unwrap() }),
        batches: source.number(position.epoch, position.iteration)
            ..source.number(request.config.n_epochs.get(), 0),
    };
    let source = Arc::clone(source);
    BatchLoader::start(&options, move |number| source.batch(number)).map_err(|error| {
        TrainError::Batch {
            batch: options.batches.start,
            what: error.to_string(),
        }
    })
}

/// The images are moved out of the batch.
fn tensors(batch: &mut Batch, device: &Device) -> (Tensor<5>, Vec<Tensor<4, Int>>) {
    let images = image_tensor(std::mem::take(&mut batch.images), batch.image_shape, device);
    let targets = batch
        .targets
        .iter()
        .map(|(labels, shape)| target_tensor(labels, *shape, device))
        .collect();
    (images, targets)
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64
}
