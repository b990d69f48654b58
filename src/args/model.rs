//! What can be typed about model folders.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) act: ModelAct,
}

/// What to do with a model.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelAct {
    /// Write a model of nnU-Net (plans.json, dataset.json, fold_N/*.pth) as a model of sarx
    #[command(after_help = "Example:\n  sarx model import NNUNET_FOLDER --out model")]
    Import(ModelImportArgs),
    /// Write a model as a folder that nnU-Net loads
    #[command(after_help = "Example:\n  sarx model export model --out NNUNET_FOLDER")]
    Export(ModelExportArgs),
    /// Say what a model is: configuration, network, folds, origin
    #[command(after_help = "Example:\n  sarx model show model --json")]
    Show(ModelShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ModelImportArgs {
    /// Folder that nnU-Net trained
    pub(crate) folder: PathBuf,
    /// Model folder to write; must not exist or be empty
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ModelExportArgs {
    /// Model folder
    pub(crate) folder: PathBuf,
    /// Folder to write; must not exist or be empty
    #[arg(long, value_name = "NNUNET_FOLDER")]
    pub(crate) out: PathBuf,
    /// Class of trainer that nnU-Net shall look up [default: that of an imported model, else nnUNetTrainer]
    #[arg(long, value_name = "NAME")]
    pub(crate) trainer_name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelShowArgs {
    /// Model folder of sarx or nnU-Net
    pub(crate) folder: PathBuf,
}
