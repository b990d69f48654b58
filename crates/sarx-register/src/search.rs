//! One search: many starts on the coarsest level, the best of them refined from level to level.

use crate::Rigid;
use crate::body::Body;
use crate::climb::{Stride, Summit, climb};
use crate::information::Comparison;
use crate::level::Level;
use crate::rigid::TargetError;
use crate::samples::{Samples, stream};
use crate::spec::RegisterSpec;
use crate::vector::{Vector, norm, scale, sub};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How many candidates go on to the second level, the third, the fourth; from there on one.
///
/// What looks best at 8 mm is often not the right place in a small body with fine parts, such as a neck; at
/// 4 mm it nearly always is.
const KEPT: [usize; 3] = [10, 3, 1];

/// Samples on the first levels, where only the basin is sought; from there on as many as the specification
/// says.
const FEW_SAMPLES: [usize; 2] = [4000, 10_000];

/// Steps of a climb at most, and the shortest as a part of the level's detail.
const N_STEPS: usize = 40;
const SHORTEST: f64 = 0.005;

/// Both images on all levels, and their bodies.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Coarse to fine; the bodies were found on the first.
    pub(crate) fixed: Vec<Level>,
    pub(crate) moving: Vec<Level>,
    pub(crate) fixed_body: Body,
    pub(crate) moving_body: Body,
    pub(crate) details_mm: Vec<f64>,
}

impl Scene {
    /// Points of the fixed body and the comparison with the moving image that they allow.
    pub(crate) fn samples(
        &self,
        level: usize,
        n: usize,
        bins: usize,
        rng: &mut ChaCha8Rng,
    ) -> Samples {
        let found_on = (&self.fixed_body, &self.fixed[0]);
        Samples::draw(&self.fixed[level], found_on, n, bins, rng)
    }

    pub(crate) fn comparison<'a>(
        &'a self,
        level: usize,
        samples: &'a Samples,
        spec: &RegisterSpec,
    ) -> Comparison<'a> {
        Comparison {
            samples,
            moving: &self.moving[level],
            bins: spec.bins,
            // A small moving image can never hold much of a large fixed body.
            least_inside: spec.limits.least_overlap / self.overlap_of_inside(1.0),
        }
    }

    /// The part of the smaller body that lies in both images, from the part of the fixed body that lies in
    /// the moving image.
    pub(crate) fn overlap_of_inside(&self, inside: f64) -> f64 {
        let smaller = self.fixed_body.volume_ml.min(self.moving_body.volume_ml);
        inside * self.fixed_body.volume_ml / smaller
    }

    /// How far two motions put the fixed body apart.
    pub(crate) fn distance(&self, a: &Rigid, b: &Rigid) -> TargetError {
        let points = self.fixed_body.points.iter();
        TargetError::of(points.map(|&p| norm(sub(a.apply(p), b.apply(p)))))
    }
}

/// Searches from starts and with samples of its own; `None` when nothing overlaps enough.
pub(crate) fn search(scene: &Scene, spec: &RegisterSpec, number: u64) -> Option<Rigid> {
    let lever = (scene.fixed_body.centre, scene.fixed_body.radius_mm);
    let mut candidates = starts(scene, spec, &mut stream(spec.seed, 100 + number));
    let mut summits = Vec::new();
    for (level, &detail_mm) in scene.details_mm.iter().enumerate() {
        let few = FEW_SAMPLES.get(level).copied().unwrap_or(usize::MAX);
        let n = few.min(spec.n_samples);
        let mut rng = stream(spec.seed, 200 + 100 * level as u64 + number);
        let samples = scene.samples(level, n, spec.bins, &mut rng);
        let comparison = scene.comparison(level, &samples, spec);
        let stride = Stride {
            first_mm: 0.25 * detail_mm,
            longest_mm: detail_mm,
            shortest_mm: SHORTEST * detail_mm,
            n_steps: N_STEPS,
        };
        summits = candidates
            .par_iter()
            .filter_map(|start| climb(&comparison, start, lever, &stride))
            .collect();
        summits.sort_by(|a: &Summit, b: &Summit| {
            b.information.shared().total_cmp(&a.information.shared())
        });
        let kept = KEPT.get(level).copied().unwrap_or(1);
        candidates = distinct(scene, &summits, kept, 0.5 * detail_mm);
    }
    summits.first().map(|summit| summit.moving_from_fixed)
}

/// The best `n` that are further apart than `least_mm`; `summits` are sorted, best first.
fn distinct(scene: &Scene, summits: &[Summit], n: usize, least_mm: f64) -> Vec<Rigid> {
    let mut kept: Vec<Rigid> = Vec::new();
    for summit in summits {
        if kept.len() == n {
            break;
        }
        let motion = summit.moving_from_fixed;
        if kept
            .iter()
            .all(|k| scene.distance(k, &motion).rms_mm > least_mm)
        {
            kept.push(motion);
        }
    }
    kept
}

/// `moving_from_fixed` at which climbs begin: where the headers put the images, where the bodies' centres and
/// the grids' centres coincide, and random disturbances of these in turn.
fn starts(scene: &Scene, spec: &RegisterSpec, rng: &mut ChaCha8Rng) -> Vec<Rigid> {
    let centre = scene.fixed_body.centre;
    let onto = |from: Vector, to: Vector| Rigid::turn(centre, [0.0; 3], sub(to, from));
    let bases = [
        Rigid::identity(),
        onto(centre, scene.moving_body.centre),
        onto(middle(&scene.fixed[0]), middle(&scene.moving[0])),
    ];
    let disturbed = (0..spec.n_starts).map(|k| {
        let turn = scale(in_ball(rng), spec.start_angle_deg.to_radians());
        let shift = scale(in_ball(rng), spec.start_shift_mm);
        bases[k % bases.len()].after(&Rigid::turn(centre, turn, shift))
    });
    bases
        .into_iter()
        .chain(disturbed.collect::<Vec<_>>())
        .collect()
}

/// A point of the unit ball, uniform.
fn in_ball(rng: &mut ChaCha8Rng) -> Vector {
    loop {
        let point = [(); 3].map(|()| rng.random_range(-1.0..1.0));
        if norm(point) <= 1.0 {
            return point;
        }
    }
}

/// The middle of a grid, RAS+ mm.
fn middle(level: &Level) -> Vector {
    let half = level.grid().size.zyx().map(|n| 0.5 * (n - 1) as f64);
    level.grid().world_from_index(half)
}
