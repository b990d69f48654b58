//! Exact distances from some voxels only.
//!
//! Surface distances ask for the nearest source of a few voxels, most of which are close to one,
//! while a distance transform answers for every voxel. So each voxel that is asked for looks at
//! rows of sources in growing distance and stops when no further row can be nearer. That is next
//! to nothing for surfaces that lie together. For surfaces far apart it would be quadratic, so
//! each plane of questions has a budget; what is left when it is spent is answered by
//! [`squared_distance_mm2`], and the whole stays linear in the number of voxels.

use crate::squared_distance_mm2;
use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;
use sarx_core::Spacing;

/// Looks at rows that a plane may spend for each of its voxels before the transform takes over:
/// about what the transform costs.
const LOOKS_PER_VOXEL: usize = 8;

/// The squared distance, mm², from each `true` voxel of `from` to the nearest `true` voxel of
/// `to`, in C order of the former; infinite if there is none.
///
/// The same as [`squared_distance_mm2`] of `to` read at `from`, up to the rounding of `f64`; the
/// same for any number of threads.
///
/// # Panics
///
/// If the two differ in shape.
#[must_use]
pub fn squared_distances_from_mm2(
    from: ArrayView3<'_, bool>,
    to: ArrayView3<'_, bool>,
    spacing: Spacing,
) -> Vec<f64> {
    assert_eq!(from.dim(), to.dim(), "masks of one grid");
    let rows = RowDistances::new(to, spacing);
    let (_, height, width) = to.dim();
    let answers: Vec<Answers> = from
        .axis_iter(Axis(0))
        .into_par_iter()
        .enumerate()
        .map(|(z, plane)| {
            let mut budget = LOOKS_PER_VOXEL * height * width;
            let mut answers = Answers::default();
            for ((y, x), _) in plane.indexed_iter().filter(|&(_, &asked)| asked) {
                match rows.nearest_mm2([z, y, x], &mut budget) {
                    Some(squared) => answers.squared_mm2.push(squared),
                    None => {
                        answers.open.push((answers.squared_mm2.len(), [z, y, x]));
                        answers.squared_mm2.push(f64::INFINITY);
                    }
                }
            }
            answers
        })
        .collect();
    let transform = answers
        .iter()
        .any(|a| !a.open.is_empty())
        .then(|| squared_distance_mm2(to, spacing));
    let mut squared_mm2 = Vec::with_capacity(answers.iter().map(|a| a.squared_mm2.len()).sum());
    for mut plane in answers {
        if let Some(transform) = &transform {
            for (i, at) in plane.open {
                plane.squared_mm2[i] = transform[at];
            }
        }
        squared_mm2.append(&mut plane.squared_mm2);
    }
    squared_mm2
}

/// What one plane found out.
#[derive(Default)]
struct Answers {
    squared_mm2: Vec<f64>,
    /// Places in `squared_mm2`, and voxels, for which the budget did not suffice.
    open: Vec<(usize, [usize; 3])>,
}

/// The distance of every voxel to the nearest source of its own row.
struct RowDistances {
    /// In voxels; [`RowDistances::none`] in a row without a source.
    voxels: Array3<u32>,
    none: u32,
    /// The square of a distance along x in voxels, mm²; infinite for `none`.
    squared_x_mm2: Vec<f64>,
    step_z: f64,
    step_y: f64,
}

impl RowDistances {
    fn new(to: ArrayView3<'_, bool>, spacing: Spacing) -> Self {
        let [step_z, step_y, step_x] = spacing.zyx_mm();
        let width = to.len_of(Axis(2));
        // Masks of more than four thousand million voxels in a row do not fit into memory.
        let none = u32::try_from(width).unwrap_or(u32::MAX);
        let mut voxels = Array3::from_elem(to.raw_dim(), none);
        voxels
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(to.axis_iter(Axis(0)))
            .for_each(|(mut voxels, to)| {
                for (mut row, to) in voxels.rows_mut().into_iter().zip(to.rows()) {
                    if let (Some(row), true) = (row.as_slice_mut(), to.iter().any(|&s| s)) {
                        fill_row(row, to.iter().copied(), none);
                    }
                }
            });
        let squared_x_mm2 = (0..width)
            .map(|voxels| square(voxels as f64 * step_x))
            .chain([f64::INFINITY])
            .collect();
        Self {
            voxels,
            none,
            squared_x_mm2,
            step_z,
            step_y,
        }
    }

    /// The squared distance to the nearest source; nothing if the budget of looks ran out.
    fn nearest_mm2(&self, [z, y, x]: [usize; 3], budget: &mut usize) -> Option<f64> {
        let depth = self.voxels.len_of(Axis(0));
        let mut nearest = f64::INFINITY;
        for step in 0..depth.max(1) {
            let beside = square(step as f64 * self.step_z);
            if beside >= nearest {
                break;
            }
            for plane in both_ways(z, step, depth) {
                self.nearest_in_plane(plane, [y, x], beside, &mut nearest, budget)?;
            }
        }
        Some(nearest)
    }

