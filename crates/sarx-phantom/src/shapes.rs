//! Points and signed distances: negative inside, mm.

/// A point or vector in mm, `[x, y, z]` as in world space (right, anterior, superior).
pub(crate) type Point = [f64; 3];

pub(crate) fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(crate) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn scale(a: Point, s: f64) -> Point {
    a.map(|v| v * s)
}

pub(crate) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn length(a: Point) -> f64 {
    dot(a, a).sqrt()
}

/// The unit vector along `a`; the null vector stays.
pub(crate) fn unit(a: Point) -> Point {
    let l = length(a);
    if l > 0.0 { scale(a, 1.0 / l) } else { a }
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn smoothstep(low: f64, high: f64, v: f64) -> f64 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Piecewise linear through `(position, value)` knots in rising order, constant outside.
pub(crate) fn profile(knots: &[(f64, f64)], at: f64) -> f64 {
    let Some(&(first, value)) = knots.first() else {
        return 0.0;
    };
    if at <= first {
        return value;
    }
    for pair in knots.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if at <= x1 {
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0);
        }
    }
    knots[knots.len() - 1].1
}

/// A union of two distances with a fillet of about `k` mm.
pub(crate) fn smooth_union(a: f64, b: f64, k: f64) -> f64 {
    let h = (0.5 + 0.5 * (b - a) / k).clamp(0.0, 1.0);
    b + (a - b) * h - k * h * (1.0 - h)
}

/// A straight piece of tube whose radius changes linearly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capsule {
    from: Point,
    along: Point,
    inv_length2: f64,
    radius: (f64, f64),
}

impl Capsule {
    pub(crate) fn new(from: Point, to: Point, radius: (f64, f64)) -> Self {
        let along = sub(to, from);
        let length2 = dot(along, along);
        let inv_length2 = if length2 > 0.0 { 1.0 / length2 } else { 0.0 };
        Self {
            from,
            along,
            inv_length2,
            radius,
        }
    }

    /// Distance to the surface (exact for equal radii).
    pub(crate) fn distance(&self, p: Point) -> f64 {
        let q = sub(p, self.from);
        let t = (dot(q, self.along) * self.inv_length2).clamp(0.0, 1.0);
        let off = sub(q, scale(self.along, t));
        length(off) - (self.radius.0 + (self.radius.1 - self.radius.0) * t)
    }

    /// The distance to the surface if a point is inside: as [`Capsule::distance`].
    fn depth(&self, p: Point) -> Option<f64> {
        let q = sub(p, self.from);
        let t = (dot(q, self.along) * self.inv_length2).clamp(0.0, 1.0);
        let off = sub(q, scale(self.along, t));
        let (off2, thickest) = (dot(off, off), self.radius.0.max(self.radius.1));
        if off2 > thickest * thickest * CLEARLY {
            return None;
        }
        let distance = off2.sqrt() - (self.radius.0 + (self.radius.1 - self.radius.0) * t);
        (distance < 0.0).then_some(distance)
    }

    /// The point of the (endless) axis at height z.
    pub(crate) fn at_height(&self, z: f64) -> Point {
        let t = if self.along[2] == 0.0 {
            0.0
        } else {
            (z - self.from[2]) / self.along[2]
        };
        add(self.from, scale(self.along, t))
    }

    /// The squared distance to the axis.
    pub(crate) fn axis_distance2(&self, p: Point) -> f64 {
        let q = sub(p, self.from);
        let t = (dot(q, self.along) * self.inv_length2).clamp(0.0, 1.0);
        let off = sub(q, scale(self.along, t));
        dot(off, off)
    }
}

/// Several capsules end to end, with the ball that holds them to skip far points.
#[derive(Debug, Clone)]
pub(crate) struct Tube {
    pieces: Vec<Capsule>,
    centre: Point,
    reach: f64,
}

impl Tube {
    /// A tube through points `(position, radius)`; at least two.
    pub(crate) fn through(points: &[(Point, f64)]) -> Self {
        let n = points.len().max(1) as f64;
        let centre = scale(
            points.iter().fold([0.0; 3], |sum, p| add(sum, p.0)),
            1.0 / n,
        );
        let reach = points
            .iter()
            .map(|p| length(sub(p.0, centre)) + p.1)
            .fold(0.0, f64::max);
        let pieces = points
            .windows(2)
            .map(|pair| Capsule::new(pair[0].0, pair[1].0, (pair[0].1, pair[1].1)))
            .collect();
        Self {
            pieces,
            centre,
            reach,
        }
    }

    /// Distance to the surface; for points farther than `useful` mm a lower bound.
    pub(crate) fn distance(&self, p: Point, useful: f64) -> f64 {
        let off = sub(p, self.centre);
        let bound = self.reach + useful;
        let off2 = dot(off, off);
        if off2 > bound * bound {
            return off2.sqrt() - self.reach;
        }
        self.pieces
            .iter()
            .map(|piece| piece.distance(p))
            .fold(f64::INFINITY, f64::min)
    }
}

impl Tube {
    /// The distance to the surface if a point is inside: as [`Tube::distance`].
    pub(crate) fn depth(&self, p: Point) -> Option<f64> {
        let off = sub(p, self.centre);
        if dot(off, off) > self.reach * self.reach * CLEARLY {
            return None;
        }
        self.pieces
            .iter()
            .filter_map(|piece| piece.depth(p))
            .reduce(f64::min)
    }
}

