//! Outlines of masks, drawn as smooth lines.
//!
//! The outline is found by marching squares halfway between the centres of inside and outside
//! voxels, so it lies on the voxel edges and cuts only their corners. Lines are drawn by the
//! distance of each pixel to the nearest piece, which needs no joins and blends at the rim.

use ndarray::{Array2, ArrayView2};

/// A point of the outline, `[row, column]`, in voxels; the centre of voxel 0 is at 0.
type Point = [f64; 2];

/// The pieces of the outline of a mask. What lies outside the array is background, so a mask
/// at the border is closed there.
pub(crate) fn outline(mask: ArrayView2<'_, bool>) -> Vec<[Point; 2]> {
    let (rows, columns) = mask.dim();
    let inside =
        |r: usize, c: usize| r >= 1 && c >= 1 && mask.get([r - 1, c - 1]).is_some_and(|&m| m);
    let mut pieces = Vec::new();
    // Cell (r, c) has the padded voxels (r, c) to (r + 1, c + 1) at its corners.
    for r in 0..=rows {
        for c in 0..=columns {
            let (y, x) = (r as f64 - 1.0, c as f64 - 1.0);
            let top = [y, x + 0.5];
            let right = [y + 0.5, x + 1.0];
            let bottom = [y + 1.0, x + 0.5];
            let left = [y + 0.5, x];
            let corners = [
                inside(r, c),
                inside(r, c + 1),
                inside(r + 1, c + 1),
                inside(r + 1, c),
            ];
            match corners.map(u8::from) {
                [0, 0, 0, 0] | [1, 1, 1, 1] => {}
                [1, 0, 0, 0] | [0, 1, 1, 1] => pieces.push([left, top]),
                [0, 1, 0, 0] | [1, 0, 1, 1] => pieces.push([top, right]),
                [0, 0, 1, 0] | [1, 1, 0, 1] => pieces.push([right, bottom]),
                [0, 0, 0, 1] | [1, 1, 1, 0] => pieces.push([bottom, left]),
                [1, 1, 0, 0] | [0, 0, 1, 1] => pieces.push([left, right]),
                [0, 1, 1, 0] | [1, 0, 0, 1] => pieces.push([top, bottom]),
                // Voxels that touch only at a corner are apart.
                [1, 0, 1, 0] => pieces.extend([[left, top], [right, bottom]]),
                _ => pieces.extend([[top, right], [bottom, left]]),
            }
        }
    }
    pieces
}

/// How much of each pixel a line of `width_px` covers, 0 to 1. Points are in pixels,
/// `[row, column]`, the centre of pixel 0 at 0.
pub(crate) fn coverage(size_px: [usize; 2], pieces: &[[Point; 2]], width_px: f64) -> Array2<f32> {
    let mut cover = Array2::zeros(size_px);
    let reach = width_px / 2.0 + 0.5;
    for &[p, q] in pieces {
        let bounds = |axis: usize| {
            let (low, high) = (p[axis].min(q[axis]) - reach, p[axis].max(q[axis]) + reach);
            // Saturating casts: what lies left of the picture starts at 0.
            let first = low.ceil().max(0.0) as usize;
            let end = (high.floor() + 1.0).max(0.0) as usize;
            first..end.min(size_px[axis])
        };
        for r in bounds(0) {
            for c in bounds(1) {
                let distance = distance_to_piece([r as f64, c as f64], p, q);
                let covered = (reach - distance).clamp(0.0, 1.0) as f32;
                cover[[r, c]] = covered.max(cover[[r, c]]);
            }
        }
    }
    cover
}

fn distance_to_piece(at: Point, p: Point, q: Point) -> f64 {
    let along = [q[0] - p[0], q[1] - p[1]];
    let from = [at[0] - p[0], at[1] - p[1]];
    let length2 = along[0] * along[0] + along[1] * along[1];
    let t = if length2 > 0.0 {
        ((from[0] * along[0] + from[1] * along[1]) / length2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (from[0] - t * along[0]).hypot(from[1] - t * along[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    fn length(pieces: &[[Point; 2]]) -> f64 {
        pieces
            .iter()
            .map(|[p, q]| (p[0] - q[0]).hypot(p[1] - q[1]))
            .sum()
    }

    #[test]
    fn one_voxel_is_outlined_by_a_diamond_even_at_the_border() {
        let pieces = outline(arr2(&[[true]]).view());
        assert_eq!(pieces.len(), 4);
        assert!((length(&pieces) - 4.0 * 0.5f64.sqrt()).abs() < 1e-12);
        for point in pieces.iter().flatten() {
            assert_eq!(point[0].abs() + point[1].abs(), 0.5);
        }
    }

    #[test]
    fn a_rectangle_loses_only_its_corners() {
        let mut mask = Array2::from_elem((6, 8), false);
        mask.slice_mut(ndarray::s![1..4, 2..7]).fill(true);
        // 3 x 5 voxels: 16 voxel edges less 8 halves at the corners, and 4 diagonals.
        let expected = 16.0 - 4.0 + 4.0 * 0.5f64.sqrt();
        assert!((length(&outline(mask.view())) - expected).abs() < 1e-12);
    }

    #[test]
    fn every_end_of_a_piece_meets_another() {
        let mask = Array2::from_shape_fn((9, 9), |(r, c)| (r * 7 + c * 3) % 4 < 2);
        let pieces = outline(mask.view());
        for point in pieces.iter().flatten() {
            let met = pieces
                .iter()
                .flatten()
                .filter(|other| *other == point)
                .count();
            assert_eq!(met % 2, 0, "{point:?}");
        }
    }

    #[test]
    fn a_hole_has_an_outline_and_emptiness_has_none() {
        assert!(outline(Array2::from_elem((3, 3), false).view()).is_empty());
        let mut ring = Array2::from_elem((3, 3), true);
        ring[[1, 1]] = false;
        let whole = Array2::from_elem((3, 3), true);
        let hole = outline(ring.view()).len() - outline(whole.view()).len();
        assert_eq!(hole, 4);
    }

    #[test]
    fn a_line_covers_its_width() {
        let cover = coverage([5, 9], &[[[2.0, 2.0], [2.0, 6.0]]], 1.0);
        assert_eq!(cover[[2, 4]], 1.0);
        assert_eq!(cover[[1, 4]], 0.0);
        let wide = coverage([5, 9], &[[[2.0, 2.0], [2.0, 6.0]]], 2.0);
        assert_eq!((wide[[2, 4]], wide[[1, 4]], wide[[0, 4]]), (1.0, 0.5, 0.0));
        // Outside the picture is no panic.
        let off = coverage([5, 9], &[[[-30.0, -2.0], [-20.0, 60.0]]], 2.0);
        assert_eq!(off.sum(), 0.0);
    }
}
