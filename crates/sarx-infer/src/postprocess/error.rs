//! Why predictions cannot be cleaned up.

use crate::output_folder::OutputFolderError;
use sarx_core::CaseId;
use sarx_metrics::LabelOrRegion;
use sarx_plan::LabelFilesError;
use std::path::PathBuf;

/// Rules that cannot be found, read or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostprocessError {
    /// A folder cannot be listed.
    #[error(transparent)]
    LabelFiles(#[from] LabelFilesError),
    /// Predictions that nothing can be compared with.
    #[error(
        "{} of {n_predictions} predicted cases have no reference: {}; rules must be found on cases \
         that all have one: {path:?}",
        .missing.len(), names(.missing)
    )]
    NoReference {
        /// The cases.
        missing: Vec<CaseId>,
        /// Number of predictions.
        n_predictions: usize,
        /// Folder of references.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("case \"{case}\" cannot be read")]
    Read {
        /// The case.
        case: CaseId,
        /// Why.
        source: sarx_io::ReadError,
    },
    /// Prediction and reference do not belong together.
    #[error("case \"{case}\" cannot be compared: {source}: {path:?}")]
    Compare {
        /// The case.
        case: CaseId,
        /// Why.
        source: sarx_metrics::ComponentGraphError,
        /// The prediction.
        path: PathBuf,
    },
    /// A region with background in it.
    #[error("region {region} holds 0, the background; such a region has no components to keep")]
    RegionHoldsBackground {
        /// The region.
        region: LabelOrRegion,
    },
    /// The rules cannot be read.
    #[error("cannot read the rules ({source}): {path:?}")]
    ReadRules {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file holds no rules.
    #[error("not a file of postprocessing rules: {what}: {path:?}")]
    Rules {
        /// What is wrong.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// Rules of another version.
    #[error(
        "the rules have schema version {found}, this build reads {}; use the version of sarx that wrote them: {path:?}",
        super::RULES_SCHEMA_VERSION
    )]
    RulesVersion {
        /// What the file says.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The output folder is not ours to write to.
    #[error(transparent)]
    Output(#[from] OutputFolderError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// A document of the input cannot be copied.
    #[error("cannot read a document of the input ({source}): {path:?}")]
    Document {
        /// The document.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// dataset.json cannot be written.
    #[error(transparent)]
    Dataset(#[from] sarx_plan::DocumentError),
    /// The caller asked to stop.
    #[error("the clean-up was stopped")]
    Stopped,
}

fn names(cases: &[CaseId]) -> String {
    let names: Vec<String> = cases.iter().map(|case| format!("\"{case}\"")).collect();
    names.join(", ")
}
