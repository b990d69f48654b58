//! Maps with made-up values, for tests.

use crate::{
    FeatureShape, Features, Isa,
    reference::{Array, relative_rms},
    to_features,
};

/// Values between -1 and 1 that look like noise but are the same on every machine.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// An array of noise.
pub(crate) fn array(shape: [usize; 5], seed: u64) -> Array {
    Array {
        values: noise(shape.iter().product(), seed),
        shape,
    }
}

/// The same in blocks of channels.
pub(crate) fn map(array: &Array) -> (Vec<f32>, FeatureShape) {
    let [batch, channels, z, y, x] = array.shape;
    let shape = FeatureShape {
        batch,
        channels,
        size: [z, y, x],
    };
    (to_features(&array.values, shape), shape)
}

/// The same values with NaNs before and after, so that reading beyond them shows.
pub(crate) fn between_nans(values: &[f32]) -> Guarded {
    let mut guarded = vec![f32::NAN; values.len() + 2 * GUARD];
    guarded[GUARD..][..values.len()].copy_from_slice(values);
    Guarded(guarded)
}

/// NaNs on each side.
const GUARD: usize = 512;

/// Values between NaNs.
pub(crate) struct Guarded(Vec<f32>);

impl std::ops::Deref for Guarded {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0[GUARD..self.0.len() - GUARD]
    }
}

/// How far values are from what was expected, as roots of mean squares, over the size of what was
/// expected or `scale` if that is larger: sums that cancel may be off by what their terms are.
pub(crate) fn distance(found: &[f32], expected: &[f32], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len(), "values");
    let squares = expected.iter().map(|&v| f64::from(v).powi(2));
    let size = (squares.sum::<f64>() / expected.len() as f64).sqrt();
    relative_rms(found, expected) * size / size.max(scale)
}

/// Fails unless everything that is no voxel of a real channel is zero.
pub(crate) fn assert_clean(values: &[f32], shape: FeatureShape) {
    let x = Features::new(values, shape);
    let again = to_features(&crate::from_features(x), shape);
    let wrong = values
        .iter()
        .zip(&again)
        .position(|(a, b)| a.to_bits() & 0x7fff_ffff != b.to_bits() & 0x7fff_ffff);
    assert_eq!(wrong, None, "something in the border or in a spare channel");
}

/// Runs on every instruction set, with one thread and with two, and fails if those two differ.
pub(crate) fn on_each<T: PartialEq + Send>(run: impl Fn(Isa) -> T + Sync, check: impl Fn(Isa, T)) {
    for isa in Isa::available() {
        let [one, two] = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool of threads").install(|| run(isa))
        });
        assert!(one == two, "{isa:?}: one thread and two differ");
        check(isa, one);
    }
}
