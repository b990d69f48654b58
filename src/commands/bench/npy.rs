//! Arrays for other programs to read.

use anyhow::{Context, Result};
use ndarray::{ArrayBase, Data, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::path::Path;

/// Writes an array as `.npy`.
pub(super) fn write<A, S, D>(path: &Path, array: &ArrayBase<S, D>) -> Result<()>
where
    A: WritableElement,
    S: Data<Elem = A>,
    D: Dimension,
{
    sarx_io::write_atomic(path, |file| {
        array.write_npy(file).map_err(std::io::Error::other)
    })
    .context("cannot write an array")
}
