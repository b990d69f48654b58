//! Leaky ReLU of a sum, for residual blocks. Borders are zero and stay so.

use crate::{
    Features, Isa, LANES,
    norm::through_leaky_relu,
    simd::{Kernel, Simd},
    written::{Out, written},
};
use rayon::prelude::*;

/// Floats of a task: a multiple of [`LANES`].
const PIECE: usize = 32 * 1024;

/// `leaky_relu(a + b)`; slope 1 for a mere sum.
///
/// # Panics
///
/// If the shapes differ.
#[must_use]
pub fn add_act(isa: Isa, a: Features<'_>, b: Features<'_>, slope: f32) -> Vec<f32> {
    assert_eq!(a.shape, b.shape, "shapes of the terms");
    let len = a.shape.len();
    // SAFETY: every value is written.
    unsafe {
        written(len, |to| {
            pieces(len).for_each(|[from, until]| {
                isa.run(AddAct {
                    a: &a.values[from..until],
                    b: &b.values[from..until],
                    slope,
                    to: to.at(from),
                });
            });
        })
    }
}

/// The gradient of [`add_act`] for both terms: `gradient` is that of the activation and becomes that
/// of the sum.
///
/// # Panics
///
/// If the shapes differ.
pub fn add_act_backward(
    isa: Isa,
    a: Features<'_>,
    b: Features<'_>,
    slope: f32,
    gradient: &mut [f32],
) {
    assert_eq!(a.shape, b.shape, "shapes of the terms");
    let len = a.shape.len();
    assert_eq!(gradient.len(), len, "gradient of {:?}", a.shape);
    let gradient = Out::of(gradient);
    pieces(len).for_each(|[from, until]| {
        isa.run(AddActBackward {
            a: &a.values[from..until],
            b: &b.values[from..until],
            slope,
            // SAFETY: inside; the pieces do not overlap.
            gradient: unsafe { gradient.at(from) },
        });
    });
}

/// Ranges of whole vectors.
fn pieces(len: usize) -> impl ParallelIterator<Item = [usize; 2]> {
    (0..len.div_ceil(PIECE))
        .into_par_iter()
        .map(move |piece| [piece * PIECE, ((piece + 1) * PIECE).min(len)])
}

struct AddAct<'a> {
    a: &'a [f32],
    b: &'a [f32],
    slope: f32,
    to: *mut f32,
}

impl Kernel for AddAct<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        // SAFETY: all three hold whole vectors.
        unsafe {
            let slope = S::splat(self.slope);
            for at in (0..self.a.len()).step_by(LANES) {
                let v = S::add(
                    S::load(self.a.as_ptr().add(at)),
                    S::load(self.b.as_ptr().add(at)),
                );
                let v = S::select_not_negative(v, v, S::mul(v, slope));
                S::store(self.to.add(at), v);
            }
        }
    }
}

struct AddActBackward<'a> {
    a: &'a [f32],
    b: &'a [f32],
    slope: f32,
    gradient: *mut f32,
}

impl Kernel for AddActBackward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        // SAFETY: all three hold whole vectors.
        unsafe {
            let slope = S::splat(self.slope);
            for at in (0..self.a.len()).step_by(LANES) {
                let input = S::add(
                    S::load(self.a.as_ptr().add(at)),
                    S::load(self.b.as_ptr().add(at)),
                );
                let to = self.gradient.add(at);
                S::store(to, through_leaky_relu::<S>(input, slope, S::load(to)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_layers::{leaky_relu, leaky_relu_derivative};
    use crate::samples::{array, assert_clean, map, on_each};
    use crate::{from_features, reference::relative_rms};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

        #[test]
        fn as_the_plain_one(
            shape in [1_usize..3, 1_usize..40, 1_usize..9, 1_usize..60, 1_usize..30],
            slope in prop::sample::select(vec![0.0_f32, 0.01, 1.0]),
            seed in any::<u64>(),
        ) {
            let (mut a, b, g) = (array(shape, seed), array(shape, seed ^ 1), array(shape, seed ^ 2));
            // Some sums that are exactly zero.
            for (at, a) in a.values.iter_mut().enumerate().step_by(7) {
                *a = -b.values[at];
            }
            let ((va, s), (vb, _), (vg, _)) = (map(&a), map(&b), map(&g));
            let (fa, fb) = (Features::new(&va, s), Features::new(&vb, s));
            let sums: Vec<_> = a.values.iter().zip(&b.values).map(|(a, b)| f64::from(a + b)).collect();
            let slope64 = f64::from(slope);
            let act: Vec<_> = sums.iter().map(|&v| leaky_relu(v, slope64) as f32).collect();
            let gradient: Vec<_> = sums
                .iter()
                .zip(&g.values)
                .map(|(&v, &g)| (f64::from(g) * leaky_relu_derivative(v, slope64)) as f32)
                .collect();
            on_each(
                |isa| {
                    let mut gradient = vg.clone();
                    add_act_backward(isa, fa, fb, slope, &mut gradient);
                    (add_act(isa, fa, fb, slope), gradient)
                },
                |isa, found| {
                    assert_clean(&found.0, s);
                    assert_clean(&found.1, s);
                    for (found, expected) in [(&found.0, &act), (&found.1, &gradient)] {
                        let found = from_features(Features::new(found, s));
                        let error = relative_rms(&found, expected);
                        assert!(error < 1e-7, "{isa:?}: {error}");
                    }
                },
            );
        }
    }
}
