//! Interpolation of labels: the label with the largest linear share wins.
//!
//! Where all neighbours agree, which is nearly everywhere, nothing is computed. Elsewhere only
//! the at most eight labels of the neighbours can win, so the cost does not depend on how many
//! labels a dataset has.

use super::lattice::{Cell, Lattice, MAX_CORNERS, corner_offset, voxel_before};

/// The label outside of the source.
pub(super) const OUTSIDE: i16 = -1;
/// Shares are compared as half-precision multiples of 1/1000.
const SHARE_UNITS: f32 = 1000.0;

/// Fills `target` from `source`, both in standard layout and as large as `lattice` says.
pub(super) fn sample_labels<const D: usize>(
    lattice: &Lattice<D>,
    source: &[i16],
    target: &mut [i16],
) {
    let n = lattice.row_length();
    let strides = lattice.strides();
    let last = corner_offset((1 << D) - 1, strides);
    for (index, out) in target.chunks_exact_mut(n).enumerate() {
        let row = lattice.row(index);
        let split = row.split(n);
        split.fill_outside(out, OUTSIDE);
        for x in split.border() {
            out[x] = disputed(row.at(x), source, lattice.source);
        }
        for x in split.interior() {
            let position = row.at(x);
            let first: usize = (0..D)
                .map(|axis| voxel_before(position[axis]) * strides[axis])
                .sum();
            let window = &source[first..=first + last];
            let label = window[0];
            let agreed = (1..1 << D).all(|c| window[corner_offset(c, strides)] == label);
            out[x] = if agreed {
                label
            } else {
                disputed(position, source, lattice.source)
            };
        }
    }
}

/// The label at a point whose neighbours differ or may lie outside.
pub(super) fn disputed<const D: usize>(
    position: [f32; D],
    source: &[i16],
    size: [usize; D],
) -> i16 {
    let cell = Cell::of(position);
    let mut labels = [OUTSIDE; MAX_CORNERS];
    let mut weights = [0.0; MAX_CORNERS];
    for corner in 0..1 << D {
        labels[corner] = cell
            .offset(corner, size)
            .map_or(OUTSIDE, |offset| source[offset]);
        weights[corner] = cell.weight(corner);
    }
    winner(
        &labels[..1 << D],
        &weights[..1 << D],
        nearest(position, source, size),
    )
}

/// The label with the largest share; among equals the nearest voxel's, else the smallest.
fn winner(labels: &[i16], weights: &[f32], nearest: i16) -> i16 {
    let share = |label: i16| {
        let sum: f32 = (labels.iter().zip(weights))
            .filter(|(l, _)| **l == label)
            .map(|(_, &weight)| weight * SHARE_UNITS)
            .sum();
        half_precision(sum)
    };
    let (mut best, mut best_share) = (labels[0], share(labels[0]));
    for &label in &labels[1..] {
        let share = share(label);
        if share > best_share || (share == best_share && label < best) {
            (best, best_share) = (label, share);
        }
    }
    if share(nearest) == best_share {
        nearest
    } else {
        best
    }
}

/// The label of the nearest voxel, halves to even; [`OUTSIDE`] outside.
fn nearest<const D: usize>(position: [f32; D], source: &[i16], size: [usize; D]) -> i16 {
    let floor = position.map(|p| p.round_ties_even() as isize);
    let cell = Cell {
        floor,
        fraction: [0.0; D],
    };
    cell.offset(0, size)
        .map_or(OUTSIDE, |offset| source[offset])
}

/// Rounds to the 11 significant bits of half precision, ties to even.
///
/// nnU-Net keeps shares as `float16`, so near ties become ties and the nearest voxel decides.
/// Shares too small for normal half-precision numbers never win and need no care.
fn half_precision(value: f32) -> f32 {
    let bits = value.to_bits();
    let odd = (bits >> 13) & 1;
    f32::from_bits((bits + 0xfff + odd) & !0x1fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_has_steps_of_a_half_above_512() {
        assert_eq!(half_precision(500.1), 500.0);
        assert_eq!(half_precision(500.125), 500.0);
        assert_eq!(half_precision(500.13), 500.25);
        assert_eq!(half_precision(999.8), 1000.0);
        assert_eq!(half_precision(600.25), 600.0);
        assert_eq!(half_precision(600.75), 601.0);
    }

    #[test]
    fn ties_go_to_the_nearest_voxel_if_it_is_tied_else_to_the_smallest_label() {
        let quarters = [0.25f32; 4];
        assert_eq!(winner(&[3, 3, 1, 1], &quarters, 3), 3);
        assert_eq!(winner(&[3, 3, 1, 1], &quarters, 1), 1);
        assert_eq!(winner(&[3, 3, 1, 1], &quarters, 2), 1);
        // Three labels: the nearest voxel's label may have lost.
        assert_eq!(winner(&[5, 2, 2, 7], &[0.4, 0.3, 0.3, 0.0], 5), 2);
    }

    #[test]
    fn a_label_wins_by_its_sum_even_if_no_corner_is_large() {
        let labels = [1, 2, 0, 2];
        assert_eq!(winner(&labels, &[0.4, 0.25, 0.05, 0.3], 1), 2);
    }
}
