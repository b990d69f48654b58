//! What must be known of a case to undo its preprocessing.

use crate::PreprocessError;
use crate::spec::{check_permutation, permute};
use sarx_core::BoundingBox;

/// How a case came from the native grid to the target grid.
///
/// All sizes and the box are in transposed axis order; only `spacing_mm` is as in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// Native voxel edges, mm, `[z, y, x]` of the file.
    pub spacing_mm: [f64; 3],
    /// Axis `i` after transposing is axis `transpose_forward[i]` of the file.
    pub transpose_forward: [usize; 3],
    /// Voxels of the whole image, transposed.
    pub size_before_crop: [usize; 3],
    /// The body in the whole image, transposed.
    pub bounding_box: BoundingBox,
    /// Voxels of the body's box, transposed.
    pub size_after_crop: [usize; 3],
    /// Voxels of the target grid.
    pub size_after_resample: [usize; 3],
}

impl Properties {
    /// Native spacing in transposed axis order, mm.
    #[must_use]
    pub fn transposed_spacing_mm(&self) -> [f64; 3] {
        permute(self.spacing_mm, self.transpose_forward)
    }

    /// Size of the native image, `[z, y, x]` of the file.
    #[must_use]
    pub fn native_size(&self) -> [usize; 3] {
        let mut size = [0; 3];
        for (to, from) in self.transpose_forward.into_iter().enumerate() {
            size[from] = self.size_before_crop[to];
        }
        size
    }

    /// Checks that box, sizes, spacing and transposition fit together.
    ///
    /// # Errors
    ///
    /// [`PreprocessError`] says which rule is broken.
    pub fn check(&self) -> Result<(), PreprocessError> {
        check_permutation(self.transpose_forward)?;
        let spacing_mm = self.transposed_spacing_mm();
        if let Some(axis) = spacing_mm.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(PreprocessError::Spacing {
                axis,
                found: spacing_mm[axis],
            });
        }
        let BoundingBox { lower, upper } = self.bounding_box;
        let fits = (0..3).all(|a| lower[a] < upper[a] && upper[a] <= self.size_before_crop[a]);
        if !fits {
            return Err(PreprocessError::Properties {
                what: "the bounding box is empty or reaches out of the image",
            });
        }
        if self.bounding_box.size() != self.size_after_crop {
            return Err(PreprocessError::Properties {
                what: "the size after cropping is not the size of the bounding box",
            });
        }
        if self.size_after_resample.contains(&0) {
            return Err(PreprocessError::Properties {
                what: "the target grid has no voxels",
            });
        }
        Ok(())
    }
}
