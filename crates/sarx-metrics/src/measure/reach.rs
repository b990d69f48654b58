//! How far it is from a lesion when nothing may be crossed.
//!
//! A voxel that sees the lesion's nearest voxel is as far away as the straight line, exactly. One
//! behind a barrier is reached round it: from the voxels with a straight line the distance spreads
//! as in Dijkstra's algorithm, but a path may leave the lattice, because each voxel remembers the
//! place from which its last straight piece came and its neighbours try that place first. Every
//! distance is the length of a path that is free, so none is too short; behind a barrier it may be
//! a few per cent too long.
//!
//! Source: A. Nash, K. Daniel, S. Koenig and A. Felner, "Theta*: Any-Angle Path Planning on Grids",
//! AAAI 2007.

use super::border_distance::{BorderDistance, centre_to_cross_mm2};
use ndarray::{Array3, ArrayView3, Zip};
use sarx_core::Spacing;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

type Index = [usize; 3];

/// The length of the shortest free path from each voxel centre to the lesion, mm; infinite where
/// it is longer than `most_mm` or there is none. `free` holds the lesion.
pub(super) fn path_lengths_mm(
    straight: &BorderDistance,
    lesion: ArrayView3<'_, bool>,
    free: ArrayView3<'_, bool>,
    spacing: Spacing,
    most_mm: f64,
) -> Array3<f64> {
    let most_mm2 = most_mm * most_mm * (1.0 + 1e-9);
    let in_reach = |at: Index| free[at] && straight.squared_mm2[at] <= most_mm2;
    let mut lengths = Array3::from_elem(lesion.raw_dim(), f64::INFINITY);
    Zip::indexed(&mut lengths).par_for_each(|(z, y, x), length| {
        let at = [z, y, x];
        if in_reach(at) && is_clear(free, at, straight.nearest(at)) {
            *length = straight.squared_mm2[at].sqrt();
        }
    });
    let mut spread = Spread {
        straight,
        lesion,
        free,
        spacing,
        from: Array3::from_elem(lesion.raw_dim(), NOWHERE),
        queue: BinaryHeap::new(),
    };
    // Only voxels beside a shadow have anything to tell.
    for ((z, y, x), _) in lengths.indexed_iter().filter(|(_, l)| l.is_finite()) {
        let at = [z, y, x];
        if neighbours(at, free.dim()).any(|next| in_reach(next) && lengths[next].is_infinite()) {
            spread.queue.push(Reverse((lengths[at].to_bits(), at)));
        }
    }
    spread.run(&mut lengths, most_mm);
    lengths
}

/// Marks a voxel whose path is the straight line.
const NOWHERE: [u32; 3] = [u32::MAX; 3];

struct Spread<'a> {
    straight: &'a BorderDistance,
    lesion: ArrayView3<'a, bool>,
    free: ArrayView3<'a, bool>,
    spacing: Spacing,
    /// Where the last straight piece to each voxel came from.
    from: Array3<[u32; 3]>,
    /// Bits of a length, which order as lengths of 0 and more do, and the voxel.
    queue: BinaryHeap<Reverse<(u64, Index)>>,
}

impl Spread<'_> {
    fn run(&mut self, lengths: &mut Array3<f64>, most_mm: f64) {
        let most_mm = most_mm * (1.0 + 1e-9);
        while let Some(Reverse((bits, at))) = self.queue.pop() {
            let length = f64::from_bits(bits);
            if length > lengths[at] {
                continue;
            }
            for next in neighbours(at, self.free.dim()) {
                if !self.free[next] || lengths[next] <= length || !is_clear(self.free, at, next) {
                    continue;
                }
                let (found, from) = self.best(lengths, at, next);
                if found < lengths[next] * (1.0 - 1e-12) && found <= most_mm {
                    lengths[next] = found;
                    self.from[next] = from.map(|i| i as u32);
                    self.queue.push(Reverse((found.to_bits(), next)));
                }
            }
        }
    }

    /// The length to `next` from where `at` was reached if that place sees it, else by way of `at`.
    fn best(&self, lengths: &Array3<f64>, at: Index, next: Index) -> (f64, Index) {
        let anchor = match self.from[at] {
            NOWHERE => self.straight.nearest(at),
            from => from.map(|i| i as usize),
        };
        if is_clear(self.free, anchor, next) {
            let length = if self.lesion[anchor] {
                centre_to_cross_mm2(next, anchor, self.spacing).sqrt()
            } else {
                lengths[anchor] + self.apart_mm(anchor, next)
            };
            return (length, anchor);
        }
        (lengths[at] + self.apart_mm(at, next), at)
    }

    fn apart_mm(&self, a: Index, b: Index) -> f64 {
        let mm = self.spacing.zyx_mm();
        (0..3)
            .map(|i| (a[i].abs_diff(b[i]) as f64 * mm[i]).powi(2))
            .sum::<f64>()
            .sqrt()
    }
}

fn neighbours(at: Index, size: (usize, usize, usize)) -> impl Iterator<Item = Index> {
    let size = [size.0, size.1, size.2];
    (0..27usize).filter(|&n| n != 13).filter_map(move |n| {
        let steps = [n / 9, n / 3 % 3, n % 3];
        let mut next = at;
        for axis in 0..3 {
            next[axis] = (at[axis] + steps[axis]).checked_sub(1)?;
            if next[axis] >= size[axis] {
                return None;
            }
        }
        Some(next)
    })
}

/// Whether the straight line between two voxel centres touches free voxels only, also by an edge or
/// a corner: so nothing slips between two voxels of a barrier that touch by as much as a corner.
pub(super) fn is_clear(free: ArrayView3<'_, bool>, from: Index, to: Index) -> bool {
    let steps: [u64; 3] = std::array::from_fn(|a| from[a].abs_diff(to[a]) as u64);
    let mut at = from;
    let mut done = [0u64; 3];
    if !free[at] {
        return false;
    }
    while at != to {
        // The line crosses the border after `done` voxels of an axis at the time
        // (2 done + 1) / (2 steps); times are compared as products.
        let mut first: Option<usize> = None;
        for axis in (0..3).filter(|&a| done[a] < steps[a]) {
            let earlier = |best: usize| {
                (2 * done[axis] + 1) * steps[best] < (2 * done[best] + 1) * steps[axis]
            };
            if first.is_none_or(earlier) {
                first = Some(axis);
            }
        }
        let Some(first) = first else { return true };
        let crossing: [bool; 3] = std::array::from_fn(|axis| {
            done[axis] < steps[axis]
                && (2 * done[axis] + 1) * steps[first] == (2 * done[first] + 1) * steps[axis]
        });
        let step = |at: Index, which: usize| -> Index {
            std::array::from_fn(|a| match which >> a & 1 == 1 && crossing[a] {
                false => at[a],
                true if to[a] > from[a] => at[a] + 1,
                true => at[a] - 1,
            })
        };
        // All voxels that meet where the line crosses several borders at once.
        if (1..8).any(|which| !free[step(at, which)]) {
            return false;
        }
        at = step(at, 7);
        for axis in (0..3).filter(|&a| crossing[a]) {
            done[axis] += 1;
        }
    }
    true
}
