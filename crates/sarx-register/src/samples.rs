//! Points of the fixed image at which the two images are compared.
//!
//! They lie anywhere between the voxels, not on them: samples on voxels would make the measure jump
//! where the two rasters fall together (Pluim, Maintz, Viergever 2000, "Interpolation artefacts in
//! mutual information-based image registration").

use crate::body::Body;
use crate::level::Level;
use crate::vector::Vector;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws per sample that is wanted; a body that fills less than a fortieth of its grid gives fewer samples.
const TRIES: usize = 40;

/// Points and the histogram row of the fixed image's value there.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) points: Vec<Vector>,
    pub(crate) rows: Vec<u16>,
}

/// A generator of its own for every purpose: nothing depends on the order of draws elsewhere.
pub(crate) fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

impl Samples {
    /// Up to `n` points of the body, uniform in space; `body` was found on `coarse`.
    pub(crate) fn draw(
        fixed: &Level,
        (body, coarse): (&Body, &Level),
        n: usize,
        bins: usize,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let affine = fixed.grid().affine();
        let [z, y, x] = fixed.grid().size.zyx().map(|n| (n - 1) as f64);
        let mut samples = Self {
            points: Vec::with_capacity(n),
            rows: Vec::with_capacity(n),
        };
        for _ in 0..n * TRIES {
            if samples.points.len() == n {
                break;
            }
            let [u, v, w]: [f64; 3] = rng.random();
            let world = affine.apply([u * x, v * y, w * z]);
            if !body.contains(coarse, world) {
                continue;
            }
            if let Some((value, _)) = fixed.read(world) {
                samples.points.push(world);
                samples.rows.push(row(value, fixed.range, bins));
            }
        }
        samples
    }
}

/// The histogram row of a value; what is beyond the range is in the outermost rows.
fn row(value: f32, [low, high]: [f32; 2], bins: usize) -> u16 {
    let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
    ((part * bins as f32) as usize).min(bins - 1) as u16
}
