//! Parameters under nnU-Net's names, and the bytes they are kept in.

mod file;
mod named;
mod path;
mod pretrained;

pub use file::WeightsFile;
pub use named::NamedArray;
pub(crate) use named::{host_values, match_names};
pub(crate) use path::ParameterPath;
