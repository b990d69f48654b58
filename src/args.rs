//! What can be typed.

mod after_training;
mod before_training;
mod bench;
mod model;
mod predict;
mod study;

pub(crate) use after_training::{
    ApplyArgs, BestArgs, EnsembleArgs, FindArgs, PostprocessAct, PostprocessArgs, Probabilities,
};

pub(crate) use bench::{
    BenchAct, BenchArgs, BenchEvaluateArgs, BenchNetArgs, BenchPredictArgs, BenchPreprocessArgs,
    BenchResampleArgs, BenchScoresArgs, LogitsLook, NetworkName, PassName, RoundsArgs,
};

pub(crate) use before_training::{PlanArgs, PreprocessArgs, PresetName, VerifyArgs};
pub(crate) use model::{ModelAct, ModelArgs, ModelExportArgs, ModelImportArgs, ModelShowArgs};
pub(crate) use predict::{PrecisionName, PredictArgs, Weights};

pub(crate) use study::{StudyAct, StudyArgs, StudyInitArgs, StudyRunArgs, StudyStage};

use clap::{Args, Parser, Subcommand, ValueEnum};
use sarx_nn::DeviceRequest;
use std::path::PathBuf;

/// Segments soft-tissue sarcomas on MRI: nnU-Net's method in one binary, with scores and a report.
#[derive(Debug, Parser)]
#[command(
    name = "sarx",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb has.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print one JSON document with the result on stdout
    #[arg(long, global = true, help_heading = "General")]
    pub(crate) json: bool,
    /// No progress and no report on stderr; errors still appear
    #[arg(long, short, global = true, help_heading = "General")]
    pub(crate) quiet: bool,
    /// Number of CPU threads [default: all]
    #[arg(long, global = true, help_heading = "General", value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Where the network runs: cpu, gpu, gpu:1, cuda, cuda:1, or auto for the first GPU, else the CPU
    #[arg(
        long,
        global = true,
        help_heading = "General",
        default_value = "cpu",
        value_name = "DEVICE"
    )]
    pub(crate) device: DeviceRequest,
    /// Append events to this file, one JSON object per line
    #[arg(long, global = true, help_heading = "General", value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a phantom cohort, train, predict, evaluate, and write a report; needs no input
    #[command(after_help = "Example:\n  sarx demo --out demo-out")]
    Demo(DemoArgs),
    /// Write a phantom cohort as nnU-Net raw datasets with cohort.csv
    #[command(after_help = "Example:\n  sarx phantom --out cohort --cases 12 --seed 1")]
    Phantom(PhantomArgs),
    /// Check a dataset: every fault of every case
    #[command(after_help = "Example:\n  sarx verify cohort/Dataset101_T1Axial --json")]
    Verify(VerifyArgs),
    /// Measure the fingerprint and write the plans
    #[command(
        after_help = "Examples:\n  sarx plan cohort/Dataset101_T1Axial --out preprocessed --explain\n  \
                      sarx plan --fingerprint F.json --dataset-json dataset.json --preset resenc-l --out plans.json"
    )]
    Plan(PlanArgs),
    /// Crop, normalize and resample every case
    #[command(
        after_help = "Examples:\n  sarx preprocess cohort/Dataset101_T1Axial --plans preprocessed/nnUNetPlans.json \
                      --configuration 3d_fullres --out preprocessed\n  \
                      sarx preprocess cohort/Dataset101_T1Axial --plans preprocessed/nnUNetPlans.json \
                      --configuration 2d 3d_fullres 3d_lowres --out preprocessed"
    )]
    Preprocess(PreprocessArgs),
    /// Train one fold
    #[command(
        after_help = "Example:\n  sarx train preprocessed --plans nnUNetPlans --configuration 3d_fullres --fold 0 \
                      --out results\n\nCtrl-C writes a checkpoint; --resume goes on from it, bit for bit."
    )]
    Train(TrainArgs),
    /// Segment every image of a folder, or a patient with the model that a study's policy chooses
    #[command(
        after_help = "Example:\n  sarx predict --model results --input cohort/Dataset101_T1Axial/imagesTs --output predictions\n\n\
                      A cascade in one go:\n  sarx predict --model cascade --previous-model lowres --input images --output predictions\n\n\
                      A patient's folder (t1_axial.nii.gz, t2_axial.nii.gz, ..), and the model that a study chose for such patients:\n  \
                      sarx predict --policy study-out/policy.json --input P001 --site thigh --output predictions"
    )]
    Predict(PredictArgs),
    /// Average the probabilities of several predictions
    #[command(
        after_help = "Example:\n  sarx ensemble --input predictions_a predictions_b --output predictions"
    )]
    Ensemble(EnsembleArgs),
    /// Keep the largest component where that helps: find the rules, apply them
    #[command(
        after_help = "Examples:\n  sarx postprocess find --prediction results/fold_0/validation --reference labelsTr\n  \
                      sarx postprocess apply --input predictions --output cleaned --rules postprocessing.json"
    )]
    Postprocess(PostprocessArgs),
    /// Find the best model or pair in cross-validation, and its clean-up
    #[command(
        after_help = "Example:\n  sarx best results/plain results/resenc --reference preprocessed/gt_segmentations"
    )]
    Best(BestArgs),
    /// Score predictions against reference segmentations
    #[command(
        after_help = "Example:\n  sarx evaluate --reference cohort/Dataset101_T1Axial/labelsTs --prediction predictions \
                      --out predictions/summary.json --cohort cohort/cohort.csv --by site,histology"
    )]
    Evaluate(EvaluateArgs),
    /// Bring a model in from nnU-Net, out to nnU-Net, or show what is in it
    #[command(after_help = "Examples:\n  sarx model show results\n  \
                      sarx model import nnUNetTrainer__nnUNetPlans__3d_fullres --out model\n  \
                      sarx model export model --out nnUNetTrainer__nnUNetPlans__3d_fullres")]
    Model(ModelArgs),
    /// A study: models of several sequences and planes on one cohort, compared by site and histology
    #[command(
        after_help = "Examples:\n  sarx study init cohort --out study.toml\n  sarx study run study.toml\n  \
                      sarx study status study.toml"
    )]
    Study(StudyArgs),
    /// Time the parts of the work on this machine
    #[command(
        after_help = "Examples:\n  sarx bench net --network plain --patch 64,64,64\n  \
                      sarx bench evaluate --rounds 9 --json"
    )]
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for everything that the demo makes
    #[arg(long, default_value = "demo-out")]
    pub(crate) out: PathBuf,
    /// Number of phantom patients, held-out ones included
    #[arg(long, default_value_t = 60)]
    pub(crate) cases: usize,
    /// How many of them are never seen in training
    #[arg(long, default_value_t = 15)]
    pub(crate) held_out: usize,
    /// Epochs of training
    #[arg(long, default_value_t = 14)]
    pub(crate) epochs: usize,
    /// Training iterations per epoch
    #[arg(long, default_value_t = 40)]
    pub(crate) iterations: usize,
    /// Seed of cohort and training
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PhantomArgs {
    /// Folder to write to; must not exist or be empty
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Number of patients
    #[arg(long, default_value_t = 20)]
    pub(crate) cases: usize,
    /// How many of them go to imagesTs and labelsTs
    #[arg(long, default_value_t = 0)]
    pub(crate) held_out: usize,
    /// Seed; the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Matrix of the images: standard as from a scanner, small for quick trials
    #[arg(long, value_enum, default_value_t = Matrix::Standard)]
    pub(crate) matrix: Matrix,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Matrix {
    Standard,
    Small,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Folder that `sarx plan` and `sarx preprocess` wrote
    pub(crate) preprocessed: PathBuf,
    /// Name of the plans, without .json
    #[arg(long, default_value = "nnUNetPlans")]
    pub(crate) plans: String,
    /// Configuration of the plans
    #[arg(long, default_value = "3d_fullres")]
    pub(crate) configuration: String,
    /// Fold to hold back, or `all` to train on every case
    #[arg(long)]
    pub(crate) fold: String,
    /// Model folder to write to
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Epochs
    #[arg(long, default_value_t = 1000)]
    pub(crate) epochs: usize,
    /// Training iterations per epoch
    #[arg(long, default_value_t = 250)]
    pub(crate) iterations: usize,
    /// Validation iterations per epoch
    #[arg(long, default_value_t = 50)]
    pub(crate) val_iterations: usize,
    /// Learning rate of the first epoch
    #[arg(long, default_value_t = 0.01)]
    pub(crate) initial_lr: f64,
    /// Seed of initial weights, patches and augmentation
    #[arg(long, default_value_t = 12345)]
    pub(crate) seed: u64,
    /// How samples are changed at random: default as nnU-Net, none not at all
    #[arg(long, default_value = "default", value_name = "default|none")]
    pub(crate) augmentation: String,
    /// Cascade: model folder of the previous stage, with all its folds trained and validated
    #[arg(long, value_name = "MODEL")]
    pub(crate) previous: Option<PathBuf>,
    /// Begin from these weights (a .safetensors file, nnU-Net's .pth, or a fold's folder); only the heads are new
    #[arg(long, value_name = "WEIGHTS")]
    pub(crate) pretrained: Option<PathBuf>,
    /// Go on from the last checkpoint
    #[arg(long)]
    pub(crate) resume: bool,
    /// Do not segment and score the validation cases at the end
    #[arg(long)]
    pub(crate) no_validation: bool,
    /// Keep the probabilities of the validation cases, for `sarx best` to average models
    #[arg(
        long,
        visible_alias = "npz",
        num_args = 0..=1,
        default_missing_value = "npz",
        value_name = "FORMAT",
        conflicts_with = "no_validation"
    )]
    pub(crate) save_probabilities: Option<Probabilities>,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Folder with reference segmentations
    #[arg(long)]
    pub(crate) reference: PathBuf,
    /// Folder with predicted segmentations of the same names
    #[arg(long)]
    pub(crate) prediction: PathBuf,
    /// File to write; tables go beside it as CSV [default: summary.json in the prediction folder]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// dataset.json that declares the labels [default: in the prediction folder, then beside the reference folder]
    #[arg(long)]
    pub(crate) dataset_json: Option<PathBuf>,
    /// Table with one row per case
    #[arg(long)]
    pub(crate) cohort: Option<PathBuf>,
    /// Columns of the cohort to score by
    #[arg(long, value_delimiter = ',', requires = "cohort")]
    pub(crate) by: Vec<String>,
    /// Score the rest when predictions are missing; they are named in the result
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Also write a page with tables, figures and, with --images, pictures; one per label
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Folder with the images (CASE_0000 and so on), for pictures of the best, median and worst case
    #[arg(long, value_name = "DIR", requires = "report")]
    pub(crate) images: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_verb_has_an_example() {
        Cli::command().debug_assert();
        for verb in Cli::command().get_subcommands() {
            assert!(
                verb.get_after_help()
                    .is_some_and(|h| h.to_string().contains("Example")),
                "{} has no example",
                verb.get_name()
            );
        }
    }
}
