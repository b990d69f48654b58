//! What preprocessing needs to know of the plans.

use crate::{Normalization, PreprocessError, Resampling};

/// The voxel size that the network works on, mm, in transposed axis order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TargetSpacing {
    /// 3D configurations: all three axes are resampled.
    Volume([f64; 3]),
    /// 2D configurations: axis 0 keeps the spacing of the case.
    Slices([f64; 2]),
}

impl TargetSpacing {
    /// The target spacing of a case, transposed axis order, mm.
    ///
    /// - `spacing_mm`: spacing of the case, transposed axis order.
    #[must_use]
    pub fn of(self, spacing_mm: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Volume(target) => target,
            Self::Slices([y, x]) => [spacing_mm[0], y, x],
        }
    }
}

/// Everything that decides how a case is preprocessed and brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct PreprocessSpec {
    /// Axis `i` after transposing is axis `transpose_forward[i]` of the file's `[z, y, x]`.
    pub transpose_forward: [usize; 3],
    /// Spacing of the target grid, transposed axis order.
    pub target_spacing_mm: TargetSpacing,
    /// One per channel.
    pub normalization: Vec<Normalization>,
    /// How images are resampled; nnU-Net: [`Resampling::IMAGE`].
    pub image_resampling: Resampling,
    /// How label maps are resampled; nnU-Net: [`Resampling::LABELS`].
    pub label_resampling: Resampling,
    /// How logits are resampled on the way back; nnU-Net: [`Resampling::LOGITS`].
    pub logits_resampling: Resampling,
    /// What foreground sampling can aim at, in order: per entry one label, or the labels of one
    /// region in their declared order.
    pub foreground: Vec<Vec<i16>>,
    /// The label of voxels without ground truth, if the dataset has one.
    pub ignore: Option<i16>,
}

impl PreprocessSpec {
    /// The target spacing of a case, transposed axis order, mm.
    ///
    /// - `spacing_mm`: spacing of the case, transposed axis order.
    #[must_use]
    pub fn target_spacing_of(&self, spacing_mm: [f64; 3]) -> [f64; 3] {
        self.target_spacing_mm.of(spacing_mm)
    }

    /// Checks that `transpose_forward` is a permutation.
    pub(crate) fn check_transpose(&self) -> Result<(), PreprocessError> {
        check_permutation(self.transpose_forward)
    }
}

/// Checks that three indices are 0, 1 and 2 in some order.
pub(crate) fn check_permutation(found: [usize; 3]) -> Result<(), PreprocessError> {
    let mut sorted = found;
    sorted.sort_unstable();
    if sorted != [0, 1, 2] {
        return Err(PreprocessError::Transpose { found });
    }
    Ok(())
}

/// Reorders three values: entry `i` of the result is entry `order[i]`.
pub(crate) fn permute<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    order.map(|axis| values[axis])
}
