//! From a folder of images to plans: dataset.json, cases, integrity, splits, fingerprint,
//! planner and plans.json as nnU-Net.
//!
//! The journey: [`Dataset::open`] finds the cases of a folder, [`verify`] checks them all,
//! [`measure`] takes the fingerprint, [`plan`] makes [`Plans`] from it, and
//! [`Plans::configuration`] gives a [`Configuration`] to those who preprocess, train and predict.
//! Nothing here needs a tensor library.

mod case;
mod cases;
mod dataset;
mod dataset_json;
mod document;
mod fingerprint;
mod image_list;
mod label_files;
mod labels;
mod percentile;
mod planner;
mod plans;
mod reader;
mod splits;
#[cfg(test)]
mod tests;
mod verify;

pub use case::{Case, CaseError, CaseReader, case_grid};
pub use cases::{CaseFiles, CasesError, DiscoveryFault, discover_images};
pub use dataset::{Dataset, DatasetError};
pub use dataset_json::{DatasetJson, DatasetJsonError, ListedCase};
pub use document::DocumentError;
pub use fingerprint::{
    Fingerprint, FingerprintError, FingerprintFileError, IntensityProperties, measure,
};
pub use image_list::{ImageListError, read_image_list};
pub use label_files::{LabelFilesError, case_files, label_files};
pub use labels::{LabelScheme, LabelValue, LabelsError, Region};
pub use planner::{PlanError, Preset, explain, plan};
pub use plans::{
    Architecture, Configuration, ConfigurationError, Network, NormalizationScheme, Plans,
    PlansError, Resampling,
};
pub use reader::{ImageReader, ImageReaderError};
pub use splits::{Fold, Split, Splits, SplitsError};
pub use verify::{Fault, FaultKind, Finding, VerifyReport, Warning, WarningKind, verify};
