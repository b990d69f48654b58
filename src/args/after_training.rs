//! What can be typed for the verbs that follow training and prediction.

use clap::{Args, Subcommand, ValueEnum};
use sarx_infer::ProbabilityFormat;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How probabilities are kept.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Probabilities {
    /// CASE.npz as nnU-Net writes it: every value in 32 bits
    Npz,
    /// CASE.probabilities.zip: the same labels, values in 16 bits, a tenth of the size
    Compact,
}

impl From<Probabilities> for ProbabilityFormat {
    fn from(format: Probabilities) -> Self {
        match format {
            Probabilities::Npz => Self::Npz,
            Probabilities::Compact => Self::Compact,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct EnsembleArgs {
    /// Folders that `sarx predict --save-probabilities` (or nnU-Net) wrote, of the same cases
    #[arg(long, num_args = 1.., required = true, value_name = "DIR")]
    pub(crate) input: Vec<PathBuf>,
    /// Folder for the segmentations
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// Also keep the mean probabilities
    #[arg(long, num_args = 0..=1, default_missing_value = "npz", value_name = "FORMAT")]
    pub(crate) save_probabilities: Option<Probabilities>,
}

#[derive(Debug, Args)]
pub(crate) struct PostprocessArgs {
    #[command(subcommand)]
    pub(crate) act: PostprocessAct,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PostprocessAct {
    /// Find out whether keeping the largest component improves predictions with references
    #[command(
        after_help = "Example:\n  sarx postprocess find --prediction results/fold_0/validation \
                      --reference cohort/Dataset101_T1Axial/labelsTr"
    )]
    Find(FindArgs),
    /// Clean segmentations up with rules that were found
    #[command(
        after_help = "Example:\n  sarx postprocess apply --input predictions --output cleaned --rules postprocessing.json\n\n\
                      A thin tail or a satellite nodule is a component of its own and may be deleted; the result \
                      says how much was removed from which case."
    )]
    Apply(ApplyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    /// Folder of predictions, best of a whole cross-validation
    #[arg(long)]
    pub(crate) prediction: PathBuf,
    /// Folder with reference segmentations of the same names
    #[arg(long)]
    pub(crate) reference: PathBuf,
    /// dataset.json that declares the labels [default: in the prediction folder, then beside the reference folder]
    #[arg(long)]
    pub(crate) dataset_json: Option<PathBuf>,
    /// File for the rules [default: postprocessing.json in the prediction folder]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Do not write the cleaned predictions and their scores to `postprocessed` in the prediction folder
    #[arg(long)]
    pub(crate) no_postprocessed: bool,
    /// How many cases are in memory at a time
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) cases_at_once: NonZeroUsize,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Folder of segmentations
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// Folder for the cleaned ones
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// Rules of `sarx postprocess find`, or nnU-Net's postprocessing.json
    #[arg(long)]
    pub(crate) rules: PathBuf,
    /// dataset.json that declares the file ending [default: in the input folder]
    #[arg(long)]
    pub(crate) dataset_json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BestArgs {
    /// Model folders, or folders that hold some; the first wins a tie
    #[arg(required = true)]
    pub(crate) results: Vec<PathBuf>,
    /// Folder with reference segmentations: labelsTr, or gt_segmentations of the preprocessed cases
    #[arg(long)]
    pub(crate) reference: PathBuf,
    /// Folder for ensembles, inference_information.json and inference_instructions.txt
    /// [default: the folder that holds the first model]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Folds to gather [default: all numbered ones that the first model was validated on]
    #[arg(long, num_args = 1.., value_name = "FOLD")]
    pub(crate) folds: Vec<String>,
    /// Compare single models only
    #[arg(long)]
    pub(crate) no_ensembling: bool,
    /// How many cases are in memory at a time
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) cases_at_once: NonZeroUsize,
}
