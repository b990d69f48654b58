//! Rigid motions of the patient: a rotation about a centre, then a translation.
//!
//! A [`Rigid`] is always named `target_from_source`: it takes a point of the source, RAS+ mm, to where
//! the same piece of the body is in the target, RAS+ mm.

use crate::vector::{Matrix, Vector, add, cross, dot, norm, scale, sub, times, transposed_times};
use sarx_core::{Affine, Grid};

/// `target_from_source`: `p` goes to `R (p - centre) + centre + translation`, all in RAS+ mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rigid {
    /// Unit quaternion, `[w, x, y, z]`.
    quaternion: [f64; 4],
    centre_mm: Vector,
    translation_mm: Vector,
}

/// Numbers that make no rigid motion.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RigidError {
    /// NaN or infinity.
    #[error("the {what} of a rigid motion is {found:?}; all numbers must be finite")]
    NotFinite {
        /// Which part: rotation, centre or translation.
        what: &'static str,
        /// What was found.
        found: [f64; 3],
    },
    /// A quaternion that is not of length 1.
    #[error("a rotation's quaternion has length {length}; it must be 1 (to within 1e-6)")]
    NotUnit {
        /// Its length.
        length: f64,
    },
    /// A matrix that stretches, shears or mirrors.
    #[error(
        "a matrix is no rigid motion: its columns differ from a rotation's by {by:.2e}, more than 1e-4"
    )]
    NotRotation {
        /// Largest difference of the columns' inner products, or of the determinant, from the identity's.
        by: f64,
    },
}

impl Rigid {
    /// Everything stays where it is.
    #[must_use]
    pub fn identity() -> Self {
        Self::unchecked([1.0, 0.0, 0.0, 0.0], [0.0; 3], [0.0; 3])
    }

    /// A turn about `centre_mm`, then a shift.
    ///
    /// `rotation_rad` is the rotation vector: its direction is the axis (RAS+, right-handed), its length
    /// the angle in radians. Source: Rodrigues' formula.
    ///
    /// # Errors
    ///
    /// [`RigidError::NotFinite`] names the first part that holds NaN or infinity.
    pub fn about(
        centre_mm: [f64; 3],
        rotation_rad: [f64; 3],
        translation_mm: [f64; 3],
    ) -> Result<Self, RigidError> {
        require_finite("rotation", rotation_rad)?;
        require_finite("centre", centre_mm)?;
        require_finite("translation", translation_mm)?;
        Ok(Self::turn(centre_mm, rotation_rad, translation_mm))
    }

    /// The motion with a given unit quaternion `[w, x, y, z]`: what a file holds.
    ///
    /// # Errors
    ///
    /// [`RigidError`] if a number is not finite or the quaternion's length is not 1 to within 1e-6.
    pub fn from_quaternion(
        quaternion: [f64; 4],
        centre_mm: [f64; 3],
        translation_mm: [f64; 3],
    ) -> Result<Self, RigidError> {
        let [w, x, y, z] = quaternion;
        require_finite("rotation", [w + x, y, z])?;
        require_finite("centre", centre_mm)?;
        require_finite("translation", translation_mm)?;
        let length = quaternion.iter().map(|v| v * v).sum::<f64>().sqrt();
        if (length - 1.0).abs() > 1e-6 {
            return Err(RigidError::NotUnit { length });
        }
        Ok(Self::unchecked(quaternion, centre_mm, translation_mm))
    }

    /// The motion with a given matrix, about the origin: what another program's file holds.
    ///
    /// The quaternion is Shepperd's (1978), from the largest of its four components.
    ///
    /// # Errors
    ///
    /// [`RigidError`] if a number is not finite or the matrix is no rotation to within 1e-4.
    pub fn from_affine(target_from_source: &Affine) -> Result<Self, RigidError> {
        let m = &target_from_source.0;
        let columns: Matrix = std::array::from_fn(|col| m.map(|row| row[col]));
        for column in columns {
            require_finite("rotation", column)?;
        }
        let translation = m.map(|row| row[3]);
        require_finite("translation", translation)?;
        let determinant = dot(cross(columns[0], columns[1]), columns[2]);
        let mut by = (determinant - 1.0).abs();
        for (i, a) in columns.into_iter().enumerate() {
            for (k, b) in columns.into_iter().enumerate() {
                by = by.max((dot(a, b) - f64::from(u8::from(i == k))).abs());
            }
        }
        if by > 1e-4 {
            return Err(RigidError::NotRotation { by });
        }
        Ok(Self::unchecked(shepperd(m), [0.0; 3], translation))
    }

