//! The fingerprint of a dataset: the few numbers from which the plans are made.
//!
//! Spacing and size of every case after cropping to the nonzero region, and statistics of the
//! intensities inside the foreground.
//!
//! Source: nnU-Net v2 `experiment_planning/dataset_fingerprint/fingerprint_extractor.py`.

mod measure;
mod schema;
#[cfg(test)]
mod tests;
mod weighted;

pub use measure::{FingerprintError, measure};
pub use schema::{Fingerprint, FingerprintFileError, IntensityProperties};
