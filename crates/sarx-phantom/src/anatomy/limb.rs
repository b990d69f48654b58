//! A limb: one or two long bones, muscle compartments, vessels, fat and skin around an axis.

use super::limb_atlas::LimbPart;
use super::muscles::{Compartment, MuscleAxis, compartment_at};
use crate::noise::Noise;
use crate::shapes::{Capsule, Point};
use crate::tissue::Tissue;
use rand::{Rng, RngExt};

/// Half the length over which muscles and vessels run, mm; beyond any image.
const HALF_LENGTH_MM: f64 = 400.0;
const SKIN_MM: f64 = 2.0;
const FASCIA_MM: f64 = 0.9;

/// A straight strand: at height z its centre is `at + slope * z`.
#[derive(Debug, Clone, Copy)]
struct Strand {
    at: [f64; 2],
    slope: [f64; 2],
    radius: f64,
}

impl Strand {
    fn distance(&self, p: Point) -> f64 {
        let dx = p[0] - self.at[0] - self.slope[0] * p[2];
        let dy = p[1] - self.at[1] - self.slope[1] * p[2];
        dx.hypot(dy) - self.radius
    }

    /// The distance if a point is inside: as [`Strand::distance`].
    fn depth(&self, p: Point) -> Option<f64> {
        let dx = p[0] - self.at[0] - self.slope[0] * p[2];
        let dy = p[1] - self.at[1] - self.slope[1] * p[2];
        // The hypotenuse is costly, and nearly all points are far outside.
        if dx * dx + dy * dy > 1.000_001 * self.radius * self.radius {
            return None;
        }
        Some(self.distance(p)).filter(|distance| *distance < 0.0)
    }
}

/// A limb in the patient's coordinates, axis upright.
#[derive(Debug, Clone)]
pub(crate) struct Limb {
    /// +1 for a right limb, -1 for a left one.
    side: f64,
    /// Where the axis stands, world x, mm.
    axis_x: f64,
    /// Half-axes of the muscle cylinder at height 0, mm.
    radius: [f64; 2],
    /// Change of radius per mm of height, as a fraction.
    taper: f64,
    fat_mm: f64,
    /// Direction in which the fat is thickest.
    fat_towards: [f64; 2],
    septum_mm: f64,
    muscles: Vec<MuscleAxis>,
    bones: Vec<(Strand, f64)>,
    vessels: Vec<(Tissue, Strand)>,
}

impl Limb {
    /// Draws a limb; `side` is +1 for the right, -1 for the left.
    pub(crate) fn draw(part: LimbPart, side: f64, rng: &mut impl Rng) -> Self {
        let atlas = part.atlas();
        let mean = atlas.radius_mm * rng.random_range(0.9..1.1);
        let oval = rng.random_range(0.95..1.06);
        let fat_mm = atlas.fat_mm * rng.random_range(0.6..1.6);
        let turn: f64 = rng.random_range(-0.12..0.12);
        let (sin, cos) = turn.sin_cos();
        // Millimetres from fractions of the radius; one small turn of the whole section.
        let mut strand = |x: f64, y: f64, slope: [f64; 2], radius: f64| {
            let mut jitter = || rng.random_range(-0.025..0.025);
            let (x, y) = (x + jitter(), y + jitter());
            Strand {
                at: [(x * cos - y * sin) * mean, (x * sin + y * cos) * mean],
                slope,
                radius,
            }
        };
        let muscles = atlas
            .muscles
            .iter()
            .zip(0u8..)
            .map(|(&(x, y, sx, sy, weight), id)| {
                let s = strand(x, y, [sx, sy], 0.0);
                let end = |z: f64| [s.at[0] + s.slope[0] * z, s.at[1] + s.slope[1] * z, z];
                let axis = Capsule::new(end(-HALF_LENGTH_MM), end(HALF_LENGTH_MM), (0.0, 0.0));
                MuscleAxis {
                    id,
                    axis,
                    weight: weight * mean,
                    reach: f64::INFINITY,
                }
            });
        let muscles = muscles.collect();
        let bones = atlas
            .bones
            .iter()
            .map(|&(x, y, sx, sy, outer, marrow)| (strand(x, y, [sx, sy], outer), marrow - outer));
        let bones = bones.collect();
        let vessels = atlas
            .vessels
            .iter()
            .map(|&(tissue, x, y, sx, sy, radius)| (tissue, strand(x, y, [sx, sy], radius)));
        let vessels = vessels.collect();
        Self {
            side,
            axis_x: side * 95.0,
            radius: [mean * oval, mean / oval],
            taper: atlas.taper / mean,
            fat_mm,
            fat_towards: direction(rng.random_range(-2.6..-0.5)),
            septum_mm: rng.random_range(0.5..1.3),
            muscles,
            bones,
            vessels,
        }
    }

