//! The outline of a tumour: an ellipsoid made irregular, with infiltrating tails.

use crate::Histology;
use crate::noise::Noise;
use crate::shapes::{Ellipsoid, Point, Tube, add, dot, length, scale, sub, unit};
use rand::{Rng, RngExt};

/// A tumour's shape; its looks are in [`crate::tumour_look`].
#[derive(Debug, Clone)]
pub(crate) struct Tumour {
    core: Ellipsoid,
    /// Geometric mean of the half-axes, mm.
    radius: f64,
    margin: Margin,
    tails: Vec<Tail>,
    /// Every point of the tumour is nearer to the centre than this, mm.
    reach: f64,
}

/// How the border departs from the ellipsoid; amplitudes and wavelengths in mm.
#[derive(Debug, Clone, Copy)]
struct Margin {
    bend: f64,
    lobes: f64,
    lobe_wavelength: f64,
    fringe: f64,
}

/// A flat tongue of tumour along a fascia.
#[derive(Debug, Clone)]
struct Tail {
    tube: Tube,
    /// The direction in which the tongue is wide.
    wide: Point,
}

/// Width of a tail over its thickness.
const TAIL_FLATNESS: f64 = 2.4;

impl Tumour {
    /// Draws margin and tails around a core; `axis` is a point of the body's long axis at the
    /// height of the tumour, around which fasciae run.
    pub(crate) fn draw(
        histology: Histology,
        core: Ellipsoid,
        axis: Point,
        rng: &mut impl Rng,
    ) -> Self {
        let radius = core.half.iter().product::<f64>().cbrt();
        let (bend, lobes, fringe) = match histology {
            Histology::Leiomyosarcoma => (0.10, 0.05, 1.0),
            Histology::Myxofibrosarcoma => (0.14, 0.09, 2.4),
            Histology::MyxoidLiposarcoma => (0.10, 0.17, 0.3),
            Histology::Ups => (0.14, 0.09, 1.4),
            Histology::Myxoma => (0.06, 0.02, 0.3),
        };
        let margin = Margin {
            bend: bend * radius,
            lobes: lobes * radius,
            lobe_wavelength: (0.75 * radius).max(8.0),
            fringe,
        };
        let n_tails = match histology {
            Histology::Myxofibrosarcoma => rng.random_range(3..=5),
            Histology::Ups => rng.random_range(0..=2),
            _ => 0,
        };
        let tails: Vec<Tail> = (0..n_tails)
            .map(|k| draw_tail(&core, axis, if k % 2 == 0 { 1.0 } else { -1.0 }, rng))
            .collect();
        let longest = core.half.iter().copied().fold(0.0, f64::max);
        let tail_reach = if n_tails > 0 { 62.0 } else { 0.0 };
        let reach = longest + 1.8 * margin.bend + margin.lobes + margin.fringe + tail_reach;
        Self {
            core,
            radius,
            margin,
            tails,
            reach,
        }
    }

    pub(crate) fn centre(&self) -> Point {
        self.core.centre
    }

    /// Geometric mean of the half-axes, mm.
    pub(crate) fn radius(&self) -> f64 {
        self.radius
    }

    /// Every point of the tumour is nearer to the centre than this, mm.
    pub(crate) fn reach(&self) -> f64 {
        self.reach
    }

    /// Distances in mm, negative inside: to the smooth core, which displaces tissue, and to the
    /// tumour with its lobes, fringe and tails. Far away the second is a lower bound.
    pub(crate) fn distances(&self, p: Point, noise: &Noise) -> (f64, f64) {
        let margin = &self.margin;
        let bent = add(
            p,
            scale(noise.vector(p, 0.9 * self.radius + 6.0), margin.bend),
        );
        let core = self.core.distance(bent);
        let off = length(sub(p, self.core.centre));
        if off > self.reach + 60.0 {
            return (core, off - self.reach);
        }
        let mut whole = core;
        if core < 25.0 + margin.lobes {
            // |noise| makes rounded lobes with sharp clefts between them.
            whole -= margin.lobes * (2.0 * noise.at(p, margin.lobe_wavelength).abs() - 0.4);
            whole += margin.fringe * noise.at(p, 7.0);
        }
        let tails = self.tails.iter().map(|tail| tail.distance(bent, p, noise));
        (core, tails.fold(whole, f64::min))
    }

