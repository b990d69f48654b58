//! The plain form of the spatial transform: every voxel by itself, in `f64`, no short cuts.

use super::labels::OUTSIDE;
use super::lattice::Lattice;
use std::collections::BTreeMap;

/// The corners of the cell around a point: position per axis (maybe outside) and weight.
fn corners<const D: usize>(position: [f64; D]) -> Vec<([i64; D], f64)> {
    (0..1 << D)
        .map(|corner: usize| {
            let mut at = [0; D];
            let mut weight = 1.0;
            for axis in 0..D {
                let floor = position[axis].floor();
                let fraction = position[axis] - floor;
                let upper = corner >> axis & 1 == 1;
                at[axis] = floor as i64 + i64::from(upper);
                weight *= if upper { fraction } else { 1.0 - fraction };
            }
            (at, weight)
        })
        .collect()
}

fn value<T: Copy, const D: usize>(source: &[T], size: [usize; D], at: [i64; D]) -> Option<T> {
    let mut offset = 0;
    for axis in 0..D {
        if at[axis] < 0 || at[axis] >= size[axis] as i64 {
            return None;
        }
        offset = offset * size[axis] + at[axis] as usize;
    }
    Some(source[offset])
}

fn voxels<const D: usize>(size: [usize; D]) -> impl Iterator<Item = [usize; D]> {
    (0..size.iter().product()).map(move |index| {
        let mut rest = index;
        let mut voxel = [0; D];
        for axis in (0..D).rev() {
            voxel[axis] = rest % size[axis];
            rest /= size[axis];
        }
        voxel
    })
}

pub(super) fn sample_image<const D: usize>(lattice: &Lattice<D>, source: &[f32]) -> Vec<f32> {
    voxels(lattice.target)
        .map(|voxel| {
            let sum: f64 = corners(lattice.position(voxel))
                .into_iter()
                .filter_map(|(at, w)| Some(w * f64::from(value(source, lattice.source, at)?)))
                .sum();
            sum as f32
        })
        .collect()
}

/// The winning label of each voxel, or `None` where two shares differ by less than `doubt`.
pub(super) fn sample_labels<const D: usize>(
    lattice: &Lattice<D>,
    source: &[i16],
    doubt: f64,
) -> Vec<Option<i16>> {
    voxels(lattice.target)
        .map(|voxel| {
            let mut shares = BTreeMap::<i16, f64>::new();
            for (at, weight) in corners(lattice.position(voxel)) {
                let label = value(source, lattice.source, at).unwrap_or(OUTSIDE);
                *shares.entry(label).or_default() += weight;
            }
            let mut ranked: Vec<(i16, f64)> = shares.into_iter().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            let clear = ranked.len() == 1 || ranked[0].1 - ranked[1].1 > doubt;
            clear.then_some(ranked[0].0)
        })
        .collect()
}
