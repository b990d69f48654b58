//! Mutual information of two images under a motion, and its slope.
//!
//! As in Mattes et al. 2003, "PET-CT image registration in the chest using free-form deformations": the
//! joint histogram is filled from samples of the fixed image; a sample adds a cubic B-spline along the
//! moving image's values and a single count along the fixed image's. With `p(f, m)` the histogram
//! divided by the number of samples inside the moving image,
//!
//! ```text
//! MI  = sum p(f, m) ln( p(f, m) / (p(f) p(m)) )                    (nats)
//! dMI = sum dp(f, m) ln( p(f, m) / p(m) )      for a fixed set of samples inside
//! NMI = (H(f) + H(m)) / H(f, m)                Studholme, Hill, Hawkes 1999; 1 to 2
//! ```
//!
//! Samples are added in blocks of fixed size and the blocks in their order, so the sums do not depend on the
//! number of threads.

use crate::Rigid;
use crate::level::Level;
use crate::samples::Samples;
use crate::vector::{Vector, add, cross, scale, sub};
use rayon::prelude::*;

/// Samples per block.
const BLOCK: usize = 4096;

/// Bins beyond the range on each side, so that the spline of an extreme value lies inside.
const PAD: f32 = 2.0;

/// Two images to be compared at some points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison<'a> {
    pub(crate) samples: &'a Samples,
    pub(crate) moving: &'a Level,
    pub(crate) bins: usize,
    /// Least part of the samples that must fall into the moving image.
    pub(crate) least_inside: f64,
}

/// What a motion is worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Information {
    /// Mutual information, nats.
    pub(crate) mutual: f64,
    /// Studholme's normalized mutual information, 1 to 2.
    pub(crate) normalized: f64,
    /// Part of the samples that fall into the moving image.
    pub(crate) inside: f64,
    /// Slope of the mutual information per mm of translation, and per radian of a turn about the pivot.
    pub(crate) slope: [Vector; 2],
}

impl Information {
    /// What all samples together tell, over their number: the log-likelihood gained per sample by saying that
    /// the images depend on each other, where samples outside the moving image gain nothing. Positions of
    /// different overlap are compared by it: mutual information alone favours a small overlap that happens to
    /// fit well.
    pub(crate) fn shared(&self) -> f64 {
        self.mutual * self.inside
    }
}

/// A sample inside the moving image.
struct Hit {
    row: u16,
    /// Place along the columns of the histogram.
    column: f32,
    /// Slope of the place per mm, world axes; zero where the value is beyond the range.
    slope: Vector,
    /// Where it is in the moving patient space, mm.
    place: Vector,
}

impl Comparison<'_> {
    /// Compares under `moving_from_fixed`, with turns about `pivot` (moving space, mm); `None` if too few
    /// samples fall into the moving image.
    pub(crate) fn evaluate(&self, moving_from_fixed: &Rigid, pivot: Vector) -> Option<Information> {
        let bins = self.bins;
        let affine = moving_from_fixed.affine();
        let n = self.samples.points.len();
        let blocks: Vec<(Vec<Hit>, Vec<f64>)> = self
            .samples
            .points
            .par_chunks(BLOCK)
            .zip(self.samples.rows.par_chunks(BLOCK))
            .map(|(points, rows)| {
                let mut hits = Vec::with_capacity(points.len());
                let mut counts = vec![0.0; bins * bins];
                for (&point, &row) in points.iter().zip(rows) {
                    if let Some(hit) = self.hit(affine.apply(point), row) {
                        count(&hit, bins, &mut counts);
                        hits.push(hit);
                    }
                }
                (hits, counts)
            })
            .collect();
        let n_inside: usize = blocks.iter().map(|(hits, _)| hits.len()).sum();
        let inside = n_inside as f64 / n.max(1) as f64;
        if n_inside == 0 || inside < self.least_inside {
            return None;
        }
        let mut joint = vec![0.0; bins * bins];
        for (_, counts) in &blocks {
            joint.iter_mut().zip(counts).for_each(|(a, b)| *a += b);
        }
        joint.iter_mut().for_each(|p| *p /= n_inside as f64);
        let table = Table::of(&joint, bins);
        let slopes: Vec<[Vector; 2]> = blocks
            .par_iter()
            .map(|(hits, _)| table.slope(hits, pivot))
            .collect();
        let sum = slopes
            .into_iter()
            .fold([[0.0; 3]; 2], |s, b| [add(s[0], b[0]), add(s[1], b[1])]);
        Some(Information {
            mutual: table.mutual,
            normalized: table.normalized,
            inside,
            slope: sum.map(|v| scale(v, 1.0 / n_inside as f64)),
        })
    }

    #[inline]
    fn hit(&self, place: Vector, row: u16) -> Option<Hit> {
        let (value, slope) = self.moving.read(place)?;
        let [low, high] = self.moving.range;
        let per_value = (self.bins as f32 - 1.0 - 2.0 * PAD) / (high - low);
        let beyond = value < low || value > high;
        Some(Hit {
            row,
            column: PAD + (value.clamp(low, high) - low) * per_value,
            slope: if beyond {
                [0.0; 3]
            } else {
                scale(slope, f64::from(per_value))
            },
            place,
        })
    }
}

