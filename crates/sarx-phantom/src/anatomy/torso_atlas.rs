//! The torso's measures: outline by height, muscles, bones and great vessels of the right half.
//!
//! Millimetres; x to the side (mirrored for the left), y anterior, z up from the centre of the
//! femoral heads. Ours, read off common atlases of cross-sectional anatomy by eye for a person
//! of average size; [`super::Torso`] scales it.

use super::muscles::MuscleAxis;
use crate::shapes::{Capsule, Ellipsoid, Point, Tube};
use crate::tissue::Tissue;

/// Half-width of the skin outline by height.
pub(crate) const HALF_WIDTH: &[(f64, f64)] = &[
    (-120.0, 162.0),
    (-50.0, 168.0),
    (40.0, 160.0),
    (110.0, 146.0),
    (170.0, 136.0),
    (250.0, 142.0),
    (330.0, 148.0),
];

/// Half-depth of the skin outline by height.
pub(crate) const HALF_DEPTH: &[(f64, f64)] = &[
    (-100.0, 98.0),
    (30.0, 100.0),
    (110.0, 92.0),
    (180.0, 90.0),
    (250.0, 96.0),
    (330.0, 104.0),
];

/// From the inner border of the fat to the cavity at the side, mm, by height.
pub(crate) const WALL_SIDE: &[(f64, f64)] = &[
    (-70.0, 128.0),
    (-30.0, 98.0),
    (20.0, 84.0),
    (60.0, 62.0),
    (105.0, 34.0),
    (140.0, 17.0),
    (200.0, 14.0),
];

/// Hind border of the cavity (y) by height.
pub(crate) const CAVITY_BACK: &[(f64, f64)] = &[
    (-60.0, -40.0),
    (0.0, -58.0),
    (60.0, -55.0),
    (100.0, -30.0),
    (130.0, -44.0),
    (200.0, -54.0),
    (330.0, -62.0),
];

/// The floor of the pelvis, where the cavity ends.
pub(crate) const CAVITY_FLOOR_MM: f64 = -58.0;

/// Muscles between skin fat and cavity: `(id, from, to, weight, reach)`.
const MUSCLES: &[(u8, Point, Point, f64, f64)] = &[
    (0, [62.0, -74.0, 62.0], [122.0, -48.0, -45.0], 34.0, 62.0), // gluteus maximus
    (0, [40.0, -70.0, 30.0], [100.0, -60.0, -50.0], 30.0, 50.0),
    (1, [96.0, -38.0, 92.0], [134.0, -8.0, -20.0], 30.0, 50.0), // gluteus medius
    (2, [108.0, 6.0, 70.0], [126.0, 14.0, -15.0], 18.0, 40.0),  // gluteus minimus
    (3, [128.0, 44.0, 45.0], [140.0, 34.0, -100.0], 14.0, 34.0), // tensor fasciae latae
    (4, [88.0, 4.0, 84.0], [80.0, 40.0, -6.0], 20.0, 36.0),     // iliacus
    (5, [116.0, 62.0, 22.0], [62.0, 74.0, -170.0], 9.0, 20.0),  // sartorius
    (6, [106.0, 50.0, 0.0], [104.0, 62.0, -220.0], 18.0, 34.0), // rectus femoris
    (7, [138.0, 26.0, -66.0], [126.0, 30.0, -220.0], 28.0, 48.0), // vastus lateralis
    (8, [114.0, 26.0, -72.0], [108.0, 30.0, -220.0], 18.0, 36.0), // vastus intermedius
    (9, [44.0, 50.0, -36.0], [80.0, 34.0, -120.0], 18.0, 34.0), // pectineus
    (10, [34.0, 44.0, -60.0], [68.0, 40.0, -180.0], 18.0, 34.0), // adductor longus
    (11, [40.0, 2.0, -78.0], [82.0, -14.0, -220.0], 26.0, 46.0), // adductor magnus
    (12, [20.0, 26.0, -72.0], [40.0, 16.0, -220.0], 8.0, 18.0), // gracilis
    (13, [64.0, -46.0, -84.0], [84.0, -52.0, -220.0], 26.0, 46.0), // hamstrings
    (14, [60.0, 10.0, 4.0], [64.0, -14.0, -40.0], 14.0, 26.0),  // obturator internus
    (15, [48.0, 26.0, -54.0], [104.0, -16.0, -56.0], 14.0, 24.0), // obturator externus
    (16, [38.0, -54.0, 46.0], [116.0, -18.0, 4.0], 14.0, 22.0), // piriformis
    (17, [34.0, 78.0, -20.0], [36.0, 84.0, 340.0], 22.0, 40.0), // rectus abdominis
    (18, [108.0, 36.0, 105.0], [112.0, 36.0, 340.0], 30.0, 70.0), // external oblique
    (19, [100.0, 24.0, 105.0], [104.0, 24.0, 340.0], 22.0, 70.0), // internal oblique
    (20, [98.0, -40.0, 120.0], [108.0, -46.0, 340.0], 24.0, 50.0), // latissimus
    (21, [40.0, -66.0, 60.0], [40.0, -68.0, 340.0], 26.0, 34.0), // erector spinae
    (22, [14.0, -62.0, 70.0], [14.0, -62.0, 340.0], 14.0, 22.0), // multifidus
    (23, [68.0, -42.0, 112.0], [64.0, -42.0, 250.0], 16.0, 26.0), // quadratus lumborum
];

