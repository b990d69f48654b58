//! The longest diameter in space.

use super::border::points_of_mask;
use super::hull::{antipodal_pairs, hull};
use super::mask::{in_plane_axes, minus, norm, require_inside, world_of_halves};
use super::{Border, Line, Mask, MeasureError, SlicePlane};

/// The longest distance between two border points of a mask, in any direction.
///
/// With [`Border::FaceMiddles`] this is pyradiomics' `Maximum3DDiameter` (largest distance between
/// two corners of its mesh). Of several longest lines one is given.
///
/// The ends are corners of the convex hull, so they are corners of the hull of the points in their
/// own plane of the grid; those few are compared, the outermost first, until no pair can be longer.
///
/// # Errors
///
/// [`MeasureError::Empty`] if nothing is inside.
pub fn longest_diameter(mask: &Mask, border: Border) -> Result<Line, MeasureError> {
    require_inside(mask, "lesion")?;
    let mut points = points_of_mask(mask, border);
    points.sort_unstable();
    points.dedup();
    let corners: Vec<[f64; 3]> = points
        .chunk_by(|a, b| a[0] == b[0])
        .flat_map(|plane| {
            let z = plane[0][0];
            let ends = plane
                .chunk_by(|a, b| a[1] == b[1])
                .flat_map(|row| [row[0], row[row.len() - 1]])
                .map(|[_, y, x]| [y, x])
                .collect();
            hull(ends).into_iter().map(move |[y, x]| [z, y, x])
        })
        .map(|halves| world_of_halves(mask.grid(), halves))
        .collect();
    Ok(furthest_outermost_first(corners))
}

/// What [`longest_diameter`] computes, by comparing every border point with every other.
///
/// Quadratic: the oracle of the fast one.
///
/// # Errors
///
/// As [`longest_diameter`].
pub fn longest_diameter_brute_force(mask: &Mask, border: Border) -> Result<Line, MeasureError> {
    require_inside(mask, "lesion")?;
    let points: Vec<[f64; 3]> = points_of_mask(mask, border)
        .into_iter()
        .map(|halves| world_of_halves(mask.grid(), halves))
        .collect();
    let mut best = Line::between(points[0], points[0]);
    for (i, &a) in points.iter().enumerate() {
        for &b in &points[i + 1..] {
            let line = Line::between(a, b);
            if line.length_mm > best.length_mm {
                best = line;
            }
        }
    }
    Ok(best)
}

/// pyradiomics' `Maximum2DDiameterSlice` (slices along array axis 0), `Maximum2DDiameterColumn` (1)
/// and `Maximum2DDiameterRow` (2): for comparison with published features, not for RECIST.
///
/// The corners of its mesh lie in the planes of the slices and in those half-way between two
/// slices; the largest distance within one of these planes is taken. In a plane half-way one end
/// may belong to the slice above and the other to the slice below, so the figure can be larger
/// than the diameter in any slice ([`super::slice_diameter`]): in pyradiomics' own case `brain1`
/// it is 53.59 mm, while no slice measures more than 47.97 mm.
///
/// # Errors
///
/// [`MeasureError::Empty`] if nothing is inside, [`MeasureError::Axis`].
pub fn mesh_plane_diameter(mask: &Mask, plane: SlicePlane) -> Result<Line, MeasureError> {
    let axis = plane.array_axis(mask.grid())?;
    let (b, c) = in_plane_axes(axis);
    let mut points = points_of_mask(mask, Border::FaceMiddles);
    points.sort_unstable_by_key(|p| (p[axis], p[b], p[c]));
    points
        .chunk_by(|p, q| p[axis] == q[axis])
        .flat_map(|plane| {
            let at = plane[0][axis];
            antipodal_pairs(&hull(plane.iter().map(|p| [p[b], p[c]]).collect()))
                .into_iter()
                .map(move |ends| (at, ends))
        })
        .map(|(at, ends)| {
            let [p, q] = ends.map(|[row, column]| {
                let mut halves = [at; 3];
                (halves[b], halves[c]) = (row, column);
                world_of_halves(mask.grid(), halves)
            });
            Line::between(p, q)
        })
        .reduce(|best, line| {
            if line.length_mm > best.length_mm {
                line
            } else {
                best
            }
        })
        .ok_or(MeasureError::Empty { what: "lesion" })
}

fn furthest_outermost_first(points: Vec<[f64; 3]>) -> Line {
    let n = points.len() as f64;
    let centre: [f64; 3] = std::array::from_fn(|i| points.iter().map(|p| p[i]).sum::<f64>() / n);
    let mut by_radius: Vec<(f64, [f64; 3])> = points
        .into_iter()
        .map(|p| (norm(minus(p, centre)), p))
        .collect();
    by_radius.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = Line::between(by_radius[0].1, by_radius[0].1);
    for (i, &(radius, a)) in by_radius.iter().enumerate() {
        // Two points are no further apart than the sum of their distances to the centre.
        if 2.0 * radius < best.length_mm {
            break;
        }
        for &(other, b) in &by_radius[i + 1..] {
            if radius + other < best.length_mm {
                break;
            }
            let line = Line::between(a, b);
            if line.length_mm > best.length_mm {
                best = line;
            }
        }
    }
    best
}
