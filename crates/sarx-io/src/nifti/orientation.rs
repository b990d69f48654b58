//! Where a NIfTI image is: sform, qform or neither.
//!
//! As ITK 5.4, `NiftiImageIO::SetImageIOOrientationFromNIfTI`:
//!
//! 1. Neither code is set: origin 0, axes along ITK's LPS world.
//! 2. The sform is used if its code is set, its columns are orthogonal (to 1e-4), and the qform
//!    has no code, or the sform's code is 1 (scanner), or both agree.
//! 3. Otherwise the qform is used if its code is set.
//! 4. Otherwise ITK refuses. Here the sform is used as it is: spacing is the length of its
//!    columns, the direction its normalised columns, sheared or not.
//!
//! For sform codes 2 to 4 ITK compares the two through a singular value decomposition in single
//! precision, whose answer is arbitrary for axes of equal spacing. Here "agree" means that no
//! entry differs by more than 1e-4, so the direction may differ from ITK's by that much.

use super::NiftiHeader;
use crate::ReadFault;
use crate::geometry::{IDENTITY, LpsGeometry, flip, norm};

/// How far from orthogonal the columns of a sform may be, as in ITK.
const ORTHOGONAL: f64 = 1e-4;

/// How far sform and qform may differ and still agree.
const AGREE: f64 = 1e-4;

/// `world_from_voxel` in the header's units, RAS+, rows.
type Matrix = [[f64; 4]; 3];

/// The geometry of a header for an image of `size` (x, y, z).
pub(crate) fn geometry(header: &NiftiHeader, size: [usize; 3]) -> Result<LpsGeometry, ReadFault> {
    let mm = mm_per_unit(header);
    let pixdim = pixdims(header)?;
    let spacing_mm = pixdim.map(|edge| edge * mm);
    let (qform, sform) = (header.qform_code() > 0, header.sform_code() > 0);
    if !qform && !sform {
        return Ok(LpsGeometry {
            size,
            spacing_mm,
            axes: IDENTITY,
            origin_mm: [0.0; 3],
        });
    }
    let (q, s) = (qform_matrix(header, pixdim), header.srow());
    let use_sform = sform
        && is_orthogonal(&s)
        && (!qform || header.sform_code() == 1 || largest_difference(&s, &q) < AGREE);
    if use_sform {
        Ok(place(&s, size, spacing_mm, mm))
    } else if qform {
        Ok(place(&q, size, spacing_mm, mm))
    } else {
        let lengths = std::array::from_fn(|axis| norm(column(&s, axis)) * mm);
        Ok(place(&s, size, lengths, mm))
    }
}

fn mm_per_unit(header: &NiftiHeader) -> f64 {
    match header.units() & 7 {
        1 => 1e3,
        3 => 1e-3,
        _ => 1.0,
    }
}

/// Voxel edges of x, y, z. An axis that the file does not have is 1 thick if nothing is said.
fn pixdims(header: &NiftiHeader) -> Result<[f64; 3], ReadFault> {
    let mut edges = [1.0; 3];
    for (axis, edge) in edges.iter_mut().enumerate() {
        let found = header.pixdim(axis + 1);
        let usable = found.is_finite() && found != 0.0;
        if usable {
            *edge = found;
        } else if (axis as i64) < header.dim(0) {
            let field = ["pixdim[1]", "pixdim[2]", "pixdim[3]"][axis];
            return Err(ReadFault::bad_field(
                field,
                found,
                "a voxel edge that is not zero",
            ));
        }
    }
    Ok(edges)
}

/// `nifti_quatern_to_mat44` of niftilib: a unit quaternion whose first part is not stored.
fn qform_matrix(header: &NiftiHeader, pixdim: [f64; 3]) -> Matrix {
    let [mut b, mut c, mut d, x, y, z] = header.quatern();
    let mut a = 1.0 - (b * b + c * c + d * d);
    if a < 1e-7 {
        // Too long to be a unit quaternion: a rotation by 180 degrees.
        let scale = 1.0 / (b * b + c * c + d * d).sqrt();
        (a, b, c, d) = (0.0, b * scale, c * scale, d * scale);
    } else {
        a = a.sqrt();
    }
    let edge = |axis: usize| {
        if pixdim[axis] > 0.0 {
            pixdim[axis]
        } else {
            1.0
        }
    };
    let (dx, dy) = (edge(0), edge(1));
    let dz = if header.pixdim(0) < 0.0 {
        -edge(2)
    } else {
        edge(2)
    };
    let rows = [
        [
            (a * a + b * b - c * c - d * d) * dx,
            2.0 * (b * c - a * d) * dy,
            2.0 * (b * d + a * c) * dz,
            x,
        ],
        [
            2.0 * (b * c + a * d) * dx,
            (a * a + c * c - b * b - d * d) * dy,
            2.0 * (c * d - a * b) * dz,
            y,
        ],
        [
            2.0 * (b * d - a * c) * dx,
            2.0 * (c * d + a * b) * dy,
            (a * a + d * d - c * c - b * b) * dz,
            z,
        ],
    ];
    if header.layout().wide {
        rows
    } else {
        rows.map(|row| row.map(|v| f64::from(v as f32)))
    }
}

