//! Binary STL: triangles with their normals, and nothing else.
//!
//! The format knows neither units nor axes; millimetres are what every reader takes. 80 bytes of
//! header, the number of triangles, then 50 bytes for each; all numbers little endian.

use crate::{MeshError, Space, Surface};
use sarx_io::write_atomic;
use std::io::Write;
use std::path::Path;

const HEADER_BYTES: usize = 80;

/// Writes a surface as binary STL in millimetres.
///
/// The header says the space as 3D Slicer does (`SPACE=LPS`); it does not begin with `solid`, which
/// would make some readers take the file for text.
///
/// # Errors
///
/// [`MeshError::TooLarge`] if there are more triangles than the file can count, [`MeshError::Write`].
pub fn write_stl(path: &Path, surface: &Surface, space: Space) -> Result<(), MeshError> {
    let n = u32::try_from(surface.triangles.len()).map_err(|_| MeshError::TooLarge {
        found: surface.triangles.len(),
        most: u32::MAX as usize,
    })?;
    let mut header = [b' '; HEADER_BYTES];
    let text = format!("sarx {} UNIT=mm", space.note());
    header[..text.len()].copy_from_slice(text.as_bytes());
    write_atomic(path, |out| {
        out.write_all(&header)?;
        out.write_all(&n.to_le_bytes())?;
        for &triangle in &surface.triangles {
            let normal = unit(space.from_ras(surface.normal_of(triangle)));
            let corners = triangle.map(|i| space.from_ras(surface.vertices_mm[i as usize]));
            for point in [normal].iter().chain(&corners) {
                for v in point {
                    out.write_all(&(*v as f32).to_le_bytes())?;
                }
            }
            out.write_all(&[0; 2])?;
        }
        Ok(())
    })?;
    Ok(())
}

fn unit(normal: [f64; 3]) -> [f64; 3] {
    let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
    if length > 0.0 {
        normal.map(|n| n / length)
    } else {
        normal
    }
}
