//! Which points of a voxel stand for the border of a lesion.
//!
//! Points are kept in half voxels, as whole numbers: voxel `[z, y, x]` has its centre at
//! `[2 z, 2 y, 2 x]`. So hulls are exact, and millimetres come in only where lengths do.

use super::Mask;
use ndarray::ArrayView2;

/// Which points stand for the border. Viewers differ, so all three are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Border {
    /// The points half-way between the centre of a voxel inside and that of a face neighbour
    /// outside: the middles of the voxel faces on the border. This is where marching cubes puts the
    /// surface of a mask, so it is what pyradiomics and the IBSI measure (`Maximum2DDiameter*`,
    /// `Maximum3DDiameter`), and the default here: one voxel measures one voxel.
    #[default]
    FaceMiddles,
    /// Voxel centres: what callipers snapped to voxel centres give. One voxel measures 0 mm.
    Centres,
    /// Voxel corners: the outermost outline that a viewer draws around the voxels. One voxel
    /// measures its diagonal.
    Corners,
}

/// Whether a place, which may lie outside of the image, is inside the mask.
fn at(plane: &ArrayView2<'_, bool>, row: isize, column: isize) -> bool {
    match (usize::try_from(row), usize::try_from(column)) {
        (Ok(row), Ok(column)) => plane.get([row, column]).copied().unwrap_or(false),
        _ => false,
    }
}

const FOUR: [[isize; 2]; 4] = [[-1, 0], [1, 0], [0, -1], [0, 1]];

/// A place in half voxels. Images have fewer than 2^30 voxels along an axis: their arrays would not
/// fit into memory otherwise.
fn halves(index: usize) -> i32 {
    i32::try_from(index).map_or(i32::MAX / 4, |i| i.saturating_mul(2))
}

/// The border points of one slice, `[row, column]` in half voxels, only from voxels with a
/// neighbour outside within the slice.
pub(super) fn points_of_slice(plane: ArrayView2<'_, bool>, border: Border) -> Vec<[i32; 2]> {
    let mut points = Vec::new();
    for ((row, column), _) in plane.indexed_iter().filter(|&(_, &inside)| inside) {
        let outside = FOUR.map(|[dr, dc]| !at(&plane, row as isize + dr, column as isize + dc));
        if !outside.contains(&true) {
            continue;
        }
        let (r, c) = (halves(row), halves(column));
        match border {
            Border::Centres => points.push([r, c]),
            Border::Corners => points.extend([
                [r - 1, c - 1],
                [r - 1, c + 1],
                [r + 1, c - 1],
                [r + 1, c + 1],
            ]),
            Border::FaceMiddles => points.extend(
                FOUR.iter()
                    .zip(outside)
                    .filter(|&(_, outside)| outside)
                    .map(|([dr, dc], _)| [r + *dr as i32, c + *dc as i32]),
            ),
        }
    }
    points
}

/// The outline of one slice as straight pieces between points in half voxels. Pieces inside the
/// outline may be among them: it is for outermost crossings.
pub(super) fn outline_of_slice(plane: ArrayView2<'_, bool>, border: Border) -> Vec<[[i32; 2]; 2]> {
    match border {
        Border::Centres => centre_pieces(&plane),
        Border::Corners => edge_pieces(&plane),
        Border::FaceMiddles => marching_squares(&plane),
    }
}

/// Lines between neighbouring voxel centres, and each centre by itself.
fn centre_pieces(plane: &ArrayView2<'_, bool>) -> Vec<[[i32; 2]; 2]> {
    let mut pieces = Vec::new();
    for ((row, column), _) in plane.indexed_iter().filter(|&(_, &inside)| inside) {
        let here = [halves(row), halves(column)];
        pieces.push([here, here]);
        for [dr, dc] in [[0, 1], [1, -1], [1, 0], [1, 1]] {
            if at(plane, row as isize + dr, column as isize + dc) {
                pieces.push([here, [here[0] + 2 * dr as i32, here[1] + 2 * dc as i32]]);
            }
        }
    }
    pieces
}

/// The voxel edges between inside and outside.
fn edge_pieces(plane: &ArrayView2<'_, bool>) -> Vec<[[i32; 2]; 2]> {
    let mut pieces = Vec::new();
    for ((row, column), _) in plane.indexed_iter().filter(|&(_, &inside)| inside) {
        let (r, c) = (halves(row), halves(column));
        for [dr, dc] in FOUR {
            if !at(plane, row as isize + dr, column as isize + dc) {
                let (dr, dc) = (dr as i32, dc as i32);
                // The edge runs across the direction to the neighbour.
                pieces.push([[r + dr + dc, c + dc + dr], [r + dr - dc, c + dc - dr]]);
            }
        }
    }
    pieces
}

/// Marching squares over the voxel centres, crossings half-way. Inside voxels across a diagonal
/// are joined.
pub(super) fn marching_squares(plane: &ArrayView2<'_, bool>) -> Vec<[[i32; 2]; 2]> {
    let (rows, columns) = plane.dim();
    let mut pieces = Vec::new();
    for row in -1..rows as isize {
        for column in -1..columns as isize {
            let square = [
                at(plane, row, column),
                at(plane, row, column + 1),
                at(plane, row + 1, column + 1),
                at(plane, row + 1, column),
            ];
            let (r, c) = (2 * row as i32, 2 * column as i32);
            // The middle of side i lies between corners i and i + 1.
            let sides = [[r, c + 1], [r + 1, c + 2], [r + 2, c + 1], [r + 1, c]];
            let crossed: Vec<usize> = (0..4)
                .filter(|&i| square[i] != square[(i + 1) % 4])
                .collect();
            match crossed[..] {
                [a, b] => pieces.push([sides[a], sides[b]]),
                // Cut off the two corners outside: side i ends at corner i + 1.
                [_, _, _, _] if square[0] => {
                    pieces.push([sides[0], sides[1]]);
                    pieces.push([sides[2], sides[3]]);
                }
                [_, _, _, _] => {
                    pieces.push([sides[3], sides[0]]);
                    pieces.push([sides[1], sides[2]]);
                }
                _ => {}
            }
        }
    }
    pieces
}

/// The border points of a whole mask, `[z, y, x]` in half voxels; a corner may come several times.
pub(super) fn points_of_mask(mask: &Mask, border: Border) -> Vec<[i32; 3]> {
    let voxels = mask.voxels();
    let mut points = Vec::new();
    for ((z, y, x), _) in voxels.indexed_iter().filter(|&(_, &inside)| inside) {
        let here = [z, y, x];
        let middle = here.map(halves);
        let before = points.len();
        let mut on_border = false;
        for axis in 0..3 {
            for step in [-1isize, 1] {
                let mut next = here;
                next[axis] = here[axis].wrapping_add_signed(step);
                if voxels.get(next).copied().unwrap_or(false) {
                    continue;
                }
                on_border = true;
                if border == Border::FaceMiddles {
                    let mut point = middle;
                    point[axis] += step as i32;
                    points.push(point);
                }
            }
        }
        match border {
            Border::Centres if on_border => points.push(middle),
            Border::Corners if on_border => points.extend((0..8).map(|corner| -> [i32; 3] {
                std::array::from_fn(|a| middle[a] + if corner >> a & 1 == 1 { 1 } else { -1 })
            })),
            _ => debug_assert!(border == Border::FaceMiddles || points.len() == before),
        }
    }
    points
}
