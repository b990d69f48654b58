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
    /// Cases that the previous stage did not segment.
    #[error(
        "{} of {n_cases} cases have no segmentation of the previous stage: {}; predict them with \"{previous}\" first: {path:?}",
        .missing.len(), .missing.join(", ")
    )]
    MissingPreviousStage {
        /// The previous stage.
        previous: String,
        /// Number of cases.
        n_cases: usize,
        /// Those without a segmentation.
        missing: Vec<String>,
        /// Where they were looked for.
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
    /// The output folder cannot be made.
    #[error("cannot make the output folder: {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The output folder is not ours to write to.
    #[error(
        "the output folder cannot be used: {reason}; choose another, nothing was changed: {path:?}"
    )]
    OutputFolder {
        /// Why.
        reason: String,
        /// The folder.
        path: PathBuf,
    },
    /// The network gave values that are no numbers.
    #[error(
        "the network's output is not finite; the weights are damaged or the image holds extreme values"
    )]
    NotFinite,
    /// The caller asked to stop.
    #[error("prediction was stopped")]
    Stopped,
}