    /// [`Rigid::about`] of numbers that are known to be finite.
    pub(crate) fn turn(centre_mm: Vector, rotation_rad: Vector, translation_mm: Vector) -> Self {
        let angle = norm(rotation_rad);
        let (sin, cos) = (0.5 * angle).sin_cos();
        // sin(a / 2) / a, whose limit at 0 is 1/2.
        let factor = if angle > 1e-12 { sin / angle } else { 0.5 };
        let [x, y, z] = scale(rotation_rad, factor);
        Self::unchecked([cos, x, y, z], centre_mm, translation_mm)
    }

    fn unchecked(quaternion: [f64; 4], centre_mm: Vector, translation_mm: Vector) -> Self {
        let length = quaternion.iter().map(|v| v * v).sum::<f64>().sqrt();
        Self {
            quaternion: quaternion.map(|v| v / length),
            centre_mm,
            translation_mm,
        }
    }

    /// The unit quaternion of the rotation, `[w, x, y, z]`.
    #[must_use]
    pub fn quaternion(&self) -> [f64; 4] {
        self.quaternion
    }

    /// The point about which the rotation turns, RAS+ mm.
    #[must_use]
    pub fn centre_mm(&self) -> [f64; 3] {
        self.centre_mm
    }

    /// What is added after the rotation, RAS+ mm: how far the centre moves.
    #[must_use]
    pub fn translation_mm(&self) -> [f64; 3] {
        self.translation_mm
    }

    /// The angle of the rotation, degrees, 0 to 180.
    #[must_use]
    pub fn angle_deg(&self) -> f64 {
        let [w, x, y, z] = self.quaternion;
        (2.0 * norm([x, y, z]).atan2(w.abs())).to_degrees()
    }

    /// The rotation as a matrix, `[row][column]`.
    #[must_use]
    pub fn rotation(&self) -> [[f64; 3]; 3] {
        let [w, x, y, z] = self.quaternion;
        [
            [
                1.0 - 2.0 * (y * y + z * z),
                2.0 * (x * y - w * z),
                2.0 * (x * z + w * y),
            ],
            [
                2.0 * (x * y + w * z),
                1.0 - 2.0 * (x * x + z * z),
                2.0 * (y * z - w * x),
            ],
            [
                2.0 * (x * z - w * y),
                2.0 * (y * z + w * x),
                1.0 - 2.0 * (x * x + y * y),
            ],
        ]
    }

    /// The motion as a matrix that maps RAS+ mm to RAS+ mm.
    #[must_use]
    pub fn affine(&self) -> Affine {
        let rotation = self.rotation();
        let offset = self.apply([0.0; 3]);
        Affine(std::array::from_fn(|row| {
            let [a, b, c] = rotation[row];
            [a, b, c, offset[row]]
        }))
    }

    /// Where a point of the source is in the target, RAS+ mm.
    #[must_use]
    pub fn apply(&self, source_mm: [f64; 3]) -> [f64; 3] {
        let turned = times(&self.rotation(), sub(source_mm, self.centre_mm));
        add(add(turned, self.centre_mm), self.translation_mm)
    }