/// The muscle axes.
pub(crate) fn muscles() -> Vec<MuscleAxis> {
    MUSCLES
        .iter()
        .map(|&(id, from, to, weight, reach)| MuscleAxis {
            id,
            axis: Capsule::new(from, to, (0.0, 0.0)),
            weight,
            reach,
        })
        .collect()
}

/// The psoas, from the spine to the lesser trochanter.
pub(crate) fn psoas() -> Tube {
    Tube::through(&[
        ([34.0, -24.0, 262.0], 10.0),
        ([42.0, -20.0, 190.0], 18.0),
        ([50.0, -8.0, 120.0], 22.0),
        ([64.0, 18.0, 60.0], 17.0),
        ([82.0, 44.0, 0.0], 16.0),
        ([92.0, 22.0, -60.0], 12.0),
    ])
}

/// Tubular bones of the right half, with the thickness of their cortex.
pub(crate) fn long_bones() -> Vec<(Tube, f64)> {
    let straight = |from: Point, to: Point, radius: (f64, f64)| {
        Tube::through(&[(from, radius.0), (to, radius.1)])
    };
    vec![
        (
            straight([92.0, 4.0, 0.0], [92.5, 4.0, 0.0], (23.5, 23.5)),
            1.8,
        ),
        (
            straight([94.0, 3.0, -4.0], [134.0, -8.0, -38.0], (15.0, 15.0)),
            2.2,
        ),
        (
            straight([136.0, -12.0, -26.0], [132.0, -6.0, -62.0], (19.0, 16.0)),
            2.0,
        ),
        (
            straight([130.0, -4.0, -58.0], [112.0, 6.0, -230.0], (16.5, 14.0)),
            5.0,
        ),
        (
            straight([72.0, 30.0, 2.0], [10.0, 54.0, -26.0], (10.0, 9.0)),
            2.0,
        ), // superior ramus
        (
            straight([10.0, 52.0, -26.0], [11.0, 44.0, -52.0], (8.5, 8.0)),
            2.0,
        ), // symphysis
        (
            straight([14.0, 40.0, -54.0], [52.0, -16.0, -84.0], (7.0, 9.0)),
            2.0,
        ), // inferior ramus
        (
            straight([72.0, -20.0, -18.0], [56.0, -28.0, -82.0], (15.0, 15.0)),
            2.4,
        ), // ischium
    ]
}

/// Plate-like bones of the right half, with the thickness of their cortex.
pub(crate) fn flat_bones() -> Vec<(Ellipsoid, f64)> {
    vec![
        // The wing of the ilium, and its stout part at the sacroiliac joint.
        (
            Ellipsoid::upright([98.0, -12.0, 68.0], [8.0, 66.0, 54.0]).turned([0.0, 22.0, -38.0]),
            2.0,
        ),
        (
            Ellipsoid::upright([62.0, -54.0, 66.0], [10.0, 26.0, 34.0]).turned([0.0, 0.0, -34.0]),
            2.0,
        ),
        // The roof and the wall of the acetabulum.
        (
            Ellipsoid::upright([88.0, 2.0, 26.0], [22.0, 30.0, 22.0]),
            2.2,
        ),
        (Ellipsoid::upright([66.0, 4.0, 2.0], [7.0, 30.0, 28.0]), 2.0),
    ]
}

