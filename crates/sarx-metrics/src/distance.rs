//! Exact distance of every voxel to the nearest source voxel.
//!
//! The squared Euclidean distance is a sum over axes, so it is found one axis after the other:
//! along x by counting voxels, then along y and z as the lower envelope of one parabola per
//! voxel of a line. Each pass is linear in the number of voxels and its lines are independent.
//!
//! Source: P. Felzenszwalb and D. Huttenlocher, "Distance Transforms of Sampled Functions",
//! Theory of Computing 8 (2012), with the voxel edge as the distance between samples.

use ndarray::{Array3, ArrayView1, ArrayView3, ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;
use sarx_core::Spacing;

/// The squared distance, mm², of each voxel centre to the nearest `true` voxel centre.
///
/// # Shapes and units
///
/// - `sources`: `[z, y, x]`.
/// - result: same shape, mm²; infinite everywhere if no voxel is a source.
///
/// Exact up to the rounding of `f64`; independent of the number of threads.
#[must_use]
pub fn squared_distance_mm2(sources: ArrayView3<'_, bool>, spacing: Spacing) -> Array3<f64> {
    let [step_z, step_y, step_x] = spacing.zyx_mm();
    let mut squared = Array3::from_elem(sources.raw_dim(), f64::INFINITY);
    squared
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(sources.axis_iter(Axis(0)))
        .for_each_init(Envelope::default, |envelope, (mut plane, sources)| {
            for (line, sources) in plane.rows_mut().into_iter().zip(sources.rows()) {
                distance_along_line(sources, step_x, line);
            }
            envelope.along_first_axis(plane, step_y);
        });
    squared
        .axis_iter_mut(Axis(1))
        .into_par_iter()
        .for_each_init(Envelope::default, |envelope, plane| {
            envelope.along_first_axis(plane, step_z);
        });
    squared
}

/// What [`squared_distance_mm2`] computes, by comparing every voxel with every source.
///
/// Quadratic in the number of voxels: the oracle of the fast one.
#[must_use]
pub fn squared_distance_brute_force_mm2(
    sources: ArrayView3<'_, bool>,
    spacing: Spacing,
) -> Array3<f64> {
    let at: Vec<_> = sources
        .indexed_iter()
        .filter(|&(_, &s)| s)
        .map(|(at, _)| at)
        .collect();
    let [step_z, step_y, step_x] = spacing.zyx_mm();
    Array3::from_shape_fn(sources.raw_dim(), |(z, y, x)| {
        at.iter()
            .map(|&(sz, sy, sx)| {
                square(x.abs_diff(sx) as f64 * step_x)
                    + square(y.abs_diff(sy) as f64 * step_y)
                    + square(z.abs_diff(sz) as f64 * step_z)
            })
            .fold(f64::INFINITY, f64::min)
    })
}

fn square(x: f64) -> f64 {
    x * x
}

/// Writes the squared distance to the nearest source of the same line; lines without one stay.
fn distance_along_line(
    sources: ArrayView1<'_, bool>,
    step: f64,
    mut squared: ArrayViewMut1<'_, f64>,
) {
    let mut last = None;
    for (i, &source) in sources.iter().enumerate() {
        if source {
            last = Some(i);
        }
        if let Some(last) = last {
            squared[i] = square((i - last) as f64 * step);
        }
    }
    let mut next = None;
    for (i, &source) in sources.iter().enumerate().rev() {
        if source {
            next = Some(i);
        }
        if let Some(next) = next {
            squared[i] = squared[i].min(square((next - i) as f64 * step));
        }
    }
}

/// The lower envelope of parabolas `height[v] + (x - v)²` along one line, with its memory.
#[derive(Default)]
pub(crate) struct Envelope {
    /// Heights of the parabolas: the line before it is overwritten.
    pub(crate) height: Vec<f64>,
    /// Voxels whose parabola is lowest somewhere, ascending.
    pub(crate) lowest: Vec<usize>,
    /// Where the parabola of the same place in `lowest` becomes the lowest, mm.
    pub(crate) from_mm: Vec<f64>,
}

impl Envelope {
    fn along_first_axis(&mut self, mut plane: ArrayViewMut2<'_, f64>, step: f64) {
        if plane.len_of(Axis(0)) == 1 {
            return;
        }
        for line in plane.lanes_mut(Axis(0)) {
            self.along(line, step);
        }
    }

    fn along(&mut self, mut line: ArrayViewMut1<'_, f64>, step: f64) {
        self.of(line.view(), step);
        if self.lowest.is_empty() {
            return;
        }
        let mut k = 0;
        for (i, value) in line.iter_mut().enumerate() {
            let x = i as f64 * step;
            while k + 1 < self.lowest.len() && self.from_mm[k + 1] <= x {
                k += 1;
            }
            let apex = self.lowest[k];
            *value = self.height[apex] + square(i.abs_diff(apex) as f64 * step);
        }
    }

    /// Takes the heights of a line, voxels `step` mm apart, and finds which are lowest where; infinite ones nowhere.
    pub(crate) fn of(&mut self, line: ArrayView1<'_, f64>, step: f64) {
        self.height.clear();
        self.height.extend(line.iter());
        self.lowest.clear();
        self.from_mm.clear();
        for (i, &height) in self.height.iter().enumerate() {
            if height == f64::INFINITY {
                continue;
            }
            let x = i as f64 * step;
            let mut from = f64::NEG_INFINITY;
            while let (Some(&other), Some(&other_from)) = (self.lowest.last(), self.from_mm.last())
            {
                let other_x = other as f64 * step;
                let run = (i - other) as f64 * step;
                // Where both parabolas have the same height.
                from = 0.5 * (x + other_x + (height - self.height[other]) / run);
                if from > other_from {
                    break;
                }
                self.lowest.pop();
                self.from_mm.pop();
                from = f64::NEG_INFINITY;
            }
            self.lowest.push(i);
            self.from_mm.push(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spacing(mm: [f64; 3]) -> Spacing {
        Spacing::new(mm).unwrap()
    }

    #[test]
    fn one_source_gives_the_square_of_the_offset() {
        let mut sources = Array3::from_elem((3, 4, 5), false);
        sources[[1, 2, 3]] = true;
        let found = squared_distance_mm2(sources.view(), spacing([5.0, 2.0, 0.5]));
        assert_eq!(found[[1, 2, 3]], 0.0);
        assert_eq!(found[[2, 2, 3]], 25.0);
        assert_eq!(found[[0, 0, 0]], 25.0 + 16.0 + 2.25);
    }

    #[test]
    fn without_sources_everything_is_infinitely_far() {
        let sources = Array3::from_elem((2, 3, 4), false);
        let found = squared_distance_mm2(sources.view(), spacing([1.0; 3]));
        assert!(found.iter().all(|&d| d == f64::INFINITY));
        let empty = Array3::from_elem((0, 0, 0), false);
        assert!(squared_distance_mm2(empty.view(), spacing([1.0; 3])).is_empty());
    }
}
