//! One level of the pyramid: an image smoothed to a size in millimetres, and read between its voxels.
//!
//! A level of `d` mm is blurred so that its finest detail is about `d` mm: along each axis with voxels
//! smaller than `d`, by a Gaussian of `sqrt((d/2)^2 - (spacing/2)^2)` mm, and thinned to voxels of about
//! `d/2` mm. An axis with voxels of `d` mm or more stays as it is, so thick slices are neither blurred nor
//! thinned while the plane of the slices is.

use crate::vector::{Vector, dot};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis, Zip};
use sarx_core::{Affine, Grid, Size, Spacing, Volume};

/// How many standard deviations of the Gaussian are summed on each side.
const REACH: f64 = 3.0;

/// Parts of the voxels below the darkest and above the brightest grey value that is told apart: a few
/// very bright voxels must not take all bins of the histogram.
const TAIL: f64 = 0.005;

/// An image at one resolution.
#[derive(Debug)]
pub(crate) struct Level {
    voxels: Array3<f32>,
    grid: Grid,
    voxel_from_world: Affine,
    /// Darkest and brightest value that is told apart.
    pub(crate) range: [f32; 2],
}

impl Level {
    /// Smooths and thins `image` to `detail_mm`; `None` when the grid's axes do not span space.
    pub(crate) fn new(image: &Volume<f32>, detail_mm: f64) -> Option<Self> {
        let mut voxels = image.voxels().clone();
        let mut grid = *image.grid();
        for axis in 0..3 {
            (voxels, grid) = smooth(voxels, &grid, axis, detail_mm);
        }
        let range = range(&voxels);
        let voxel_from_world = grid.affine().inverse()?;
        Some(Self {
            voxels,
            grid,
            voxel_from_world,
            range,
        })
    }

    pub(crate) fn voxels(&self) -> &Array3<f32> {
        &self.voxels
    }

    /// The level as an image.
    pub(crate) fn into_volume(self) -> Volume<f32> {
        #[expect(
            clippy::expect_used,
            reason = "the grid is thinned together with the array"
        )]
        Volume::new(self.voxels, self.grid).expect("the array has the grid's size")
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The nearest voxel `[z, y, x]` to a point, RAS+ mm; `None` outside the array.
    pub(crate) fn nearest(&self, world: Vector) -> Option<[usize; 3]> {
        let [x, y, z] = self.voxel_from_world.apply(world).map(f64::round);
        let size = self.grid.size.zyx();
        let inside = [z, y, x]
            .iter()
            .zip(size)
            .all(|(&at, n)| at >= 0.0 && at < n as f64);
        inside.then_some([z as usize, y as usize, x as usize])
    }

    /// The value at a point, RAS+ mm, and its slope per mm along the world's axes; `None` outside the hull
    /// of the voxel centres. Trilinear, and the slope is that of the trilinear value.
    #[inline]
    pub(crate) fn read(&self, world: Vector) -> Option<(f32, Vector)> {
        let at = self.voxel_from_world.apply(world);
        let size = self.grid.size.zyx();
        let (mut low, mut f) = ([0usize; 3], [0f32; 3]);
        for axis in 0..3 {
            let (v, last) = (at[2 - axis], (size[axis] - 1) as f64);
            if !(v >= 0.0 && v <= last) {
                return None;
            }
            low[axis] = (v as usize).min(size[axis] - 2);
            f[axis] = (v - low[axis] as f64) as f32;
        }
        let (plane, row) = (size[1] * size[2], size[2]);
        let first = low[0] * plane + low[1] * row + low[2];
        let values = self.voxels.as_slice()?;
        let pair = |offset: usize| (values[first + offset], values[first + offset + 1]);
        let corners = [pair(0), pair(row), pair(plane), pair(plane + row)];
        let along_x = corners.map(|(a, b)| a + (b - a) * f[2]);
        let slope_x = corners.map(|(a, b)| b - a);
        let bilinear = |v: [f32; 4]| {
            let (near, far) = (v[0] + (v[1] - v[0]) * f[1], v[2] + (v[3] - v[2]) * f[1]);
            (near, far)
        };
        let (near, far) = bilinear(along_x);
        let (slope_near, slope_far) = bilinear(slope_x);
        let (dy_near, dy_far) = (along_x[1] - along_x[0], along_x[3] - along_x[2]);
        let slope = [
            slope_near + (slope_far - slope_near) * f[0],
            dy_near + (dy_far - dy_near) * f[0],
            far - near,
        ]
        .map(f64::from);
        // By the chain rule: d value / d world = slope per voxel times d voxel / d world.
        let m = &self.voxel_from_world.0;
        let world_slope = std::array::from_fn(|col| dot(slope, [m[0][col], m[1][col], m[2][col]]));
        Some((near + (far - near) * f[0], world_slope))
    }
}

