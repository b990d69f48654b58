//! An `.npy` file as a memory map: the one place of this crate with `unsafe`.

use super::StoreError;
use memmap2::Mmap;
use ndarray::{ArrayView, Dimension};
use ndarray_npy::{ViewElement, ViewNpyError, ViewNpyExt};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A whole file in the address space; pages are read when they are touched.
#[derive(Debug)]
pub(super) struct MappedNpy {
    map: Mmap,
    path: PathBuf,
}

impl MappedNpy {
    /// Maps a file for reading.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let read = |source| StoreError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        #[expect(unsafe_code, reason = "a memory map cannot be made without")]
        // SAFETY: the map is private to this type and read only. Its bytes are plain numbers, so
        // every content is valid. Files of a store are replaced by renaming, never changed or
        // shortened in place, so the mapped file keeps its content while it is mapped.
        let map = unsafe { Mmap::map(&file) }.map_err(read)?;
        Ok(Self {
            map,
            path: path.to_owned(),
        })
    }

    /// The array; header, element type and file length are checked on every call.
    pub(super) fn view<A: ViewElement, D: Dimension>(
        &self,
    ) -> Result<ArrayView<'_, A, D>, StoreError> {
        ArrayView::<A, D>::view_npy(&self.map).map_err(|source| match source {
            ViewNpyError::MissingBytes(missing_bytes) => StoreError::Truncated {
                path: self.path.clone(),
                missing_bytes,
            },
            source => StoreError::Array {
                path: self.path.clone(),
                source,
            },
        })
    }

    /// [`MappedNpy::view`] that must have this shape and C order.
    pub(super) fn view_of_shape<A: ViewElement, D: Dimension>(
        &self,
        expected: &[usize],
    ) -> Result<ArrayView<'_, A, D>, StoreError> {
        let view = self.view::<A, D>()?;
        if view.shape() != expected || !view.is_standard_layout() {
            return Err(StoreError::Shape {
                path: self.path.clone(),
                expected: expected.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        Ok(view)
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
