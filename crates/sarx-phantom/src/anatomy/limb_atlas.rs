//! Cross-sections of the limbs: where each muscle, bone and vessel lies.
//!
//! Positions are fractions of the muscle cylinder's radius in a right limb seen from its foot,
//! `x` lateral, `y` anterior, at mid-height; slopes are the change over one radius of height.
//! Ours, read off common atlases of cross-sectional anatomy by eye.

use crate::tissue::Tissue;

/// Which limb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimbPart {
    Thigh,
    LowerLeg,
    UpperArm,
}

/// One muscle: `(x, y, slope_x, slope_y, weight)`.
pub(crate) type MuscleEntry = (f64, f64, f64, f64, f64);

/// One vessel or nerve: `(tissue, x, y, slope_x, slope_y, radius_mm)`.
pub(crate) type VesselEntry = (Tissue, f64, f64, f64, f64, f64);

/// One long bone: `(x, y, slope_x, slope_y, outer_radius_mm, marrow_radius_mm)`.
pub(crate) type BoneEntry = (f64, f64, f64, f64, f64, f64);

/// A limb's cross-section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimbAtlas {
    pub(crate) muscles: &'static [MuscleEntry],
    pub(crate) bones: &'static [BoneEntry],
    pub(crate) vessels: &'static [VesselEntry],
    /// Mean radius of the muscle cylinder, mm.
    pub(crate) radius_mm: f64,
    /// Mean thickness of the fat under the skin, mm.
    pub(crate) fat_mm: f64,
    /// Narrowing towards the foot: change of radius over one radius of height.
    pub(crate) taper: f64,
}

impl LimbPart {
    pub(crate) fn atlas(self) -> LimbAtlas {
        match self {
            Self::Thigh => LimbAtlas {
                muscles: THIGH_MUSCLES,
                bones: &[(0.10, 0.14, -0.03, 0.0, 14.5, 8.0)],
                vessels: THIGH_VESSELS,
                radius_mm: 61.0,
                fat_mm: 13.0,
                taper: 0.08,
            },
            Self::LowerLeg => LimbAtlas {
                muscles: LEG_MUSCLES,
                bones: &[
                    (-0.32, 0.46, 0.0, 0.0, 14.5, 9.0),
                    (0.52, 0.08, 0.02, 0.0, 6.5, 3.2),
                ],
                vessels: LEG_VESSELS,
                radius_mm: 45.0,
                fat_mm: 7.0,
                taper: 0.09,
            },
            Self::UpperArm => LimbAtlas {
                muscles: ARM_MUSCLES,
                bones: &[(0.08, -0.02, 0.0, 0.0, 11.0, 6.0)],
                vessels: ARM_VESSELS,
                radius_mm: 39.0,
                fat_mm: 8.0,
                taper: 0.04,
            },
        }
    }
}

const THIGH_MUSCLES: &[MuscleEntry] = &[
    (0.14, 0.74, 0.03, 0.0, 0.26),    // rectus femoris
    (0.64, 0.26, 0.02, 0.0, 0.40),    // vastus lateralis
    (0.22, 0.36, 0.0, 0.0, 0.30),     // vastus intermedius
    (-0.36, 0.44, 0.06, -0.02, 0.32), // vastus medialis
    (-0.72, 0.42, 0.10, 0.12, 0.14),  // sartorius, crossing
    (-0.62, 0.06, 0.02, 0.05, 0.24),  // adductor longus
    (-0.36, -0.26, 0.0, 0.0, 0.36),   // adductor magnus
    (-0.86, -0.16, 0.02, 0.0, 0.16),  // gracilis
    (0.44, -0.60, -0.05, 0.0, 0.28),  // biceps femoris, long head
    (0.40, -0.24, 0.0, 0.0, 0.16),    // biceps femoris, short head
    (0.04, -0.76, 0.03, 0.0, 0.22),   // semitendinosus
    (-0.34, -0.72, -0.03, 0.0, 0.26), // semimembranosus
];

