//! The body mask of nnU-Net: voxels that are not zero in any channel, with holes filled.
//!
//! Source: nnU-Net v2 `preprocessing/cropping/cropping.py`, `create_nonzero_mask`.

use ndarray::{Array3, ArrayView3};

/// True where any channel is not zero, holes included.
///
/// # Shapes
///
/// - `channels`: at least one array `[z, y, x]`, all of one shape (checked where cases are read).
///
/// # Panics
///
/// If `channels` is empty: a case without channels is refused when it is read.
#[must_use]
pub fn nonzero_mask(channels: &[ArrayView3<'_, f32>]) -> Array3<bool> {
    let (first, rest) = channels
        .split_first()
        .expect("a case has at least one channel");
    let mut mask = first.map(|&v| v != 0.0);
    for channel in rest {
        mask.zip_mut_with(channel, |inside, &v| *inside |= v != 0.0);
    }
    fill_holes(&mut mask);
    mask
}

/// Makes true every false voxel that is not connected to the border of the array through faces.
///
/// Same result as SciPy's `binary_fill_holes` with its default structure: background is
/// flooded from the border, and what stays dry becomes foreground.
pub fn fill_holes(mask: &mut Array3<bool>) {
    let (depth, height, width) = mask.dim();
    let mut outside = Array3::from_elem(mask.raw_dim(), false);
    let mut stack = Vec::new();
    for ((z, y, x), &inside) in mask.indexed_iter() {
        let border =
            z == 0 || y == 0 || x == 0 || z + 1 == depth || y + 1 == height || x + 1 == width;
        if border && !inside {
            outside[[z, y, x]] = true;
            stack.push([z, y, x]);
        }
    }
    while let Some([z, y, x]) = stack.pop() {
        let neighbours = [
            [z.wrapping_sub(1), y, x],
            [z + 1, y, x],
            [z, y.wrapping_sub(1), x],
            [z, y + 1, x],
            [z, y, x.wrapping_sub(1)],
            [z, y, x + 1],
        ];
        for at in neighbours {
            if mask.get(at) == Some(&false) && !outside[at] {
                outside[at] = true;
                stack.push(at);
            }
        }
    }
    mask.zip_mut_with(&outside, |inside, &out| *inside = !out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enclosed_hole_is_filled_and_an_open_one_is_not() {
        let mut mask = Array3::from_elem((5, 5, 5), false);
        mask.slice_mut(ndarray::s![1..4, 1..4, 1..4]).fill(true);
        mask[[2, 2, 2]] = false;
        let mut open = mask.clone();
        open[[2, 2, 1]] = false;
        fill_holes(&mut mask);
        assert!(mask[[2, 2, 2]]);
        assert!(!mask[[0, 0, 0]]);
        fill_holes(&mut open);
        assert!(!open[[2, 2, 2]]);
    }

    #[test]
    fn a_single_slice_has_no_holes() {
        let mut mask = Array3::from_elem((1, 3, 3), true);
        mask[[0, 1, 1]] = false;
        fill_holes(&mut mask);
        assert!(
            !mask[[0, 1, 1]],
            "every voxel of one slice is border, as in SciPy"
        );
    }

    #[test]
    fn channels_are_joined() {
        let mut a = Array3::zeros((1, 1, 3));
        let mut b = a.clone();
        a[[0, 0, 0]] = -1.0f32;
        b[[0, 0, 2]] = 2.0;
        let mask = nonzero_mask(&[a.view(), b.view()]);
        assert_eq!(mask.into_raw_vec_and_offset().0, [true, false, true]);
    }
}