/// Blurs and thins along one array axis.
fn smooth(voxels: Array3<f32>, grid: &Grid, axis: usize, detail_mm: f64) -> (Array3<f32>, Grid) {
    let spacing = grid.spacing.zyx_mm();
    let n = voxels.len_of(Axis(axis));
    if spacing[axis] >= detail_mm {
        return (voxels, *grid);
    }
    let sigma = 0.5 * (detail_mm.powi(2) - spacing[axis].powi(2)).sqrt() / spacing[axis];
    // At least four voxels are left to read between.
    let step = ((0.5 * detail_mm / spacing[axis]) as usize).clamp(1, (n / 4).max(1));
    let m = (n - 1) / step + 1;
    let first = ((n - 1) - (m - 1) * step) / 2;
    let reach = (REACH * sigma).ceil() as usize;
    let kernel: Vec<f32> = (0..=reach)
        .map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp() as f32)
        .collect();
    let mut size = grid.size.zyx();
    size[axis] = m;
    let mut thinned = Array3::zeros(size);
    Zip::from(thinned.lanes_mut(Axis(axis)))
        .and(voxels.lanes(Axis(axis)))
        .par_for_each(|mut to, from| {
            let from = from.to_vec();
            for (k, value) in to.iter_mut().enumerate() {
                *value = weighted_mean(&from, first + k * step, &kernel);
            }
        });
    (thinned, thin(grid, axis, (m, first, step)))
}

/// The mean around `at` with the weights that lie inside: the border is not mixed with a made-up value.
fn weighted_mean(line: &[f32], at: usize, kernel: &[f32]) -> f32 {
    let reach = kernel.len() - 1;
    let from = at.saturating_sub(reach);
    let to = (at + reach).min(line.len() - 1);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (k, &value) in line[from..=to].iter().enumerate() {
        let weight = kernel[(from + k).abs_diff(at)];
        sum += weight * value;
        weights += weight;
    }
    sum / weights
}

/// The grid of `m` voxels of an axis, every `step`-th from `first` on.
fn thin(grid: &Grid, axis: usize, (m, first, step): (usize, usize, usize)) -> Grid {
    let mut index = [0.0; 3];
    index[axis] = first as f64;
    let (mut size, mut spacing) = (grid.size.zyx(), grid.spacing.zyx_mm());
    size[axis] = m;
    spacing[axis] *= step as f64;
    Grid {
        // Neither can fail: m is at least 1 and the spacing was positive.
        size: Size::new(size).unwrap_or(grid.size),
        spacing: Spacing::new(spacing).unwrap_or(grid.spacing),
        origin_mm: grid.world_from_index(index),
        ..*grid
    }
}

/// The quantiles [`TAIL`] and `1 - TAIL`, or the extremes where those are equal.
fn range(voxels: &Array3<f32>) -> [f32; 2] {
    let mut values: Vec<f32> = voxels.iter().copied().collect();
    let last = values.len() - 1;
    let tail = (TAIL * last as f64) as usize;
    let mut at = |i: usize| *values.select_nth_unstable_by(i, f32::total_cmp).1;
    let (low, high) = (at(tail), at(last - tail));
    if low < high {
        [low, high]
    } else {
        [at(0), at(last)]
    }
}