const THIGH_VESSELS: &[VesselEntry] = &[
    (Tissue::Artery, -0.47, 0.20, 0.03, 0.10, 3.6),
    (Tissue::Vein, -0.50, 0.10, 0.03, 0.10, 4.6),
    (Tissue::Artery, -0.10, -0.08, 0.0, 0.05, 2.1),
    (Tissue::Vein, -0.04, -0.12, 0.0, 0.05, 2.4),
    (Tissue::Vein, -1.08, 0.12, 0.0, 0.08, 2.2), // great saphenous vein
    (Tissue::Nerve, 0.12, -0.42, 0.0, 0.0, 4.2), // sciatic nerve
    (Tissue::Vein, 0.42, 0.46, 0.05, 0.1, 1.4),
    (Tissue::Vein, 0.66, -0.30, -0.08, 0.1, 1.4),
    (Tissue::Artery, 0.30, 0.58, 0.05, -0.04, 1.3),
    (Tissue::Vein, -0.60, -0.42, 0.06, 0.06, 1.4),
    (Tissue::Vein, 0.78, 0.80, 0.1, 0.0, 1.3),
    (Tissue::Vein, -0.3, 1.12, 0.12, 0.0, 1.2),
];

const LEG_MUSCLES: &[MuscleEntry] = &[
    (0.18, 0.62, -0.03, 0.0, 0.26),   // tibialis anterior
    (0.48, 0.44, 0.0, 0.0, 0.18),     // extensor digitorum
    (0.80, 0.16, 0.0, 0.0, 0.20),     // peronei
    (0.14, -0.22, 0.0, 0.0, 0.42),    // soleus
    (-0.42, -0.62, -0.04, 0.0, 0.36), // gastrocnemius, medial head
    (0.42, -0.66, 0.04, 0.0, 0.32),   // gastrocnemius, lateral head
    (0.14, 0.16, 0.0, 0.0, 0.16),     // tibialis posterior
    (-0.40, -0.04, 0.0, 0.0, 0.16),   // flexor digitorum
    (0.50, -0.20, 0.0, 0.0, 0.14),    // flexor hallucis
];

const LEG_VESSELS: &[VesselEntry] = &[
    (Tissue::Artery, -0.14, -0.02, 0.0, 0.0, 1.7),
    (Tissue::Vein, -0.20, -0.06, 0.0, 0.0, 2.1),
    (Tissue::Nerve, -0.08, -0.08, 0.0, 0.0, 2.2),
    (Tissue::Artery, 0.36, -0.02, 0.0, 0.0, 1.4),
    (Tissue::Vein, 0.32, -0.06, 0.0, 0.0, 1.9),
    (Tissue::Artery, 0.24, 0.30, 0.0, 0.0, 1.4),
    (Tissue::Vein, 0.28, 0.33, 0.0, 0.0, 1.6),
    (Tissue::Vein, -1.05, 0.20, 0.0, 0.04, 2.0), // great saphenous vein
    (Tissue::Vein, 0.05, -1.06, 0.03, 0.0, 1.7), // small saphenous vein
    (Tissue::Vein, -0.10, -0.46, 0.06, 0.0, 1.8), // sinuses of the soleus
    (Tissue::Vein, 0.30, -0.44, -0.05, 0.0, 1.6),
];

const ARM_MUSCLES: &[MuscleEntry] = &[
    (-0.10, 0.66, 0.03, 0.0, 0.36),  // biceps
    (0.26, 0.30, 0.0, 0.0, 0.28),    // brachialis
    (-0.40, -0.50, 0.0, 0.0, 0.32),  // triceps, long head
    (0.48, -0.42, 0.0, 0.0, 0.34),   // triceps, lateral head
    (0.0, -0.32, 0.0, 0.0, 0.24),    // triceps, medial head
    (-0.48, 0.22, -0.05, 0.0, 0.14), // coracobrachialis
    (0.66, 0.24, 0.05, 0.0, 0.16),   // brachioradialis
];

const ARM_VESSELS: &[VesselEntry] = &[
    (Tissue::Artery, -0.62, 0.04, 0.0, 0.04, 2.4),
    (Tissue::Vein, -0.66, -0.06, 0.0, 0.04, 2.0),
    (Tissue::Nerve, -0.56, 0.12, 0.0, 0.04, 2.2),
    (Tissue::Vein, -0.90, -0.12, 0.0, 0.05, 2.2), // basilic vein
    (Tissue::Vein, 0.62, 0.94, 0.04, 0.0, 2.0),   // cephalic vein
    (Tissue::Artery, 0.34, -0.22, 0.05, 0.0, 1.4),
    (Tissue::Nerve, 0.38, -0.16, 0.05, 0.0, 2.0),
];
