//! The model folder, and the one place where plans become a network and a preprocessor.
//!
//! A model is plans, a dataset.json, a manifest and weights per fold; it needs no trainer.
//! [`ModelFolder`] is shared by training, which fills it, and prediction, which reads it. [`nnunet`]
//! brings models of nnU-Net in and ours out.

mod error;
mod folder;
mod manifest;
mod network;
mod new_folder;
pub mod nnunet;
mod preprocessing;
mod pretrained;

pub use error::ModelError;
pub use folder::{ModelFolder, WeightsFormat, WeightsKind, fold_folder_name};
pub use manifest::{Manifest, Origin, TrainingFacts, plans_hash, read_manifest};
pub use network::{previous_labels, unet_config};
pub use preprocessing::{heads, preprocess_spec, store_identity};
pub use pretrained::PretrainedWeights;
