//! Which way up a slice is shown.
//!
//! Slices are shown as radiologists hang them: axial seen from the feet (right of the patient
//! on the left of the picture, front at the top), coronal from the front (right on the left,
//! head at the top), sagittal from the left (front on the left, head at the top). Oblique
//! grids follow the patient axis that they are closest to.

use ndarray::{Array2, Array3, Axis};
use sarx_core::Grid;

/// How the slices of a grid become pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SliceView {
    /// Array axis (of z, y, x = 0, 1, 2) along which slices are stacked.
    pub(crate) through: usize,
    /// The array axes that run down and across the picture.
    in_plane: [usize; 2],
    /// Whether the picture runs against the array, down and across.
    flipped: [bool; 2],
    /// Voxel edges down and across the picture, mm.
    pub(crate) spacing_mm: [f64; 2],
    /// What lies at the left, right, top and bottom of the picture.
    pub(crate) letters: [char; 4],
}

impl SliceView {
    /// The view of the slices of a grid.
    pub(crate) fn of(grid: &Grid) -> Self {
        let spacing = grid.spacing.zyx_mm();
        let mut through = 0;
        for axis in 1..3 {
            // The same rule as `Grid::slice_axis`: a scanner's rounding decides nothing.
            if spacing[axis] > spacing[through] * 1.001 {
                through = axis;
            }
        }
        let patient = patient_axes(grid);
        let mut in_plane: Vec<usize> = (0..3).filter(|&axis| axis != through).collect();
        // Head to foot runs down; if it runs through, front to back does. Patient axes are
        // right, anterior, superior = 0, 1, 2, so the larger number runs down.
        if patient[in_plane[0]].0 < patient[in_plane[1]].0 {
            in_plane.swap(0, 1);
        }
        let [down, across] = [in_plane[0], in_plane[1]];
        // Superior and anterior belong at the top, right and anterior at the left: the picture
        // runs against the positive RAS direction on both of its axes.
        let flipped = [patient[down].1, patient[across].1];
        let [top, bottom] = names(patient[down].0);
        let [left, right] = names(patient[across].0);
        Self {
            through,
            in_plane: [down, across],
            flipped,
            spacing_mm: [spacing[down], spacing[across]],
            letters: [left, right, top, bottom],
        }
    }

    /// One slice in picture orientation: rows run down, columns across.
    pub(crate) fn slice<T: Copy>(&self, voxels: &Array3<T>, at: usize) -> Array2<T> {
        let mut plane = voxels.index_axis(Axis(self.through), at);
        if self.in_plane[0] > self.in_plane[1] {
            plane = plane.reversed_axes();
        }
        for (axis, flipped) in self.flipped.into_iter().enumerate() {
            if flipped {
                plane.invert_axis(Axis(axis));
            }
        }
        plane.to_owned()
    }
}

/// For every array axis z, y, x: the patient axis it is closest to (right, anterior, superior
/// = 0, 1, 2; each given once) and whether it runs in that direction.
fn patient_axes(grid: &Grid) -> [(usize, bool); 3] {
    let entry = |axis: usize, row: usize| grid.direction[row][2 - axis];
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let fit = |order: &[usize; 3]| {
        (0..3)
            .map(|axis| entry(axis, order[axis]).abs())
            .sum::<f64>()
    };
    let mut best = orders[5];
    for order in orders {
        if fit(&order) > fit(&best) + 1e-9 {
            best = order;
        }
    }
    std::array::from_fn(|axis| (best[axis], entry(axis, best[axis]) > 0.0))
}

/// Letters at the positive and at the negative end of a patient axis.
fn names(patient_axis: usize) -> [char; 2] {
    [['R', 'L'], ['A', 'P'], ['S', 'I']][patient_axis]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sarx_core::{Size, Spacing};

    fn grid(spacing: [f64; 3], direction: [[f64; 3]; 3]) -> Grid {
        let (size, spacing) = (
            Size::new([2, 3, 4]).unwrap(),
            Spacing::new(spacing).unwrap(),
        );
        Grid::new(size, spacing, direction, [0.0; 3]).unwrap()
    }

    const RAS: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    /// What a DICOM axial series gives: x to the left, y to the back.
    const LPS: [[f64; 3]; 3] = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];

    #[test]
    fn an_axial_slice_hangs_with_right_on_the_left_and_front_at_the_top() {
        let voxels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| 100 * z + 10 * y + x);
        let ras = SliceView::of(&grid([5.0, 1.0, 1.0], RAS));
        assert_eq!(ras.letters, ['R', 'L', 'A', 'P']);
        // In RAS the corner at the front right is the last voxel of both axes.
        assert_eq!(ras.slice(&voxels, 1)[[0, 0]], 123);
        let lps = SliceView::of(&grid([5.0, 1.0, 1.0], LPS));
        assert_eq!(lps.letters, ['R', 'L', 'A', 'P']);
        assert_eq!(lps.slice(&voxels, 1)[[0, 0]], 100);
        assert_eq!(lps.slice(&voxels, 1)[[0, 3]], 103);
    }

    #[test]
    fn sagittal_and_coronal_slices_have_the_head_at_the_top() {
        // Slices stacked along x (array axis 2), y to the back, z up.
        let sagittal = SliceView::of(&grid([1.0, 0.5, 4.0], LPS));
        assert_eq!(
            (sagittal.through, sagittal.letters),
            (2, ['A', 'P', 'S', 'I'])
        );
        assert_eq!(sagittal.spacing_mm, [1.0, 0.5]);
        let voxels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| 100 * z + 10 * y + x);
        assert_eq!(sagittal.slice(&voxels, 3).dim(), (2, 3));
        assert_eq!(sagittal.slice(&voxels, 3)[[0, 0]], 103);
        let coronal = SliceView::of(&grid([1.0, 4.0, 0.5], LPS));
        assert_eq!(
            (coronal.through, coronal.letters),
            (1, ['R', 'L', 'S', 'I'])
        );
    }

    #[test]
    fn a_sagittal_series_stored_slice_first_is_turned_upright() {
        // Array axis 0 runs left to right, axis 1 down, axis 2 to the back.
        let stored = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]];
        let view = SliceView::of(&grid([4.0, 1.0, 1.0], stored));
        assert_eq!((view.through, view.letters), (0, ['A', 'P', 'S', 'I']));
        assert_eq!((view.in_plane, view.flipped), ([1, 2], [false, false]));
        // The same with the in-plane axes exchanged needs a transpose.
        let turned = [[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]];
        let view = SliceView::of(&grid([4.0, 1.0, 1.0], turned));
        assert_eq!(view.in_plane, [2, 1]);
        let voxels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| 100 * z + 10 * y + x);
        assert_eq!(view.slice(&voxels, 0).dim(), (4, 3));
        assert_eq!(view.slice(&voxels, 0)[[3, 1]], 13);
    }
}
