//! What can be typed for the verbs that come before training.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Folder with dataset.json, imagesTr and labelsTr
    pub(crate) dataset: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Folder with dataset.json, imagesTr and labelsTr
    #[arg(
        required_unless_present = "fingerprint",
        conflicts_with = "fingerprint"
    )]
    pub(crate) dataset: Option<PathBuf>,
    /// Plan from this fingerprint instead of measuring one
    #[arg(long, requires = "dataset_json")]
    pub(crate) fingerprint: Option<PathBuf>,
    /// The dataset.json that belongs to --fingerprint
    #[arg(long, requires = "fingerprint")]
    pub(crate) dataset_json: Option<PathBuf>,
    /// Folder for fingerprint and plans; with --fingerprint: the plans file itself
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// What kind of network to plan
    #[arg(long, value_enum, default_value_t = PresetName::Plain)]
    pub(crate) preset: PresetName,
    /// Target spacing of 3D configurations instead of the planned one, mm, file axes z,y,x
    #[arg(long, value_delimiter = ',', value_name = "Z,Y,X")]
    pub(crate) target_spacing: Option<Vec<f64>>,
    /// Memory to plan for, GB; patch and batch grow with it [default: that of the preset]
    #[arg(long, value_name = "GB")]
    pub(crate) gpu_memory_gb: Option<f64>,
    /// Name of the plans, and of their file, instead of the preset's
    #[arg(long, value_name = "NAME")]
    pub(crate) plans_name: Option<String>,
    /// Say in words why each number is what it is
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PresetName {
    /// nnU-Net's default planner
    Plain,
    /// Residual encoder, 8 GB, nnU-Net's earlier planner
    Resenc,
    /// Residual encoder, 8 GB
    ResencM,
    /// Residual encoder, 24 GB
    ResencL,
    /// Residual encoder, 40 GB
    ResencXl,
    /// A small plain U-Net that trains on a CPU (sarx only)
    Small,
}

#[derive(Debug, Args)]
pub(crate) struct PreprocessArgs {
    /// Folder with dataset.json, imagesTr and labelsTr
    pub(crate) dataset: PathBuf,
    /// Plans file that `sarx plan` or nnU-Net wrote
    #[arg(long)]
    pub(crate) plans: PathBuf,
    /// Configurations of the plans, one or several: `--configuration 2d 3d_fullres 3d_lowres`
    #[arg(long, num_args = 1.., default_value = "3d_fullres", value_name = "NAME")]
    pub(crate) configuration: Vec<String>,
    /// Folder for preprocessed cases
    #[arg(long)]
    pub(crate) out: PathBuf,
}