    /// `source_from_target`.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let [w, x, y, z] = self.quaternion;
        let back = transposed_times(&self.rotation(), self.translation_mm);
        Self {
            quaternion: [w, -x, -y, -z],
            centre_mm: self.centre_mm,
            translation_mm: scale(back, -1.0),
        }
    }

    /// This motion after another: `a_from_b.after(&b_from_c)` is `a_from_c`, about the centre of `b_from_c`.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let centre = first.centre_mm;
        let end = self.apply(first.apply(centre));
        Self::unchecked(
            product(self.quaternion, first.quaternion),
            centre,
            sub(end, centre),
        )
    }

    /// The same motion written about another centre.
    #[must_use]
    pub fn about_centre(&self, centre_mm: [f64; 3]) -> Self {
        Self {
            translation_mm: sub(self.apply(centre_mm), centre_mm),
            centre_mm,
            ..*self
        }
    }

    /// A grid of the source as it lies in the target: same voxels, moved header, nothing interpolated.
    #[must_use]
    pub fn moved(&self, source: &Grid) -> Grid {
        let rotation = self.rotation();
        let column = |col: usize| times(&rotation, source.direction.map(|row| row[col]));
        let columns: Matrix = std::array::from_fn(column);
        Grid {
            direction: std::array::from_fn(|row| std::array::from_fn(|col| columns[col][row])),
            origin_mm: self.apply(source.origin_mm),
            ..*source
        }
    }

    /// How far two motions take the points of a source grid apart.
    #[must_use]
    pub fn target_error(&self, truth: &Self, source: &Grid) -> TargetError {
        let (a, b) = (self.affine(), truth.affine());
        let points = lattice(source);
        TargetError::of(points.iter().map(|&p| norm(sub(a.apply(p), b.apply(p)))))
    }
}

/// Target registration error: distances between where two motions put the same points, mm.
///
/// Source: Fitzpatrick, West, Maurer 1998, "Predicting error in rigid-body point-based registration".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetError {
    /// Half of the points are nearer than this.
    pub median_mm: f64,
    /// Root of the mean square.
    pub rms_mm: f64,
    /// The worst point.
    pub max_mm: f64,
}

impl TargetError {
    /// Median, root mean square and maximum of some distances in mm; zeros of none.
    #[must_use]
    pub fn of(distances_mm: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = distances_mm.collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let mean_square = sorted.iter().map(|d| d * d).sum::<f64>() / n.max(1) as f64;
        let middle = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
        Self {
            median_mm: 0.5 * (middle(n / 2) + middle(n.saturating_sub(1) / 2)),
            rms_mm: mean_square.sqrt(),
            max_mm: middle(n.saturating_sub(1)),
        }
    }
}

/// Nine points along each axis of a grid, from the centre of the first voxel to that of the last: a
/// rigid motion's error varies so slowly that more points tell nothing new. RAS+ mm.
fn lattice(grid: &Grid) -> Vec<Vector> {
    const POINTS: usize = 9;
    let last = grid.size.zyx().map(|n| (n - 1) as f64);
    let along = |axis: usize, k: usize| last[axis] * k as f64 / (POINTS - 1) as f64;
    let affine = grid.affine();
    let mut points = Vec::with_capacity(POINTS.pow(3));
    for z in 0..POINTS {
        for y in 0..POINTS {
            points
                .extend((0..POINTS).map(|x| affine.apply([along(2, x), along(1, y), along(0, z)])));
        }
    }
    points
}

/// A quaternion `[w, x, y, z]` of a rotation matrix; its length is 1 to within the matrix's rounding.
fn shepperd(m: &[[f64; 4]; 3]) -> [f64; 4] {
    let trace = m[0][0] + m[1][1] + m[2][2];
    // Four times the square of each component.
    let squares = [
        1.0 + trace,
        1.0 + 2.0 * m[0][0] - trace,
        1.0 + 2.0 * m[1][1] - trace,
        1.0 + 2.0 * m[2][2] - trace,
    ];
    let [wx, wy, wz] = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]];
    let [xy, xz, yz] = [m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]];
    // Row `i` of four times the outer product of the quaternion with itself.
    let rows = [
        [squares[0], wx, wy, wz],
        [wx, squares[1], xy, xz],
        [wy, xy, squares[2], yz],
        [wz, xz, yz, squares[3]],
    ];
    let largest = (0..4).max_by(|&a, &b| squares[a].total_cmp(&squares[b]));
    let row = rows[largest.unwrap_or(0)];
    let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
    row.map(|v| v / length)
}

