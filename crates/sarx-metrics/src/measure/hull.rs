//! Convex hulls of points on a lattice, and the pairs of points that can be furthest apart.
//!
//! Which points are corners of the hull, and which pairs of corners have parallel lines of support,
//! does not change under an affine map. So both are found on whole numbers, without rounding,
//! whatever the voxel shape; only lengths need millimetres.
//!
//! Sources: A. Andrew, "Another efficient algorithm for convex hulls in two dimensions", Information
//! Processing Letters 9 (1979); M. Shamos, "Computational Geometry" (1978), rotating callipers.

/// Corners of the convex hull, counter-clockwise, no three on a line.
pub(super) fn hull(mut points: Vec<[i32; 2]>) -> Vec<[i32; 2]> {
    points.sort_unstable();
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut corners: Vec<[i32; 2]> = Vec::new();
    half_hull(points.iter(), &mut corners);
    half_hull(points.iter().rev(), &mut corners);
    corners
}

/// Appends one side of the hull without its last point.
fn half_hull<'a>(points: impl Iterator<Item = &'a [i32; 2]>, corners: &mut Vec<[i32; 2]>) {
    let start = corners.len();
    for &point in points {
        while let [.., a, b] = corners[start..] {
            if turn(a, b, point) > 0 {
                break;
            }
            corners.pop();
        }
        corners.push(point);
    }
    corners.pop();
}

/// Twice the signed area of a triangle.
fn turn(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> i64 {
    let d = |p: [i32; 2], i: usize| i64::from(p[i]) - i64::from(a[i]);
    d(b, 0) * d(c, 1) - d(b, 1) * d(c, 0)
}

/// Pairs of corners among which the two furthest apart are, under any affine map: those with
/// parallel lines of support.
pub(super) fn antipodal_pairs(corners: &[[i32; 2]]) -> Vec<[[i32; 2]; 2]> {
    let n = corners.len();
    match n {
        0 => return Vec::new(),
        1 => return vec![[corners[0]; 2]],
        2 => return vec![[corners[0], corners[1]]],
        _ => {}
    }
    let mut pairs = Vec::with_capacity(2 * n);
    let mut far = 1;
    for i in 0..n {
        let (a, b) = (corners[i], corners[(i + 1) % n]);
        while turn(a, b, corners[(far + 1) % n]) > turn(a, b, corners[far]) {
            far = (far + 1) % n;
        }
        pairs.extend([[a, corners[far]], [b, corners[far]]]);
        let next = corners[(far + 1) % n];
        if turn(a, b, next) == turn(a, b, corners[far]) {
            pairs.extend([[a, next], [b, next]]);
        }
    }
    pairs
}
