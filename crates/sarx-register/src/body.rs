//! Where the body is: the part of an image that is worth sampling.
//!
//! Air around a body tells nothing about how it lies and would outweigh it in the histogram. The body is
//! what is brighter than Otsu's threshold of the *logarithm* of the values (in the logarithm all tissues
//! stand together and apart from air; in the values themselves fat or fluid would stand apart from muscle),
//! grown by [`MARGIN_MM`], so that the skin against the air is inside.
//!
//! Source: Otsu 1979, "A threshold selection method from gray-level histograms".

use crate::level::Level;
use crate::vector::{Vector, add, norm, scale, sub};
use ndarray::{Array3, Axis, Zip};

/// How far beyond its bright part the body is taken to reach, mm.
pub(crate) const MARGIN_MM: f64 = 10.0;

/// Grey values told apart by the threshold.
const N_BINS: usize = 128;

/// The logarithm is of `1 + FLOOR * v`, v from 0 to 1: below a five-hundredth of the range all is black.
const FLOOR: f32 = 500.0;

/// How many points stand for the body where distances are averaged over it.
const N_POINTS: usize = 512;

/// The body on the grid of a coarse level.
#[derive(Debug)]
pub(crate) struct Body {
    mask: Array3<bool>,
    /// Middle of the bright part before growing, RAS+ mm.
    pub(crate) centre: Vector,
    /// Root mean square distance of the body from its centre, mm: what a turn of one radian moves.
    pub(crate) radius_mm: f64,
    pub(crate) volume_ml: f64,
    /// Some points of the body, spread evenly, RAS+ mm.
    pub(crate) points: Vec<Vector>,
}

impl Body {
    pub(crate) fn find(level: &Level) -> Self {
        let threshold = bright_threshold(level);
        let bright = level.voxels().map(|&v| v > threshold);
        let affine = level.grid().affine();
        let places = |mask: &Array3<bool>| -> Vec<Vector> {
            mask.indexed_iter()
                .filter(|&(_, &inside)| inside)
                .map(|((z, y, x), _)| affine.apply([x as f64, y as f64, z as f64]))
                .collect()
        };
        let centre = mean(&places(&bright));
        let mask = grown(bright, level.grid().spacing.zyx_mm());
        let all = places(&mask);
        let square = all
            .iter()
            .map(|&p| norm(sub(p, centre)).powi(2))
            .sum::<f64>();
        let step = all.len().div_ceil(N_POINTS).max(1);
        Self {
            centre,
            radius_mm: (square / all.len().max(1) as f64).sqrt().max(1.0),
            volume_ml: all.len() as f64 * level.grid().spacing.voxel_ml(),
            points: all.into_iter().step_by(step).collect(),
            mask,
        }
    }

    /// Whether a point, RAS+ mm, is in the body; `level` is the one it was found on.
    pub(crate) fn contains(&self, level: &Level, world: Vector) -> bool {
        level.nearest(world).is_some_and(|voxel| self.mask[voxel])
    }
}

/// What is brighter than this belongs to the body.
pub(crate) fn bright_threshold(level: &Level) -> f32 {
    let [low, high] = level.range;
    let bin = otsu(&level.voxels().map(|&v| log_bin(v, level.range)));
    // The upper edge of the bin, taken back through the logarithm.
    let log = (bin + 1) as f32 / N_BINS as f32 * (1.0 + FLOOR).ln();
    low + (high - low) * (log.exp() - 1.0) / FLOOR
}

/// The logarithm of a value as a bin.
fn log_bin(value: f32, [low, high]: [f32; 2]) -> usize {
    let v = ((value - low) / (high - low)).clamp(0.0, 1.0);
    let log = (1.0 + FLOOR * v).ln() / (1.0 + FLOOR).ln();
    ((log * N_BINS as f32) as usize).min(N_BINS - 1)
}

/// The bin up to which values are dark: the split of largest variance between its two sides.
fn otsu(bins: &Array3<usize>) -> usize {
    let mut counts = [0.0f64; N_BINS];
    for &bin in bins {
        counts[bin] += 1.0;
    }
    let n: f64 = counts.iter().sum();
    let total: f64 = counts.iter().enumerate().map(|(k, c)| k as f64 * c).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut best, mut threshold) = (-1.0, 0);
    for (k, count) in counts.iter().enumerate().take(N_BINS - 1) {
        below += count;
        sum_below += k as f64 * count;
        if below == 0.0 || below == n {
            continue;
        }
        let between = (total * below / n - sum_below).powi(2) / (below * (n - below));
        if between > best {
            (best, threshold) = (between, k);
        }
    }
    threshold
}

/// The mask grown by [`MARGIN_MM`] along each axis (a box: exactness of its corners is not needed).
fn grown(mut mask: Array3<bool>, spacing_mm: [f64; 3]) -> Array3<bool> {
    for (axis, spacing) in spacing_mm.into_iter().enumerate() {
        let reach = (MARGIN_MM / spacing).ceil() as usize;
        let before = mask.clone();
        Zip::from(mask.lanes_mut(Axis(axis)))
            .and(before.lanes(Axis(axis)))
            .for_each(|mut to, from| {
                let n = from.len();
                for (k, _) in from.iter().enumerate().filter(|&(_, &inside)| inside) {
                    to.slice_mut(ndarray::s![k.saturating_sub(reach)..(k + reach + 1).min(n)])
                        .fill(true);
                }
            });
    }
    mask
}

fn mean(points: &[Vector]) -> Vector {
    let sum = points.iter().fold([0.0; 3], |sum, &p| add(sum, p));
    scale(sum, 1.0 / points.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array;
    use sarx_core::{Grid, Size, Spacing, Volume};

    #[test]
    fn muscle_and_fat_are_body_and_air_is_not() {
        let grid = Grid::axis_aligned(
            Size::new([20, 40, 40]).unwrap(),
            Spacing::new([4.0; 3]).unwrap(),
        );
        // Noisy air, a cylinder of muscle, a bright rim of fat four times as bright.
        let voxels = Array::from_shape_fn((20, 40, 40), |(z, y, x)| {
            let r = (x as f64 - 19.5).hypot(y as f64 - 19.5);
            let noise = ((x * 7 + y * 13 + z * 5) % 9) as f32;
            if r < 9.0 {
                150.0 + noise
            } else if r < 12.0 {
                600.0 + noise
            } else {
                noise
            }
        });
        let level = Level::new(&Volume::new(voxels, grid).unwrap(), 1.0).unwrap();
        let body = Body::find(&level);
        let threshold = bright_threshold(&level);
        assert!((8.0..150.0).contains(&threshold), "{threshold}");
        let centre = [78.0, 78.0, 38.0];
        assert!(norm(sub(body.centre, centre)) < 1.0, "{:?}", body.centre);
        let beside = |mm: f64| add(centre, [mm, 0.0, 0.0]);
        assert!(body.contains(&level, beside(0.0)) && body.contains(&level, beside(53.0)));
        // The rim ends at 48 mm and is grown by 12: 10 mm rounded up to voxels.
        assert!(!body.contains(&level, beside(66.0)));
        assert!(body.points.len() >= N_POINTS / 2 && body.points.len() <= N_POINTS);
        assert!((40.0..60.0).contains(&body.radius_mm), "{}", body.radius_mm);
    }
}
