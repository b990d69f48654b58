//! Smoothing without shrinking, held to the voxels.
//!
//! A vertex moves towards the mean of its neighbours, and then a little further back (Taubin's two
//! factors), which takes away steps of voxels and keeps the shape. It may move by half a voxel along
//! each axis at most (as in Gibson's surface nets): the steps between slices vanish, and the surface
//! stays where the mask says it is. Where the mask is one voxel thin, a vertex moves inwards by a fifth
//! of it at most, so that thin tails keep a body.
//!
//! The mean of neighbours does not change under affine maps, so all is done in voxel indices.
//!
//! Sources: G. Taubin, "A Signal Processing Approach to Fair Surface Design", SIGGRAPH 1995;
//! S. Gibson, "Constrained Elastic Surface Nets", MICCAI 1998.

/// How a surface is smoothed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// Rounds of one step forth and one back. 0 leaves the raw surface.
    pub rounds: usize,
    /// How far a vertex may move, in voxels along each axis; half a voxel by default.
    pub most_voxels: f64,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self {
            // Chosen by looking at a tumour in slices of 6.5 mm.
            rounds: 150,
            most_voxels: 0.5,
        }
    }
}

/// Taubin's factors: forth, and back. Their pass band ends at 1 / 0.5 - 1 / 0.51 = 0.04:
/// waves of more than about 20 vertices stay.
const FORTH: f64 = 0.5;
const BACK: f64 = -0.51;

/// How far a vertex may move inwards where the mask is one voxel thin, in voxels.
const MOST_INWARDS_WHERE_THIN: f64 = 0.2;

/// Moves the vertices, in voxel indices. `thin` says the axis and the way inwards of vertices where
/// the mask is one voxel thin.
pub(crate) fn smooth(
    vertices: &mut [[f64; 3]],
    triangles: &[[u32; 3]],
    thin: &[Option<(usize, f64)>],
    smoothing: Smoothing,
) {
    let raw = vertices.to_vec();
    let neighbours = Neighbours::of(vertices.len(), triangles);
    let mut before = raw.clone();
    for factor in (0..smoothing.rounds).flat_map(|_| [FORTH, BACK]) {
        before.copy_from_slice(vertices);
        for (i, vertex) in vertices.iter_mut().enumerate() {
            let around = neighbours.of_vertex(i);
            for axis in 0..3 {
                let sum: f64 = around.iter().map(|&n| before[n as usize][axis]).sum();
                let mean = sum / around.len().max(1) as f64;
                let moved = before[i][axis] + factor * (mean - before[i][axis]);
                let most = smoothing.most_voxels;
                let inwards = most.min(MOST_INWARDS_WHERE_THIN);
                let (down, up) = match thin[i] {
                    Some((thin, way)) if thin == axis && way < 0.0 => (inwards, most),
                    Some((thin, _)) if thin == axis => (most, inwards),
                    _ => (most, most),
                };
                vertex[axis] = moved.max(raw[i][axis] - down).min(raw[i][axis] + up);
            }
        }
    }
}

/// The vertices at the other ends of each vertex's edges.
struct Neighbours {
    starts: Vec<usize>,
    ends: Vec<u32>,
}

impl Neighbours {
    fn of(n_vertices: usize, triangles: &[[u32; 3]]) -> Self {
        // The surface is closed: every edge is run along once in each direction.
        let mut starts = vec![0; n_vertices + 1];
        for &vertex in triangles.iter().flatten() {
            starts[vertex as usize + 1] += 1;
        }
        for i in 0..n_vertices {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; 3 * triangles.len()];
        for &[a, b, c] in triangles {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                ends[next[from as usize]] = to;
                next[from as usize] += 1;
            }
        }
        Self { starts, ends }
    }

    fn of_vertex(&self, i: usize) -> &[u32] {
        &self.ends[self.starts[i]..self.starts[i + 1]]
    }
}