/// Adds a sample's spline to the histogram `[row][column]`.
#[inline]
fn count(hit: &Hit, bins: usize, counts: &mut [f64]) {
    let (first, weights) = spline(hit.column);
    let from = usize::from(hit.row) * bins + first;
    for (count, weight) in counts[from..from + 4].iter_mut().zip(weights) {
        *count += weight;
    }
}

/// The first of four columns and the cubic B-spline's weights there; they sum to one.
#[inline]
fn spline(column: f32) -> (usize, [f64; 4]) {
    let low = column as usize;
    let t = f64::from(column - low as f32);
    let u = 1.0 - t;
    let weights = [
        u * u * u / 6.0,
        2.0 / 3.0 - t * t * (1.0 - 0.5 * t),
        2.0 / 3.0 - u * u * (1.0 - 0.5 * u),
        t * t * t / 6.0,
    ];
    (low - 1, weights)
}

/// The slopes of the four weights per column.
#[inline]
fn spline_slope(column: f32) -> (usize, [f64; 4]) {
    let low = column as usize;
    let t = f64::from(column - low as f32);
    let u = 1.0 - t;
    let slopes = [
        -0.5 * u * u,
        t * (1.5 * t - 2.0),
        u * (2.0 - 1.5 * u),
        0.5 * t * t,
    ];
    (low - 1, slopes)
}

/// `ln(p(f, m) / p(m))` of every cell, and the measures.
struct Table {
    log_ratio: Vec<f64>,
    bins: usize,
    mutual: f64,
    normalized: f64,
}

impl Table {
    fn of(joint: &[f64], bins: usize) -> Self {
        let fixed: Vec<f64> = joint.chunks(bins).map(|row| row.iter().sum()).collect();
        let moving: Vec<f64> = (0..bins)
            .map(|m| joint.iter().skip(m).step_by(bins).sum())
            .collect();
        let entropy =
            |p: &[f64]| -> f64 { p.iter().filter(|&&p| p > 0.0).map(|&p| -p * p.ln()).sum() };
        let (h_fixed, h_moving, h_joint) = (entropy(&fixed), entropy(&moving), entropy(joint));
        let log_ratio = joint
            .iter()
            .enumerate()
            .map(|(i, &p)| {
                if p > 0.0 {
                    (p / moving[i % bins]).ln()
                } else {
                    0.0
                }
            })
            .collect();
        Self {
            log_ratio,
            bins,
            mutual: h_fixed + h_moving - h_joint,
            // Two constant images: nothing is known of one by the other.
            normalized: if h_joint > 0.0 {
                (h_fixed + h_moving) / h_joint
            } else {
                1.0
            },
        }
    }

