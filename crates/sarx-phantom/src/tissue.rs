//! The healthy tissues and how bright each is on either sequence.

use crate::Sequence;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// What is at a point of the healthy body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tissue {
    Air,
    Skin,
    Fat,
    /// Fat and fascia between muscles.
    Septum,
    /// One muscle compartment; the number tells neighbours apart.
    Muscle(u8),
    Cortex,
    Marrow,
    /// Blood-forming marrow of pelvis and spine.
    RedMarrow,
    Disc,
    Csf,
    Artery,
    Vein,
    Nerve,
    BladderWall,
    Urine,
    BowelWall,
    BowelContent,
    Stool,
    Gas,
    Kidney,
    Liver,
    Spleen,
    /// Uterus or prostate.
    PelvicOrgan,
}

impl Tissue {
    /// Whether a tumour may grow here: it spares skin, bone and the outside.
    pub(crate) fn admits_tumour(self) -> bool {
        use Tissue as T;
        !matches!(
            self,
            T::Air | T::Skin | T::Cortex | T::Marrow | T::RedMarrow | T::Disc | T::Csf
        )
    }

    /// How much water of an oedema the tissue takes, 0 to 1.
    pub(crate) fn swelling(self) -> f64 {
        match self {
            Self::Muscle(_) | Self::Septum => 1.0,
            Self::Fat => 0.35,
            _ => 0.0,
        }
    }

    /// Mean signal relative to muscle = 1: (contrast T1 with fat suppression, T2 with fat
    /// suppression). Ours: set by eye to the order of brightness that radiologists describe.
    fn mean(self) -> (f64, f64) {
        use Tissue as T;
        match self {
            T::Air => (0.0, 0.0),
            T::Skin => (1.55, 1.7),
            T::Fat => (0.36, 0.42),
            T::Septum => (0.55, 0.62),
            T::Muscle(_) => (1.0, 1.0),
            T::Cortex => (0.12, 0.12),
            T::Marrow => (0.42, 0.5),
            T::RedMarrow => (0.82, 0.95),
            T::Disc => (0.7, 2.3),
            T::Csf => (0.45, 6.5),
            T::Artery => (2.7, 0.35),
            T::Vein => (2.3, 3.0),
            T::Nerve => (0.95, 1.9),
            T::BladderWall => (1.6, 1.0),
            T::Urine => (0.5, 7.0),
            T::BowelWall => (2.0, 1.7),
            T::BowelContent => (0.85, 2.6),
            T::Stool => (1.1, 1.2),
            T::Gas => (0.05, 0.05),
            T::Kidney => (2.9, 3.2),
            T::Liver => (1.45, 1.3),
            T::Spleen => (1.55, 2.7),
            T::PelvicOrgan => (1.5, 2.3),
        }
    }

    /// Strength of the fine texture, as a fraction of the signal.
    pub(crate) fn texture(self) -> f64 {
        match self {
            Self::Muscle(_) => 0.09,
            Self::Fat | Self::Septum => 0.16,
            Self::BowelContent | Self::Stool => 0.3,
            Self::Marrow | Self::RedMarrow => 0.12,
            Self::PelvicOrgan | Self::Liver | Self::Spleen | Self::Kidney => 0.08,
            _ => 0.03,
        }
    }

    fn slot(self) -> usize {
        use Tissue as T;
        match self {
            T::Air => 0,
            T::Skin => 1,
            T::Fat => 2,
            T::Septum => 3,
            T::Cortex => 4,
            T::Marrow => 5,
            T::RedMarrow => 6,
            T::Disc => 7,
            T::Csf => 8,
            T::Artery => 9,
            T::Vein => 10,
            T::Nerve => 11,
            T::BladderWall => 12,
            T::Urine => 13,
            T::BowelWall => 14,
            T::BowelContent => 15,
            T::Stool => 16,
            T::Gas => 17,
            T::Kidney => 18,
            T::Liver => 19,
            T::Spleen => 20,
            T::PelvicOrgan => 21,
            T::Muscle(compartment) => FIRST_MUSCLE + usize::from(compartment) % N_MUSCLES,
        }
    }

    const FIXED: [Self; FIRST_MUSCLE] = [
        Self::Air,
        Self::Skin,
        Self::Fat,
        Self::Septum,
        Self::Cortex,
        Self::Marrow,
        Self::RedMarrow,
        Self::Disc,
        Self::Csf,
        Self::Artery,
        Self::Vein,
        Self::Nerve,
        Self::BladderWall,
        Self::Urine,
        Self::BowelWall,
        Self::BowelContent,
        Self::Stool,
        Self::Gas,
        Self::Kidney,
        Self::Liver,
        Self::Spleen,
        Self::PelvicOrgan,
    ];
}

const FIRST_MUSCLE: usize = 22;
const N_MUSCLES: usize = 32;

/// The signal of every tissue of one patient on one sequence, muscle about 1.
#[derive(Debug, Clone)]
pub(crate) struct Palette {
    signal: [f64; FIRST_MUSCLE + N_MUSCLES],
}

impl Palette {
    /// Draws a patient's palette: tissues vary by a tenth, muscles by a thirtieth.
    pub(crate) fn draw(sequence: Sequence, rng: &mut impl Rng) -> Self {
        let mut spread = |share: f64| {
            let deviate: f64 = StandardNormal.sample(rng);
            (share * deviate.clamp(-2.5, 2.5)).exp()
        };
        let mean = |tissue: Tissue| match sequence {
            Sequence::T1 => tissue.mean().0,
            Sequence::T2 => tissue.mean().1,
        };
        let mut signal = [0.0; FIRST_MUSCLE + N_MUSCLES];
        for tissue in Tissue::FIXED {
            signal[tissue.slot()] = mean(tissue) * spread(0.1);
        }
        for muscle in &mut signal[FIRST_MUSCLE..] {
            *muscle = spread(0.035);
        }
        Self { signal }
    }

    pub(crate) fn of(&self, tissue: Tissue) -> f64 {
        self.signal[tissue.slot()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixed_tissue_has_its_own_slot() {
        for (at, tissue) in Tissue::FIXED.into_iter().enumerate() {
            assert_eq!(tissue.slot(), at, "{tissue:?}");
        }
        assert!(Tissue::Muscle(0).slot() >= FIRST_MUSCLE);
    }
}