/// Squares that differ by more than this factor differ, whatever was rounded.
const CLEARLY: f64 = 1.0 + 1e-9;

/// An ellipsoid with its own axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ellipsoid {
    pub(crate) centre: Point,
    /// Half-axes, mm.
    pub(crate) half: Point,
    /// Rows are the unit vectors of the half-axes.
    pub(crate) axes: [Point; 3],
}

impl Ellipsoid {
    /// Axes along the world's.
    pub(crate) fn upright(centre: Point, half: Point) -> Self {
        Self {
            centre,
            half,
            axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        }
    }

    /// The same, turned about x, then y, then z by angles in degrees.
    pub(crate) fn turned(self, degrees: Point) -> Self {
        let axes = rotation(degrees);
        // Rows of the transposed rotation are the turned unit vectors.
        let axes = std::array::from_fn(|r| std::array::from_fn(|c| axes[c][r]));
        Self { axes, ..self }
    }

    /// The point in units of the half-axes.
    pub(crate) fn unit_coordinates(&self, p: Point) -> Point {
        let q = sub(p, self.centre);
        std::array::from_fn(|a| dot(self.axes[a], q) / self.half[a])
    }

    /// The distance if a point is inside: as [`Ellipsoid::distance`].
    pub(crate) fn depth(&self, p: Point) -> Option<f64> {
        let longest = self.half[0].max(self.half[1]).max(self.half[2]);
        let q = sub(p, self.centre);
        if dot(q, q) > longest * longest * CLEARLY {
            return None;
        }
        let u = self.unit_coordinates(p);
        if dot(u, u) >= 1.0 {
            return None;
        }
        Some(self.distance(p)).filter(|distance| *distance < 0.0)
    }

    /// Approximate distance (exact in sign and to first order at the surface).
    pub(crate) fn distance(&self, p: Point) -> f64 {
        let u = self.unit_coordinates(p);
        let k0 = length(u);
        let k1 = length(std::array::from_fn(|a| u[a] / self.half[a]));
        if k1 > 0.0 {
            k0 * (k0 - 1.0) / k1
        } else {
            -self
                .half
                .iter()
                .fold(f64::INFINITY, |least, &h| least.min(h))
        }
    }
}

/// The rotation matrix (rows) about x, then y, then z, degrees.
pub(crate) fn rotation(degrees: Point) -> [Point; 3] {
    let [(sx, cx), (sy, cy), (sz, cz)] = degrees.map(|d| d.to_radians().sin_cos());
    [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capsule_is_exact_beside_and_beyond_its_ends() {
        let tube = Capsule::new([0.0, 0.0, 0.0], [0.0, 0.0, 10.0], (2.0, 2.0));
        assert_eq!(tube.distance([5.0, 0.0, 5.0]), 3.0);
        assert_eq!(tube.distance([0.0, 0.0, 15.0]), 3.0);
        assert_eq!(tube.distance([0.0, 1.0, 4.0]), -1.0);
    }

    #[test]
    fn a_turned_ellipsoid_points_along_its_turned_axis() {
        let along_y = Ellipsoid::upright([0.0; 3], [10.0, 2.0, 2.0]).turned([0.0, 0.0, 90.0]);
        assert!(along_y.distance([0.0, 9.0, 0.0]) < 0.0);
        assert!(along_y.distance([9.0, 0.0, 0.0]) > 0.0);
        assert!(along_y.distance([0.0, 10.0, 0.0]).abs() < 1e-9);
        assert!(along_y.distance([0.0; 3]) < 0.0);
    }

    #[test]
    fn a_depth_is_the_distance_of_points_inside() {
        let tube = Tube::through(&[
            ([0.0; 3], 9.0),
            ([20.0, 3.0, 0.0], 4.0),
            ([25.0, 20.0, 6.0], 7.0),
        ]);
        let ball =
            Ellipsoid::upright([8.0, 4.0, 2.0], [16.0, 9.0, 11.0]).turned([10.0, 25.0, 40.0]);
        let mut n_inside = [0, 0];
        for i in 0..40_000u32 {
            let f = f64::from(i);
            let p = [
                12.0 + 30.0 * (f * 0.7).sin(),
                8.0 + 22.0 * (f * 1.1).cos(),
                15.0 * (f * 0.37).sin(),
            ];
            let inside = |distance: f64| Some(distance).filter(|d| *d < 0.0);
            assert_eq!(tube.depth(p), inside(tube.distance(p, 1.0)));
            assert_eq!(ball.depth(p), inside(ball.distance(p)));
            n_inside[0] += usize::from(tube.depth(p).is_some());
            n_inside[1] += usize::from(ball.depth(p).is_some());
        }
        assert!(
            n_inside.iter().all(|n| (500..39_500).contains(n)),
            "{n_inside:?}"
        );
        // On the very surface, and at the centre.
        let unit = Ellipsoid::upright([0.0; 3], [1.0; 3]);
        assert_eq!(unit.depth([1.0, 0.0, 0.0]), None);
        assert_eq!(unit.depth([0.0; 3]), Some(-1.0));
    }

    #[test]
    fn a_far_tube_answers_with_a_lower_bound() {
        let tube = Tube::through(&[([0.0; 3], 2.0), ([20.0, 0.0, 0.0], 2.0)]);
        assert!(tube.distance([10.0, 100.0, 0.0], 5.0) <= 98.0);
        assert_eq!(tube.distance([10.0, 3.0, 0.0], 5.0), 1.0);
    }
}