    fn nearest_in_plane(
        &self,
        z: usize,
        [y, x]: [usize; 2],
        squared_z: f64,
        nearest: &mut f64,
        budget: &mut usize,
    ) -> Option<()> {
        let height = self.voxels.len_of(Axis(1));
        for step in 0..height {
            let squared_y = square(step as f64 * self.step_y);
            if squared_y + squared_z >= *nearest {
                break;
            }
            for row in both_ways(y, step, height) {
                *budget = budget.checked_sub(1)?;
                let voxels = self.voxels[[z, row, x]];
                if voxels != self.none {
                    // Summed as the transform does, axis after axis.
                    let squared = self.squared_x_mm2[voxels as usize] + squared_y + squared_z;
                    *nearest = nearest.min(squared);
                }
            }
        }
        Some(())
    }
}

/// The one or two places `step` away from `at` among `n`.
fn both_ways(at: usize, step: usize, n: usize) -> impl Iterator<Item = usize> {
    let after = (at + step < n).then_some(at + step);
    let before = if step > 0 { at.checked_sub(step) } else { None };
    before.into_iter().chain(after)
}

fn fill_row(row: &mut [u32], sources: impl Iterator<Item = bool>, none: u32) {
    let mut since = none;
    for (distance, source) in row.iter_mut().zip(sources) {
        since = if source { 0 } else { (since + 1).min(none) };
        *distance = since;
    }
    let mut until = none;
    for distance in row.iter_mut().rev() {
        until = if *distance == 0 {
            0
        } else {
            (until + 1).min(none)
        };
        *distance = until.min(*distance);
    }
}

fn square(x: f64) -> f64 {
    x * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(size: [usize; 3], on: &[[usize; 3]]) -> Array3<bool> {
        let mut mask = Array3::from_elem(size, false);
        for &at in on {
            mask[at] = true;
        }
        mask
    }

    #[test]
    fn without_sources_everything_is_infinitely_far() {
        let from = mask([2, 3, 4], &[[0, 0, 0], [1, 2, 3]]);
        let to = mask([2, 3, 4], &[]);
        let spacing = Spacing::new([1.0; 3]).unwrap();
        let found = squared_distances_from_mm2(from.view(), to.view(), spacing);
        assert_eq!(found, [f64::INFINITY; 2]);
        let empty = Array3::default((0, 0, 0));
        assert!(squared_distances_from_mm2(empty.view(), empty.view(), spacing).is_empty());
    }

    #[test]
    fn a_plane_whose_budget_is_spent_is_answered_by_the_transform() {
        // Every voxel of the first plane asks, and the only source is at the far end.
        let (size, far) = ([40, 24, 24], [39, 23, 23]);
        let mut from = Array3::from_elem(size, false);
        from.index_axis_mut(Axis(0), 0).fill(true);
        let to = mask(size, &[far]);
        let spacing = Spacing::new([3.0, 0.7, 0.6]).unwrap();
        let rows = RowDistances::new(to.view(), spacing);
        let mut budget = LOOKS_PER_VOXEL * 24 * 24;
        let answered = (0..24 * 24)
            .take_while(|i| rows.nearest_mm2([0, i / 24, i % 24], &mut budget).is_some())
            .count();
        assert!(answered < 24 * 24, "all within the budget");
        let found = squared_distances_from_mm2(from.view(), to.view(), spacing);
        let plain = squared_distance_mm2(to.view(), spacing);
        let expected = from.iter().zip(&plain).filter(|(on, _)| **on);
        assert_eq!(found, expected.map(|(_, d)| *d).collect::<Vec<_>>());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_search_equals_the_transform(
            (from, to) in prop::array::uniform3(1..12usize).prop_flat_map(|size| {
                let mask = (0.0..0.5f64).prop_flat_map(move |density| {
                    let n = size.iter().product::<usize>();
                    prop::collection::vec(prop::bool::weighted(density), n)
                        .prop_map(move |v| Array3::from_shape_vec(size, v).unwrap())
                });
                (mask.clone(), mask)
            }),
            mm in prop::array::uniform3(0.1..8.0f64),
        ) {
            let spacing = Spacing::new(mm).unwrap();
            let found = squared_distances_from_mm2(from.view(), to.view(), spacing);
            let plain = squared_distance_mm2(to.view(), spacing);
            let expected: Vec<f64> =
                from.iter().zip(&plain).filter(|(on, _)| **on).map(|(_, d)| *d).collect();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let close = (found - expected).abs() <= 1e-12 * expected.max(1e-300);
                prop_assert!(found == expected || close, "{} {}", found, expected);
            }
        }
    }
}
