//! Prediction: an image in, a segmentation on its own grid out; and what follows it.
//!
//! A [`sliding_window`] gives logits on the plan's grid; they are resampled to the cropped native
//! grid, turned into labels and pasted back by the inverses that live in `sarx-preprocess`.
//! Nothing here knows how a model was trained.
//!
//! After that [`ensemble_folders`] averages probabilities that were kept ([`ProbabilityFormat`]),
//! and [`find_postprocessing`] and [`apply_postprocessing`] clean segmentations up.

mod air;
mod case;
mod case_output;
mod ensemble;
mod error;
mod folder;
mod gaussian;
mod mirror;
mod nnunet_pickle;
mod nnunet_properties;
mod output_folder;
mod postprocess;
mod predictor;
mod probabilities;
mod sliding_window;
mod tiles;

pub use air::Air;
pub use case::{
    CaseLogits, CasePrediction, PreparedCase, predict_case, predict_logits, predict_preprocessed,
    predict_probabilities, prepare_case,
};
pub use case_output::CaseOutput;
pub use ensemble::{
    EnsembleCase, EnsembleError, EnsembleFault, EnsembleReport, EnsembleRequest, EnsembleSpec,
    ensemble_cases, ensemble_folders, mean_probabilities,
};
pub use error::PredictError;
pub use folder::{
    FolderPrediction, FolderRequest, Part, PartError, PreviousStage, check_cascade_folders,
    predict_folder,
};
pub use gaussian::gaussian_weights;
pub use nnunet_pickle::NnunetPickleError;
pub use nnunet_properties::NnunetProperties;
pub use output_folder::OutputFolderError;
pub use postprocess::{
    AppliedCase, ApplyReport, ApplyRequest, FindRequest, FolderMeans, FoundPostprocessing,
    KeepLargest, PostprocessError, PostprocessingRules, RULES_SCHEMA_VERSION, Trial,
    apply_postprocessing, determine, find_postprocessing,
};
pub use predictor::{PredictOptions, Predictor};
pub use probabilities::{ProbabilityError, ProbabilityFault, ProbabilityFile, ProbabilityFormat};
pub use sliding_window::{SlidingWindowError, WindowOptions, sliding_window};
pub use tiles::{TilingError, tile_starts};
