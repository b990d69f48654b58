//! Where a tumour sits and how large it is.

use crate::anatomy::{Anatomy, Limb, LimbPart, Torso};
use crate::patient::Patient;
use crate::shapes::{Ellipsoid, Point};
use crate::{Histology, Site};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

/// The smallest and the largest longest diameter, mm.
pub(crate) const DIAMETER_RANGE_MM: (f64, f64) = (45.0, 160.0);

/// Draws the body and the core of the tumour in it.
pub(crate) fn draw_body(patient: &Patient, rng: &mut impl Rng) -> (Anatomy, Ellipsoid) {
    let side = patient.laterality.sign();
    match patient.site {
        Site::Extremity => {
            let part = match rng.random_range(0.0..1.0) {
                u if u < 0.68 => LimbPart::Thigh,
                u if u < 0.84 => LimbPart::LowerLeg,
                _ => LimbPart::UpperArm,
            };
            let limb = Limb::draw(part, side, rng);
            let core = core_in_limb(&limb, patient.histology, rng);
            (Anatomy::Limb(limb), core)
        }
        _ => {
            let torso = Torso::draw(patient.sex, rng);
            let core = core_in_torso(&torso, patient, rng);
            (Anatomy::Torso(Box::new(torso)), core)
        }
    }
}

/// A longest diameter in mm: log-normal, myxomas smaller, cut to the possible range.
fn draw_diameter(histology: Histology, scale: f64, rng: &mut impl Rng) -> f64 {
    let median = match histology {
        Histology::Myxoma => 74.0,
        Histology::Leiomyosarcoma => 104.0,
        Histology::MyxoidLiposarcoma => 120.0,
        Histology::Myxofibrosarcoma | Histology::Ups => 114.0,
    };
    let deviate: f64 = StandardNormal.sample(rng);
    (median * scale * (0.28 * deviate).exp()).clamp(DIAMETER_RANGE_MM.0, DIAMETER_RANGE_MM.1)
}

fn core_in_limb(limb: &Limb, histology: Histology, rng: &mut impl Rng) -> Ellipsoid {
    let radius = limb.muscle_radius();
    let longest = 0.5 * draw_diameter(histology, (radius / 61.0).sqrt(), rng);
    // Across the limb there is room for a bit more than half its radius.
    let widest = 0.68 * radius;
    let across = [
        (longest * rng.random_range(0.65..0.9)).min(widest),
        (longest * rng.random_range(0.6..0.85)).min(widest),
    ];
    let height = rng.random_range(-30.0..30.0);
    let centres = limb.muscle_centres();
    let mut centre = limb.world(0.0, 0.5 * radius, height);
    // Keeps clear of the bone if a few draws allow it; else the bone dents the tumour.
    for _ in 0..24 {
        let [x, y] = centres[rng.random_range(0..centres.len())];
        let off_axis = x.hypot(y).max(1.0);
        let place = rng.random_range(0.5..0.74) * radius;
        centre = limb.world(x / off_axis * place, y / off_axis * place, height);
        let clear = [(0.0, 0.0), (0.6, 0.0), (-0.6, 0.0), (0.0, 0.6), (0.0, -0.6)]
            .into_iter()
            .all(|(u, v)| {
                let probe = [
                    centre[0] + u * across[0],
                    centre[1] + v * across[1],
                    centre[2],
                ];
                limb.bone(probe).is_none()
            });
        if clear {
            break;
        }
    }
    let mut tilt = |by: f64| rng.random_range(-by..by);
    Ellipsoid::upright(centre, [across[0], across[1], longest]).turned([
        tilt(10.0),
        tilt(10.0),
        tilt(90.0),
    ])
}

/// `(centre in the atlas for the right side, widest half-axes allowed x, y, z, spread)`.
type Berth = (Point, Point, f64);

const PELVIC_BERTHS: &[Berth] = &[
    ([96.0, -62.0, 10.0], [38.0, 30.0, 62.0], 10.0), // gluteal
    ([82.0, -66.0, 30.0], [40.0, 26.0, 55.0], 10.0),
    ([44.0, 2.0, 44.0], [42.0, 44.0, 52.0], 8.0), // side wall of the pelvis
    ([26.0, -20.0, 30.0], [38.0, 36.0, 48.0], 8.0),
    ([92.0, 48.0, -62.0], [32.0, 28.0, 60.0], 10.0), // groin and upper thigh
    ([62.0, -8.0, -108.0], [34.0, 34.0, 50.0], 8.0),
];

const ABDOMINAL_BERTHS: &[Berth] = &[
    ([56.0, -6.0, 150.0], [46.0, 42.0, 64.0], 10.0), // retroperitoneum, before the psoas
    ([62.0, 4.0, 190.0], [46.0, 46.0, 64.0], 10.0),
    ([24.0, 16.0, 176.0], [34.0, 34.0, 60.0], 8.0), // along the great veins
    ([34.0, 36.0, 140.0], [48.0, 32.0, 56.0], 12.0), // mesentery
];

const WALL_BERTHS: &[Berth] = &[
    ([42.0, -64.0, 180.0], [28.0, 20.0, 56.0], 8.0), // erector spinae
    ([40.0, -66.0, 140.0], [28.0, 20.0, 56.0], 8.0),
    ([104.0, -36.0, 190.0], [20.0, 28.0, 48.0], 8.0), // side of the back
    ([36.0, 74.0, 120.0], [30.0, 18.0, 50.0], 6.0),   // rectus abdominis
];

fn core_in_torso(torso: &Torso, patient: &Patient, rng: &mut impl Rng) -> Ellipsoid {
    let berths = match patient.site {
        Site::Pelvis | Site::Extremity => PELVIC_BERTHS,
        Site::Abdomen => ABDOMINAL_BERTHS,
        Site::TrunkWall => WALL_BERTHS,
    };
    let (place, widest, spread) = berths[rng.random_range(0..berths.len())];
    let place = place.map(|v| v + rng.random_range(-spread..spread));
    let place = [patient.laterality.sign() * place[0], place[1], place[2]];
    let roomy = if patient.site == Site::Abdomen {
        1.15
    } else {
        0.95
    };
    let longest = 0.5 * draw_diameter(patient.histology, roomy, rng);
    let half = [
        (longest * rng.random_range(0.65..0.95)).min(widest[0]),
        (longest * rng.random_range(0.6..0.9)).min(widest[1]),
        longest.min(1.2 * widest[2]),
    ];
    let mut tilt = |by: f64| rng.random_range(-by..by);
    Ellipsoid::upright(torso.world(place), half).turned([tilt(12.0), tilt(12.0), tilt(20.0)])
}
