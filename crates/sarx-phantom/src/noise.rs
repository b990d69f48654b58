//! Smooth seeded noise in space: what makes no two patients alike.
//!
//! Random numbers on the corners of a cubic lattice, interpolated with a smooth ramp (value
//! noise). The lattice repeats after [`PERIOD`] cells, far outside any image.

use crate::shapes::Point;
use rand::{Rng, RngExt};

/// Cells per axis before the pattern repeats.
const PERIOD: usize = 16;

/// Four independent noise fields on one lattice.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    corners: Vec<[f32; 4]>,
}

impl Noise {
    /// Draws the lattice; every corner is uniform in -1..1.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        let corners = (0..PERIOD * PERIOD * PERIOD)
            .map(|_| std::array::from_fn(|_| rng.random_range(-1.0f32..1.0)))
            .collect();
        Self { corners }
    }

    /// One field at `p`, in -1..1; `wavelength_mm` is the edge of a lattice cell.
    pub(crate) fn at(&self, p: Point, wavelength_mm: f64) -> f64 {
        let (base, ramp) = cell(p, wavelength_mm);
        let rows = Rows::of(base);
        let value =
            |dx: usize, dy: usize, dz: usize| f64::from(self.corners[rows.corner(dx, dy, dz)][3]);
        let along_x = |dy, dz| value(0, dy, dz) + (value(1, dy, dz) - value(0, dy, dz)) * ramp[0];
        let along_y = |dz| along_x(0, dz) + (along_x(1, dz) - along_x(0, dz)) * ramp[1];
        along_y(0) + (along_y(1) - along_y(0)) * ramp[2]
    }

    /// Three independent fields at `p`, each in -1..1.
    pub(crate) fn vector(&self, p: Point, wavelength_mm: f64) -> Point {
        let (base, [rx, ry, rz]) = cell(p, wavelength_mm);
        let rows = Rows::of(base);
        // All four fields are summed, as that is one vector of the processor.
        let mut sum = [0.0; 4];
        for corner in 0..8usize {
            let (dx, dy, dz) = (corner & 1, corner >> 1 & 1, corner >> 2);
            let weight = (if dx == 1 { rx } else { 1.0 - rx })
                * (if dy == 1 { ry } else { 1.0 - ry })
                * (if dz == 1 { rz } else { 1.0 - rz });
            let values = &self.corners[rows.corner(dx, dy, dz)];
            for (total, value) in sum.iter_mut().zip(values) {
                *total += weight * f64::from(*value);
            }
        }
        [sum[0], sum[1], sum[2]]
    }
}

/// Where the two rows of corners of a cell are per axis, wrapped, as parts of an index.
struct Rows {
    x: [usize; 2],
    y: [usize; 2],
    z: [usize; 2],
}

impl Rows {
    fn of(base: [usize; 3]) -> Self {
        let both = |i: usize, step: usize| [i * step, ((i + 1) & (PERIOD - 1)) * step];
        Self {
            x: both(base[0], 1),
            y: both(base[1], PERIOD),
            z: both(base[2], PERIOD * PERIOD),
        }
    }

    fn corner(&self, dx: usize, dy: usize, dz: usize) -> usize {
        // The parts have their own bits; the mask only says so to the bounds check.
        (self.x[dx] | self.y[dy] | self.z[dz]) & (PERIOD * PERIOD * PERIOD - 1)
    }
}

/// The lattice cell of a point and the smooth position within it.
fn cell(p: Point, wavelength_mm: f64) -> ([usize; 3], Point) {
    let mut base = [0; 3];
    let mut ramp = [0.0; 3];
    for axis in 0..3 {
        // A fixed shift keeps the world's origin off the lattice, whatever the wavelength.
        let at = p[axis] / wavelength_mm + 5.37;
        let floor = floor(at);
        let t = at - floor as f64;
        base[axis] = (floor & (PERIOD as i64 - 1)) as usize;
        ramp[axis] = t * t * (3.0 - 2.0 * t);
    }
    (base, ramp)
}

/// The largest whole number that is not above `v`, which is far from the limits of `i64`; without
/// the call that `f64::floor` is on the oldest processors.
fn floor(v: f64) -> i64 {
    let towards_zero = v as i64;
    towards_zero - i64::from(towards_zero as f64 > v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn noise_is_bounded_smooth_and_seeded() {
        let noise = Noise::new(&mut ChaCha8Rng::seed_from_u64(1));
        let again = Noise::new(&mut ChaCha8Rng::seed_from_u64(1));
        let mut before = noise.at([-300.0, 3.0, 5.0], 20.0);
        for step in 1..6000 {
            let p = [-300.0 + 0.1 * f64::from(step), 3.0, 5.0];
            let value = noise.at(p, 20.0);
            assert!(value.abs() <= 1.0);
            // The ramp's steepest slope is 1.5 of a step of at most 2 per cell.
            assert!((value - before).abs() <= 0.1 / 20.0 * 3.0 + 1e-12);
            assert_eq!(value, again.at(p, 20.0));
            before = value;
        }
    }
}
