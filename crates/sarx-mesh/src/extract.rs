//! The raw surface of a mask: marching cubes at half of it.
//!
//! Vertices lie half-way between the centres of a voxel inside and a face neighbour outside. In each
//! cube of eight centres the polygons of [`cell_polygons`] close the surface; the two cubes of a
//! face agree on how it is crossed, because a face with foreground across its diagonal always
//! joins the foreground. A polygon is cut into triangles by lines that do not lie in a face of the
//! cube, or else from a vertex of its own in its middle: a line in a face could be drawn from both
//! sides, and its edge would belong to four triangles.

use crate::MeshError;
use ndarray::{Array3, s};
use sarx_core::BoundingBox;
use sarx_metrics::measure::Mask;
use sarx_metrics::{AmbiguousFaces, Connectivity, cell_polygons, components, triangulations};

/// The raw surface, in array indices of the mask's grid, `[z, y, x]`.
pub(crate) struct RawSurface {
    pub(crate) vertices: Vec<[f64; 3]>,
    pub(crate) triangles: Vec<[u32; 3]>,
    /// To which connected piece of the mask each vertex belongs.
    pub(crate) piece_of_vertex: Vec<u32>,
    /// Where the mask is one voxel thin at a vertex: the axis, and the way inwards.
    pub(crate) thin: Vec<Option<(usize, f64)>>,
    /// Voxels of each piece.
    pub(crate) piece_sizes: Vec<usize>,
}

/// How a polygon is cut.
enum Cut {
    Lines(Vec<[usize; 3]>),
    FromMiddle,
}

/// A polygon of a cube, corners doubled as in [`cell_polygons`], and how it is cut.
type Pattern = Vec<(Vec<[u8; 3]>, Cut)>;

/// A place in half voxels of the padded box, numbered; a middle comes after all of them.
type Key = u64;

pub(crate) fn raw_surface(mask: &Mask) -> Result<RawSurface, MeshError> {
    let own = BoundingBox::around(mask.voxels().view()).ok_or(MeshError::Empty)?;
    let (lower, upper) = (own.lower, own.upper);
    let part = mask.voxels().slice(s![
        lower[0]..upper[0],
        lower[1]..upper[1],
        lower[2]..upper[2]
    ]);
    let [depth, height, width] = own.size();
    let mut padded = Array3::from_elem((depth + 2, height + 2, width + 2), false);
    padded
        .slice_mut(s![1..=depth, 1..=height, 1..=width])
        .assign(&part);
    // Foreground is joined by faces and by edges, as the ambiguous faces are.
    let pieces = components(padded.view(), Connectivity::Edges);
    let patterns: Vec<Pattern> = (0..=255).map(pattern).collect();
    let (faces, middles) = polygons(&padded, &patterns);
    let mut keys: Vec<Key> = faces.iter().flatten().copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let most = u32::MAX as usize;
    if keys.len() > most {
        return Err(MeshError::TooLarge {
            found: keys.len(),
            most,
        });
    }
    let size = Halves::of(&padded);
    let half = |key: Key| -> [f64; 3] {
        match middles.binary_search_by_key(&key, |m| m.0) {
            Ok(i) => middles[i].1,
            Err(_) => size.place(key).map(|h| h as f64),
        }
    };
    let vertices = keys
        .iter()
        .map(|&key| {
            let at = half(key);
            // From half voxels of the padded box to voxels of the image.
            std::array::from_fn(|a| at[a] * 0.5 - 1.0 + lower[a] as f64)
        })
        .collect();
    let piece_of = |key: Key| -> u32 {
        let inside = match middles.binary_search_by_key(&key, |m| m.0) {
            Ok(i) => middles[i].2,
            Err(_) => size.voxel_inside(&padded, key),
        };
        pieces.labels[inside] - 1
    };
    Ok(RawSurface {
        vertices,
        piece_of_vertex: keys.iter().map(|&key| piece_of(key)).collect(),
        thin: keys
            .iter()
            .map(|&key| (key < size.n()).then(|| size.thin(&padded, key)).flatten())
            .collect(),
        triangles: faces
            .iter()
            .map(|face| {
                // Every key is among the sorted ones, and there are fewer than 2^32.
                face.map(|key| keys.partition_point(|&other| other < key) as u32)
            })
            .collect(),
        piece_sizes: pieces.sizes,
    })
}

/// A middle of a polygon: its key, where it is in half voxels, and a voxel inside beside it.
type Middle = (Key, [f64; 3], [usize; 3]);

