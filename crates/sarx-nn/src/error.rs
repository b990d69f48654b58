//! What can be wrong with a configuration, a weights file or a training step.

/// Products in 16 bits were asked for where only the CPU kernels have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bf16 is for prediction with the CPU kernels; on this device say f32")]
pub struct PrecisionError;

/// A network configuration that cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A count that must be positive is zero.
    #[error("{field} is 0; it must be at least 1")]
    Zero {
        /// The field, with its index where it is a list.
        field: String,
    },
    /// Fewer than two stages.
    #[error("features_per_stage has {found} stages; a U-Net needs at least 2")]
    TooFewStages {
        /// Number of stages found.
        found: usize,
    },
    /// Lists that must have one entry per stage (or decoder level) do not.
    #[error("{field} has {found} entries, expected {expected} for {n_stages} stages")]
    WrongLength {
        /// The list.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
        /// The number of stages, from `features_per_stage`.
        n_stages: usize,
    },
    /// A kernel size that is even: such a convolution cannot keep the size.
    #[error("kernel_sizes[{stage}] is {kernel:?} (z, y, x); every edge must be odd")]
    EvenKernel {
        /// Index of the stage.
        stage: usize,
        /// Its kernel in `[z, y, x]` order.
        kernel: [usize; 3],
    },
    /// The first stage of the network has a stride; the decoder then cannot reach full resolution.
    #[error("strides[0] is {stride:?} (z, y, x), expected [1, 1, 1]")]
    FirstStride {
        /// The stride found.
        stride: [usize; 3],
    },
    /// A constant that must be a finite positive (or non-negative) number.
    #[error("{field} is {value}; {expected}")]
    BadConstant {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A patch or tile that the strides do not divide.
    #[error(
        "size {size} along axis {axis} (0 = z, 1 = y, 2 = x) is not a positive multiple of {multiple}, the product of the strides along it"
    )]
    SizeNotDivisible {
        /// Axis in `[z, y, x]` order.
        axis: usize,
        /// Voxels along it.
        size: usize,
        /// What must divide it.
        multiple: usize,
    },
}

/// Weights or optimizer state that do not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The bytes are not a safetensors file.
    #[error("the bytes are not a safetensors file")]
    Format {
        /// What the reader said.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A tensor that is not stored as 32-bit floats.
    #[error("tensor \"{name}\" is stored as {found}, expected F32")]
    DataType {
        /// Its name.
        name: String,
        /// The data type found.
        found: String,
    },
    /// A tensor that the network has and the file lacks.
    #[error("tensor \"{name}\" is missing; the network has {expected} tensors, {found} were given")]
    Missing {
        /// Its name.
        name: String,
        /// Number of tensors of the network.
        expected: usize,
        /// Number of tensors given.
        found: usize,
    },
    /// A tensor that the network does not have.
    #[error("tensor \"{name}\" does not belong to this network")]
    Extra {
        /// Its name.
        name: String,
    },
    /// A name that occurs twice.
    #[error("tensor \"{name}\" is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A tensor of another shape.
    #[error("tensor \"{name}\" has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Shape given.
        found: Vec<usize>,
        /// Shape of the network's parameter.
        expected: Vec<usize>,
    },
    /// An array whose number of values does not agree with its own shape.
    #[error("tensor \"{name}\" of shape {shape:?} has {found} values")]
    Length {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Number of values.
        found: usize,
    },
}

/// A training step that must not be taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Loss or gradient is NaN or infinite; weights and momentum are as before the step.
    #[error(
        "the loss is {loss} and the gradient norm {gradient_norm}; the step was not taken (lower the learning rate or check the images for NaN)"
    )]
    NotFinite {
        /// The loss.
        loss: f32,
        /// The L2 norm of all gradients; NaN where the loss was not finite already.
        gradient_norm: f32,
    },
    /// Not one target per supervised head.
    #[error("{found} targets were given for {expected} heads")]
    TargetCount {
        /// Number of heads.
        expected: usize,
        /// Number of targets.
        found: usize,
    },
    /// A target that does not have the size of its head.
    #[error("target {head} has shape {found:?}, expected {expected:?} (batch, z, y, x)")]
    TargetShape {
        /// Index of the head, 0 = full resolution.
        head: usize,
        /// Shape of the target.
        found: [usize; 4],
        /// Shape of the head without its channels.
        expected: [usize; 4],
    },
    /// The GPU did not do the step.
    #[error(transparent)]
    Device(#[from] crate::DeviceFailure),
    /// The patch cannot pass through the network.
    #[error("the patch does not fit the network")]
    Patch {
        /// Why.
        #[from]
        source: ConfigError,
    },
}
