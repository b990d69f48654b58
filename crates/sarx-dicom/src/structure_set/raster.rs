//! Contours to voxels, slice by slice.

use super::{Structure, StructureError};
use crate::geometry::flip;
use crate::label_mapping::Mask;
use sarx_core::{Grid, Volume};

/// A contour may be tilted or lie beside a slice by this part of the slice distance; numbers of
/// contours have 16 characters at most, and planning systems round to a hundredth of a millimetre.
const BESIDE: f64 = 0.25;

/// Marks the voxels whose centres lie inside.
pub(super) fn mask(structure: &Structure, grid: &Grid) -> Result<Mask, StructureError> {
    let voxel_from_world = grid.affine().inverse().ok_or(StructureError::Grid)?;
    let mut voxels = Volume::filled(*grid, false);
    let [n_slices, n_rows, n_columns] = grid.size.zyx();
    let mut n_outside = 0;
    for (c, contour) in structure.contours.iter().enumerate() {
        let points: Vec<[f64; 3]> = contour
            .points_mm
            .iter()
            .map(|&p| voxel_from_world.apply(flip(p)))
            .collect();
        let (low, high) = points
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| {
                (low.min(p[2]), high.max(p[2]))
            });
        let contour = c + 1;
        let number = structure.number;
        let span = high - low;
        if span.is_nan() || span > 2.0 * BESIDE {
            return Err(StructureError::Tilted {
                number,
                contour,
                span,
            });
        }
        let middle = low + span / 2.0;
        let off = (middle - middle.round()).abs();
        if off > BESIDE {
            return Err(StructureError::BetweenSlices {
                number,
                contour,
                off,
            });
        }
        let slice = middle.round();
        let inside = slice >= 0.0 && slice < n_slices as f64;
        let corners: Vec<[f64; 2]> = points.iter().map(|p| [p[0], p[1]]).collect();
        let mut view = voxels.voxels_mut();
        n_outside += fill(&corners, n_rows, n_columns, |row, column| {
            if inside {
                let voxel = &mut view[[slice as usize, row, column]];
                *voxel = !*voxel;
            }
            !inside
        });
    }
    Ok(Mask { voxels, n_outside })
}

/// Calls `visit` for every pixel of the picture whose centre lies inside the polygon of `corners` (x, y in
/// pixels); returns how many visits say that the pixel was outside, plus the pixels that fall
/// outside of the picture. A centre on an edge belongs to the side of smaller coordinates' pixel, so two
/// polygons that share an edge share no pixel.
fn fill(
    corners: &[[f64; 2]],
    n_rows: usize,
    n_columns: usize,
    mut visit: impl FnMut(usize, usize) -> bool,
) -> usize {
    let (low, high) = corners
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), c| {
            (low.min(c[1]), high.max(c[1]))
        });
    let mut n_outside = 0usize;
    // Rows outside of the picture are counted by the area they would cover, without walking
    // over what a hostile contour announces.
    let first = low.ceil().max(0.0);
    let last = high.floor().min(n_rows as f64 - 1.0);
    if low < -0.5 || high > n_rows as f64 - 0.5 {
        n_outside += 1;
    }
    let mut row = first;
    while row <= last {
        let crossings = crossings(corners, row);
        for pair in crossings.chunks_exact(2) {
            let (from, to) = (pair[0].ceil(), pair[1].ceil());
            let inner_from = from.max(0.0);
            let inner_to = to.min(n_columns as f64);
            if from < inner_from || to > inner_to {
                n_outside += 1;
            }
            let mut column = inner_from;
            while column < inner_to {
                n_outside += usize::from(visit(row as usize, column as usize));
                column += 1.0;
            }
        }
        row += 1.0;
    }
    n_outside
}

