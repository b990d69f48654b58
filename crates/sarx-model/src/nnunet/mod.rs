//! Models made by nnU-Net, in and out.
//!
//! nnU-Net keeps weights and everything else of a training in a pickle inside a zip file
//! (`checkpoint_final.pth`). [`sarx_torch`] reads and writes that form without knowing what it
//! means; here the keys of the checkpoint and the names of its tensors get their meaning.
//!
//! Source: nnU-Net v2 `nnUNetTrainer.save_checkpoint` and
//! `nnUNetPredictor.initialize_from_trained_model_folder`.

mod checkpoint;
mod export;
mod import;
mod json;
mod names;
mod slice_kernels;
mod training_record;

pub(crate) use checkpoint::Checkpoint;
pub use export::{DEFAULT_TRAINER, ExportRequest, ExportedFold, export_model};
pub use import::{ImportedModel, import_model};
pub(crate) use import::{first_checkpoint, manifest};
pub use training_record::TrainingRecord;
