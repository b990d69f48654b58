//! The zip file of `torch.save`: `ROOT/data.pkl` and the bytes of each storage in `ROOT/data/KEY`.
//!
//! Source: PyTorch `torch/serialization.py` (`_save`, `_load`) and `caffe2/serialize/inline_container.cc`.

mod read;
mod write;

pub use read::TorchArchive;
pub use write::TorchArchiveWriter;

#[cfg(test)]
mod tests;