/// All triangles as keys of vertices, and the middles, ascending by key.
fn polygons(padded: &Array3<bool>, patterns: &[Pattern]) -> (Vec<[Key; 3]>, Vec<Middle>) {
    let size = Halves::of(padded);
    let (mut faces, mut middles) = (Vec::new(), Vec::new());
    let (depth, height, width) = padded.dim();
    for z in 0..depth - 1 {
        for y in 0..height - 1 {
            for x in 0..width - 1 {
                let mut bits = 0u8;
                for corner in 0..8usize {
                    let at = [z + (corner >> 2), y + (corner >> 1 & 1), x + (corner & 1)];
                    bits |= u8::from(padded[at]) << corner;
                }
                for (polygon, cut) in &patterns[usize::from(bits)] {
                    let place = |corner: [u8; 3]| -> [usize; 3] {
                        let cube = [z, y, x];
                        std::array::from_fn(|a| 2 * cube[a] + usize::from(corner[a]))
                    };
                    let key = |i: usize| size.key(place(polygon[i]));
                    match cut {
                        Cut::Lines(triangles) => {
                            faces.extend(triangles.iter().map(|t| t.map(key)));
                        }
                        Cut::FromMiddle => {
                            let n = polygon.len();
                            let middle = size.n() + middles.len() as Key;
                            let at = std::array::from_fn(|a| {
                                let sum: usize = polygon.iter().map(|&c| place(c)[a]).sum();
                                sum as f64 / n as f64
                            });
                            let inside = size.voxel_inside(padded, key(0));
                            middles.push((middle, at, inside));
                            faces.extend((0..n).map(|i| [key(i), key((i + 1) % n), middle]));
                        }
                    }
                }
            }
        }
    }
    (faces, middles)
}

/// Numbers places in half voxels.
struct Halves {
    size: [u64; 3],
}

impl Halves {
    fn of(padded: &Array3<bool>) -> Self {
        let (z, y, x) = padded.dim();
        Self {
            size: [z, y, x].map(|n| 2 * n as u64),
        }
    }

    fn n(&self) -> Key {
        self.size.iter().product()
    }

    fn key(&self, [z, y, x]: [usize; 3]) -> Key {
        (z as u64 * self.size[1] + y as u64) * self.size[2] + x as u64
    }

    fn place(&self, key: Key) -> [u64; 3] {
        let (row, x) = (key / self.size[2], key % self.size[2]);
        [row / self.size[1], row % self.size[1], x]
    }

    /// The axis of the line on which a vertex lies and the way inwards, if the voxel inside has
    /// another one outside behind it.
    fn thin(&self, padded: &Array3<bool>, key: Key) -> Option<(usize, f64)> {
        let axis = self.place(key).iter().position(|h| h % 2 == 1)?;
        let inside = self.voxel_inside(padded, key);
        let inwards = if self.place(key)[axis] as usize > 2 * inside[axis] {
            -1
        } else {
            1
        };
        let mut behind = inside;
        // The box is padded, so there is a voxel behind every one inside.
        behind[axis] = behind[axis].wrapping_add_signed(inwards);
        (!padded[behind]).then_some((axis, inwards as f64))
    }

    /// The voxel inside of the two on whose line a vertex lies.
    fn voxel_inside(&self, padded: &Array3<bool>, key: Key) -> [usize; 3] {
        let place = self.place(key);
        let before = place.map(|h| (h / 2) as usize);
        if padded[before] {
            before
        } else {
            place.map(|h| h.div_ceil(2) as usize)
        }
    }
}

fn pattern(bits: u8) -> Pattern {
    cell_polygons(bits, AmbiguousFaces::JoinForeground)
        .into_iter()
        .map(|polygon| {
            let cut = cut(&polygon);
            (polygon, cut)
        })
        .collect()
}

/// Of all ways to cut a polygon by lines of which none lies in a face of the cube, the one with the
/// shortest lines.
fn cut(polygon: &[[u8; 3]]) -> Cut {
    let n = polygon.len();
    triangulations(0, n - 1)
        .into_iter()
        .map(|triangles| {
            let lines: Vec<[usize; 2]> = triangles
                .iter()
                .flat_map(|&[a, b, c]| [[a, b], [b, c], [a, c]])
                .filter(|&[a, b]| b - a != 1 && b - a != n - 1)
                .collect();
            (triangles, lines)
        })
        .filter(|(_, lines)| {
            lines
                .iter()
                .all(|&[a, b]| !share_a_face(polygon[a], polygon[b]))
        })
        .min_by_key(|(_, lines)| -> u32 {
            lines
                .iter()
                .map(|&[a, b]| apart(polygon[a], polygon[b]))
                .sum()
        })
        .map_or(Cut::FromMiddle, |(triangles, _)| Cut::Lines(triangles))
}

fn share_a_face(a: [u8; 3], b: [u8; 3]) -> bool {
    (0..3).any(|axis| a[axis] == b[axis] && a[axis] != 1)
}

fn apart(a: [u8; 3], b: [u8; 3]) -> u32 {
    (0..3).map(|i| u32::from(a[i].abs_diff(b[i])).pow(2)).sum()
}