/// Hamilton's product of two quaternions: the rotation `b`, then `a`.
fn product(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let [aw, ax, ay, az] = a;
    let [bw, bx, by, bz] = b;
    [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
}

fn require_finite(what: &'static str, found: Vector) -> Result<(), RigidError> {
    if found.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(RigidError::NotFinite { what, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sarx_core::{Size, Spacing};

    fn near(a: Vector, b: Vector) -> bool {
        norm(sub(a, b)) < 1e-9
    }

    fn point(bound: f64) -> impl Strategy<Value = Vector> {
        [-bound..bound, -bound..bound, -bound..bound]
    }

    fn motion() -> impl Strategy<Value = Rigid> {
        (point(100.0), point(3.0), point(80.0)).prop_map(|(c, r, t)| Rigid::about(c, r, t).unwrap())
    }

    #[test]
    fn a_quarter_turn_about_the_feet_to_head_axis_takes_right_to_anterior() {
        let quarter = [0.0, 0.0, std::f64::consts::FRAC_PI_2];
        let motion = Rigid::about([10.0, 0.0, 0.0], quarter, [0.0, 0.0, 5.0]).unwrap();
        assert!(near(motion.apply([12.0, 0.0, 1.0]), [10.0, 2.0, 6.0]));
        assert!((motion.angle_deg() - 90.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn inverse_and_composition_agree_with_points(a in motion(), b in motion(), p in point(200.0)) {
            prop_assert!(near(a.inverse().apply(a.apply(p)), p));
            prop_assert!(near(a.after(&b).apply(p), a.apply(b.apply(p))));
            prop_assert!(near(a.about_centre([1.0, 2.0, 3.0]).apply(p), a.apply(p)));
            prop_assert!(near(a.affine().apply(p), a.apply(p)));
        }

        #[test]
        fn distances_are_kept(a in motion(), p in point(200.0), q in point(200.0)) {
            let before = norm(sub(p, q));
            prop_assert!((norm(sub(a.apply(p), a.apply(q))) - before).abs() < 1e-9);
        }

        #[test]
        fn a_moved_grid_holds_the_moved_voxels(a in motion(), index in point(20.0)) {
            let grid = Grid {
                origin_mm: [3.0, -4.0, 5.0],
                ..Grid::axis_aligned(Size::new([4, 5, 6]).unwrap(), Spacing::new([5.0, 1.0, 0.5]).unwrap())
            };
            let moved = a.moved(&grid).world_from_index(index);
            prop_assert!(near(moved, a.apply(grid.world_from_index(index))));
        }

        #[test]
        fn a_quaternion_on_file_comes_back(a in motion(), p in point(200.0)) {
            let back = Rigid::from_quaternion(a.quaternion(), a.centre_mm(), a.translation_mm()).unwrap();
            prop_assert!(near(back.apply(p), a.apply(p)));
            let back = Rigid::from_affine(&a.affine()).unwrap();
            prop_assert!(near(back.apply(p), a.apply(p)));
        }
    }

    #[test]
    fn the_error_of_a_shift_is_its_length_everywhere() {
        let grid = Grid::axis_aligned(
            Size::new([4, 5, 6]).unwrap(),
            Spacing::new([5.0, 1.0, 0.5]).unwrap(),
        );
        let shift = Rigid::about([0.0; 3], [0.0; 3], [3.0, 0.0, 4.0]).unwrap();
        let error = shift.target_error(&Rigid::identity(), &grid);
        for found in [error.median_mm, error.rms_mm, error.max_mm] {
            assert!((found - 5.0).abs() < 1e-12);
        }
        // A half turn about the first voxel doubles the distance of every point from the axis.
        let turn = Rigid::about([0.0; 3], [0.0, 0.0, std::f64::consts::PI], [0.0; 3]).unwrap();
        let error = turn.target_error(&Rigid::identity(), &grid);
        assert!((error.max_mm - 2.0 * 4.0f64.hypot(2.5)).abs() < 1e-12);
    }

    #[test]
    fn bad_numbers_are_refused_with_their_place() {
        let error = Rigid::about([0.0; 3], [0.0; 3], [f64::NAN, 0.0, 0.0]).unwrap_err();
        assert!(error.to_string().contains("translation"));
        let error = Rigid::from_quaternion([2.0, 0.0, 0.0, 0.0], [0.0; 3], [0.0; 3]).unwrap_err();
        assert_eq!(error, RigidError::NotUnit { length: 2.0 });
        let mut mirror = Rigid::identity().affine();
        mirror.0[1][1] = -1.0;
        let error = Rigid::from_affine(&mirror).unwrap_err();
        assert_eq!(error, RigidError::NotRotation { by: 2.0 });
    }
}
