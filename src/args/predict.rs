//! What can be typed for prediction.

use super::Probabilities;
use clap::{Args, ValueEnum};
use sarx_nn::Precision;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Model folder with plans.json, dataset.json and fold_N, made by sarx or by nnU-Net
    #[arg(long, required_unless_present = "policy")]
    pub(crate) model: Option<PathBuf>,
    /// policy.json of a study, with the study's models beside it: takes the best model for the patient's site and
    /// series, and says which and why
    #[arg(
        long,
        conflicts_with_all = [
            "model", "input_list", "previous", "previous_model", "folds", "checkpoint", "save_probabilities",
            "continue_", "num_parts", "part_id",
        ]
    )]
    pub(crate) policy: Option<PathBuf>,
    /// Folder with CASE_0000.nii.gz and so on; with --policy a patient's folder with one image per series, called like
    /// the series, or a folder of such folders
    #[arg(
        long,
        required_unless_present = "input_list",
        conflicts_with = "input_list"
    )]
    pub(crate) input: Option<PathBuf>,
    /// Policy: site of the tumour, or the stratum [default: not known]
    // Clap takes a requirement back where it conflicts, so --model is refused in words of its own.
    #[arg(long, requires = "policy", conflicts_with = "model")]
    pub(crate) site: Option<String>,
    /// Policy: file of a series, whatever it is called; can be said again
    #[arg(long, requires = "policy", conflicts_with = "model", value_name = "SERIES=FILE", value_parser = series_file)]
    pub(crate) series: Vec<(String, PathBuf)>,
    /// Policy: table with columns patient and site, for a folder of patients
    #[arg(long, requires = "policy", conflicts_with_all = ["site", "model"], value_name = "CSV")]
    pub(crate) cohort: Option<PathBuf>,
    /// JSON list with one entry per case: its files by channel, or {"images": [..], "output": NAME}
    #[arg(long, value_name = "FILE")]
    pub(crate) input_list: Option<PathBuf>,
    /// Folder for the segmentations
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// Cascade: folder with the segmentations of the previous stage
    #[arg(long, value_name = "FOLDER", conflicts_with = "previous_model")]
    pub(crate) previous: Option<PathBuf>,
    /// Cascade: model folder of the previous stage, which then predicts first, with the same folds
    /// and options
    #[arg(long, value_name = "MODEL")]
    pub(crate) previous_model: Option<PathBuf>,
    /// Folds to average [default: all that the model has]
    #[arg(long, num_args = 1.., value_name = "FOLD")]
    pub(crate) folds: Vec<String>,
    /// Which weights of each fold
    #[arg(long, value_enum, default_value_t = Weights::Final)]
    pub(crate) checkpoint: Weights,
    /// Predict once instead of averaging over mirrored images
    #[arg(long)]
    pub(crate) no_mirroring: bool,
    /// Distance of tiles as a fraction of the patch
    #[arg(long, default_value_t = 0.5)]
    pub(crate) step: f64,
    /// Take tiles that hold only air (zero in every channel, outside the body) for background without asking
    /// the network
    #[arg(long)]
    pub(crate) skip_air: bool,
    /// In what precision the CPU multiplies: bf16 is faster on processors that have it, and labels differ at
    /// edges in about one voxel of ten thousand
    #[arg(long, value_enum, default_value_t = PrecisionName::F32)]
    pub(crate) precision: PrecisionName,
    /// Also keep the probabilities, for `sarx ensemble`
    #[arg(long, num_args = 0..=1, default_missing_value = "npz", value_name = "FORMAT")]
    pub(crate) save_probabilities: Option<Probabilities>,
    /// Keep segmentations that are already in the output folder
    #[arg(long = "continue")]
    pub(crate) continue_: bool,
    /// Into how many parts the cases are divided, to predict them in several processes
    #[arg(long, default_value_t = 1, value_name = "N", requires = "part_id")]
    pub(crate) num_parts: usize,
    /// Which part this process does, from 0
    #[arg(long, default_value_t = 0, value_name = "I", requires = "num_parts")]
    pub(crate) part_id: usize,
}

/// A precision, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// 32 bits, as nnU-Net on a CPU
    F32,
    /// bfloat16 products with sums of 32 bits
    Bf16,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F32 => Self::F32,
            PrecisionName::Bf16 => Self::Bf16,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Weights {
    Best,
    Final,
}

/// `t1_axial=scan.nii.gz`.
fn series_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((series, file)) if !series.is_empty() && !file.is_empty() => {
            Ok((series.to_owned(), file.into()))
        }
        _ => Err("write SERIES=FILE, such as t1_axial=scan.nii.gz".to_owned()),
    }
}
