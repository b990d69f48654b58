//! Why a training cannot begin, go on, or be kept.

use std::path::PathBuf;

/// Why a training stopped before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The log cannot be read.
    #[error("cannot read the training log: {path:?}")]
    ReadLog {
        /// The log.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The log cannot be written.
    #[error("cannot write the training log: {path:?}")]
    WriteLog {
        /// The log.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// The state cannot be turned into text.
    #[error("cannot describe the state of the training")]
    Serialize(#[source] serde_json::Error),
    /// Weights that do not fit the network, or are no weights.
    #[error(transparent)]
    Weights(#[from] sarx_nn::WeightsError),
    /// The checkpoint cannot be read.
    #[error("cannot read the checkpoint: {path:?}")]
    ReadCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no checkpoint of ours.
    #[error("not a checkpoint that can be continued: {what}: {path:?}")]
    Checkpoint {
        /// What is wrong.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// The run was begun with other choices.
    #[error(
        "this fold was begun with {choice} {expected}, now {found} is asked for; go on with the \
         same choice or train into another folder: {path:?}"
    )]
    OtherRun {
        /// What differs.
        choice: &'static str,
        /// As the run was begun.
        expected: String,
        /// As it is asked for now.
        found: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// The folder holds a run and resuming was not asked for.
    #[error(
        "this fold has been trained already, at least in part; say --resume to go on, or train \
         into another folder: {path:?}"
    )]
    AlreadyBegun {
        /// What was found.
        path: PathBuf,
    },
    /// Another process trains into the folder.
    #[error("another process is training this fold: {path:?}")]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// The folder cannot be made or locked.
    #[error("cannot prepare the folder: {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A case of the split is not preprocessed.
    #[error(
        "case \"{case}\" of the split is not preprocessed; run `sarx preprocess` to its end: {store:?}"
    )]
    NotPreprocessed {
        /// The case.
        case: String,
        /// The store.
        store: PathBuf,
    },
    /// A case without labels.
    #[error("case \"{case}\" has no labels to train on")]
    NoLabels {
        /// The case.
        case: String,
    },
    /// Weights to begin from that do not fit.
    #[error("the weights to begin from do not fit the network of the plans: {path:?}")]
    Pretrained {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: sarx_nn::WeightsError,
    },
    /// Cases that the previous stage of a cascade did not predict while validating.
    #[error(
        "{} of {n_cases} cases have no prediction of the previous stage \"{previous}\": {}; {advice}: {path:?}",
        .missing.len(), .missing.join(", ")
    )]
    NoPreviousLabels {
        /// The previous stage.
        previous: String,
        /// Cases of the fold, training and validation.
        n_cases: usize,
        /// Those without a prediction.
        missing: Vec<String>,
        /// What to train.
        advice: String,
        /// Where predictions were looked for.
        path: PathBuf,
    },
    /// A cascade without its previous stage, or a previous stage without a cascade.
    #[error(
        "configuration \"{configuration}\" {}",
        if *.is_cascade {
            "is the second stage of a cascade and needs the predictions of the first"
        } else {
            "is no second stage of a cascade; it takes no predictions of another"
        }
    )]
    PreviousStage {
        /// The configuration.
        configuration: String,
        /// Whether it is a second stage.
        is_cascade: bool,
    },
    /// A case whose prediction of the previous stage was not asked for.
    #[error("the predictions of the previous stage were opened without case \"{case}\"")]
    NotOpened {
        /// The case.
        case: String,
    },
    /// A prediction of the previous stage on another grid.
    #[error(
        "the prediction of the previous stage for case \"{case}\" has {found:?} voxels, the \
         preprocessed case {expected:?}; predict it again: {path:?}"
    )]
    PreviousSize {
        /// The case.
        case: String,
        /// Voxels of the case.
        expected: [usize; 3],
        /// Voxels of the prediction.
        found: [usize; 3],
        /// The prediction.
        path: PathBuf,
    },
    /// A side of the split is empty.
    #[error("the split has no {side} cases")]
    EmptySplit {
        /// `training` or `validation`.
        side: &'static str,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] sarx_preprocess::StoreError),
    /// The model folder does not fit.
    #[error(transparent)]
    Model(#[from] sarx_model::ModelError),
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] sarx_nn::ConfigError),
    /// A step failed.
    #[error("epoch {epoch}, iteration {iteration}")]
    Step {
        /// Epoch, from 0.
        epoch: usize,
        /// Iteration, from 0.
        iteration: usize,
        /// What failed.
        source: sarx_nn::StepError,
    },
    /// The GPU has too little memory for the batch of the plans.
    #[error(
        "the GPU has too little memory for a training step with {batch} samples; {fits}. Plan for \
         less memory (--gpu-memory-gb), or train on the CPU"
    )]
    OutOfMemory {
        /// Samples of a batch.
        batch: usize,
        /// How many samples the GPU has the memory for.
        fits: String,
        /// What the GPU says.
        source: sarx_nn::DeviceFailure,
    },
    /// The loss or its gradient is no number.
    #[error(
        "the loss or its gradient became {value} at epoch {epoch}, iteration {iteration} (cases \
         {cases}); a checkpoint that was written before stays: {path:?}"
    )]
    NotFinite {
        /// The value.
        value: f32,
        /// Epoch, from 0.
        epoch: usize,
        /// Iteration, from 0; validation iterations follow the training ones.
        iteration: usize,
        /// Cases of the batch.
        cases: String,
        /// Where the last checkpoint lies, if an epoch was finished.
        path: PathBuf,
    },
    /// The plans do not fit augmentation.
    #[error("the patches of the plans cannot be augmented")]
    Augmentation(#[source] sarx_preprocess::augment::AugmentError),
    /// The augmentation could not make a batch.
    #[error("cannot make batch {batch}: {what}")]
    Batch {
        /// Index of the batch in the run.
        batch: u64,
        /// What failed.
        what: String,
    },
    /// The progress figure cannot be drawn.
    #[error("cannot draw the progress figure: {what}")]
    Figure {
        /// What failed.
        what: String,
    },
}
