//! What nnU-Net keeps of a case beside its probabilities.
//!
//! nnU-Net writes it as a pickle, `CASE.pkl`, which its own `nnUNetv2_ensemble` asks for; sarx takes
//! the geometry from the label map instead, and writes the pickle for nnU-Net.
//!
//! Source: nnU-Net v2 `preprocessing/preprocessors/default_preprocessor.py` (`run_case_npy`) and
//! `imageio/simpleitk_reader_writer.py` (`read_images`).

use sarx_core::Grid;
use sarx_preprocess::Properties;

/// nnU-Net's dictionary of a predicted case; the names of the fields are its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct NnunetProperties {
    /// `sitk_stuff.spacing`: mm, ITK order `[x, y, z]`.
    pub sitk_spacing: [f64; 3],
    /// `sitk_stuff.origin`: mm, LPS+.
    pub sitk_origin: [f64; 3],
    /// `sitk_stuff.direction`: row by row, LPS+; columns are the axes x, y, z.
    pub sitk_direction: [f64; 9],
    /// `spacing`: mm, array order of the file `[z, y, x]`.
    pub spacing: [f64; 3],
    /// `shape_before_cropping`: transposed axes.
    pub shape_before_cropping: [usize; 3],
    /// `bbox_used_for_cropping`: half-open `[lower, upper]` per transposed axis.
    pub bbox_used_for_cropping: [[usize; 2]; 3],
    /// `shape_after_cropping_and_before_resampling`: transposed axes.
    pub shape_after_cropping_and_before_resampling: [usize; 3],
}

impl NnunetProperties {
    /// The properties of a case on this grid.
    #[must_use]
    pub fn new(grid: &Grid, properties: &Properties) -> Self {
        let [z, y, x] = grid.spacing.zyx_mm();
        // RAS+ and LPS+ differ in the sign of the first two world axes.
        let sign = [-1.0, -1.0, 1.0];
        let lower = properties.bounding_box.lower;
        let upper = properties.bounding_box.upper;
        Self {
            sitk_spacing: [x, y, z],
            sitk_origin: std::array::from_fn(|row| sign[row] * grid.origin_mm[row]),
            sitk_direction: std::array::from_fn(|i| sign[i / 3] * grid.direction[i / 3][i % 3]),
            spacing: properties.spacing_mm,
            shape_before_cropping: properties.size_before_crop,
            bbox_used_for_cropping: std::array::from_fn(|axis| [lower[axis], upper[axis]]),
            shape_after_cropping_and_before_resampling: properties.size_after_crop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sarx_core::{BoundingBox, Size, Spacing};

    #[test]
    fn world_is_turned_to_lps_and_axes_keep_their_orders() {
        let grid = Grid {
            origin_mm: [1.0, 2.0, 3.0],
            ..Grid::axis_aligned(
                Size::new([4, 5, 6]).unwrap(),
                Spacing::new([5.0, 1.0, 0.5]).unwrap(),
            )
        };
        let bounding_box = BoundingBox {
            lower: [1, 0, 2],
            upper: [5, 4, 4],
        };
        let found = NnunetProperties::new(
            &grid,
            &Properties {
                spacing_mm: [5.0, 1.0, 0.5],
                transpose_forward: [2, 0, 1],
                size_before_crop: [6, 4, 5],
                bounding_box,
                size_after_crop: bounding_box.size(),
                size_after_resample: [1; 3],
            },
        );
        assert_eq!(found.sitk_spacing, [0.5, 1.0, 5.0]);
        assert_eq!(found.sitk_origin, [-1.0, -2.0, 3.0]);
        assert_eq!(
            found.sitk_direction,
            [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(found.bbox_used_for_cropping, [[1, 5], [0, 4], [2, 4]]);
        assert_eq!(found.shape_after_cropping_and_before_resampling, [4, 4, 2]);
    }
}
