//! The torso from the upper thighs to the liver.

use super::muscles::{Compartment, MuscleAxis, compartment_at};
use super::torso_atlas as atlas;
use super::torso_organs::Organs;
use crate::Sex;
use crate::noise::Noise;
use crate::shapes::{Ellipsoid, Point, Tube, profile, smooth_union, smoothstep};
use crate::tissue::Tissue;
use rand::{Rng, RngExt};

const SKIN_MM: f64 = 2.2;
const FASCIA_MM: f64 = 0.9;

/// A torso around the midline x = 0; z = 0 at the femoral heads.
#[derive(Debug, Clone)]
pub(crate) struct Torso {
    /// Size relative to the atlas.
    size: f64,
    fat_mm: f64,
    septum_mm: f64,
    muscles: Vec<MuscleAxis>,
    psoas: Tube,
    long_bones: Vec<(Tube, f64)>,
    flat_bones: Vec<(Ellipsoid, f64)>,
    sacrum: (Ellipsoid, Tube),
    paired_vessels: Vec<(Tissue, Tube)>,
    great_vessels: Vec<(Tissue, Tube)>,
    organs: Organs,
}

impl Torso {
    pub(crate) fn draw(sex: Sex, rng: &mut impl Rng) -> Self {
        Self {
            size: rng.random_range(0.9..1.0),
            fat_mm: rng.random_range(8.0..18.0),
            septum_mm: rng.random_range(0.7..1.5),
            muscles: atlas::muscles(),
            psoas: atlas::psoas(),
            long_bones: atlas::long_bones(),
            flat_bones: atlas::flat_bones(),
            sacrum: atlas::sacrum(),
            paired_vessels: atlas::paired_vessels(),
            great_vessels: atlas::great_vessels(),
            organs: Organs::draw(sex, rng),
        }
    }

    /// World position of a place of the atlas.
    pub(crate) fn world(&self, p: Point) -> Point {
        p.map(|v| v * self.size)
    }

    /// Distance to the skin; negative inside.
    pub(crate) fn skin_distance(&self, p: Point) -> f64 {
        outline(self.local(p)) * self.size
    }

    pub(crate) fn bone(&self, p: Point) -> Option<Tissue> {
        let q = self.local(p);
        let right = [q[0].abs(), q[1], q[2]];
        if q[2] > 90.0
            && let Some(tissue) = vertebra(right)
        {
            return Some(tissue);
        }
        if q[2] < 130.0 {
            let found = self.pelvic_bone(right);
            return found.map(|deep| {
                if deep {
                    Tissue::RedMarrow
                } else {
                    Tissue::Cortex
                }
            });
        }
        (q[2] > 215.0).then(|| rib(right)).flatten()
    }

    pub(crate) fn soft_tissue(&self, p: Point, noise: &Noise) -> Tissue {
        let q = self.local(p);
        let skin = outline(q);
        if skin > 0.0 {
            return Tissue::Air;
        }
        if skin > -SKIN_MM {
            return Tissue::Skin;
        }
        let fat = self.fat_at(q);
        if skin > -fat {
            let strands = noise.at(q, 16.0).abs() < 0.04;
            return if strands { Tissue::Septum } else { Tissue::Fat };
        }
        let right = [q[0].abs(), q[1], q[2]];
        for (tissue, tube) in &self.paired_vessels {
            if tube.depth(right).is_some() {
                return *tissue;
            }
        }
        for (tissue, tube) in &self.great_vessels {
            if tube.depth(q).is_some() {
                return *tissue;
            }
        }
        if let Some(psoas) = self.psoas.depth(right) {
            return if psoas > -self.septum_mm {
                Tissue::Septum
            } else {
                Tissue::Muscle(24)
            };
        }
        if in_cavity(right, fat) {
            return self.organs.at(q, noise);
        }
        if skin > -fat - FASCIA_MM {
            return Tissue::Septum;
        }
        match compartment_at(&self.muscles, right) {
            Some(Compartment { id, border }) if border > self.septum_mm => Tissue::Muscle(id),
            Some(_) => Tissue::Septum,
            None => Tissue::Fat,
        }
    }

    fn local(&self, p: Point) -> Point {
        p.map(|v| v / self.size)
    }

    /// Thickness of the fat under the skin, thicker behind and at the hips.
    fn fat_at(&self, q: Point) -> f64 {
        let behind = smoothstep(20.0, -80.0, q[1]);
        let hips = smoothstep(150.0, 0.0, q[2]) * smoothstep(-140.0, -60.0, q[2]);
        self.fat_mm * (0.8 + 0.7 * behind * hips + 0.4 * hips)
    }

    /// Whether a bone of the pelvis or the thigh is at a point, and if so whether deep in it.
    fn pelvic_bone(&self, right: Point) -> Option<bool> {
        for (tube, cortex) in &self.long_bones {
            if let Some(d) = tube.depth(right) {
                return Some(d < -cortex);
            }
        }
        for (plate, cortex) in &self.flat_bones {
            if let Some(d) = plate.depth(right) {
                return Some(d < -cortex);
            }
        }
        let (body, canal) = &self.sacrum;
        let d = body.depth(right).into_iter().chain(canal.depth(right));
        d.reduce(f64::min).map(|d| d < -1.8)
    }
}

