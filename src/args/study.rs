//! What can be typed for a study.

use clap::{Args, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    pub(crate) act: StudyAct,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StudyAct {
    /// Write a study.toml with a comment at every key, from a cohort table or a folder of patients
    #[command(after_help = "Example:\n  sarx study init cohort --out study.toml")]
    Init(StudyInitArgs),
    /// Check the study, and do what is not done yet: data, folds, predictions, scores, report
    #[command(after_help = "Examples:\n  sarx study run study.toml\n  \
                      sarx study run study.toml --only t1_axial --fold 0    # this fold, anywhere; collected later\n  \
                      sarx study run study.toml --slurm --slurm-option=--partition=gpu")]
    Run(StudyRunArgs),
    /// What is done and what is not, model by model
    #[command(after_help = "Example:\n  sarx study status study.toml")]
    Status(StudyFileArgs),
    /// Tables, policy and report again, from the scores that are there
    #[command(after_help = "Example:\n  sarx study report study.toml")]
    Report(StudyFileArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StudyInitArgs {
    /// cohort.csv, or a folder that holds one, or a folder of patients
    pub(crate) cohort: PathBuf,
    /// The file to write; must not exist
    #[arg(long, default_value = "study.toml")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StudyFileArgs {
    /// The study file
    pub(crate) study: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StudyRunArgs {
    /// The study file
    pub(crate) study: PathBuf,
    /// These models only; no scores of others, no report
    #[arg(long, num_args = 1.., value_name = "MODEL")]
    pub(crate) only: Vec<String>,
    /// Train these folds only, and nothing after
    #[arg(long, num_args = 1.., value_name = "FOLD", requires = "only")]
    pub(crate) fold: Vec<String>,
    /// This part of the work only [default: all, in this order]
    #[arg(long, value_enum, conflicts_with = "fold")]
    pub(crate) stage: Option<StudyStage>,
    /// Train so many folds at a time, each in a process of its own with its share of the threads
    #[arg(long, default_value_t = NonZeroUsize::MIN, value_name = "N", conflicts_with = "slurm")]
    pub(crate) parallel: NonZeroUsize,
    /// Hand the work to Slurm: data, then an array of folds, then an array of models, then the report
    #[arg(long, conflicts_with_all = ["only", "stage"])]
    pub(crate) slurm: bool,
    /// Passed on to every sbatch, such as --slurm-option=--partition=gpu; can be said again
    #[arg(
        long,
        value_name = "OPTION",
        requires = "slurm",
        allow_hyphen_values = true
    )]
    pub(crate) slurm_option: Vec<String>,
    /// How many tasks of an array run at a time
    #[arg(long, value_name = "N", requires = "slurm")]
    pub(crate) slurm_at_once: Option<NonZeroUsize>,
}

/// The parts of a study's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum StudyStage {
    /// Every model's dataset, plans and preprocessed cases
    Prepare,
    /// Folds and their validation
    Train,
    /// The external test set, late fusion, and every model's scores
    Predict,
    /// Tables, policy and the page
    Report,
}