    fn slope(&self, hits: &[Hit], pivot: Vector) -> [Vector; 2] {
        let mut sum = [[0.0; 3]; 2];
        for hit in hits {
            let (first, slopes) = spline_slope(hit.column);
            let from = usize::from(hit.row) * self.bins + first;
            let logs = &self.log_ratio[from..from + 4];
            let per_column: f64 = logs.iter().zip(slopes).map(|(l, s)| l * s).sum();
            let force = scale(hit.slope, per_column);
            sum[0] = add(sum[0], force);
            sum[1] = add(sum[1], cross(sub(hit.place, pivot), force));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::stream;
    use crate::vector::dot;
    use ndarray::Array;
    use rand::RngExt;
    use sarx_core::{Grid, Size, Spacing, Volume};

    /// Smooth bumps; `contrast` makes another image of the same bumps.
    fn bumps(contrast: impl Fn(f64) -> f64) -> Level {
        let grid = Grid::axis_aligned(
            Size::new([12, 20, 22]).unwrap(),
            Spacing::new([4.0, 2.0, 2.0]).unwrap(),
        );
        let voxels = Array::from_shape_fn((12, 20, 22), |(z, y, x)| {
            let [x, y, z] = [2.0 * x as f64, 2.0 * y as f64, 4.0 * z as f64];
            contrast((0.21 * x).sin() * (0.17 * y + 0.4).cos() + (0.1 * z + 0.05 * x).sin()) as f32
        });
        // No level is finer than 1 mm here: nothing is blurred.
        Level::new(&Volume::new(voxels, grid).unwrap(), 1.0).unwrap()
    }

    fn samples(level: &Level, n: usize) -> Samples {
        let mut rng = stream(3, 0);
        let mut samples = Samples {
            points: Vec::new(),
            rows: Vec::new(),
        };
        while samples.points.len() < n {
            let point = [
                rng.random_range(8.0..34.0),
                rng.random_range(8.0..30.0),
                rng.random_range(10.0..34.0),
            ];
            let (value, _) = level.read(point).unwrap();
            let part = (value - level.range[0]) / (level.range[1] - level.range[0]);
            samples.points.push(point);
            samples.rows.push(((part * 16.0).max(0.0) as u16).min(15));
        }
        samples
    }

    fn compare<'a>(samples: &'a Samples, moving: &'a Level) -> Comparison<'a> {
        Comparison {
            samples,
            moving,
            bins: 16,
            least_inside: 0.1,
        }
    }

    #[test]
    fn the_slope_is_that_of_the_measure() {
        let moving = bumps(|v| (v - 0.3).powi(2));
        let samples = samples(&bumps(|v| v), 6000);
        let comparison = compare(&samples, &moving);
        let centre = [20.0, 18.0, 20.0];
        let here = Rigid::turn(centre, [0.05, -0.03, 0.04], [1.0, -0.5, 0.7]);
        let pivot = here.apply(centre);
        let slope = comparison.evaluate(&here, pivot).unwrap().slope;
        let step = 1e-4;
        for axis in 0..6 {
            let mut v = [0.0; 3];
            v[axis % 3] = step;
            let at = |sign: f64| {
                let v = scale(v, sign);
                let (turn, shift) = if axis < 3 {
                    ([0.0; 3], v)
                } else {
                    (v, [0.0; 3])
                };
                let moved = Rigid::turn(pivot, turn, shift).after(&here);
                comparison.evaluate(&moved, pivot).unwrap().mutual
            };
            let expected = (at(1.0) - at(-1.0)) / (2.0 * step);
            let found = slope[axis / 3][axis % 3];
            let size = dot(slope[axis / 3], slope[axis / 3]).sqrt();
            assert!(
                (found - expected).abs() < 0.02 * size,
                "axis {axis}: {found} instead of {expected}"
            );
        }
    }

    #[test]
    fn an_image_knows_most_of_itself_and_little_of_noise() {
        let image = bumps(|v| v);
        let samples = samples(&image, 20_000);
        let at_rest = |moving: &Level| {
            compare(&samples, moving)
                .evaluate(&Rigid::identity(), [0.0; 3])
                .unwrap()
        };
        let same = at_rest(&image);
        let mut rng = stream(5, 0);
        let grid = *image.grid();
        let noise = Array::from_shape_fn(grid.size.zyx(), |_| rng.random::<f32>());
        let noise = Level::new(&Volume::new(noise, grid).unwrap(), 1.0).unwrap();
        let stranger = at_rest(&noise);
        assert!(same.normalized > 1.3 && same.mutual > 1.2, "{same:?}");
        assert!(stranger.mutual < 0.02 * same.mutual, "{stranger:?}");
        assert!(stranger.mutual > 0.0 && stranger.normalized >= 1.0);
        assert!((same.inside - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_little_inside_is_no_comparison() {
        let image = bumps(|v| v);
        let samples = samples(&image, 1000);
        let away = Rigid::turn([0.0; 3], [0.0; 3], [500.0, 0.0, 0.0]);
        assert!(
            compare(&samples, &image)
                .evaluate(&away, [0.0; 3])
                .is_none()
        );
    }

    #[test]
    fn spline_weights_sum_to_one_and_their_slopes_to_zero() {
        for k in 0..40 {
            let column = 2.0 + 0.1 * k as f32;
            let ((first, weights), (from, slopes)) = (spline(column), spline_slope(column));
            assert_eq!(first, from);
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(slopes.iter().sum::<f64>().abs() < 1e-12);
            // The mean place of the four columns is the sample's own.
            let mean: f64 = weights
                .iter()
                .zip(0..4)
                .map(|(w, i)| w * (first + i) as f64)
                .sum();
            assert!((mean - f64::from(column)).abs() < 1e-6);
        }
    }
}
