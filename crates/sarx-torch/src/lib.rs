//! Pickles and torch archives as data.
//!
//! A pickle is a program for a small machine that may call any function of the computer it runs
//! on. [`read_pickle`] is such a machine with a closed list: it knows the operations and the few
//! functions that PyTorch, NumPy and nnU-Net need to describe *data*, gives the result as a
//! [`PickleValue`], and refuses everything else by name. Nothing is ever run. Memory is bounded by
//! the length of the file and nesting by [`MAX_DEPTH`].
//!
//! [`TorchArchive`] is the zip file of `torch.save`: one pickle and the bytes of its tensors, read
//! when asked for. [`write_pickle`] and [`TorchArchiveWriter`] are the way back; Python reads what
//! they write.
//!
//! This crate knows nothing of nnU-Net: what the names in a checkpoint mean is the caller's.

mod archive;
mod error;
mod numpy;
mod pickle;
mod tensor;
mod value;

pub use archive::{TorchArchive, TorchArchiveWriter};
pub use error::{PickleError, TorchError};
pub use numpy::{NumpyArray, NumpyScalar, NumpyType};
pub use pickle::{MAX_DEPTH, read_pickle, write_pickle};
pub use tensor::{StorageRef, TensorType, TorchTensor};
pub use value::{GlobalName, PickleDict, PickleValue, TorchDevice};
