//! Rigid registration of two images of one patient.

use crate::Rigid;
use crate::body::Body;
use crate::error::{RegisterError, Side};
use crate::information::Information;
use crate::level::pyramid;
use crate::quality::Quality;
use crate::samples::{Samples, stream};
use crate::search::{Scene, search};
use crate::shading::flattened;
use crate::spec::RegisterSpec;
use crate::vector::Vector;
use sarx_core::Volume;

/// How far a result is shifted, and how far it is turned at the body's radius, to see whether it stands out, mm.
pub const DISTURBANCE_MM: f64 = 8.0;

/// Fewest voxels along an axis.
const LEAST_VOXELS: usize = 4;

/// Two images brought together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Registration {
    /// Where a point of the moving image's patient space is in the fixed image's, RAS+ mm.
    pub fixed_from_moving: Rigid,
    /// How good it is.
    pub quality: Quality,
}

/// Finds the rigid motion that brings `moving` onto `fixed` by their mutual information.
///
/// Both may have any grid, spacing, orientation and contrast. See the crate's documentation for the method.
///
/// # Errors
///
/// [`RegisterError`] for a specification or an image that cannot be registered, for images that have nothing in
/// common, and [`RegisterError::Unreliable`] for a result beyond the limits of the specification.
///
/// # Determinism
///
/// Equal images, specifications and seeds give equal results on one kind of machine, whatever the number of
/// threads.
pub fn register(
    fixed: &Volume<f32>,
    moving: &Volume<f32>,
    spec: &RegisterSpec,
) -> Result<Registration, RegisterError> {
    let scene = prepare(fixed, moving, spec)?;
    let judge = Judge::new(&scene, spec);
    let pair = |k: u64| -> Vec<Rigid> {
        let (a, b) = rayon::join(|| search(&scene, spec, k), || search(&scene, spec, k + 1));
        [a, b].into_iter().flatten().collect()
    };
    let mut found = pair(0);
    let mut registration = judge.best(&found);
    // The best place must be found twice. One search in a dozen misses it in a small body: two more decide.
    let is_confirmed = |r: &Registration| r.quality.spread_mm <= spec.limits.largest_spread_mm;
    if !registration.as_ref().is_some_and(is_confirmed) {
        found.extend(pair(2));
        registration = judge.best(&found);
    }
    let registration = registration.ok_or(RegisterError::NoOverlap {
        least_overlap: spec.limits.least_overlap,
    })?;
    let doubts = registration.quality.doubts(&spec.limits);
    if doubts.is_empty() {
        Ok(registration)
    } else {
        Err(RegisterError::Unreliable {
            doubts,
            registration: Box::new(registration),
        })
    }
}

/// Checks the images and reads them on all levels.
fn prepare(
    fixed: &Volume<f32>,
    moving: &Volume<f32>,
    spec: &RegisterSpec,
) -> Result<Scene, RegisterError> {
    spec.check()?;
    require_image(fixed, Side::Fixed)?;
    require_image(moving, Side::Moving)?;
    let finest = |image: &Volume<f32>| -> f64 {
        let spacing = image.grid().spacing.zyx_mm();
        spacing.into_iter().fold(f64::INFINITY, f64::min)
    };
    let details_mm = useful_levels(&spec.levels_mm, finest(fixed).min(finest(moving)));
    let levels = |image: &Volume<f32>, side| {
        let flat = match spec.shading_mm {
            Some(mm) => Some(flattened(image, mm).ok_or(RegisterError::NoContrast { side })?),
            None => None,
        };
        let image = flat.as_ref().unwrap_or(image);
        let levels = pyramid(image, &details_mm).ok_or(RegisterError::Singular { side })?;
        // What little contrast there was may be gone when an image is smoothed.
        if levels.iter().any(|level| level.range[0] >= level.range[1]) {
            return Err(RegisterError::NoContrast { side });
        }
        Ok(levels)
    };
    let (fixed, moving) = (levels(fixed, Side::Fixed)?, levels(moving, Side::Moving)?);
    Ok(Scene {
        fixed_body: Body::find(&fixed[0]),
        moving_body: Body::find(&moving[0]),
        fixed,
        moving,
        details_mm,
    })
}

