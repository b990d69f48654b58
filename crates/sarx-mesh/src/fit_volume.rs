//! Gives each piece of a surface the volume of its voxels again.
//!
//! Marching cubes cuts the corners of the voxels, so a raw surface holds less than they do: a sixth for
//! a single voxel, a few per cent less for a tumour. All vertices of a piece are moved along their
//! normals by one distance. The volume is a polynomial of degree three in that distance, so it is
//! found exactly.

use crate::MeshError;

/// Moves the vertices, mm, of one piece so that its triangles hold `expected_mm3`. `most_mm` is how far
/// an offset may go before scaling about the centre takes its place.
///
/// # Errors
///
/// [`MeshError::Volume`] if neither gives the volume.
pub(crate) fn fit_volume(
    vertices: &mut [[f64; 3]],
    triangles: &[[u32; 3]],
    expected_mm3: f64,
    most_mm: f64,
) -> Result<(), MeshError> {
    let n = vertices.len() as f64;
    let centre: [f64; 3] = std::array::from_fn(|a| vertices.iter().map(|v| v[a]).sum::<f64>() / n);
    for vertex in vertices.iter_mut() {
        *vertex = std::array::from_fn(|a| vertex[a] - centre[a]);
    }
    let normals = normals(vertices, triangles);
    let volume = Cubic::of(vertices, &normals, triangles);
    match volume.offset_to(expected_mm3, most_mm) {
        Some(offset) => {
            for (vertex, normal) in vertices.iter_mut().zip(&normals) {
                *vertex = std::array::from_fn(|a| vertex[a] + offset * normal[a]);
            }
        }
        None if volume.0[0] > 0.0 => {
            let scale = (expected_mm3 / volume.0[0]).cbrt();
            for vertex in vertices.iter_mut() {
                *vertex = vertex.map(|v| v * scale);
            }
        }
        None => {
            return Err(MeshError::Volume {
                expected_mm3,
                found_mm3: volume.0[0],
            });
        }
    }
    for vertex in vertices.iter_mut() {
        *vertex = std::array::from_fn(|a| vertex[a] + centre[a]);
    }
    Ok(())
}

/// Unit normals of the vertices, each triangle weighted by its area; outwards.
fn normals(vertices: &[[f64; 3]], triangles: &[[u32; 3]]) -> Vec<[f64; 3]> {
    let mut normals = vec![[0.0; 3]; vertices.len()];
    for triangle in triangles {
        let [a, b, c] = triangle.map(|i| vertices[i as usize]);
        let side = |to: [f64; 3]| std::array::from_fn(|i| to[i] - a[i]);
        let normal = cross(side(b), side(c));
        for &i in triangle {
            for (sum, v) in normals[i as usize].iter_mut().zip(normal) {
                *sum += v;
            }
        }
    }
    for normal in &mut normals {
        let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length > 0.0 {
            *normal = normal.map(|v| v / length);
        }
    }
    normals
}

/// Coefficients of the volume, mm³, as a polynomial of the offset, mm.
struct Cubic([f64; 4]);

impl Cubic {
    fn of(vertices: &[[f64; 3]], normals: &[[f64; 3]], triangles: &[[u32; 3]]) -> Self {
        let mut sums = [0.0; 4];
        for triangle in triangles {
            let [a, b, c] = triangle.map(|i| vertices[i as usize]);
            let [p, q, r] = triangle.map(|i| normals[i as usize]);
            sums[0] += triple(a, b, c);
            sums[1] += triple(p, b, c) + triple(a, q, c) + triple(a, b, r);
            sums[2] += triple(p, q, c) + triple(p, b, r) + triple(a, q, r);
            sums[3] += triple(p, q, r);
        }
        Self(sums.map(|s| s / 6.0))
    }

    fn at(&self, x: f64) -> f64 {
        let [a, b, c, d] = self.0;
        ((d * x + c) * x + b) * x + a
    }

    /// The offset nearest to 0 that gives a volume, within `most_mm`.
    fn offset_to(&self, expected_mm3: f64, most_mm: f64) -> Option<f64> {
        const STEPS: u32 = 256;
        let missing = |x: f64| expected_mm3 - self.at(x);
        let sign = missing(0.0).signum();
        if missing(0.0) == 0.0 {
            return Some(0.0);
        }
        // More volume lies outwards.
        let place = |i: u32| sign * most_mm * f64::from(i) / f64::from(STEPS);
        let crossed = (1..=STEPS).find(|&i| missing(place(i)) * sign <= 0.0)?;
        let (mut low, mut high) = (place(crossed - 1), place(crossed));
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if missing(middle) * sign > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(crate) fn triple(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    let n = cross(b, c);
    a[0] * n[0] + a[1] * n[1] + a[2] * n[2]
}
