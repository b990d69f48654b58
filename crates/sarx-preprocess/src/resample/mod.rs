//! Resampling as nnU-Net does it: splines, with the coarse axis treated apart.
//!
//! `image` resamples intensities, `labels` label maps; `slices` brings logits back one slice
//! at a time. The plain versions that the tests compare with are in `reference`.

mod apart;
mod axis_map;
mod image;
mod labels;
#[cfg(test)]
mod reference;
mod separate_axis;
mod slices;
mod spline;
#[cfg(test)]
mod tests;

pub(crate) use axis_map::Tap;
pub use image::resample_image;
pub use labels::resample_labels;
pub(crate) use slices::{SliceResampler, SliceScratch};

use crate::PreprocessError;

/// Largest target grid that is made, voxels: far above any scan, far below what a damaged spacing
/// in a header can ask for. Voxel indices of a case also fit into 32 bits.
pub const MAX_TARGET_VOXELS: usize = 1 << 31;

/// Degree of the interpolating spline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SplineOrder {
    /// Order 0.
    Nearest,
    /// Order 1.
    Linear,
    /// Order 3: interpolating cubic B-spline.
    Cubic,
}

impl SplineOrder {
    /// From nnU-Net's number; `None` for orders that are not supported.
    #[must_use]
    pub fn from_number(order: u64) -> Option<Self> {
        match order {
            0 => Some(Self::Nearest),
            1 => Some(Self::Linear),
            3 => Some(Self::Cubic),
            _ => None,
        }
    }
}

/// The keyword arguments of nnU-Net's `resample_data_or_seg_to_shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Spline of all axes, or within slices when the coarse axis is treated apart.
    pub order: SplineOrder,
    /// Spline of the coarse axis when it is treated apart.
    pub order_z: SplineOrder,
    /// Whether the coarse axis is treated apart; `None` decides by the spacing (factor 3).
    pub force_separate_z: Option<bool>,
}

impl Resampling {
    /// nnU-Net's default for images: cubic within slices.
    pub const IMAGE: Self = Self {
        order: SplineOrder::Cubic,
        order_z: SplineOrder::Nearest,
        force_separate_z: None,
    };
    /// nnU-Net's default for label maps.
    pub const LABELS: Self = Self {
        order: SplineOrder::Linear,
        order_z: SplineOrder::Nearest,
        force_separate_z: None,
    };
    /// nnU-Net's default for logits.
    pub const LOGITS: Self = Self::LABELS;
}

/// From which grid to which, all in one axis order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResampleGeometry {
    /// Spacing of the input, mm.
    pub from_mm: [f64; 3],
    /// Spacing of the output, mm.
    pub to_mm: [f64; 3],
    /// Voxels of the output.
    pub size: [usize; 3],
}

/// Voxels per axis after resampling: `size * from / to`, rounded half to even.
///
/// # Errors
///
/// [`PreprocessError::TargetSize`] if an axis would have no voxel, or the grid more than
/// [`MAX_TARGET_VOXELS`].
///
/// # Source
///
/// nnU-Net `default_resampling.py`, `compute_new_shape`; the quotient of the spacings is taken
/// first, as there.
pub fn target_size(
    size: [usize; 3],
    from_mm: [f64; 3],
    to_mm: [f64; 3],
) -> Result<[usize; 3], PreprocessError> {
    let exact: [f64; 3] =
        std::array::from_fn(|a| (from_mm[a] / to_mm[a] * size[a] as f64).round_ties_even());
    let fits = exact.iter().all(|n| *n >= 1.0)
        && exact.iter().product::<f64>() <= MAX_TARGET_VOXELS as f64;
    if !fits {
        return Err(PreprocessError::TargetSize {
            size,
            from_mm,
            to_mm,
            limit: MAX_TARGET_VOXELS,
        });
    }
    Ok(exact.map(|n| n as usize))
}