/// The levels down to the first that leaves both images as they are.
fn useful_levels(levels_mm: &[f64], finest_mm: f64) -> Vec<f64> {
    let unchanged = levels_mm.iter().position(|&mm| mm <= finest_mm);
    let n = unchanged.map_or(levels_mm.len(), |i| i + 1);
    levels_mm[..n].to_vec()
}

fn require_image(image: &Volume<f32>, side: Side) -> Result<(), RegisterError> {
    let size = image.grid().size.zyx();
    if let Some(axis) = size.iter().position(|&n| n < LEAST_VOXELS) {
        return Err(RegisterError::TooThin {
            side,
            axis,
            found: size[axis],
        });
    }
    if image.grid().affine().inverse().is_none() {
        return Err(RegisterError::Singular { side });
    }
    let mut voxels = image.voxels().indexed_iter();
    if let Some(((z, y, x), _)) = voxels.find(|(_, v)| !v.is_finite()) {
        return Err(RegisterError::NotFinite {
            side,
            index: [z, y, x],
        });
    }
    let first = image.voxels()[[0, 0, 0]];
    if image.voxels().iter().all(|&v| v == first) {
        return Err(RegisterError::NoContrast { side });
    }
    Ok(())
}

/// Compares results on samples that none of the searches has seen.
struct Judge<'a> {
    scene: &'a Scene,
    spec: &'a RegisterSpec,
    samples: Samples,
}

impl<'a> Judge<'a> {
    fn new(scene: &'a Scene, spec: &'a RegisterSpec) -> Self {
        let level = scene.details_mm.len() - 1;
        let mut rng = stream(spec.seed, 1);
        Self {
            scene,
            spec,
            samples: scene.samples(level, spec.n_samples, spec.bins, &mut rng),
        }
    }

    fn information(&self, moving_from_fixed: &Rigid) -> Option<Information> {
        let level = self.scene.details_mm.len() - 1;
        let comparison = self.scene.comparison(level, &self.samples, self.spec);
        comparison.evaluate(moving_from_fixed, [0.0; 3])
    }

    /// The best of some `moving_from_fixed` and its quality; `None` when none overlaps enough.
    fn best(&self, found: &[Rigid]) -> Option<Registration> {
        let shared = |motion| self.information(motion).map_or(0.0, |i| i.shared());
        let mut ranked: Vec<(f64, &Rigid)> = found.iter().map(|m| (shared(m), m)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (_, best) = *ranked.first()?;
        let information = self.information(best)?;
        let apart = ranked
            .iter()
            .skip(1)
            .map(|(_, m)| self.scene.distance(m, best).rms_mm);
        let identity = Rigid::identity();
        let mutual = information.mutual;
        Some(Registration {
            fixed_from_moving: best.inverse(),
            quality: Quality {
                mutual_information: mutual,
                normalized_information: information.normalized,
                information_gain: mutual / self.surroundings(best, mutual).max(1e-12),
                header_information: self.information(&identity).map(|i| i.mutual),
                overlap: self.scene.overlap_of_inside(information.inside).min(1.0),
                spread_mm: apart.fold(f64::INFINITY, f64::min),
                angle_deg: best.angle_deg(),
                moved_mm: self.scene.distance(best, &identity).rms_mm,
            },
        })
    }

    /// The mean information after shifts and turns along each axis, both ways; where too little overlaps after
    /// one, it counts as the result itself: it cannot speak for it.
    fn surroundings(&self, best: &Rigid, mutual: f64) -> f64 {
        let body = &self.scene.fixed_body;
        let disturbed = (0..12).map(|k| {
            let mut v: Vector = [0.0; 3];
            v[k % 3] = if k < 6 {
                DISTURBANCE_MM
            } else {
                -DISTURBANCE_MM
            };
            let (turn, shift) = if k % 6 < 3 {
                ([0.0; 3], v)
            } else {
                (v.map(|mm| mm / body.radius_mm), [0.0; 3])
            };
            let motion = best.after(&Rigid::turn(body.centre, turn, shift));
            self.information(&motion).map_or(mutual, |i| i.mutual)
        });
        disturbed.sum::<f64>() / 12.0
    }
}