/// The sacrum and the coccyx on the midline: `(tube, side wings)`.
pub(crate) fn sacrum() -> (Ellipsoid, Tube) {
    let body = Ellipsoid::upright([0.0, -62.0, 66.0], [50.0, 19.0, 50.0]).turned([-24.0, 0.0, 0.0]);
    let coccyx = Tube::through(&[
        ([0.0, -78.0, 36.0], 11.0),
        ([0.0, -74.0, 8.0], 7.0),
        ([0.0, -62.0, -14.0], 4.0),
    ]);
    (body, coccyx)
}

/// The line of the lumbar spine: y of the vertebral bodies by height.
pub(crate) const SPINE: &[(f64, f64)] = &[
    (96.0, -34.0),
    (130.0, -22.0),
    (180.0, -18.0),
    (230.0, -22.0),
    (340.0, -34.0),
];

/// From one disc to the next, mm; the lowest disc is at 108.
pub(crate) const VERTEBRA_MM: f64 = 36.0;

/// Arteries and veins of the right half; the aorta and the caval vein are separate.
pub(crate) fn paired_vessels() -> Vec<(Tissue, Tube)> {
    vec![
        (
            Tissue::Artery,
            Tube::through(&[
                ([4.0, 6.0, 136.0], 6.0),
                ([34.0, -2.0, 96.0], 5.0),
                ([60.0, 22.0, 44.0], 4.6),
                ([72.0, 56.0, -8.0], 4.6),
                ([76.0, 44.0, -110.0], 4.2),
                ([70.0, 36.0, -220.0], 3.8),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[
                ([10.0, -2.0, 130.0], 6.5),
                ([36.0, -12.0, 92.0], 6.0),
                ([54.0, 14.0, 44.0], 5.6),
                ([62.0, 52.0, -8.0], 5.6),
                ([66.0, 38.0, -110.0], 4.8),
                ([62.0, 28.0, -220.0], 4.4),
            ]),
        ),
        (
            Tissue::Artery,
            Tube::through(&[
                ([40.0, -10.0, 90.0], 3.2),
                ([58.0, -34.0, 40.0], 2.6),
                ([80.0, -56.0, 20.0], 2.2),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[
                ([56.0, -36.0, 60.0], 3.2),
                ([50.0, -28.0, 0.0], 3.0),
                ([40.0, 10.0, -30.0], 2.6),
            ]),
        ),
        (
            Tissue::Nerve,
            Tube::through(&[
                ([62.0, -46.0, 30.0], 5.0),
                ([84.0, -44.0, -30.0], 5.0),
                ([92.0, -34.0, -200.0], 4.6),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[([64.0, 66.0, -20.0], 2.4), ([46.0, 72.0, -160.0], 2.2)]),
        ),
    ]
}

/// The aorta (left of the midline) and the inferior caval vein (right).
pub(crate) fn great_vessels() -> Vec<(Tissue, Tube)> {
    vec![
        (
            Tissue::Artery,
            Tube::through(&[
                ([-4.0, 8.0, 134.0], 8.0),
                ([-10.0, 12.0, 200.0], 9.0),
                ([-10.0, 4.0, 340.0], 10.5),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[
                ([14.0, 6.0, 128.0], 9.5),
                ([18.0, 10.0, 200.0], 10.5),
                ([22.0, 14.0, 340.0], 12.0),
            ]),
        ),
        (
            Tissue::Artery,
            Tube::through(&[
                ([-10.0, 14.0, 236.0], 4.5),
                ([-4.0, 32.0, 200.0], 3.8),
                ([8.0, 34.0, 140.0], 3.0),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[
                ([16.0, 30.0, 240.0], 6.0),
                ([8.0, 36.0, 200.0], 5.0),
                ([16.0, 36.0, 140.0], 3.5),
            ]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[([20.0, 8.0, 216.0], 5.0), ([60.0, -16.0, 222.0], 3.6)]),
        ),
        (
            Tissue::Vein,
            Tube::through(&[([16.0, 14.0, 222.0], 4.5), ([-60.0, -16.0, 226.0], 3.6)]),
        ),
    ]
}
