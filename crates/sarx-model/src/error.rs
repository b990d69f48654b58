//! Why a model folder cannot be read, filled or used.

use sarx_plan::Fold;
use std::path::PathBuf;

/// A model folder that does not do what is asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The plans cannot be used.
    #[error(transparent)]
    Plans(#[from] sarx_plan::PlansError),
    /// dataset.json cannot be used.
    #[error(transparent)]
    Dataset(#[from] sarx_plan::DatasetJsonError),
    /// A copy cannot be written.
    #[error(transparent)]
    Document(#[from] sarx_plan::DocumentError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] sarx_io::WriteError),
    /// The device does not have the precision.
    #[error(transparent)]
    Precision(#[from] sarx_nn::PrecisionError),
    /// A file of the folder is not there or cannot be read.
    #[error("cannot read {what} of the model: {path:?}")]
    Read {
        /// What is missing.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder without a model.
    #[error(
        "the folder is no model: it has neither a manifest.json of sarx nor a fold_N/checkpoint_final.pth of nnU-Net{}: {path:?}",
        below(.models)
    )]
    NotAModel {
        /// Folders in it that are models.
        models: Vec<String>,
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is no manifest of ours.
    #[error("the manifest of the model cannot be used: {what}: {path:?}")]
    Manifest {
        /// What is wrong.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// The folder belongs to another model.
    #[error(
        "the folder holds a model of another {what} ({found}, now {expected} is asked for); choose \
         another folder, nothing was changed: {path:?}"
    )]
    OtherModel {
        /// `plans`, `configuration` or `dataset.json`.
        what: &'static str,
        /// What is asked for.
        expected: String,
        /// What the folder holds.
        found: String,
        /// The folder.
        path: PathBuf,
    },
    /// A fold that was not trained.
    #[error("the model has no weights for fold {fold}; it has: {available}: {path:?}")]
    NoFold {
        /// The fold.
        fold: Fold,
        /// Folds with weights.
        available: String,
        /// Where the weights were looked for.
        path: PathBuf,
    },
    /// A model without any weights.
    #[error("the model has no trained fold: {path:?}")]
    NoFolds {
        /// The folder.
        path: PathBuf,
    },
    /// The weights do not fit the plans.
    #[error("the weights do not fit the network of the plans: {path:?}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: sarx_nn::WeightsError,
    },
    /// A folder without weights to begin from.
    #[error(
        "there are no weights to begin from: name a weights file or the folder of a trained fold \
         ({expected}): {path:?}"
    )]
    NoPretrained {
        /// The files that would have been taken.
        expected: String,
        /// The folder.
        path: PathBuf,
    },
    /// A weights file of an unknown kind.
    #[error(
        "weights to begin from are read from {supported} files, the name ends otherwise: {path:?}"
    )]
    PretrainedFormat {
        /// The endings that are known.
        supported: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A label that preprocessed cases cannot hold.
    #[error(
        "dataset.json declares label {label}; labels up to {} can be used, as preprocessed cases hold them in 16 bits with a sign",
        i16::MAX
    )]
    LabelRange {
        /// The label.
        label: sarx_core::Label,
    },
    /// The network of the plans cannot be built.
    #[error("configuration \"{configuration}\" gives no network")]
    Network {
        /// The configuration.
        configuration: String,
        /// What is wrong.
        source: sarx_nn::ConfigError,
    },
    /// Something that this release cannot do yet.
    #[error("configuration \"{configuration}\" needs {what}, which this release does not have")]
    Unsupported {
        /// The configuration.
        configuration: String,
        /// What it needs.
        what: String,
    },
    /// A spline order that is not supported.
    #[error(
        "configuration \"{configuration}\" resamples with splines of order {order}; 0, 1 and 3 are supported"
    )]
    SplineOrder {
        /// The configuration.
        configuration: String,
        /// The order.
        order: u8,
    },
    /// Intensities of a channel are missing from the plans.
    #[error(
        "channel {channel} is normalized as CT, but the plans hold no foreground intensities for it"
    )]
    NoIntensities {
        /// Index of the channel.
        channel: usize,
    },
    /// The plans and dataset.json do not speak of the same channels.
    #[error(
        "configuration \"{configuration}\" is made for {plans} channels, dataset.json declares {dataset}"
    )]
    Channels {
        /// The configuration.
        configuration: String,
        /// Channels of the plans.
        plans: usize,
        /// Channels of dataset.json.
        dataset: usize,
    },
    /// A checkpoint of nnU-Net that cannot be read.
    #[error("the checkpoint cannot be read: {path:?}")]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<sarx_torch::TorchError>,
    },
    /// A checkpoint of nnU-Net that lacks something, or holds it in another form.
    #[error("the checkpoint is none of nnU-Net's: {what}: {path:?}")]
    Checkpoint {
        /// What is wrong.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// A tensor of a checkpoint that cannot be read.
    #[error("tensor \"{name}\" of the checkpoint cannot be read: {path:?}")]
    Tensor {
        /// Its key.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<sarx_torch::TorchError>,
    },
    /// Two names of one tensor hold different numbers.
    #[error(
        "tensor \"{alias}\" of the checkpoint must be the same as \"{name}\" but holds other numbers: \
         {path:?}"
    )]
    AliasDiffers {
        /// Key of the alias.
        alias: String,
        /// Key of the tensor.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A fold of another configuration than the first.
    #[error(
        "the fold was trained as configuration \"{found}\", the first fold as \"{expected}\": {path:?}"
    )]
    OtherConfiguration {
        /// Configuration of the first fold.
        expected: String,
        /// Configuration of this fold.
        found: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A mirroring axis that the network does not have.
    #[error(
        "the checkpoint allows mirroring along axis {axis}, but configuration \"{configuration}\" has \
         {n_axes} axes"
    )]
    MirroringAxis {
        /// The axis.
        axis: usize,
        /// The configuration.
        configuration: String,
        /// Its axes.
        n_axes: usize,
    },
    /// A folder that would be written over.
    #[error("the folder exists and is not empty; choose another, nothing was changed: {path:?}")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
}

fn below(models: &[String]) -> String {
    if models.is_empty() {
        String::new()
    } else {
        format!("; models lie in its folders {}", models.join(", "))
    }
}
