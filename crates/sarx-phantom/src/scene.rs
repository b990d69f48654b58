//! One patient as a continuous scene: body, tumour and oedema at every point in space.

use crate::Sequence;
use crate::anatomy::Anatomy;
use crate::noise::Noise;
use crate::patient::Patient;
use crate::placement::draw_body;
use crate::seeding::{Stream, stream};
use crate::shapes::{Point, add, length, scale, sub};
use crate::tissue::{Palette, Tissue};
use crate::tumour::Tumour;
use crate::tumour_look::TumourLook;

/// A body's departure from its atlas: amplitude and wavelength, mm.
const WARP_MM: (f64, f64) = (5.0, 62.0);

/// A patient in space.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    anatomy: Anatomy,
    tumour: Tumour,
    look: TumourLook,
    noise: Noise,
    /// Beyond this distance outside the unwarped skin there is only air, mm.
    air_margin: f64,
}

/// What is at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Content {
    Healthy {
        tissue: Tissue,
        /// Distance to the tumour, mm.
        tumour_distance: f64,
    },
    Tumour {
        depth: f64,
    },
}

/// A box in world space, mm: least and greatest corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub(crate) least: Point,
    pub(crate) greatest: Point,
}

/// What a localizer shows: where the body and the tumour are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey {
    pub(crate) body: Extent,
    pub(crate) tumour: Extent,
    pub(crate) tumour_ml: f64,
}

impl Scene {
    /// Draws the scene of patient `index`.
    pub(crate) fn draw(seed: u64, index: usize, patient: &Patient) -> Self {
        let mut body_rng = stream(seed, index, Stream::Body, 0);
        let (anatomy, core) = draw_body(patient, &mut body_rng);
        let noise = Noise::new(&mut body_rng);
        let mut rng = stream(seed, index, Stream::Tumour, 0);
        let axis = match &anatomy {
            Anatomy::Limb(limb) => limb.world(0.0, 0.0, core.centre[2]),
            Anatomy::Torso(_) => [0.0, -10.0, core.centre[2]],
        };
        let tumour = Tumour::draw(patient.histology, core, axis, &mut rng);
        let look = TumourLook::draw(patient.histology, tumour.radius(), &mut rng);
        let air_margin = tumour.largest_shift() + 2.0 * WARP_MM.0;
        Self {
            anatomy,
            tumour,
            look,
            noise,
            air_margin,
        }
    }

    pub(crate) fn tumour_centre(&self) -> Point {
        self.tumour.centre()
    }

    /// Whether everything within `radius_mm` of a point is air.
    pub(crate) fn is_air_around(&self, p: Point, radius_mm: f64) -> bool {
        self.anatomy.is_far_outside(p, self.air_margin + radius_mm)
    }

    /// What is at a point.
    pub(crate) fn content(&self, p: Point) -> Content {
        let (core, whole) = self.tumour.distances(p, &self.noise);
        let warp = scale(self.noise.vector(p, WARP_MM.1), WARP_MM.0);
        let tissue = match self.anatomy.bone(add(p, warp)) {
            Some(bone) => bone,
            None => {
                let was = add(self.tumour.before_growth(p, core), warp);
                self.anatomy.soft_tissue(was, &self.noise)
            }
        };
        if whole < 0.0 && tissue.admits_tumour() {
            Content::Tumour { depth: -whole }
        } else {
            Content::Healthy {
                tissue,
                tumour_distance: whole.max(0.0),
            }
        }
    }

    /// The signal at a point whose content is known, muscle about 1; `fat_gain` is how far the
    /// fat suppression fails there (1 = works).
    pub(crate) fn signal(
        &self,
        p: Point,
        content: Content,
        (sequence, palette, fat_gain): (Sequence, &Palette, f64),
    ) -> f64 {
        let (tissue, tumour_distance) = match content {
            Content::Tumour { depth } => {
                return self.look.signal(sequence, p, depth, &self.noise);
            }
            Content::Healthy {
                tissue,
                tumour_distance,
            } => (tissue, tumour_distance),
        };
        if tissue == Tissue::Air {
            return 0.0;
        }
        // Fibres and fat lobules run along the body: the texture is stretched in height.
        let grain = self.noise.at([p[0], p[1], 0.35 * p[2]], 5.0);
        let mut healthy = palette.of(tissue) * (1.0 + tissue.texture() * grain);
        if matches!(tissue, Tissue::Fat | Tissue::Septum) {
            healthy *= fat_gain;
        }
        let share = tissue.swelling();
        if share == 0.0 {
            return healthy;
        }
        let off = sub(p, self.tumour.centre());
        let upward = off[2].abs() / length(off).max(1e-9);
        self.look.swollen(
            sequence,
            healthy,
            (p, tumour_distance, upward, share),
            &self.noise,
        )
    }

