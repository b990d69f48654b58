//! Affine maps between voxel indices and the patient.

/// `world_from_voxel`: maps a voxel index `(i, j, k)` in *file order* (x fastest) to RAS+ mm.
///
/// Rows are world axes (right, anterior, superior); the first three columns are the steps of
/// one voxel along i, j, k; the last column is the position of voxel `(0, 0, 0)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// Maps a point in voxel units, `(i, j, k)`, to world RAS+ mm.
    #[must_use]
    #[inline]
    pub fn apply(&self, ijk: [f64; 3]) -> [f64; 3] {
        self.0
            .map(|row| row[0] * ijk[0] + row[1] * ijk[1] + row[2] * ijk[2] + row[3])
    }

    /// The inverse map `voxel_from_world`, or `None` when the matrix is singular.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        let cofactor = |r: usize, c: usize| {
            let (r1, r2) = ((r + 1) % 3, (r + 2) % 3);
            let (c1, c2) = ((c + 1) % 3, (c + 2) % 3);
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let det: f64 = (0..3).map(|c| m[0][c] * cofactor(0, c)).sum();
        if det == 0.0 || !det.is_finite() {
            return None;
        }
        let mut inverse = [[0.0; 4]; 3];
        for (r, row) in inverse.iter_mut().enumerate() {
            for (c, value) in row.iter_mut().take(3).enumerate() {
                *value = cofactor(c, r) / det;
            }
            row[3] = -(0..3).map(|c| row[c] * m[c][3]).sum::<f64>();
        }
        Some(Self(inverse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_an_oblique_map() {
        let (s, c) = 0.3f64.sin_cos();
        let affine = Affine([
            [2.0 * c, -s, 0.1, 5.0],
            [2.0 * s, c, 0.0, -7.0],
            [0.0, 0.2, 4.0, 11.0],
        ]);
        let back = affine
            .inverse()
            .unwrap()
            .apply(affine.apply([3.0, 4.0, 5.0]));
        for (found, expected) in back.into_iter().zip([3.0, 4.0, 5.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!(Affine([[0.0; 4]; 3]).inverse().is_none());
    }
}
