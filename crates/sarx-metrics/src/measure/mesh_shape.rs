//! Volume and surface of the mesh that pyradiomics lays around a mask.

use super::mask::{cross, dot, require_inside, require_right_angles};
use super::{Mask, MeasureError};
use crate::surfel::{AmbiguousFaces, cell_polygons, widest_triangles};
use ndarray::{Array3, s};

/// Volume and surface area of the marching-cubes mesh of a mask.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct MeshShape {
    /// Volume inside the mesh, ml. pyradiomics: `MeshVolume` (mm³). Smaller than the volume of the
    /// voxels, because the mesh cuts their corners: report the volume of the voxels.
    pub mesh_volume_ml: f64,
    /// Area of the mesh, mm². pyradiomics: `SurfaceArea`.
    pub surface_area_mm2: f64,
}

/// pyradiomics' `MeshVolume` and `SurfaceArea`: marching cubes at half of the mask, not smoothed.
///
/// # Errors
///
/// [`MeasureError::Empty`] if nothing is inside, [`MeasureError::Sheared`].
pub fn mesh_shape(mask: &Mask) -> Result<MeshShape, MeasureError> {
    require_inside(mask, "lesion")?;
    require_right_angles(mask.grid())?;
    let spacing = mask.grid().spacing.zyx_mm();
    let cells: Vec<Vec<[[f64; 3]; 3]>> = (0..=255u8)
        .map(|pattern| {
            cell_polygons(pattern, AmbiguousFaces::SeparateRarer)
                .iter()
                .flat_map(|polygon| {
                    widest_triangles(polygon).into_iter().map(|t| {
                        t.map(|i| {
                            std::array::from_fn(|a| f64::from(polygon[i][a]) * 0.5 * spacing[a])
                        })
                    })
                })
                .collect()
        })
        .collect();
    let [depth, height, width] = mask.grid().size.zyx();
    let mut padded = Array3::from_elem((depth + 2, height + 2, width + 2), false);
    padded
        .slice_mut(s![1..=depth, 1..=height, 1..=width])
        .assign(mask.voxels());
    let (mut volume_mm3, mut area_mm2) = (0.0, 0.0);
    for ((z, y, x), cell) in padded
        .windows((2, 2, 2))
        .into_iter()
        .enumerate()
        .map(|(i, w)| {
            let (row, x) = (i / (width + 1), i % (width + 1));
            ((row / (height + 1), row % (height + 1), x), w)
        })
    {
        let pattern = cell
            .iter()
            .enumerate()
            .fold(0u8, |pattern, (bit, &inside)| {
                pattern | u8::from(inside) << bit
            });
        let corner = [
            z as f64 * spacing[0],
            y as f64 * spacing[1],
            x as f64 * spacing[2],
        ];
        for triangle in &cells[usize::from(pattern)] {
            let [a, b, c] = triangle.map(|p| std::array::from_fn(|i| p[i] + corner[i]));
            volume_mm3 += dot(a, cross(b, c)) / 6.0;
            let side = |to: [f64; 3]| std::array::from_fn(|i| to[i] - a[i]);
            let normal: [f64; 3] = cross(side(b), side(c));
            area_mm2 += 0.5 * dot(normal, normal).sqrt();
        }
    }
    Ok(MeshShape {
        // Joints run clockwise or counter-clockwise all alike, in [z, y, x] order.
        mesh_volume_ml: volume_mm3.abs() / 1000.0,
        surface_area_mm2: area_mm2,
    })
}
