//! Prediction: an image in, a segmentation on its own grid out.
//!
//! A [`sliding_window`] gives logits on the plan's grid; they are resampled to the cropped native
//! grid, turned into labels and pasted back by the inverses that live in `sarx-preprocess`.
//! Nothing here knows how a model was trained.

mod case;
mod error;
mod folder;
mod gaussian;
mod predictor;
mod sliding_window;
mod tiles;

pub use case::{predict_case, predict_logits, predict_preprocessed};
pub use error::PredictError;
pub use folder::{FolderPrediction, FolderRequest, predict_folder};
pub use gaussian::gaussian_weights;
pub use predictor::{PredictOptions, Predictor};
pub use sliding_window::{SlidingWindowError, WindowOptions, sliding_window};
pub use tiles::{TilingError, tile_starts};