/// The quaternion (b, c, d) and `qfac` of a rotation with columns `axes[i]`, RAS+.
///
/// `nifti_mat44_to_quatern` of niftilib without its polar decomposition: the caller asks only
/// for orthogonal axes. A mirrored matrix has `qfac` -1 and its third axis turned round.
pub(crate) fn quaternion(mut axes: [[f64; 3]; 3]) -> ([f64; 3], f64) {
    let cross = |u: [f64; 3], v: [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|i| {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            u[j] * v[k] - u[k] * v[j]
        })
    };
    let third = cross(axes[0], axes[1]);
    let handed: f64 = third.iter().zip(&axes[2]).map(|(a, b)| a * b).sum();
    let qfac = if handed < 0.0 { -1.0 } else { 1.0 };
    axes[2] = axes[2].map(|v| v * qfac);
    let r = |row: usize, column: usize| axes[column][row];
    let trace = r(0, 0) + r(1, 1) + r(2, 2) + 1.0;
    if trace > 0.5 {
        let a = 0.5 * trace.sqrt();
        let bcd = [r(2, 1) - r(1, 2), r(0, 2) - r(2, 0), r(1, 0) - r(0, 1)];
        return (bcd.map(|v| 0.25 * v / a), qfac);
    }
    // The largest of b, c, d is found first so that nothing is divided by a small number.
    let squares: [f64; 3] = std::array::from_fn(|i| {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        1.0 + r(i, i) - (r(j, j) + r(k, k))
    });
    let i = (0..3).fold(
        0,
        |best, i| if squares[i] > squares[best] { i } else { best },
    );
    let (j, k) = ((i + 1) % 3, (i + 2) % 3);
    let largest = 0.5 * squares[i].sqrt();
    let mut bcd = [0.0; 3];
    bcd[i] = largest;
    bcd[j] = 0.25 * (r(i, j) + r(j, i)) / largest;
    bcd[k] = 0.25 * (r(i, k) + r(k, i)) / largest;
    let a = 0.25 * (r(k, j) - r(j, k)) / largest;
    if a < 0.0 {
        bcd = bcd.map(|v| -v);
    }
    (bcd, qfac)
}

fn place(matrix: &Matrix, size: [usize; 3], spacing_mm: [f64; 3], mm: f64) -> LpsGeometry {
    let axes = std::array::from_fn(|axis| {
        let v = column(matrix, axis);
        let length = norm(v);
        std::array::from_fn(|row| flip(row, if length == 0.0 { 0.0 } else { v[row] / length }))
    });
    let origin_mm = std::array::from_fn(|row| flip(row, matrix[row][3]) * mm);
    LpsGeometry {
        size,
        spacing_mm,
        axes,
        origin_mm,
    }
}

fn column(matrix: &Matrix, axis: usize) -> [f64; 3] {
    std::array::from_fn(|row| matrix[row][axis])
}

/// Whether the normalised columns of a matrix are those of a rotation, possibly mirrored.
pub(crate) fn is_orthogonal(matrix: &Matrix) -> bool {
    if !matrix.iter().flatten().all(|v| v.is_finite()) {
        return false;
    }
    let axes: [[f64; 3]; 3] = std::array::from_fn(|axis| {
        let v = column(matrix, axis);
        v.map(|value| value / norm(v))
    });
    // ITK tests R times its transpose, not the other way round; entries of a flat matrix are NaN.
    (0..3).all(|i| {
        (0..3).all(|j| {
            let product: f64 = axes.iter().map(|v| v[i] * v[j]).sum();
            (product - if i == j { 1.0 } else { 0.0 }).abs() <= ORTHOGONAL
        })
    })
}

fn largest_difference(a: &Matrix, b: &Matrix) -> f64 {
    a.iter()
        .flatten()
        .zip(b.iter().flatten())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::fields::NIFTI2;
    use super::*;

    /// Rotations about a slanted axis by many angles, mirrored and not, survive as quaternions.
    #[test]
    fn a_quaternion_gives_its_rotation_back() {
        for step in 0..24 {
            let (s, c) = (f64::from(step) * 0.26).sin_cos();
            let n = [2.0 / 7.0, 3.0 / 7.0, 6.0 / 7.0];
            for mirror in [1.0, -1.0] {
                let axes: [[f64; 3]; 3] = std::array::from_fn(|column| {
                    std::array::from_fn(|row| {
                        let (j, k) = ((row + 1) % 3, (row + 2) % 3);
                        let cross = if column == j {
                            -n[k]
                        } else if column == k {
                            n[j]
                        } else {
                            0.0
                        };
                        let unit = if row == column { c } else { 0.0 };
                        let value = unit + (1.0 - c) * n[row] * n[column] + s * cross;
                        if column == 2 { value * mirror } else { value }
                    })
                });
                let ([b, c, d], qfac) = quaternion(axes);
                assert_eq!(qfac, mirror);
                let mut header = NiftiHeader::empty(&NIFTI2);
                header.set_pixdim(0, qfac);
                header.set_quatern([b, c, d, 0.0, 0.0, 0.0]);
                let matrix = qform_matrix(&header, [1.0; 3]);
                for axis in 0..3 {
                    for (row, expected) in axes[axis].iter().enumerate() {
                        assert!((matrix[row][axis] - expected).abs() < 1e-7, "step {step}");
                    }
                }
            }
        }
    }

    #[test]
    fn shear_and_flatness_are_not_orthogonal() {
        let straight = [
            [2.0, 0.0, 0.0, 9.0],
            [0.0, 3.0, 0.0, 9.0],
            [0.0, 0.0, -4.0, 9.0],
        ];
        assert!(is_orthogonal(&straight));
        let mut sheared = straight;
        sheared[0][1] = 0.001;
        assert!(!is_orthogonal(&sheared));
        let mut flat = straight;
        flat[1][1] = 0.0;
        assert!(!is_orthogonal(&flat));
    }
}
