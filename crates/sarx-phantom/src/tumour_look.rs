//! What each histology looks like inside, on either sequence, and the oedema around it.
//!
//! Signals are relative to muscle = 1. Ours, after the usual radiological descriptions:
//! leiomyosarcoma near muscle; myxofibrosarcoma bright with nodules and myxoid lakes; myxoid
//! liposarcoma very bright on T2 and lacy on contrast T1; pleomorphic sarcoma with a necrotic
//! core; myxoma as bright as fluid on T2, dark with a thin rim on contrast T1.

use crate::noise::Noise;
use crate::shapes::{Point, add, dot, scale, smoothstep};
use crate::{Histology, Sequence};
use rand::{Rng, RngExt};

/// The drawn looks of one tumour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TumourLook {
    histology: Histology,
    /// Signal of solid tumour on T1 and T2.
    solid: (f64, f64),
    /// Signal of the second component (necrosis, lakes) on T1 and T2.
    second: (f64, f64),
    /// How coarse the inner pattern is, mm.
    grain_mm: f64,
    /// Thickness of wall or rim, mm.
    wall_mm: f64,
    /// How much of the inside the second component takes: a threshold on the noise.
    threshold: f64,
    oedema: Oedema,
}

/// Water in the tissue around a tumour; it is no tumour.
#[derive(Debug, Clone, Copy)]
struct Oedema {
    width_mm: f64,
    /// Signal on T2 at the tumour's border.
    t2: f64,
    /// Factor on T1 at the tumour's border.
    t1_gain: f64,
}

impl TumourLook {
    pub(crate) fn draw(histology: Histology, radius_mm: f64, rng: &mut impl Rng) -> Self {
        let mut between = |low: f64, high: f64| rng.random_range(low..high);
        let (solid, second) = match histology {
            Histology::Leiomyosarcoma => (
                (between(1.32, 1.58), between(1.6, 2.3)),
                (between(0.75, 0.95), between(2.8, 3.6)),
            ),
            Histology::Myxofibrosarcoma => (
                (between(1.9, 2.5), between(2.7, 3.9)),
                (between(0.8, 1.1), between(4.2, 5.4)),
            ),
            Histology::MyxoidLiposarcoma => (
                (between(1.85, 2.5), between(4.0, 5.2)),
                (between(0.8, 1.1), between(5.2, 6.4)),
            ),
            Histology::Ups => (
                (between(2.0, 2.6), between(2.2, 3.1)),
                (between(0.55, 0.75), between(4.4, 5.8)),
            ),
            Histology::Myxoma => (
                (between(0.46, 0.6), between(6.0, 7.2)),
                (between(1.3, 1.8), between(4.6, 5.6)),
            ),
        };
        let (wall_mm, threshold) = match histology {
            Histology::Leiomyosarcoma => (0.0, if radius_mm > 34.0 { 0.34 } else { 0.55 }),
            Histology::Myxofibrosarcoma => (0.0, between(0.15, 0.4)),
            Histology::MyxoidLiposarcoma => (0.0, between(-0.1, 0.2)),
            Histology::Ups => (radius_mm * between(0.3, 0.5), 0.0),
            Histology::Myxoma => (between(1.6, 2.6), 0.62),
        };
        let (low, high) = match histology {
            Histology::Leiomyosarcoma => (3.0, 16.0),
            Histology::Myxofibrosarcoma => (12.0, 30.0),
            Histology::MyxoidLiposarcoma => (3.0, 14.0),
            Histology::Ups => (8.0, 26.0),
            Histology::Myxoma => (4.0, 12.0),
        };
        let oedema = Oedema {
            width_mm: between(low, high),
            t2: between(2.5, 4.0),
            t1_gain: between(1.08, 1.25),
        };
        let grain_mm = (0.32 * radius_mm).clamp(6.0, 15.0) * between(0.8, 1.2);
        Self {
            histology,
            solid,
            second,
            grain_mm,
            wall_mm,
            threshold,
            oedema,
        }
    }