/// Distance outside the skin outline, atlas mm: an oval trunk that splits into two thighs.
fn outline(q: Point) -> f64 {
    let a = profile(atlas::HALF_WIDTH, q[2]);
    let b = profile(atlas::HALF_DEPTH, q[2]);
    // A superellipse: flatter sides than an ellipse.
    let k = ((q[0] / a).abs().powi(3) + (q[1] / b).abs().powi(3)).cbrt();
    let away = q[0].hypot(q[1]);
    let trunk = if k > 0.0 { away * (1.0 - 1.0 / k) } else { -b };
    if q[2] > -40.0 {
        return trunk;
    }
    let thigh = (q[0].abs() - 84.0).hypot(q[1] - 4.0) - (86.0 + 0.06 * (q[2] + 40.0));
    let fade = smoothstep(-50.0, -115.0, q[2]);
    smooth_union(trunk + 90.0 * fade, thigh, 18.0)
}

/// Whether a point lies in the abdominal or pelvic cavity.
fn in_cavity(right: Point, fat: f64) -> bool {
    let z = right[2];
    if z < atlas::CAVITY_FLOOR_MM {
        return false;
    }
    let half = profile(atlas::HALF_WIDTH, z) - fat - profile(atlas::WALL_SIDE, z);
    let front = profile(atlas::HALF_DEPTH, z) - fat - 13.0 - 14.0 * smoothstep(40.0, -50.0, z);
    let back = profile(atlas::CAVITY_BACK, z);
    let (middle, deep) = (0.5 * (front + back), 0.5 * (front - back));
    let k = (right[0] / half).abs().powi(3) + ((right[1] - middle) / deep).abs().powi(3);
    k < 1.0
}

/// The lumbar spine with discs, arch, canal and processes.
fn vertebra(right: Point) -> Option<Tissue> {
    let y = right[1] - profile(atlas::SPINE, right[2]);
    if y.abs() > 60.0 || right[0] > 50.0 {
        return None;
    }
    let phase = ((right[2] - 108.0) / atlas::VERTEBRA_MM).rem_euclid(1.0);
    let level = (phase - 0.5).abs();
    let body = (right[0] / 23.5).hypot(y / 17.0);
    if body < 1.0 {
        return Some(if level > 0.36 {
            Tissue::Disc
        } else if body > 0.92 || level > 0.33 {
            Tissue::Cortex
        } else {
            Tissue::RedMarrow
        });
    }
    let canal = (right[0] / 10.5).hypot((y + 25.0) / 7.5);
    if canal < 1.0 {
        return Some(Tissue::Csf);
    }
    let pedicle_level = level < 0.24;
    let arch = canal < 1.55 && (pedicle_level || y < -24.0);
    let spinous = right[0] < 3.5 && y < -30.0 && y > -56.0 && level < 0.3;
    let transverse =
        pedicle_level && (y + 22.0).abs() < 4.0 && right[0] < 42.0 && (phase - 0.56).abs() < 0.12;
    if !(arch || spinous || transverse) {
        return None;
    }
    let thin = canal > 1.4 && !spinous;
    Some(if thin {
        Tissue::Cortex
    } else {
        Tissue::RedMarrow
    })
}

/// The lower ribs: bands in the side wall that slope down to the front.
fn rib(right: Point) -> Option<Tissue> {
    let a = profile(atlas::HALF_WIDTH, right[2]) - 26.0;
    let b = profile(atlas::HALF_DEPTH, right[2]) - 28.0;
    let k = ((right[0] / a).powi(2) + (right[1] / b).powi(2)).sqrt();
    let across = (k - 1.0) * 0.5 * (a + b);
    if across.abs() > 4.0 || right[1] > 40.0 {
        return None;
    }
    let phase = ((right[2] + 0.5 * right[1] - 220.0) / 26.0).rem_euclid(1.0);
    let along = (phase - 0.5).abs() * 26.0;
    let d = (along / 6.5).hypot(across / 4.0);
    (d < 1.0).then_some(if d > 0.65 {
        Tissue::Cortex
    } else {
        Tissue::RedMarrow
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn landmarks_are_where_the_atlas_puts_them() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let noise = Noise::new(&mut rng);
        let torso = Torso::draw(Sex::Female, &mut rng);
        let soft = |p| torso.soft_tissue(torso.world(p), &noise);
        assert_eq!(
            torso.bone(torso.world([92.0, 4.0, 0.0])),
            Some(Tissue::RedMarrow)
        );
        assert_eq!(
            torso.bone(torso.world([-92.0, 4.0, 0.0])),
            Some(Tissue::RedMarrow)
        );
        assert_eq!(soft([0.0, 34.0, 8.0]), Tissue::Urine);
        assert_eq!(soft([-66.0, -44.0, 250.0]), Tissue::Kidney);
        assert_eq!(soft([-8.0, 12.0, 190.0]), Tissue::Artery);
        assert!(matches!(soft([75.0, -62.0, 10.0]), Tissue::Muscle(0)));
        assert_eq!(soft([0.0, 80.0, -150.0]), Tissue::Air);
        assert_eq!(soft([200.0, 0.0, 50.0]), Tissue::Air);
    }
}
