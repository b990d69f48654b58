//! Rigid registration of two images of one patient.

use crate::Rigid;
use crate::body::Body;
use crate::climb::Summit;
use crate::error::{RegisterError, Side};
use crate::level::pyramid;
use crate::quality::Quality;
use crate::samples::{Samples, stream};
use crate::search::{Scene, search};
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
    let (first, second) = rayon::join(|| search(&scene, spec, 0), || search(&scene, spec, 1));
    let (Some(first), Some(second)) = (first, second) else {
        return Err(RegisterError::NoOverlap {
            least_overlap: spec.limits.least_overlap,
        });
    };
    let judge = Judge::new(&scene, spec);
    let registration = judge.better(&first, &second)?;
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
    let levels = |image, side| {
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

    /// Mutual and normalized information, and the part of the samples inside.
    fn information(&self, moving_from_fixed: &Rigid) -> Option<(f64, f64, f64)> {
        let level = self.scene.details_mm.len() - 1;
        let comparison = self.scene.comparison(level, &self.samples, self.spec);
        let found = comparison.evaluate(moving_from_fixed, [0.0; 3])?;
        Some((found.mutual, found.normalized, found.inside))
    }

    fn better(&self, first: &Summit, second: &Summit) -> Result<Registration, RegisterError> {
        let (a, b) = (&first.moving_from_fixed, &second.moving_from_fixed);
        let normalized = |motion| self.information(motion).map_or(0.0, |(_, n, _)| n);
        let best = if normalized(b) > normalized(a) { b } else { a };
        let no_overlap = RegisterError::NoOverlap {
            least_overlap: self.spec.limits.least_overlap,
        };
        let (mutual, normalized, inside) = self.information(best).ok_or(no_overlap)?;
        let identity = Rigid::identity();
        Ok(Registration {
            fixed_from_moving: best.inverse(),
            quality: Quality {
                mutual_information: mutual,
                normalized_information: normalized,
                information_gain: mutual / self.surroundings(best, mutual).max(1e-12),
                header_information: self.information(&identity).map(|(m, ..)| m),
                overlap: self.scene.overlap_of_inside(inside).min(1.0),
                spread_mm: self.scene.distance(a, b).rms_mm,
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
            self.information(&motion).map_or(mutual, |(m, ..)| m)
        });
        disturbed.sum::<f64>() / 12.0
    }
}
