//! Clean-up after prediction: keep the largest component where that helped in cross-validation.
//!
//! [`find_postprocessing`] decides which rules help on predictions with references, and
//! [`apply_postprocessing`] applies [`PostprocessingRules`] to a folder. Source: nnU-Net v2
//! `postprocessing/remove_connected_components.py`.
//!
//! A rule that raises the mean Dice can still remove true tumour: a thin tail that is joined to
//! the mass by less than a voxel, or a satellite nodule, is a component of its own. Both verbs
//! therefore say how much was removed in which case.

mod apply;
mod error;
mod find;
mod rules;
mod rules_file;

pub use apply::{AppliedCase, ApplyReport, ApplyRequest, apply_postprocessing};
pub use error::PostprocessError;
pub use find::{
    FindRequest, FolderMeans, FoundPostprocessing, Trial, determine, find_postprocessing,
};
pub use rules::{KeepLargest, PostprocessingRules};
pub use rules_file::RULES_SCHEMA_VERSION;

#[cfg(test)]
mod tests;
