//! What can be typed for `sarx bench`.

use clap::{Args, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) act: BenchAct,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchAct {
    /// Forward pass and training step of a network
    #[command(after_help = "Examples:\n  sarx bench net --threads 2\n  \
                            sarx bench net --network anisotropic --pass forward --rounds 3")]
    Net(BenchNetArgs),
    /// Prediction of images with a model, whole and stage by stage
    #[command(
        after_help = "Example:\n  sarx bench predict --model results --input Dataset101_T1Axial/imagesTs --cases 1"
    )]
    Predict(BenchPredictArgs),
    /// Fingerprint, plans and preprocessing of a dataset, into a folder that is deleted
    #[command(after_help = "Example:\n  sarx bench preprocess Dataset101_T1Axial --rounds 3")]
    Preprocess(BenchPreprocessArgs),
    /// Logits on the target grid to labels on the native grid
    #[command(
        after_help = "Example:\n  sarx bench resample --from 40,224,192 --to 60,512,512 --classes 2"
    )]
    Resample(BenchResampleArgs),
    /// Scores of a pair of masks
    #[command(
        after_help = "Example:\n  sarx bench evaluate --size 60,512,512 --volume-ml 300 --write-inputs pair"
    )]
    Evaluate(BenchEvaluateArgs),
    /// Scores of a whole folder of segmentations, from files to scores.csv as a study has it
    #[command(
        after_help = "Examples:\n  sarx bench scores made-up --rounds 1 --warm-up 0\n  \
                      sarx bench scores made-up --first 10"
    )]
    Scores(BenchScoresArgs),
}

/// How often something is timed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RoundsArgs {
    /// How often the work is timed; the median is shown
    #[arg(long, default_value = "5", value_name = "N")]
    pub(crate) rounds: NonZeroUsize,
    /// How often it is done before that, not timed
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) warm_up: usize,
}

#[derive(Debug, Args)]
pub(crate) struct BenchNetArgs {
    /// Which network
    #[arg(long, value_enum, default_value_t = NetworkName::Plain)]
    pub(crate) network: NetworkName,
    /// What is timed
    #[arg(long, value_enum, default_value_t = PassName::Both)]
    pub(crate) pass: PassName,
    /// Size of the patch [default: that of the network]
    #[arg(long, value_delimiter = ',', value_name = "Z,Y,X")]
    pub(crate) patch: Option<Vec<usize>>,
    /// Patches at a time
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) batch: NonZeroUsize,
    /// Features of the first stage; the others grow from it [default: 32]
    #[arg(long, value_name = "N")]
    pub(crate) features: Option<NonZeroUsize>,
    /// In what precision the CPU multiplies; a training step has 32 bits only
    #[arg(long, value_enum, default_value_t = super::PrecisionName::F32)]
    pub(crate) precision: super::PrecisionName,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    /// Folder for weights.safetensors, input.npy and logits.npy, to compare other programs
    #[arg(long, value_name = "DIR")]
    pub(crate) write_inputs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkName {
    /// 1 channel, stages of 32, 64, 128, 256 and 320 features, 5 outputs, kernels 3x3x3, patch 64,64,64
    Plain,
    /// As nnU-Net plans thick slices: 6 stages, the first two with kernels 1x3x3, 2 outputs, patch 40,224,192
    Anisotropic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PassName {
    /// Logits of a patch
    Forward,
    /// Forward, loss, backward, update
    Step,
    /// One after the other
    Both,
}

#[derive(Debug, Args)]
pub(crate) struct BenchPredictArgs {
    /// Model folder, made by sarx or by nnU-Net
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Folder with CASE_0000.nii.gz and so on
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// How many of its cases, in the order of their names
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) cases: NonZeroUsize,
    /// Folds to average [default: all that the model has]
    #[arg(long, num_args = 1.., value_name = "FOLD")]
    pub(crate) folds: Vec<String>,
    /// Predict once instead of averaging over mirrored images
    #[arg(long)]
    pub(crate) no_mirroring: bool,
    /// Distance of tiles as a fraction of the patch
    #[arg(long, default_value_t = 0.5)]
    pub(crate) step: f64,
    /// In what precision the CPU multiplies
    #[arg(long, value_enum, default_value_t = super::PrecisionName::F32)]
    pub(crate) precision: super::PrecisionName,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BenchPreprocessArgs {
    /// Folder with dataset.json, imagesTr and labelsTr
    pub(crate) dataset: PathBuf,
    /// Configuration of the plans
    #[arg(long, default_value = "3d_fullres")]
    pub(crate) configuration: String,
    /// What kind of network to plan
    #[arg(long, value_enum, default_value_t = super::PresetName::Plain)]
    pub(crate) preset: super::PresetName,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BenchResampleArgs {
    /// Voxels of the logits
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "40,224,192"
    )]
    pub(crate) from: Vec<usize>,
    /// Voxels of the image
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "60,512,512"
    )]
    pub(crate) to: Vec<usize>,
    /// Spacing of the image, mm: slices more than 3 times as thick as wide are treated apart
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "5,0.7,0.7"
    )]
    pub(crate) spacing: Vec<f64>,
    /// Labels, background included
    #[arg(long, default_value = "2", value_name = "N")]
    pub(crate) classes: NonZeroUsize,
    /// What the logits look like
    #[arg(long, value_enum, default_value_t = LogitsLook::Blobs)]
    pub(crate) logits: LogitsLook,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    /// Folder for logits.npy and labels.npy, to compare other programs
    #[arg(long, value_name = "DIR")]
    pub(crate) write_inputs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogitsLook {
    /// One round object per label, as networks draw them
    Blobs,
    /// All labels compete everywhere: the worst case
    Noise,
}

#[derive(Debug, Args)]
pub(crate) struct BenchEvaluateArgs {
    /// Voxels of the masks
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "60,512,512"
    )]
    pub(crate) size: Vec<usize>,
    /// Spacing, mm
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "5,0.7,0.7"
    )]
    pub(crate) spacing: Vec<f64>,
    /// Volume of the reference, ml
    #[arg(long, default_value_t = 300.0, value_name = "ML")]
    pub(crate) volume_ml: f64,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    /// Folder for reference.nii.gz and prediction.nii.gz, to compare other programs
    #[arg(long, value_name = "DIR")]
    pub(crate) write_inputs: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchScoresArgs {
    /// Folder with references/ and predictions/; made up if it is not there, else it must be of the same numbers
    pub(crate) folder: PathBuf,
    /// Cases of the folder
    #[arg(long, default_value = "300", value_name = "N")]
    pub(crate) cases: NonZeroUsize,
    /// Voxels of the masks
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "40,512,512"
    )]
    pub(crate) size: Vec<usize>,
    /// Spacing, mm
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Z,Y,X",
        default_value = "5,0.703125,0.703125"
    )]
    pub(crate) spacing: Vec<f64>,
    /// Least and largest volume of a tumour, ml
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LEAST,LARGEST",
        default_value = "20,500"
    )]
    pub(crate) volume_ml: Vec<f64>,
    /// Score these only, in the order of their names [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) first: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
}
