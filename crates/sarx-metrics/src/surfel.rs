//! How much surface lies in each 2x2x2 block of voxels.
//!
//! Eight neighbouring voxel centres are the corners of a cube. The surface between foreground
//! and background corners crosses the cube's edges half-way; the crossings of one face are
//! joined, the joints of all six faces close to polygons, and their area is the block's share of
//! the surface (marching cubes). Nothing here is a table: the polygons are walked for each of
//! the 256 patterns, so that any voxel shape gives its own areas.
//!
//! Two choices are free and made as the classic method makes them. A face with two foreground
//! corners across its diagonal separates the colour that is rarer in the cube (foreground on a
//! tie), so a pattern and its complement have one surface. A polygon of five or six corners is
//! not flat; it is split into the triangles that have the largest area in the unit cube, and the
//! same triangles are taken for every voxel shape.
//!
//! Source: W. Lorensen and H. Cline, "Marching Cubes", SIGGRAPH 1987. With these choices all
//! areas agree with those of DeepMind's `surface-distance` package.

use sarx_core::Spacing;

/// A point in the unit cube, `[z, y, x]`, doubled so that edge midpoints are whole numbers.
type Point = [u8; 3];

/// What a face with two foreground corners across its diagonal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmbiguousFaces {
    /// It separates the colour that is rarer in the cube, foreground on a tie: the classic method,
    /// of DeepMind's and pyradiomics' tables. Two cubes may see their common face differently, so
    /// that the surface has holes there: for areas and volumes, not for surfaces to be used.
    SeparateRarer,
    /// It joins the foreground, whatever the rest of the cube. The two cubes of a face agree, so
    /// the surface is closed.
    JoinForeground,
}
/// Indices of a triangle's corners in a polygon.
type Triangle = [usize; 3];

/// The area of the surface inside a 2x2x2 block of voxel centres, mm², for each pattern.
///
/// Bit `4 z + 2 y + x` of the index is set when the voxel at offset `[z, y, x]` (each 0 or 1) is
/// foreground.
#[must_use]
pub fn surfel_areas_mm2(spacing: Spacing) -> [f64; 256] {
    std::array::from_fn(|pattern| {
        let pattern = pattern as u8;
        cell_polygons(pattern, AmbiguousFaces::SeparateRarer)
            .iter()
            .map(|polygon| polygon_area_mm2(polygon, spacing))
            .sum()
    })
}

fn is_foreground(pattern: u8, [z, y, x]: Point) -> bool {
    // Corners have doubled coordinates 0 and 2.
    pattern >> (2 * z + y + x / 2) & 1 == 1
}

/// The closed polygons, by their corners, that separate foreground from background corners of a
/// cube of 2x2x2 voxel centres.
///
/// Bit `4 z + 2 y + x` of the pattern is set when the corner at `[z, y, x]` (each 0 or 1) is
/// foreground. Corners of polygons are middles of the cube's edges, `[z, y, x]`, doubled: 0 and 2
/// are the two sides, 1 is half-way. All polygons run round alike: seen from the background,
/// counter-clockwise where the axes z, y, x are right-handed in this order.
#[must_use]
pub fn cell_polygons(pattern: u8, ambiguous: AmbiguousFaces) -> Vec<Vec<[u8; 3]>> {
    let separate_foreground =
        ambiguous == AmbiguousFaces::SeparateRarer && pattern.count_ones() <= 4;
    let mut joints = Vec::new();
    for axis in 0..3 {
        for side in [0, 2] {
            face_joints(pattern, separate_foreground, axis, side, &mut joints);
        }
    }
    let mut closed = Vec::new();
    while let Some((first, mut at)) = joints.pop() {
        let mut polygon = vec![first];
        while at != first {
            polygon.push(at);
            // Each crossed edge ends one joint and begins another: its two faces see the edge
            // in opposite directions.
            let Some(next) = joints.iter().position(|&(from, _)| from == at) else {
                break;
            };
            at = joints.swap_remove(next).1;
        }
        closed.push(polygon);
    }
    closed
}