    /// Mean radius of the muscle cylinder, mm.
    pub(crate) fn muscle_radius(&self) -> f64 {
        0.5 * (self.radius[0] + self.radius[1])
    }

    /// World position from a position in the cross-section (x lateral) and a height.
    pub(crate) fn world(&self, x: f64, y: f64, z: f64) -> Point {
        [self.axis_x + self.side * x, y, z]
    }

    /// The axes of the muscles at height 0 in the cross-section, mm.
    pub(crate) fn muscle_centres(&self) -> Vec<[f64; 2]> {
        self.muscles
            .iter()
            .map(|muscle| muscle.axis.at_height(0.0))
            .map(|[x, y, _]| [x, y])
            .collect()
    }

    /// Distance to the skin; negative inside.
    pub(crate) fn skin_distance(&self, p: Point) -> f64 {
        let q = self.local(p);
        let (to_fascia, fat) = self.layers(q);
        to_fascia - fat - SKIN_MM
    }

    pub(crate) fn bone(&self, p: Point) -> Option<Tissue> {
        let q = self.local(p);
        for (strand, marrow) in &self.bones {
            if let Some(d) = strand.depth(q) {
                return Some(if d < *marrow {
                    Tissue::Marrow
                } else {
                    Tissue::Cortex
                });
            }
        }
        None
    }

    pub(crate) fn soft_tissue(&self, p: Point, noise: &Noise) -> Tissue {
        let q = self.local(p);
        let (to_fascia, fat) = self.layers(q);
        if to_fascia > fat + SKIN_MM {
            return Tissue::Air;
        }
        if to_fascia > fat {
            return Tissue::Skin;
        }
        for (tissue, strand) in &self.vessels {
            if strand.depth(q).is_some() {
                return *tissue;
            }
        }
        if to_fascia > 0.0 {
            let strands = noise.at(q, 13.0).abs() < 0.05;
            return if strands { Tissue::Septum } else { Tissue::Fat };
        }
        if to_fascia > -FASCIA_MM {
            return Tissue::Septum;
        }
        match compartment_at(&self.muscles, q) {
            Some(Compartment { id, border }) if border > self.septum_mm => Tissue::Muscle(id),
            _ => Tissue::Septum,
        }
    }

    /// Cross-section coordinates: x lateral from the axis.
    fn local(&self, p: Point) -> Point {
        [self.side * (p[0] - self.axis_x), p[1], p[2]]
    }

    /// (distance outside the fascia, thickness of the fat there), mm.
    fn layers(&self, q: Point) -> (f64, f64) {
        let grow = 1.0 + (self.taper * q[2]).clamp(-0.35, 0.35);
        let k = (q[0] / self.radius[0]).hypot(q[1] / self.radius[1]) / grow;
        let to_fascia = (k - 1.0) * self.muscle_radius() * grow;
        let reach = q[0].hypot(q[1]).max(1.0);
        let towards = (q[0] * self.fat_towards[0] + q[1] * self.fat_towards[1]) / reach;
        (to_fascia, self.fat_mm * (1.0 + 0.35 * towards))
    }
}

fn direction(radians: f64) -> [f64; 2] {
    [radians.cos(), radians.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_thigh_from_inside_out_is_bone_muscle_fat_skin_air() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let noise = Noise::new(&mut rng);
        for side in [-1.0, 1.0] {
            let thigh = Limb::draw(LimbPart::Thigh, side, &mut rng);
            let femur = thigh.world(0.1 * 61.0, 0.14 * 61.0, 0.0);
            assert_eq!(thigh.bone(femur), Some(Tissue::Marrow));
            let at = |r: f64| thigh.soft_tissue(thigh.world(r, 0.0, 0.0), &noise);
            assert!(matches!(at(45.0), Tissue::Muscle(_) | Tissue::Septum));
            let skin = (400..1500)
                .map(|r| at(f64::from(r) * 0.1))
                .find(|&t| t == Tissue::Skin);
            assert!(skin.is_some());
            assert_eq!(at(120.0), Tissue::Air);
        }
    }
}
