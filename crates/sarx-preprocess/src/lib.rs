//! From native images to network input, and back.
//!
//! [`preprocess`] transposes, crops to the body, normalizes and resamples one case, exactly as
//! nnU-Net's default preprocessor does; [`Properties`] keeps what is needed to undo it.
//! [`labels_from_logits`] and [`probabilities_to_native`] are the way back: from logits on the
//! target grid to arrays of the native size. [`CaseStore`] keeps preprocessed cases in a folder
//! and hands them out as memory maps; [`augment`] makes random patches of them.
//!
//! The crate knows no plans: all numbers come in as a [`PreprocessSpec`].
//!
//! Three grids are never mixed silently. *Native*: as in the file. *Cropped*: native voxels
//! inside the body's box, axes transposed. *Target*: cropped, resampled to the target spacing,
//! axes transposed; the network sees only this one.

pub mod augment;
mod case;
mod class_locations;
mod error;
mod inverse;
mod normalize;
mod properties;
mod resample;
mod spec;
mod store;

pub use case::{PreprocessedCase, body_mask, preprocess};
pub use class_locations::{ClassLocations, KeyLocations, find_class_locations};
pub use error::PreprocessError;
pub use inverse::{
    Heads, NativePrediction, labels_for_next_stage, labels_from_logits, logits_to_native,
    probabilities_to_native,
};
pub use normalize::Normalization;
pub use properties::Properties;
pub use resample::{
    MAX_TARGET_VOXELS, ResampleGeometry, Resampling, SplineOrder, resample_image, resample_labels,
    target_size,
};
pub use spec::{PreprocessSpec, TargetSpacing};
pub use store::{
    CaseStore, MappedCase, MappedLabels, StageIdentity, StageStore, StoreError, StoreIdentity,
};
