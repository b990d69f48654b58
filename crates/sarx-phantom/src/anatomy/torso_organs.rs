//! What fills the abdominal and pelvic cavity.

use super::bowel::{Loop, draw_bowel};
use crate::Sex;
use crate::noise::Noise;
use crate::shapes::{Ellipsoid, Point};
use crate::tissue::Tissue;
use rand::{Rng, RngExt};

/// Organs in the torso's unscaled coordinates, looked up in this order.
#[derive(Debug, Clone)]
pub(crate) struct Organs {
    bladder: Ellipsoid,
    bladder_wall_mm: f64,
    pelvic: Ellipsoid,
    rectum: Ellipsoid,
    kidneys: [Ellipsoid; 2],
    liver: Ellipsoid,
    spleen: Ellipsoid,
    bowel: Vec<Loop>,
}

impl Organs {
    pub(crate) fn draw(sex: Sex, rng: &mut impl Rng) -> Self {
        let fill = rng.random_range(0.65..1.25);
        let mut near = |p: Point, by: f64| p.map(|v| v + rng.random_range(-by..by));
        let bladder = Ellipsoid::upright(
            near([0.0, 34.0, -4.0 + 12.0 * fill], 3.0),
            [38.0 * fill, 27.0 * fill, 28.0 * fill],
        );
        // The uterus lies on the bladder, the prostate below it.
        let pelvic = match sex {
            Sex::Female => Ellipsoid::upright(near([4.0, -4.0, 34.0], 5.0), [26.0, 20.0, 30.0])
                .turned(near([-35.0, 0.0, 0.0], 12.0)),
            Sex::Male => Ellipsoid::upright(near([0.0, 18.0, -36.0], 2.0), [22.0, 15.0, 16.0]),
        };
        let kidneys = [
            Ellipsoid::upright(near([66.0, -24.0, 214.0], 4.0), [25.0, 27.0, 54.0]),
            Ellipsoid::upright(near([-66.0, -24.0, 224.0], 4.0), [25.0, 27.0, 56.0]),
        ];
        let liver = Ellipsoid::upright(near([62.0, 14.0, 300.0], 5.0), [72.0, 66.0, 74.0]);
        let spleen = Ellipsoid::upright(near([-88.0, -26.0, 286.0], 4.0), [24.0, 40.0, 52.0]);
        let rectum = Ellipsoid::upright(near([0.0, -40.0, 8.0], 3.0), [15.0, 13.0, 62.0]);
        Self {
            bladder,
            bladder_wall_mm: rng.random_range(2.2..4.0),
            pelvic,
            rectum,
            kidneys,
            liver,
            spleen,
            bowel: draw_bowel(rng),
        }
    }

    /// The organ at a point of the cavity, or the fat between.
    pub(crate) fn at(&self, p: Point, noise: &Noise) -> Tissue {
        if p[2] < 90.0
            && let Some(tissue) = self.pelvic_organ(p)
        {
            return tissue;
        }
        if p[2] > 150.0
            && let Some(tissue) = self.upper_organ(p, noise)
        {
            return tissue;
        }
        self.bowel
            .iter()
            .find_map(|piece| piece.tissue_at(p))
            .unwrap_or(Tissue::Fat)
    }

    fn pelvic_organ(&self, p: Point) -> Option<Tissue> {
        if let Some(bladder) = self.bladder.depth(p) {
            let wall = bladder > -self.bladder_wall_mm;
            return Some(if wall {
                Tissue::BladderWall
            } else {
                Tissue::Urine
            });
        }
        if self.pelvic.depth(p).is_some() {
            return Some(Tissue::PelvicOrgan);
        }
        self.rectum.depth(p).map(|rectum| {
            if rectum > -3.0 {
                Tissue::BowelWall
            } else {
                Tissue::Stool
            }
        })
    }

    fn upper_organ(&self, p: Point, noise: &Noise) -> Option<Tissue> {
        for (kidney, medial) in self.kidneys.iter().zip([-1.0, 1.0]) {
            if kidney.depth(p).is_some() {
                // The sinus opens towards the spine and holds fat.
                let q = kidney.unit_coordinates(p);
                let sinus = (q[0] - 0.35 * medial).hypot(q[1] - 0.1) < 0.42 && q[2].abs() < 0.55;
                return Some(if sinus { Tissue::Fat } else { Tissue::Kidney });
            }
        }
        if self.liver.depth(p).is_some() {
            // Two fields that vanish together along curves: a tree of vessels in cross-section.
            let [a, b, _] = noise.vector(p, 34.0);
            return Some(if a.hypot(b) < 0.13 {
                Tissue::Vein
            } else {
                Tissue::Liver
            });
        }
        self.spleen.depth(p).map(|_| Tissue::Spleen)
    }
}
