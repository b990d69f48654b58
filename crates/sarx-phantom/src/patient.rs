//! Who has the tumour, and where.

use crate::Histology;
use crate::seeding::{Stream, stream};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use std::fmt;

/// The part of the body the tumour is in; a stratum of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// Thigh, lower leg or upper arm.
    Extremity,
    /// Pelvis and gluteal region.
    Pelvis,
    /// Abdominal cavity and retroperitoneum.
    Abdomen,
    /// Muscles of the back and the abdominal wall.
    TrunkWall,
}

/// The side of the tumour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Laterality {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
}

/// Sex as the cohort table gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sex {
    /// `F`.
    Female,
    /// `M`.
    Male,
}

/// One row of the cohort before any image is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Patient {
    pub(crate) histology: Histology,
    pub(crate) site: Site,
    pub(crate) laterality: Laterality,
    pub(crate) sex: Sex,
    pub(crate) age: u32,
}

impl Patient {
    /// Draws patient `index` of the cohort of `seed`.
    pub(crate) fn draw(seed: u64, index: usize, histology: Histology) -> Self {
        let mut rng = stream(seed, index, Stream::Patient, 0);
        let site = draw_site(histology, &mut rng);
        let laterality = if rng.random_bool(0.5) {
            Laterality::Left
        } else {
            Laterality::Right
        };
        let sex = if rng.random_bool(0.48) {
            Sex::Female
        } else {
            Sex::Male
        };
        let deviate: f64 = StandardNormal.sample(&mut rng);
        let age = (mean_age(histology) + 12.0 * deviate)
            .clamp(18.0, 92.0)
            .round() as u32;
        Self {
            histology,
            site,
            laterality,
            sex,
            age,
        }
    }
}

impl Laterality {
    /// +1 for the right, where world x grows, -1 for the left.
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }
}

/// Shares of extremity, pelvis, abdomen and trunk wall. Ours: extremities lead everywhere,
/// leiomyosarcoma often arises from veins of the abdomen, myxoma never.
fn site_shares(histology: Histology) -> [f64; 4] {
    match histology {
        Histology::Leiomyosarcoma => [0.38, 0.25, 0.28, 0.09],
        Histology::Myxofibrosarcoma => [0.76, 0.10, 0.03, 0.11],
        Histology::MyxoidLiposarcoma => [0.76, 0.10, 0.10, 0.04],
        Histology::Ups => [0.62, 0.14, 0.10, 0.14],
        Histology::Myxoma => [0.74, 0.15, 0.0, 0.11],
    }
}

fn draw_site(histology: Histology, rng: &mut impl Rng) -> Site {
    let mut left: f64 = rng.random_range(0.0..1.0);
    let sites = [
        Site::Extremity,
        Site::Pelvis,
        Site::Abdomen,
        Site::TrunkWall,
    ];
    for (site, share) in sites.into_iter().zip(site_shares(histology)) {
        if left < share {
            return site;
        }
        left -= share;
    }
    Site::Extremity
}

fn mean_age(histology: Histology) -> f64 {
    match histology {
        Histology::Leiomyosarcoma => 60.0,
        Histology::Myxofibrosarcoma => 66.0,
        Histology::MyxoidLiposarcoma => 47.0,
        Histology::Ups => 64.0,
        Histology::Myxoma => 53.0,
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extremity => "extremity",
            Self::Pelvis => "pelvis",
            Self::Abdomen => "abdomen",
            Self::TrunkWall => "trunk_wall",
        })
    }
}

impl fmt::Display for Laterality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl fmt::Display for Sex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Female => "F",
            Self::Male => "M",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_and_myxomas_spare_the_abdomen() {
        for histology in Histology::ALL {
            assert!((site_shares(histology).iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        let found = (0..300).map(|i| Patient::draw(1, i, Histology::Myxoma).site);
        assert!(found.into_iter().all(|site| site != Site::Abdomen));
    }

    #[test]
    fn most_tumours_are_in_extremities_and_each_site_occurs() {
        let order = Histology::sequence(299);
        let sites: Vec<Site> = order
            .iter()
            .enumerate()
            .map(|(i, &h)| Patient::draw(9, i, h).site)
            .collect();
        let count = |site| sites.iter().filter(|&&s| s == site).count();
        assert!(count(Site::Extremity) > 150);
        for site in [Site::Pelvis, Site::Abdomen, Site::TrunkWall] {
            assert!(count(site) >= 15, "{site}");
        }
    }
}
