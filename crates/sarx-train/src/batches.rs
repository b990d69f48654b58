//! Which patches the network sees, and when.
//!
//! The batches of a run form one sequence: the training batches of epoch 0, its validation
//! batches, the training batches of epoch 1, and so on. Each is a pure function of its place in
//! the sequence, so workers may make them in any order and a run may begin anywhere.

use crate::{TrainError, TrainRequest};
use sarx_core::CaseId;
use sarx_preprocess::augment::{
    AugmentError, AugmentationPlan, CaseArrays, Locations, Purpose, Targets, TrainingSample,
    choose_case, is_forced, sample_box, sample_rng, training_sample, validation_sample,
};
use sarx_preprocess::{MappedCase, MappedLabels};

/// Arrays of one batch, ready to become tensors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    /// `[batch, c, z, y, x]`.
    pub(crate) images: Vec<f32>,
    pub(crate) image_shape: [usize; 5],
    /// Per supervised output `[batch, z, y, x]`, full resolution first.
    pub(crate) targets: Vec<(Vec<i16>, [usize; 4])>,
    /// Names for error messages.
    pub(crate) cases: Vec<String>,
}

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchKind {
    Training,
    Validation,
}

/// A place in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchPlace {
    pub(crate) epoch: u64,
    pub(crate) kind: BatchKind,
    pub(crate) index: u64,
}

/// One case with its labels and, in a cascade, those of the previous stage.
#[derive(Debug)]
struct SourceCase {
    case: MappedCase,
    previous: Option<MappedLabels>,
}

impl SourceCase {
    fn arrays(&self) -> CaseArrays<'_> {
        let labels = self.case.labels();
        CaseArrays {
            image: self.case.image(),
            labels: labels.unwrap_or_else(|| unreachable!("`open` refuses unlabelled cases")),
            previous: self.previous.as_ref().map(MappedLabels::labels),
        }
    }
}

/// The batches of a run.
#[derive(Debug)]
pub(crate) struct BatchSource {
    train: Vec<SourceCase>,
    val: Vec<SourceCase>,
    plan: AugmentationPlan,
    batch_size: usize,
    oversample_foreground: f64,
    seed: u64,
    n_iterations: u64,
    n_val_iterations: u64,
    names: [Vec<String>; 2],
}

impl BatchSource {
    /// Maps every case once.
    pub(crate) fn open(
        request: &TrainRequest<'_>,
        plan: AugmentationPlan,
    ) -> Result<Self, TrainError> {
        let (train, val, config) = (request.train_cases, request.val_cases, request.config);
        for (side, cases) in [("training", train), ("validation", val)] {
            if cases.is_empty() {
                return Err(TrainError::EmptySplit { side });
            }
        }
        let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect();
        Ok(Self {
            train: map_cases(request, train)?,
            val: map_cases(request, val)?,
            plan,
            batch_size: request.model.configuration().batch_size,
            oversample_foreground: config.oversample_foreground,
            seed: config.seed,
            n_iterations: config.n_iterations.get() as u64,
            n_val_iterations: config.n_val_iterations.get() as u64,
            names: [names(train), names(val)],
        })
    }

    /// Where in the sequence training iteration `iteration` of an epoch stands.
    pub(crate) fn number(&self, epoch: usize, iteration: usize) -> u64 {
        epoch as u64 * (self.n_iterations + self.n_val_iterations) + iteration as u64
    }

    pub(crate) fn place(&self, number: u64) -> BatchPlace {
        let per_epoch = self.n_iterations + self.n_val_iterations;
        let (epoch, within) = (number / per_epoch, number % per_epoch);
        match within.checked_sub(self.n_iterations) {
            None => BatchPlace {
                epoch,
                kind: BatchKind::Training,
                index: within,
            },
            Some(index) => BatchPlace {
                epoch,
                kind: BatchKind::Validation,
                index,
            },
        }
    }

    /// Makes one batch.
    pub(crate) fn batch(&self, number: u64) -> Result<Batch, AugmentError> {
        let place = self.place(number);
        let mut batch = Batch {
            images: Vec::new(),
            image_shape: [0; 5],
            targets: Vec::new(),
            cases: Vec::new(),
        };
        for sample in 0..self.batch_size {
            let (sample, case) = self.sample(place, sample)?;
            push(&mut batch, &sample);
            batch.cases.push(case);
        }
        Ok(batch)
    }

    fn sample(
        &self,
        place: BatchPlace,
        sample: usize,
    ) -> Result<(TrainingSample, String), AugmentError> {
        let (cases, purpose, initial, side) = match place.kind {
            BatchKind::Training => (&self.train, Purpose::Training, self.plan.initial_patch(), 0),
            BatchKind::Validation => (&self.val, Purpose::Validation, self.plan.patch(), 1),
        };
        let rng = &mut sample_rng(self.seed, place.epoch, place.index, sample as u64, purpose);
        // `open` refuses empty sides, so there is always a case.
        let at = choose_case(cases.len(), rng).unwrap_or(0);
        let arrays = cases[at].arrays();
        let forced = is_forced(sample, self.batch_size, self.oversample_foreground);
        let (_, z, y, x) = arrays.image.dim();
        let locations = cases[at]
            .case
            .class_locations()
            .map(Locations::from)
            .unwrap_or_default();
        let region = sample_box(
            [z, y, x],
            [initial, self.plan.patch()],
            &locations,
            forced,
            rng,
        )?;
        let sample = match place.kind {
            BatchKind::Training => training_sample(arrays, &region, &self.plan, rng)?,
            BatchKind::Validation => validation_sample(arrays, &region, &self.plan)?,
        };
        Ok((sample, self.names[side][at].clone()))
    }
}

fn map_cases(request: &TrainRequest<'_>, cases: &[CaseId]) -> Result<Vec<SourceCase>, TrainError> {
    let store = request.store;
    let is_cascade = !request.model.previous_labels().is_empty();
    if is_cascade != request.previous.is_some() {
        return Err(TrainError::PreviousStage {
            configuration: request.model.configuration().name.clone(),
            is_cascade,
        });
    }
    cases
        .iter()
        .map(|id| {
            if !store.contains(id) {
                let store = store.folder().to_owned();
                return Err(TrainError::NotPreprocessed {
                    case: id.to_string(),
                    store,
                });
            }
            let case = store.case(id)?;
            if case.labels().is_none() {
                return Err(TrainError::NoLabels {
                    case: id.to_string(),
                });
            }
            let previous = request.previous.map(|labels| labels.of(id, &case));
            Ok(SourceCase {
                case,
                previous: previous.transpose()?,
            })
        })
        .collect()
}

/// Appends a sample; the arrays are in standard layout.
fn push(batch: &mut Batch, sample: &TrainingSample) {
    let (c, z, y, x) = sample.image.dim();
    batch.images.extend(sample.image.iter());
    batch.image_shape = [batch.image_shape[0] + 1, c, z, y, x];
    let Targets::Labels(targets) = &sample.targets else {
        unreachable!("the plan of a run asks for label targets; regions are made by the loss")
    };
    batch.targets.resize_with(targets.len(), Default::default);
    for ((labels, shape), target) in batch.targets.iter_mut().zip(targets) {
        let (z, y, x) = target.dim();
        labels.extend(target.iter());
        *shape = [shape[0] + 1, z, y, x];
    }
}
