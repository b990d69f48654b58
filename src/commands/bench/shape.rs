//! Masks and logits for benchmarks: a lobed ball, the same on every machine.

use anyhow::{Result, bail};
use ndarray::Array3;

/// A ball with five large and nine small lobes around the slice axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct LobedBall {
    /// Centre, mm from the corner of the grid, `[z, y, x]`.
    pub(super) centre_mm: [f64; 3],
    /// Mean radius, mm.
    pub(super) radius_mm: f64,
}

/// The relative height of the lobes.
const LARGE_LOBES: f64 = 0.12;
const SMALL_LOBES: f64 = 0.05;

impl LobedBall {
    /// A ball of the volume, somewhat off the middle of the grid.
    ///
    /// # Errors
    ///
    /// If it does not fit into the grid.
    pub(super) fn in_grid(size: [usize; 3], spacing_mm: [f64; 3], volume_ml: f64) -> Result<Self> {
        let edge_mm: [f64; 3] = std::array::from_fn(|axis| size[axis] as f64 * spacing_mm[axis]);
        let radius_mm = (volume_ml * 1000.0 * 0.75 / std::f64::consts::PI).cbrt();
        let reach = radius_mm * (1.0 + LARGE_LOBES + SMALL_LOBES);
        if !(radius_mm > 0.0 && edge_mm.iter().all(|edge| 0.44 * edge > reach)) {
            bail!(
                "a tumour of {volume_ml} ml does not fit into an image of {:.0} x {:.0} x {:.0} mm",
                edge_mm[0],
                edge_mm[1],
                edge_mm[2]
            );
        }
        Ok(Self {
            centre_mm: edge_mm.map(|edge| 0.45 * edge),
            radius_mm,
        })
    }

    /// The same, moved and grown.
    pub(super) fn changed(self, by_mm: [f64; 3], growth: f64) -> Self {
        Self {
            centre_mm: std::array::from_fn(|axis| self.centre_mm[axis] + by_mm[axis]),
            radius_mm: self.radius_mm * growth,
        }
    }

    /// Distance inside the surface along the ray from the centre, mm; negative outside.
    pub(super) fn depth_mm(&self, at_mm: [f64; 3]) -> f64 {
        let [z, y, x]: [f64; 3] = std::array::from_fn(|axis| at_mm[axis] - self.centre_mm[axis]);
        let angle = y.atan2(x);
        let lobes = LARGE_LOBES * (5.0 * angle).sin() + SMALL_LOBES * (9.0 * angle).cos();
        self.radius_mm * (1.0 + lobes) - (z * z + y * y + x * x).sqrt()
    }

    /// 1 inside, 0 outside, `[z, y, x]`.
    pub(super) fn mask(&self, size: [usize; 3], spacing_mm: [f64; 3]) -> Array3<u16> {
        Array3::from_shape_fn(size, |(z, y, x)| {
            let at = [z, y, x];
            let at_mm = std::array::from_fn(|axis| (at[axis] as f64 + 0.5) * spacing_mm[axis]);
            u16::from(self.depth_mm(at_mm) >= 0.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_has_about_the_volume_and_must_fit() {
        let (size, mm) = ([40, 100, 100], [3.0, 1.2, 1.2]);
        let ball = LobedBall::in_grid(size, mm, 40.0).unwrap();
        let n = ball.mask(size, mm).iter().filter(|&&v| v == 1).count();
        let ml = n as f64 * 3.0 * 1.2 * 1.2 / 1000.0;
        assert!((39.0..43.0).contains(&ml), "{ml}");
        for bad in [4000.0, 0.0, f64::NAN] {
            assert!(LobedBall::in_grid(size, mm, bad).is_err());
        }
    }
}