    /// The signal inside, `depth_mm` below the surface.
    pub(crate) fn signal(&self, sequence: Sequence, p: Point, depth_mm: f64, noise: &Noise) -> f64 {
        let pick = |pair: (f64, f64)| match sequence {
            Sequence::T1 => pair.0,
            Sequence::T2 => pair.1,
        };
        let p = self.crumpled(p, noise);
        let coarse = noise.at(p, self.grain_mm);
        let fine = noise.at([p[1], p[2], p[0]], 0.45 * self.grain_mm);
        let (solid, second) = (pick(self.solid), pick(self.second));
        let mix = |share: f64| solid + (second - solid) * share;
        let rough = |amount: f64| 1.0 + amount * (0.6 * coarse + 0.6 * fine);
        match self.histology {
            Histology::Leiomyosarcoma => {
                let pocket = noise.at([p[2], p[0], p[1]], 2.0 * self.grain_mm);
                let deep = smoothstep(3.0, 8.0, depth_mm);
                let share = deep * smoothstep(self.threshold, self.threshold + 0.2, pocket);
                mix(share) * rough(0.16)
            }
            Histology::Myxofibrosarcoma => {
                let lake = smoothstep(self.threshold, self.threshold + 0.2, coarse)
                    * smoothstep(1.5, 5.0, depth_mm);
                mix(lake) * rough(0.15) * (1.0 - 0.3 * septum(fine, 0.10))
            }
            Histology::MyxoidLiposarcoma => {
                let lace = smoothstep(self.threshold, self.threshold + 0.35, coarse)
                    * smoothstep(1.0, 3.0, depth_mm);
                let nodule = smoothstep(0.6, 0.7, noise.at([p[2], p[0], p[1]], 12.0));
                let water = mix(lace) * rough(0.10) * (1.0 - 0.25 * septum(coarse, 0.07));
                water + (0.5 - water) * 0.8 * nodule
            }
            Histology::Ups => {
                let wall = self.wall_mm * (1.0 + 0.6 * coarse);
                let core = smoothstep(wall - 1.5, wall + 1.5, depth_mm);
                let debris = 1.0 + core * 0.35 * smoothstep(0.35, 0.55, fine);
                mix(core) * rough(0.14) * debris
            }
            Histology::Myxoma => {
                let rim = 1.0 - smoothstep(0.6 * self.wall_mm, 1.2 * self.wall_mm, depth_mm);
                let wisp = 0.45 * smoothstep(self.threshold, 0.85, coarse);
                mix(rim.max(wisp)) * rough(0.05)
            }
        }
    }

    /// The point in a turned and warped space: hides the lattice of the noise, whose cells
    /// would show as boxes.
    fn crumpled(&self, p: Point, noise: &Noise) -> Point {
        const TURN: [Point; 3] = [[0.64, 0.48, 0.60], [-0.60, 0.80, 0.0], [-0.48, -0.36, 0.80]];
        let turned = TURN.map(|row| dot(row, p));
        add(
            turned,
            scale(
                noise.vector(turned, 1.3 * self.grain_mm),
                0.5 * self.grain_mm,
            ),
        )
    }

    /// The signal of healthy tissue of signal `healthy` with oedema; `distance_mm` from the
    /// tumour, `upward` the share of that direction along the body's axis (0 to 1), `share` how much
    /// water the tissue takes (0 to 1).
    pub(crate) fn swollen(
        &self,
        sequence: Sequence,
        healthy: f64,
        (p, distance_mm, upward, share): (Point, f64, f64, f64),
        noise: &Noise,
    ) -> f64 {
        let width = self.oedema.width_mm;
        // Water follows the muscle fibres: farther up and down than sideways.
        let effective = distance_mm * (1.0 - 0.45 * upward);
        if effective > 1.7 * width {
            return healthy;
        }
        let feathered = effective + 0.6 * width * noise.at([p[0], p[1], 0.4 * p[2]], 11.0);
        let amount = 0.85 * share * smoothstep(1.05 * width, 0.05 * width, feathered);
        match sequence {
            Sequence::T1 => healthy * (1.0 + (self.oedema.t1_gain - 1.0) * amount),
            Sequence::T2 => healthy + (self.oedema.t2 - healthy).max(0.0) * amount,
        }
    }
}

/// 1 on thin sheets where the noise changes sign, 0 elsewhere.
fn septum(noise: f64, half_width: f64) -> f64 {
    1.0 - smoothstep(0.5 * half_width, half_width, noise.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn mean_signal(histology: Histology, sequence: Sequence, depth_mm: f64) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let noise = Noise::new(&mut rng);
        let look = TumourLook::draw(histology, 30.0, &mut rng);
        let n = 2000;
        let point = |i: i32| {
            [
                f64::from(i % 13) * 7.0,
                f64::from(i % 17) * 6.0,
                f64::from(i),
            ]
        };
        (0..n)
            .map(|i| look.signal(sequence, point(i), depth_mm, &noise))
            .sum::<f64>()
            / f64::from(n)
    }

    #[test]
    fn each_histology_looks_as_described() {
        use Histology as H;
        use Sequence::{T1, T2};
        // Leiomyosarcoma is the nearest to muscle on both sequences.
        let lms = mean_signal(H::Leiomyosarcoma, T1, 2.0);
        assert!(lms > 1.1 && lms < 1.7);
        for other in [H::Myxofibrosarcoma, H::MyxoidLiposarcoma, H::Ups, H::Myxoma] {
            assert!(mean_signal(other, T2, 10.0) > 1.25 * mean_signal(H::Leiomyosarcoma, T2, 2.0));
        }
        assert!(mean_signal(H::MyxoidLiposarcoma, T2, 10.0) > 4.0);
        // A necrotic core: dark on T1 and bright on T2 deep inside, the reverse in the wall.
        assert!(mean_signal(H::Ups, T1, 25.0) < 0.6 * mean_signal(H::Ups, T1, 2.0));
        assert!(mean_signal(H::Ups, T2, 25.0) > mean_signal(H::Ups, T2, 2.0));
        // A rim around a dark inside.
        assert!(mean_signal(H::Myxoma, T1, 10.0) < 0.9);
        assert!(mean_signal(H::Myxoma, T1, 0.2) > 1.2);
    }
}