/// Reads all levels at once.
pub(crate) fn pyramid(image: &Volume<f32>, details_mm: &[f64]) -> Option<Vec<Level>> {
    details_mm
        .par_iter()
        .map(|&detail_mm| Level::new(image, detail_mm))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rigid;
    use ndarray::Array;

    /// A plane of values over the world: its value at a point is known whatever the voxels.
    fn plane(world: Vector) -> f64 {
        5.0 + dot(world, [0.5, -0.25, 0.75])
    }

    fn oblique(size: [usize; 3], spacing: [f64; 3]) -> Volume<f32> {
        let upright = Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(spacing).unwrap());
        let grid = Rigid::turn([3.0; 3], [0.2, 0.3, -0.4], [1.0, 2.0, 3.0]).moved(&upright);
        let voxels = Array::from_shape_fn(size, |(z, y, x)| {
            plane(grid.world_from_index([z as f64, y as f64, x as f64])) as f32
        });
        Volume::new(voxels, grid).unwrap()
    }

    #[test]
    fn every_level_shows_the_same_plane_away_from_its_border() {
        let image = oblique([16, 64, 60], [5.0, 1.0, 1.0]);
        for detail_mm in [8.0, 4.0, 2.0, 1.0] {
            let level = Level::new(&image, detail_mm).unwrap();
            let world = image.grid().world_from_index([7.3, 30.6, 29.1]);
            let (value, slope) = level.read(world).unwrap();
            assert!(
                (f64::from(value) - plane(world)).abs() < 1e-3,
                "{detail_mm}"
            );
            for (found, expected) in slope.into_iter().zip([0.5, -0.25, 0.75]) {
                assert!((found - expected).abs() < 1e-3, "{detail_mm}");
            }
        }
    }

    #[test]
    fn thick_slices_are_kept_where_the_plane_is_thinned() {
        let image = oblique([16, 64, 60], [5.0, 1.0, 1.0]);
        let level = Level::new(&image, 4.0).unwrap();
        assert_eq!(level.grid().size.zyx(), [16, 32, 30]);
        assert_eq!(level.grid().spacing.zyx_mm(), [5.0, 2.0, 2.0]);
        // The middle of what is left is within half a new voxel of the middle of the image.
        let level = Level::new(&image, 8.0).unwrap();
        assert_eq!(level.grid().size.zyx(), [16, 16, 15]);
    }

    #[test]
    fn outside_the_hull_there_is_nothing() {
        let level = Level::new(&oblique([5, 6, 7], [3.0, 2.0, 1.0]), 0.5).unwrap();
        let at = |index| level.read(level.grid().world_from_index(index));
        assert!(at([4.0 - 1e-9, 5.0 - 1e-9, 6.0 - 1e-9]).is_some());
        assert!(at([-0.01, 2.0, 2.0]).is_none() && at([4.01, 2.0, 2.0]).is_none());
        assert!(
            level
                .nearest(level.grid().world_from_index([4.4, 2.0, 2.0]))
                .is_some()
        );
        assert!(
            level
                .nearest(level.grid().world_from_index([4.6, 2.0, 2.0]))
                .is_none()
        );
    }

    #[test]
    fn a_few_very_bright_voxels_do_not_make_the_range() {
        let mut image = oblique([10, 30, 30], [1.0; 3]);
        let plain = Level::new(&image, 1.0).unwrap().range;
        for x in 0..10 {
            image.voxels_mut()[[5, 5, x]] = 1e6;
        }
        let range = Level::new(&image, 1.0).unwrap().range;
        assert!((range[1] - plain[1]).abs() < 1.0, "{range:?} {plain:?}");
    }
}
