//! Why a prediction has no result.

use crate::TilingError;
use std::path::PathBuf;

/// Why a case or a folder could not be segmented.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// No image was given.
    #[error("a case needs at least one channel")]
    NoChannels,
    /// Images cannot be read or do not belong together.
    #[error(transparent)]
    Read(#[from] sarx_plan::CaseError),
    /// Images do not fit the model, or cannot be brought back.
    #[error(transparent)]
    Preprocess(#[from] sarx_preprocess::PreprocessError),
    /// The result does not fit the grid.
    #[error(transparent)]
    Volume(#[from] sarx_core::VolumeError),
    /// Bad tile step.
    #[error(transparent)]
    Tiling(#[from] TilingError),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] sarx_model::ModelError),
    /// A cascade without the predictions of its previous stage.
    #[error(
        "configuration \"{configuration}\" is the second stage of a cascade and needs the segmentations of \"{previous}\" for every case: predict them first and name their folder, or name the model of \"{previous}\""
    )]
    NoPreviousStage {
        /// The configuration.
        configuration: String,
        /// The previous stage.
        previous: String,
    },
    /// Predictions of a previous stage for a model that has none.
    #[error(
        "configuration \"{configuration}\" is no second stage of a cascade; it takes no segmentations of a previous stage"
    )]
    NoCascade {
        /// The configuration.
        configuration: String,
    },
    /// The previous stage segmented none of the cases.
    #[error(
        "none of {n_cases} cases has a segmentation of the previous stage (CASE{ending}); predict them with \"{previous}\" first: {path:?}"
    )]
    NothingOfPreviousStage {
        /// The previous stage.
        previous: String,
        /// Number of cases.
        n_cases: usize,
        /// Ending of segmentations.
        ending: String,
        /// Where they were looked for.
        path: PathBuf,
    },
    /// The previous stage did not segment the case.
    #[error(
        "there is no segmentation of the previous stage; predict the case with \"{previous}\" first: {path:?}"
    )]
    MissingPreviousStage {
        /// The previous stage.
        previous: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The previous stage failed at the case.
    #[error("the previous stage \"{previous}\" failed: {reason}")]
    PreviousStageFailed {
        /// The previous stage.
        previous: String,
        /// Why.
        reason: String,
    },
    /// The segmentation of the previous stage cannot be read.
    #[error("cannot read the segmentation of the previous stage ({source}): {path:?}")]
    ReadPreviousStage {
        /// What the system says.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The folder of the previous stage does not say how it was made.
    #[error(
        "the folder of the previous stage cannot be used: {reason}; predict the previous stage again: {path:?}"
    )]
    PreviousFolder {
        /// What is wrong with it.
        reason: String,
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// A document cannot be written.
    #[error(transparent)]
    Document(#[from] sarx_plan::DocumentError),
    /// Probabilities cannot be written.
    #[error(transparent)]
    Probabilities(#[from] crate::ProbabilityError),
    /// The properties of a case cannot be written.
    #[error("cannot write the properties of the case")]
    Properties(#[from] crate::NnunetPickleError),
    /// The output folder cannot be made, or is not ours to write to.
    #[error(transparent)]
    Output(#[from] crate::OutputFolderError),
    /// The network did not run on its GPU.
    #[error("the network did not run; the case can be predicted on the CPU")]
    Device(#[source] sarx_nn::DeviceFailure),
    /// The network gave values that are no numbers.
    #[error(
        "the network's output is not finite; the weights are damaged or the image holds extreme values"
    )]
    NotFinite,
    /// A thread for reading or writing cases cannot be started.
    #[error("cannot start a thread that {stage} cases ({reason}); fewer other programs may help")]
    Thread {
        /// What it does: `reads` or `writes`.
        stage: &'static str,
        /// What the system says.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("prediction was stopped")]
    Stopped,
}
