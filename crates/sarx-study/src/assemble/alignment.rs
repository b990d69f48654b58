//! One series on the grid of another: by the headers, or by rigid registration.

use super::AssembleFault;
use crate::design::{AlignmentMethod, Design};
use sarx_core::{Grid, Volume};
use sarx_register::{Limits, RegisterSpec, Rigid, coverage, register, resample_linear};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Corners may be this far apart, mm, for two grids to be one.
const SAME_GRID_MM: f64 = 0.1;
/// By the headers alone if at least this part of the smaller image lies in the larger: series of one examination
/// show the same part of the body, and a header of another frame of reference rarely agrees by chance.
const LEAST_COVERAGE: f64 = 0.5;

/// How series of a patient are related in space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// The method.
    pub method: AlignmentMethod,
    /// Seed of registrations.
    pub seed: u64,
}

/// How a channel came onto the grid of its case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignmentRecord {
    /// `reference`, `same grid`, `header` or `registered`.
    pub how: String,
    /// What was asked for: `header`, `register`, `auto`.
    pub method: String,
    /// Seed of the registration.
    pub seed: u64,
    /// Part of the case's voxels that lie in the image.
    pub covered: f64,
    /// How far two searches of a registration ended apart, mm.
    pub spread_mm: Option<f64>,
    /// How much better than its surroundings the registration is.
    pub information_gain: Option<f64>,
    /// How far the registration turned the image, degrees.
    pub angle_deg: Option<f64>,
    /// How far it moved the body, mm.
    pub moved_mm: Option<f64>,
}

impl Alignment {
    /// As the study says.
    #[must_use]
    pub fn of(design: &Design) -> Self {
        Self {
            method: design.file.alignment.method,
            seed: design.file.split.seed,
        }
    }

    /// Where a point of the moving image is in the fixed one's space, and how that is known.
    ///
    /// # Errors
    ///
    /// [`AssembleFault::Register`] for a registration that is refused.
    pub fn find(
        &self,
        fixed: &Volume<f32>,
        moving: &Volume<f32>,
    ) -> Result<(Rigid, AlignmentRecord), AssembleFault> {
        let (here, there) = (fixed.grid(), moving.grid());
        let headers = Rigid::identity();
        let covered = part_covered(there, here, &headers)?;
        if self.method != AlignmentMethod::Register
            && here.require_same(there, SAME_GRID_MM).is_ok()
        {
            return Ok((headers, self.record("same grid", covered)));
        }
        let by_headers = match self.method {
            AlignmentMethod::Header => true,
            AlignmentMethod::Register => false,
            AlignmentMethod::Auto => {
                covered.max(part_covered(here, there, &headers)?) >= LEAST_COVERAGE
            }
        };
        if by_headers {
            return Ok((headers, self.record("header", covered)));
        }
        let mut spec = RegisterSpec {
            seed: self.seed,
            ..RegisterSpec::default()
        };
        if self.method == AlignmentMethod::Auto {
            // The headers do not share a frame of reference, so how far the result is from them says nothing.
            spec.limits = Limits {
                largest_moved_mm: f64::INFINITY,
                ..spec.limits
            };
        }
        let found = register(fixed, moving, &spec)?;
        let quality = found.quality;
        let record = AlignmentRecord {
            spread_mm: Some(quality.spread_mm),
            information_gain: Some(quality.information_gain),
            angle_deg: Some(quality.angle_deg),
            moved_mm: Some(quality.moved_mm),
            ..self.record(
                "registered",
                part_covered(there, here, &found.fixed_from_moving)?,
            )
        };
        Ok((found.fixed_from_moving, record))
    }

    /// The moving image on the grid of the fixed one; what it does not show becomes its least value.
    pub(super) fn bring(
        &self,
        fixed: &Volume<f32>,
        moving: &Volume<f32>,
    ) -> Result<(Volume<f32>, AlignmentRecord), AssembleFault> {
        let (fixed_from_moving, record) = self.find(fixed, moving)?;
        let least = moving
            .voxels()
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min);
        let volume = resample_linear(moving, fixed.grid(), &fixed_from_moving, least)?;
        Ok((volume, record))
    }

    /// Method and seed, as documents hold them.
    pub(super) fn name(&self) -> String {
        format!("{}, seed {}", self.method.name(), self.seed)
    }

    fn record(&self, how: &str, covered: f64) -> AlignmentRecord {
        AlignmentRecord {
            how: how.to_owned(),
            method: self.method.name().to_owned(),
            seed: self.seed,
            covered,
            spread_mm: None,
            information_gain: None,
            angle_deg: None,
            moved_mm: None,
        }
    }
}

/// The part of the target's voxels that lie in the source.
fn part_covered(
    source: &Grid,
    target: &Grid,
    target_from_source: &Rigid,
) -> Result<f64, AssembleFault> {
    let inside = coverage(source, target, target_from_source)?;
    let n = inside.voxels().iter().filter(|&&inside| inside).count();
    Ok(n as f64 / inside.voxels().len() as f64)
}

impl AlignmentRecord {
    /// Of a case's first channel, on whose grid the others are brought.
    #[must_use]
    pub fn reference() -> Self {
        let alignment = Alignment {
            method: AlignmentMethod::Header,
            seed: 0,
        };
        alignment.record("reference", 1.0)
    }

    /// Whether it was made in this way.
    pub(super) fn is_of(&self, alignment: &Alignment) -> bool {
        self.method == alignment.method.name() && self.seed == alignment.seed
    }

    /// The record beside a channel; `None` if there is none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), sarx_io::WriteError> {
        sarx_io::write_json(path, self)
    }
}
