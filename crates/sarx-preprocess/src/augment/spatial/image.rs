//! Linear interpolation of an image; 0 outside of it.

use super::lattice::{Cell, Lattice, MAX_CORNERS, Row, corner_offset, voxel_before};

/// Fills `target` from `source`, both in standard layout and as large as `lattice` says.
///
/// Each row is split once into voxels outside of the source (0), at its border (each neighbour
/// checked, outside it counts as 0) and inside of it (no checks).
pub(super) fn sample_image<const D: usize>(
    lattice: &Lattice<D>,
    source: &[f32],
    target: &mut [f32],
) {
    let n = lattice.row_length();
    let strides = lattice.strides();
    for (index, out) in target.chunks_exact_mut(n).enumerate() {
        let row = lattice.row(index);
        let split = row.split(n);
        split.fill_outside(out, 0.0);
        for x in split.border() {
            out[x] = at_border(&row, x, source, lattice.source);
        }
        for x in split.interior() {
            out[x] = inside(&row, x, source, strides);
        }
    }
}

/// The value at voxel `x`, all of whose neighbours lie in the source.
///
/// Neighbours are joined in pairs along the fastest axis, the results along the next, and so on.
#[inline]
fn inside<const D: usize>(row: &Row<D>, x: usize, source: &[f32], strides: [usize; D]) -> f32 {
    let position = row.at(x);
    let floor = position.map(voxel_before);
    let first: usize = (0..D).map(|axis| floor[axis] * strides[axis]).sum();
    let last = corner_offset((1 << D) - 1, strides);
    let window = &source[first..=first + last];
    let mut values = [0.0; MAX_CORNERS];
    for (corner, value) in values[..1 << D].iter_mut().enumerate() {
        *value = window[corner_offset(corner, strides)];
    }
    for axis in (0..D).rev() {
        let fraction = position[axis] - floor[axis] as f32;
        for pair in 0..1 << axis {
            let (a, b) = (values[2 * pair], values[2 * pair + 1]);
            values[pair] = a + fraction * (b - a);
        }
    }
    values[0]
}

fn at_border<const D: usize>(row: &Row<D>, x: usize, source: &[f32], size: [usize; D]) -> f32 {
    let cell = Cell::of(row.at(x));
    (0..1 << D)
        .filter_map(|corner| Some(cell.weight(corner) * source[cell.offset(corner, size)?]))
        .sum()
}
