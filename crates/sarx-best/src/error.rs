//! Why models cannot be compared.

use sarx_core::CaseId;
use sarx_plan::Fold;
use std::path::PathBuf;

/// A comparison that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BestError {
    /// Nothing to compare.
    #[error("no model was given; name at least one model folder")]
    NoModels,
    /// A folder without models.
    #[error(
        "neither a model folder (plans.json, dataset.json, fold_N) nor a folder of models: {path:?}"
    )]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// A model folder that cannot be read.
    #[error("cannot read the model folder ({source}): {path:?}")]
    Model {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder that does not tell its configuration.
    #[error(
        "the model has no manifest.json, and its name is not nnU-Net's Trainer__Plans__configuration: {path:?}"
    )]
    Configuration {
        /// The folder.
        path: PathBuf,
    },
    /// Two models of one name.
    #[error(
        "two models are called \"{name}\"; results are named after folders, rename one: {paths:?}"
    )]
    SameName {
        /// The name.
        name: String,
        /// Their folders.
        paths: [PathBuf; 2],
    },
    /// Models of different labels.
    #[error(
        "the model has other labels or another file ending than the first one ({first:?}): {path:?}"
    )]
    OtherLabels {
        /// The first model.
        first: PathBuf,
        /// The other.
        path: PathBuf,
    },
    /// No fold was validated.
    #[error("the model has no numbered fold with validation predictions: {path:?}")]
    NoFolds {
        /// The model.
        path: PathBuf,
    },
    /// A fold without validation.
    #[error(
        "fold {fold} has no validation predictions; train it to its end, or name the folds with `--folds`: {path:?}"
    )]
    NotValidated {
        /// The fold.
        fold: Fold,
        /// Where they should be.
        path: PathBuf,
    },
    /// A case that was validated twice.
    #[error(
        "case \"{case}\" was predicted by more than one fold; the folds were not of one split: {paths:?}"
    )]
    InTwoFolds {
        /// The case.
        case: CaseId,
        /// Both predictions.
        paths: [PathBuf; 2],
    },
    /// Models that were validated on different cases.
    #[error(
        "the models were validated on different cases, so their scores do not compare: {}",
        .differences.join("; ")
    )]
    OtherCases {
        /// One line per model that lacks some.
        differences: Vec<String>,
    },
    /// Predictions without a reference.
    #[error("{} validated cases have no reference, the first is \"{}\": {path:?}", .missing.len(), first(.missing))]
    NoReference {
        /// The cases.
        missing: Vec<CaseId>,
        /// Folder of references.
        path: PathBuf,
    },
    /// Nobody has a score.
    #[error(
        "the mean foreground Dice of every model is undefined; some label occurs neither in references nor in predictions"
    )]
    NoScore,
    /// A case of a pair failed.
    #[error("case \"{case}\" of {name} cannot be averaged: {source}")]
    Ensemble {
        /// The pair.
        name: String,
        /// The case.
        case: CaseId,
        /// Why.
        source: Box<sarx_infer::EnsembleFault>,
    },
    /// A folder of an earlier comparison that is not ours.
    #[error("the folder holds files that `sarx best` did not write; move it away: {path:?}")]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// A folder or file that cannot be read, made or removed.
    #[error("cannot prepare the folder ({source}): {path:?}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Plans cannot be used.
    #[error(transparent)]
    Plans(#[from] sarx_plan::PlansError),
    /// dataset.json cannot be used.
    #[error(transparent)]
    Dataset(#[from] sarx_plan::DatasetJsonError),
    /// A document cannot be written.
    #[error(transparent)]
    Document(#[from] sarx_plan::DocumentError),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] sarx_model::ModelError),
    /// Predictions cannot be listed.
    #[error(transparent)]
    LabelFiles(#[from] sarx_plan::LabelFilesError),
    /// Pairs cannot be averaged.
    #[error(transparent)]
    Ensembles(#[from] sarx_infer::EnsembleError),
    /// Clean-up failed.
    #[error(transparent)]
    Postprocess(#[from] sarx_infer::PostprocessError),
    /// Scoring could not begin.
    #[error(transparent)]
    Evaluate(#[from] sarx_study::EvaluateError),
    /// A case could not be scored.
    #[error(transparent)]
    Case(#[from] sarx_study::CaseFailure),
    /// The scores make no document.
    #[error(transparent)]
    Summary(#[from] sarx_metrics::SummaryError),
    /// A segmentation cannot be read.
    #[error(transparent)]
    Read(#[from] sarx_io::ReadError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// The caller asked to stop.
    #[error("the comparison was stopped")]
    Stopped,
}

fn first(cases: &[CaseId]) -> &str {
    cases.first().map_or("", CaseId::as_str)
}
