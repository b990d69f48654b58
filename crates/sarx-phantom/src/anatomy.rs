//! Healthy bodies as functions of a point.

mod bowel;
mod limb;
mod limb_atlas;
mod muscles;
mod torso;
mod torso_atlas;
mod torso_organs;

pub(crate) use limb::Limb;
pub(crate) use limb_atlas::LimbPart;
pub(crate) use torso::Torso;

use crate::noise::Noise;
use crate::shapes::Point;
use crate::tissue::Tissue;

/// A body that can be asked what is where. Both are the patient's right side up to mirroring.
#[derive(Debug, Clone)]
pub(crate) enum Anatomy {
    Limb(Limb),
    Torso(Box<Torso>),
}

impl Anatomy {
    /// The bone at a point, if any; bones are not pushed aside by a tumour.
    pub(crate) fn bone(&self, p: Point) -> Option<Tissue> {
        match self {
            Self::Limb(limb) => limb.bone(p),
            Self::Torso(torso) => torso.bone(p),
        }
    }

    /// The soft tissue at a point, after warp and displacement.
    pub(crate) fn soft_tissue(&self, p: Point, noise: &Noise) -> Tissue {
        match self {
            Self::Limb(limb) => limb.soft_tissue(p, noise),
            Self::Torso(torso) => torso.soft_tissue(p, noise),
        }
    }

    /// Whether a point is so far outside that neither warp nor tumour can put body there.
    pub(crate) fn is_far_outside(&self, p: Point, margin_mm: f64) -> bool {
        let distance = match self {
            Self::Limb(limb) => limb.skin_distance(p),
            Self::Torso(torso) => torso.skin_distance(p),
        };
        distance > margin_mm
    }
}
