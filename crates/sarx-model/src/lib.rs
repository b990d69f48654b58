//! The model folder, and the one place where plans become a network and a preprocessor.
//!
//! A model is plans, a dataset.json, a manifest and weights per fold; it needs no trainer.
//! [`ModelFolder`] is shared by training, which fills it, and prediction, which reads it.

mod error;
mod folder;
mod manifest;
mod network;
mod preprocessing;

pub use error::ModelError;
pub use folder::{ModelFolder, WeightsKind, fold_folder_name, read_manifest};
pub use manifest::{Manifest, plans_hash};
pub use network::unet_config;
pub use preprocessing::{heads, preprocess_spec};