    /// A smooth field over the body for the scanner's own use, -1..1.
    pub(crate) fn field(&self, p: Point, wavelength_mm: f64) -> f64 {
        self.noise.at(p, wavelength_mm)
    }

    /// Finds body and tumour on a coarse lattice, as an operator does on a localizer.
    pub(crate) fn survey(&self) -> Survey {
        let reach = self.tumour.reach() + 4.0;
        let fine = lattice_extent(self.tumour.centre(), [reach; 3], 3.0, |p| {
            matches!(self.content(p), Content::Tumour { .. })
        });
        let centre = self.tumour.centre();
        let middle = [centre[0], 0.0, centre[2]];
        let coarse = lattice_extent(middle, [380.0, 190.0, 100.0], 8.0, |p| {
            let air = |content| {
                matches!(
                    content,
                    Content::Healthy {
                        tissue: Tissue::Air,
                        ..
                    }
                )
            };
            !self.is_air_around(p, 0.0) && !air(self.content(p))
        });
        Survey {
            body: coarse.0,
            tumour: fine.0,
            tumour_ml: fine.1 / 1000.0,
        }
    }
}

/// The box around all lattice points that satisfy `inside`, and their volume in mm3. A lattice
/// that finds nothing gives the box of its middle.
fn lattice_extent(
    middle: Point,
    half: Point,
    step: f64,
    inside: impl Fn(Point) -> bool,
) -> (Extent, f64) {
    let n = half.map(|h| (h / step).ceil() as i64);
    let mut extent = Extent {
        least: [f64::INFINITY; 3],
        greatest: [f64::NEG_INFINITY; 3],
    };
    let mut count = 0u64;
    for k in -n[2]..=n[2] {
        for j in -n[1]..=n[1] {
            for i in -n[0]..=n[0] {
                let p = add(middle, [i as f64 * step, j as f64 * step, k as f64 * step]);
                if inside(p) {
                    count += 1;
                    for (axis, &at) in p.iter().enumerate() {
                        extent.least[axis] = extent.least[axis].min(at);
                        extent.greatest[axis] = extent.greatest[axis].max(at);
                    }
                }
            }
        }
    }
    if count == 0 {
        extent = Extent {
            least: middle,
            greatest: middle,
        };
    }
    (extent, count as f64 * step.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histology;

    fn scene(index: usize, histology: Histology) -> Scene {
        Scene::draw(21, index, &Patient::draw(21, index, histology))
    }

    #[test]
    fn tumours_of_every_kind_are_inside_the_body() {
        for (index, histology) in Histology::sequence(25).into_iter().enumerate() {
            let scene = scene(index, histology);
            let survey = scene.survey();
            assert!(
                (2.0..1500.0).contains(&survey.tumour_ml),
                "{histology}: {}",
                survey.tumour_ml
            );
            let Extent { least, greatest } = survey.tumour;
            let longest = (0..3).map(|a| greatest[a] - least[a]).fold(0.0, f64::max);
            assert!(
                (24.0..260.0).contains(&longest),
                "{histology}: {longest} mm"
            );
            for axis in 0..2 {
                assert!(least[axis] >= survey.body.least[axis] - 8.0);
                assert!(greatest[axis] <= survey.body.greatest[axis] + 8.0);
            }
            // Around a tumour there is tissue, not air: one step beyond any of its points.
            for k in 0..400 {
                let f = f64::from(k);
                let step = [(f * 0.71).sin(), (f * 1.13).sin(), (f * 0.37).cos()];
                let p = add(scene.tumour_centre(), scale(step, 0.1 * f));
                if matches!(scene.content(p), Content::Tumour { .. }) {
                    assert!(!scene.is_air_around(p, 0.0));
                }
            }
        }
    }

    #[test]
    fn oedema_brightens_t2_but_is_no_tumour() {
        let scene = scene(3, Histology::Ups);
        let mut rng = stream(21, 3, Stream::Palette, 0);
        let palette = Palette::draw(Sequence::T2, &mut rng);
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for k in 0..40_000u32 {
            let f = f64::from(k);
            let step = [(f * 0.71).sin(), (f * 1.13).sin(), (f * 0.37).cos()];
            let p = add(scene.tumour_centre(), scale(step, 0.0025 * f));
            let content = scene.content(p);
            let Content::Healthy {
                tissue: Tissue::Muscle(_),
                tumour_distance,
            } = content
            else {
                continue;
            };
            let signal = scene.signal(p, content, (Sequence::T2, &palette, 1.0));
            match tumour_distance {
                d if d < 4.0 => near.push(signal),
                d if d > 60.0 => far.push(signal),
                _ => {}
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(
            near.len() > 50 && far.len() > 50,
            "{} {}",
            near.len(),
            far.len()
        );
        assert!(
            mean(&near) > 1.5 * mean(&far),
            "{} {}",
            mean(&near),
            mean(&far)
        );
    }
}
