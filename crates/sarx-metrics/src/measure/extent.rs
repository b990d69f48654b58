//! How far a lesion reaches along a direction, and its own principal directions.

use super::border::points_of_mask;
use super::mask::{dot, norm, require_inside, world_of_halves};
use super::{Border, Mask, MeasureError};

/// The extent of a mask along a direction.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Extent {
    /// The direction, a unit vector in RAS+.
    pub direction: [f64; 3],
    /// Distance between the two planes at right angles to the direction that hold the mask, mm.
    pub length_mm: f64,
    /// The border points that touch the two planes, RAS+ mm, the lower along the direction first.
    /// The line between them need not be parallel to the direction.
    pub ends_mm: [[f64; 3]; 2],
}

/// The principal axes of the voxels of a mask.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct PrincipalAxes {
    /// Mean of the voxel centres, RAS+ mm.
    pub centre_mm: [f64; 3],
    /// Unit vectors in RAS+, the longest axis first. Their largest component is positive.
    pub axes: [[f64; 3]; 3],
    /// Lengths of the axes of the ellipsoid with the same second moments: four standard
    /// deviations, mm. pyradiomics: `MajorAxisLength`, `MinorAxisLength`, `LeastAxisLength`.
    pub lengths_mm: [f64; 3],
}

/// The extent of a mask along a direction of the patient, RAS+ (`[0, 0, 1]` is towards the head).
///
/// The axis of a limb is the first of the [`principal_axes`] of the mask of the limb or of its bone.
///
/// # Errors
///
/// [`MeasureError::Direction`] if the direction has no length, [`MeasureError::Empty`].
pub fn extent_along(
    mask: &Mask,
    direction: [f64; 3],
    border: Border,
) -> Result<Extent, MeasureError> {
    require_inside(mask, "lesion")?;
    let length = norm(direction);
    if !(length.is_finite() && length > 0.0) {
        return Err(MeasureError::Direction { found: direction });
    }
    let direction = direction.map(|v| v / length);
    let mut ends: Option<[(f64, [f64; 3]); 2]> = None;
    for halves in points_of_mask(mask, border) {
        let point = world_of_halves(mask.grid(), halves);
        let at = dot(point, direction);
        let ends = ends.get_or_insert([(at, point); 2]);
        if at < ends[0].0 {
            ends[0] = (at, point);
        }
        if at > ends[1].0 {
            ends[1] = (at, point);
        }
    }
    let [low, high] = ends.ok_or(MeasureError::Empty { what: "lesion" })?;
    Ok(Extent {
        direction,
        length_mm: high.0 - low.0,
        ends_mm: [low.1, high.1],
    })
}

/// The principal axes of the voxel centres of a mask in the patient.
///
/// # Errors
///
/// [`MeasureError::Empty`] if nothing is inside.
pub fn principal_axes(mask: &Mask) -> Result<PrincipalAxes, MeasureError> {
    require_inside(mask, "lesion")?;
    let affine = mask.grid().affine();
    let centres = || {
        mask.voxels()
            .indexed_iter()
            .filter(|&(_, &inside)| inside)
            .map(|((z, y, x), _)| affine.apply([x as f64, y as f64, z as f64]))
    };
    let (mut sum, mut n) = ([0.0; 3], 0.0);
    for point in centres() {
        n += 1.0;
        for (sum, v) in sum.iter_mut().zip(point) {
            *sum += v;
        }
    }
    let centre_mm = sum.map(|s| s / n);
    let mut moments = [[0.0; 3]; 3];
    for point in centres() {
        for i in 0..3 {
            for j in 0..3 {
                // Population moments, as pyradiomics: divided by the number of voxels.
                moments[i][j] += (point[i] - centre_mm[i]) * (point[j] - centre_mm[j]) / n;
            }
        }
    }
    let (variances, vectors) = symmetric_eigen(moments);
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
    Ok(PrincipalAxes {
        centre_mm,
        axes: order.map(|k| pointing_up(std::array::from_fn(|row| vectors[row][k]))),
        lengths_mm: order.map(|k| 4.0 * variances[k].max(0.0).sqrt()),
    })
}

/// The vector or its opposite, so that the largest component is positive.
fn pointing_up(vector: [f64; 3]) -> [f64; 3] {
    let largest = (1..3).fold(0, |best, i| {
        if vector[i].abs() > vector[best].abs() + 1e-12 {
            i
        } else {
            best
        }
    });
    if vector[largest] < 0.0 {
        vector.map(|v| -v)
    } else {
        vector
    }
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
///
/// Source: G. Golub and C. Van Loan, "Matrix Computations", 4th edition, section 8.5.
fn symmetric_eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Convergence is quadratic: five rounds reach the rounding of f64, thirty are certain.
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
            let c = 1.0 / (1.0 + t * t).sqrt();
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            let (above, below) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| c * above[k] - s * below[k]);
            a[q] = std::array::from_fn(|k| s * above[k] + c * below[k]);
            for row in &mut v {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}