/// Where the polygon's edges cross a row, ascending; an even number.
fn crossings(corners: &[[f64; 2]], row: f64) -> Vec<f64> {
    let mut crossings = Vec::new();
    let mut previous = corners[corners.len() - 1];
    for &corner in corners {
        let ([x0, y0], [x1, y1]) = (previous, corner);
        // Half open, so that a corner on the row counts once.
        if (y0 <= row) != (y1 <= row) {
            crossings.push(x0 + (row - y0) / (y1 - y0) * (x1 - x0));
        }
        previous = corner;
    }
    crossings.sort_by(f64::total_cmp);
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Contour;
    use proptest::prelude::*;
    use sarx_core::{Size, Spacing};

    fn grid(n: usize) -> Grid {
        Grid::axis_aligned(
            Size::new([3, n, n]).unwrap(),
            Spacing::new([4.0, 1.0, 1.0]).unwrap(),
        )
    }

    /// A contour of RAS+ corners in slice 1.
    fn contour(corners: &[[f64; 2]]) -> Contour {
        Contour {
            points_mm: corners.iter().map(|c| flip([c[0], c[1], 4.0])).collect(),
            source_instance_uid: None,
        }
    }

    fn square(from: f64, to: f64) -> Contour {
        contour(&[[from, from], [to, from], [to, to], [from, to]])
    }

    #[test]
    fn a_contour_within_another_is_a_hole() {
        let structure = Structure {
            contours: vec![square(0.5, 8.5), square(3.5, 5.5)],
            ..Structure::default()
        };
        let mask = mask(&structure, &grid(10)).unwrap();
        let n = mask.voxels.voxels().iter().filter(|&&v| v).count();
        assert_eq!((n, mask.n_outside), (64 - 4, 0));
        assert!(!mask.voxels.voxels()[[1, 4, 4]] && mask.voxels.voxels()[[1, 1, 1]]);
    }

    #[test]
    fn a_tilted_or_misplaced_contour_is_refused_and_outside_is_counted() {
        let mut tilted = square(1.0, 3.0);
        tilted.points_mm[0][2] += 3.0;
        let structure = |contour| Structure {
            contours: vec![contour],
            ..Structure::default()
        };
        let error = mask(&structure(tilted), &grid(10)).unwrap_err();
        assert!(matches!(error, StructureError::Tilted { contour: 1, .. }));
        let mut between = square(1.0, 3.0);
        between.points_mm.iter_mut().for_each(|p| p[2] += 2.0);
        let error = mask(&structure(between), &grid(10)).unwrap_err();
        assert!(matches!(error, StructureError::BetweenSlices { .. }));
        let mask = mask(&structure(square(-20.0, 1.5)), &grid(10)).unwrap();
        assert!(mask.n_outside > 0);
        assert_eq!(mask.voxels.voxels().iter().filter(|&&v| v).count(), 4);
    }

    proptest! {
        /// Even-odd by crossings agrees with the angle that a point sees of the polygon.
        #[test]
        fn filling_agrees_with_the_winding_of_star_shapes(
            radii in prop::collection::vec(2.0f64..9.0, 5..12),
        ) {
            let n = radii.len();
            let corners: Vec<[f64; 2]> = radii.iter().enumerate().map(|(i, r)| {
                let angle = i as f64 / n as f64 * std::f64::consts::TAU;
                [10.013 + r * angle.cos(), 10.017 + r * angle.sin()]
            }).collect();
            let structure = Structure { contours: vec![contour(&corners)], ..Structure::default() };
            let mask = mask(&structure, &grid(21)).unwrap();
            for y in 0..21usize {
                for x in 0..21usize {
                    let turn: f64 = (0..n).map(|i| {
                        let (a, b) = (corners[i], corners[(i + 1) % n]);
                        let (ax, ay) = (a[0] - x as f64, a[1] - y as f64);
                        let (bx, by) = (b[0] - x as f64, b[1] - y as f64);
                        (ax * by - ay * bx).atan2(ax * bx + ay * by)
                    }).sum();
                    prop_assert_eq!(mask.voxels.voxels()[[1, y, x]], turn.abs() > 3.0);
                }
            }
        }
    }
}