    /// Where the tissue now at `p` was before the tumour grew, given the distance to the core.
    pub(crate) fn before_growth(&self, p: Point, core_distance: f64) -> Point {
        let off = sub(p, self.core.centre);
        let from_centre = length(off);
        let outside = core_distance.max(0.0);
        let local_radius = (from_centre - outside).max(1.0);
        let fade = (-outside / (0.9 * local_radius)).exp();
        if fade < 0.01 || from_centre < 1e-9 {
            return p;
        }
        let shift = (DISPLACEMENT * local_radius * fade).min(from_centre);
        sub(p, scale(off, shift / from_centre))
    }

    /// The largest shift that [`Tumour::before_growth`] makes, mm.
    pub(crate) fn largest_shift(&self) -> f64 {
        DISPLACEMENT * (self.core.half.iter().copied().fold(0.0, f64::max) + self.margin.bend)
    }
}

/// How far a tumour pushes its surroundings, as a fraction of its radius: the rest it replaces.
const DISPLACEMENT: f64 = 0.5;

impl Tail {
    fn distance(&self, bent: Point, p: Point, noise: &Noise) -> f64 {
        let d = self.tube.distance(flatten(bent, self.wide), 4.0);
        if d < 4.0 {
            d + 1.0 * noise.at(p, 8.0)
        } else {
            d
        }
    }
}

/// Shrinks space along `wide`, in which a round tube is a flat tongue.
fn flatten(p: Point, wide: Point) -> Point {
    sub(p, scale(wide, (1.0 - 1.0 / TAIL_FLATNESS) * dot(p, wide)))
}

/// A tongue from the surface, mostly along the body's axis, up (`sign` = 1) or down.
fn draw_tail(core: &Ellipsoid, axis: Point, sign: f64, rng: &mut impl Rng) -> Tail {
    let centre = core.centre;
    let outward = unit([centre[0] - axis[0], centre[1] - axis[1], 0.0]);
    let around = [-outward[1], outward[0], 0.0];
    let lean = rng.random_range(-0.9..0.9);
    let heading = unit(add([0.0, 0.0, sign], scale(around, lean)));
    let out = rng.random_range(-0.5..0.6);
    let start = unit(add(scale(heading, 1.0), scale(outward, out)));
    // From inside the core to its surface along `start`, then on along the fascia.
    let unit_length = length(sub(
        core.unit_coordinates(add(centre, start)),
        core.unit_coordinates(centre),
    ));
    let surface = 1.0 / unit_length.max(1e-6);
    let root = add(centre, scale(start, 0.75 * surface));
    let tip_length = 0.25 * surface + rng.random_range(18.0..38.0);
    let thickness = rng.random_range(3.4..5.0);
    let middle = add(root, scale(heading, 0.5 * tip_length));
    let sideways = scale(around, rng.random_range(-6.0..6.0));
    let tip = add(add(root, scale(heading, tip_length)), sideways);
    let wide = unit(sub(around, scale(heading, dot(around, heading))));
    let points = [(root, thickness * 1.3), (middle, thickness), (tip, 1.3)];
    Tail {
        tube: Tube::through(&points.map(|(p, r)| (flatten(p, wide), r))),
        wide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn tumour(histology: Histology) -> (Tumour, Noise) {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let noise = Noise::new(&mut rng);
        let core = Ellipsoid::upright([30.0, 10.0, 0.0], [25.0, 20.0, 40.0]);
        (Tumour::draw(histology, core, [0.0; 3], &mut rng), noise)
    }

    #[test]
    fn nothing_of_a_tumour_lies_beyond_its_reach() {
        for histology in Histology::ALL {
            let (tumour, noise) = tumour(histology);
            assert!(tumour.distances(tumour.centre(), &noise).1 < 0.0);
            for step in 0..20_000u32 {
                let f = f64::from(step);
                let direction = unit([(f * 0.7).sin(), (f * 1.1).cos(), (f * 0.37).sin()]);
                let p = add(tumour.centre(), scale(direction, tumour.reach()));
                assert!(tumour.distances(p, &noise).1 > 0.0, "{histology}");
            }
        }
    }

    #[test]
    fn only_infiltrating_tumours_have_tails() {
        assert!(tumour(Histology::Myxofibrosarcoma).0.tails.len() >= 3);
        assert!(tumour(Histology::Leiomyosarcoma).0.tails.is_empty());
    }

    #[test]
    fn growth_pushes_neighbours_out_and_spares_the_far() {
        let (tumour, _) = tumour(Histology::Ups);
        let near = [60.0, 10.0, 0.0];
        let was = tumour.before_growth(near, 5.0);
        assert!(was[0] < near[0] - 5.0 && was[0] > tumour.centre()[0]);
        let far = [400.0, 10.0, 0.0];
        assert_eq!(tumour.before_growth(far, 345.0), far);
    }
}
