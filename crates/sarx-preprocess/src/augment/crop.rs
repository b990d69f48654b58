//! Cuts boxes that may reach over the border of an image.

use super::sampling::PatchBox;
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};

/// Copies `region` out of `source`, with `fill` where it lies outside.
///
/// nnU-Net fills images with 0 and labels with -1.
///
/// # Shapes and units
///
/// - `source`: `[z, y, x]`, for instance one channel of a memory-mapped case; only the voxels
///   inside of the box are read.
/// - result: `region.size`, in standard layout.
#[must_use]
pub fn crop_padded<T: Copy>(source: ArrayView3<'_, T>, region: &PatchBox, fill: T) -> Array3<T> {
    let mut cropped = Array3::from_elem(region.size, fill);
    copy_inside(source, region, cropped.view_mut());
    cropped
}

/// Copies the part of `region` that lies inside of `source` to its place in `target`.
pub(super) fn copy_inside<T: Copy>(
    source: ArrayView3<'_, T>,
    region: &PatchBox,
    mut target: ArrayViewMut3<'_, T>,
) {
    let size: [usize; 3] = source.dim().into();
    let mut from = [0..0, 0..0, 0..0];
    let mut to = [0..0, 0..0, 0..0];
    for axis in 0..3 {
        let (n, lower) = (size[axis] as isize, region.lower[axis]);
        let upper = lower.saturating_add_unsigned(region.size[axis]);
        let first = lower.clamp(0, n);
        let last = upper.clamp(first, n);
        if first == last {
            return;
        }
        from[axis] = first as usize..last as usize;
        to[axis] = first.abs_diff(lower)..last.abs_diff(lower);
    }
    let [z, y, x] = from;
    let inside = source.slice(s![z, y, x]);
    let [z, y, x] = to;
    target.slice_mut(s![z, y, x]).assign(&inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Array3<i16> {
        Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z * 100 + y * 10 + x) as i16)
    }

    #[test]
    fn voxels_outside_are_filled_and_those_inside_keep_their_place() {
        let region = PatchBox {
            lower: [-1, 1, 2],
            size: [4, 3, 3],
        };
        let cropped = crop_padded(numbered().view(), &region, -1);
        for ((z, y, x), &value) in cropped.indexed_iter() {
            let at = [z as isize - 1, y as isize + 1, x as isize + 2];
            let inside = at[0] >= 0 && at[0] < 2 && at[1] < 3 && at[2] < 4;
            let expected = if inside {
                at[0] * 100 + at[1] * 10 + at[2]
            } else {
                -1
            };
            assert_eq!(isize::from(value), expected, "{z} {y} {x}");
        }
    }

    #[test]
    fn boxes_beside_the_image_hold_only_filling() {
        for lower in [[-5, 0, 0], [0, 3, 0], [0, 0, isize::MAX - 9]] {
            let region = PatchBox {
                lower,
                size: [2, 3, 4],
            };
            let cropped = crop_padded(numbered().view(), &region, 7);
            assert!(cropped.iter().all(|&v| v == 7), "{lower:?}");
        }
    }
}