/// Joins the crossed edges of one face, each from where its border enters the foreground.
fn face_joints(
    pattern: u8,
    separate_foreground: bool,
    axis: usize,
    side: u8,
    joints: &mut Vec<(Point, Point)>,
) {
    let mut round = [[0, 0], [2, 0], [2, 2], [0, 2]];
    if side == 0 {
        round.reverse();
    }
    let corners: [Point; 4] = round.map(|[u, v]| {
        let mut corner = [side; 3];
        corner[(axis + 1) % 3] = u;
        corner[(axis + 2) % 3] = v;
        corner
    });
    let inside = corners.map(|corner| is_foreground(pattern, corner));
    let middle = |edge: usize| -> Point {
        std::array::from_fn(|a| (corners[edge][a] + corners[(edge + 1) % 4][a]) / 2)
    };
    for enter in (0..4).filter(|&e| !inside[e] && inside[(e + 1) % 4]) {
        // Leaving at the next crossing cuts off this foreground corner alone; leaving at the
        // one before cuts off the background corner.
        let leave = (1..4)
            .map(|k| {
                if separate_foreground {
                    (enter + k) % 4
                } else {
                    (enter + 4 - k) % 4
                }
            })
            .find(|&e| inside[e] && !inside[(e + 1) % 4]);
        if let Some(leave) = leave {
            joints.push((middle(enter), middle(leave)));
        }
    }
}

fn polygon_area_mm2(polygon: &[Point], spacing: Spacing) -> f64 {
    area(polygon, &widest_triangles(polygon), spacing.zyx_mm())
}

fn area(polygon: &[Point], triangles: &[Triangle], edge: [f64; 3]) -> f64 {
    triangles
        .iter()
        .map(|t| triangle_area(t.map(|i| polygon[i]), edge))
        .sum()
}

/// The triangles, as indices of the polygon's corners, that have the largest area in the unit cube.
pub(crate) fn widest_triangles(polygon: &[Point]) -> Vec<Triangle> {
    triangulations(0, polygon.len() - 1)
        .into_iter()
        .max_by(|a, b| area(polygon, a, [1.0; 3]).total_cmp(&area(polygon, b, [1.0; 3])))
        .unwrap_or_default()
}

/// Every way to cut the polygon `first, first + 1, ..., last` into triangles with ascending corners: Catalan's
/// number of them, for the few corners that a cell's polygon has.
#[must_use]
pub fn triangulations(first: usize, last: usize) -> Vec<Vec<[usize; 3]>> {
    if last - first < 2 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for apex in first + 1..last {
        for left in triangulations(first, apex) {
            for right in triangulations(apex, last) {
                let mut all = vec![[first, apex, last]];
                all.extend(&left);
                all.extend(&right);
                found.push(all);
            }
        }
    }
    found
}

fn triangle_area([a, b, c]: [Point; 3], edge: [f64; 3]) -> f64 {
    let side = |to: Point| -> [f64; 3] {
        std::array::from_fn(|i| (f64::from(to[i]) - f64::from(a[i])) * 0.5 * edge[i])
    };
    let (u, v) = (side(b), side(c));
    let normal = [
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    ];
    0.5 * normal.iter().map(|n| n * n).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(mm: [f64; 3]) -> [f64; 256] {
        surfel_areas_mm2(Spacing::new(mm).unwrap())
    }

    #[test]
    fn flat_and_cornered_patterns_by_hand() {
        let areas = areas([5.0, 2.0, 3.0]);
        assert_eq!((areas[0], areas[255]), (0.0, 0.0));
        assert_eq!(areas[0b0000_1111], 6.0, "a layer across z shows y times x");
        assert_eq!(areas[0b0011_0011], 15.0, "a layer across y shows z times x");
        assert_eq!(areas[0b0101_0101], 10.0, "a layer across x shows z times y");
        let corner = 0.125 * (6.0f64.powi(2) + 15.0f64.powi(2) + 10.0f64.powi(2)).sqrt();
        assert!((areas[1] - corner).abs() < 1e-12);
    }

    #[test]
    fn a_pattern_and_its_complement_have_one_surface() {
        let areas = areas([5.0, 0.7, 0.9]);
        for pattern in 0..256 {
            assert!(
                (areas[pattern] - areas[255 - pattern]).abs() < 1e-12,
                "{pattern}"
            );
            assert_eq!(areas[pattern] > 0.0, pattern != 0 && pattern != 255);
        }
    }

    #[test]
    fn every_joint_is_used_in_a_closed_polygon() {
        for pattern in 0..=255u8 {
            let polygons = cell_polygons(pattern, AmbiguousFaces::SeparateRarer);
            let crossed = (0..3)
                .flat_map(|axis| [0, 2].map(|u| [0, 2].map(|v| (axis, u, v))))
                .flatten()
                .filter(|&(axis, u, v)| {
                    let mut a = [u; 3];
                    (a[axis], a[(axis + 1) % 3], a[(axis + 2) % 3]) = (0, u, v);
                    let mut b = a;
                    b[axis] = 2;
                    is_foreground(pattern, a) != is_foreground(pattern, b)
                })
                .count();
            assert_eq!(
                polygons.iter().map(Vec::len).sum::<usize>(),
                crossed,
                "{pattern}"
            );
            assert!(
                polygons.iter().all(|p| (3..=6).contains(&p.len())),
                "{pattern}"
            );
        }
    }
}
