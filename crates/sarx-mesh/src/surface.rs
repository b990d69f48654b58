//! The surface of a mask in the patient.

use crate::extract::raw_surface;
use crate::fit_volume::{cross, fit_volume, triple};
use crate::smooth::smooth;
use crate::{MeshError, Smoothing};
use sarx_core::Grid;
use sarx_metrics::measure::Mask;

/// A closed surface of triangles.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// Where the vertices are, RAS+ mm.
    pub vertices_mm: Vec<[f64; 3]>,
    /// Three indices of vertices each, counter-clockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

/// How a surface is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeshSpec {
    /// How it is smoothed.
    pub smoothing: Smoothing,
    /// Whether each connected piece gets the volume of its voxels at the end. Without, a surface
    /// holds a few per cent less.
    pub fit_volume: bool,
}

impl Default for MeshSpec {
    fn default() -> Self {
        Self {
            smoothing: Smoothing::default(),
            fit_volume: true,
        }
    }
}

/// The closed surface of a mask, smoothed, with the volume of the mask.
///
/// Voxels that share a face or an edge are one piece; those that only share a corner are two. Cavities
/// keep their own inner surface. At the border of the image the surface is closed as if nothing were
/// beyond.
///
/// # Errors
///
/// [`MeshError::Empty`], [`MeshError::TooLarge`] or [`MeshError::Volume`].
pub fn surface_of(mask: &Mask, spec: &MeshSpec) -> Result<Surface, MeshError> {
    let mut raw = raw_surface(mask)?;
    smooth(&mut raw.vertices, &raw.triangles, &raw.thin, spec.smoothing);
    let grid = mask.grid();
    let mut surface = Surface {
        vertices_mm: raw
            .vertices
            .iter()
            .map(|&index| grid.world_from_index(index))
            .collect(),
        triangles: raw.triangles,
    };
    // Polygons run round alike in the array; whether that is outwards depends on the grid's hand.
    if surface.volume_mm3() < 0.0 {
        for triangle in &mut surface.triangles {
            triangle.swap(1, 2);
        }
    }
    if spec.fit_volume {
        let voxel_mm3 = voxel_mm3(grid);
        let most_mm = grid
            .spacing
            .zyx_mm()
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let pieces = Pieces::of(
            &raw.piece_of_vertex,
            &surface.triangles,
            raw.piece_sizes.len(),
        );
        for (piece, &n_voxels) in raw.piece_sizes.iter().enumerate() {
            let expected_mm3 = n_voxels as f64 * voxel_mm3;
            let vertices = pieces.vertices(piece);
            let mut own: Vec<[f64; 3]> = vertices
                .iter()
                .map(|&v| surface.vertices_mm[v as usize])
                .collect();
            let triangles = pieces.triangles(piece, &surface.triangles);
            fit_volume(&mut own, &triangles, expected_mm3, most_mm)?;
            for (&v, moved) in vertices.iter().zip(own) {
                surface.vertices_mm[v as usize] = moved;
            }
        }
    }
    Ok(surface)
}

/// The volume of a voxel, mm³, also where the axes are not at right angles.
fn voxel_mm3(grid: &Grid) -> f64 {
    let affine = grid.affine().0;
    let column = |c: usize| std::array::from_fn(|r| affine[r][c]);
    triple(column(0), column(1), column(2)).abs()
}

impl Surface {
    /// The volume inside, ml; negative if the triangles are turned inwards.
    #[must_use]
    pub fn volume_ml(&self) -> f64 {
        self.volume_mm3() / 1000.0
    }

    fn volume_mm3(&self) -> f64 {
        let Some(&origin) = self.vertices_mm.first() else {
            return 0.0;
        };
        self.triangles
            .iter()
            .map(|t| {
                let [a, b, c] = t.map(|i| {
                    let v = self.vertices_mm[i as usize];
                    std::array::from_fn(|k| v[k] - origin[k])
                });
                triple(a, b, c) / 6.0
            })
            .sum()
    }

    /// The area, mm².
    #[must_use]
    pub fn area_mm2(&self) -> f64 {
        self.triangles
            .iter()
            .map(|&t| 0.5 * self.normal_of(t).iter().map(|n| n * n).sum::<f64>().sqrt())
            .sum()
    }

    /// The outward normal of a triangle, as long as twice its area, RAS+.
    pub(crate) fn normal_of(&self, triangle: [u32; 3]) -> [f64; 3] {
        let [a, b, c] = triangle.map(|i| self.vertices_mm[i as usize]);
        let side = |to: [f64; 3]| std::array::from_fn(|i| to[i] - a[i]);
        cross(side(b), side(c))
    }
}

/// Vertices and triangles sorted by the piece to which they belong.
struct Pieces {
    vertices: Vec<u32>,
    vertex_starts: Vec<usize>,
    /// The place of each vertex within its piece.
    place: Vec<u32>,
    triangles: Vec<u32>,
    triangle_starts: Vec<usize>,
}

impl Pieces {
    fn of(piece_of_vertex: &[u32], triangles: &[[u32; 3]], n_pieces: usize) -> Self {
        let (vertices, vertex_starts) = sorted_by(piece_of_vertex.iter().copied(), n_pieces);
        let mut place = vec![0; piece_of_vertex.len()];
        for start in vertex_starts.windows(2) {
            for (i, &v) in (0..).zip(&vertices[start[0]..start[1]]) {
                place[v as usize] = i;
            }
        }
        let of_triangle = triangles.iter().map(|t| piece_of_vertex[t[0] as usize]);
        let (triangles, triangle_starts) = sorted_by(of_triangle, n_pieces);
        Self {
            vertices,
            vertex_starts,
            place,
            triangles,
            triangle_starts,
        }
    }

    fn vertices(&self, piece: usize) -> &[u32] {
        &self.vertices[self.vertex_starts[piece]..self.vertex_starts[piece + 1]]
    }

    fn triangles(&self, piece: usize, all: &[[u32; 3]]) -> Vec<[u32; 3]> {
        self.triangles[self.triangle_starts[piece]..self.triangle_starts[piece + 1]]
            .iter()
            .map(|&t| all[t as usize].map(|v| self.place[v as usize]))
            .collect()
    }
}

/// Indices sorted by their piece, and where each piece begins.
fn sorted_by(pieces: impl Iterator<Item = u32>, n_pieces: usize) -> (Vec<u32>, Vec<usize>) {
    let mut pairs: Vec<(u32, u32)> = pieces.zip(0..).collect();
    pairs.sort_unstable();
    let starts = (0..=n_pieces)
        .map(|piece| pairs.partition_point(|p| (p.0 as usize) < piece))
        .collect();
    (pairs.into_iter().map(|(_, index)| index).collect(), starts)
}
