//! Resampling along one axis: a fixed linear map from `n_in` samples to `n_out`.
//!
//! Interpolation on a grid is a tensor product, so a volume is resampled axis by axis. A map is
//! applied to many lines at once: the lines of a tile lie side by side (`width` of them), so that
//! the recursions of the spline filter run along the axis while the processor works across.

use super::SplineOrder;
use super::spline::{PAD, cubic_weights, prefilter_rows};

/// One output sample as a weighted sum of two input samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tap {
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) weight_lower: f64,
    pub(crate) weight_upper: f64,
}

impl Tap {
    /// The output sample, of the samples at `lower` and `upper`.
    pub(crate) fn blend(&self, lower: f64, upper: f64) -> f64 {
        self.weight_lower * lower + self.weight_upper * upper
    }
}

/// One output sample as a weighted sum of four spline coefficients.
#[derive(Debug, Clone, Copy)]
struct CubicTap {
    first: usize,
    weights: [f64; 4],
}

#[derive(Debug, Clone)]
enum Kernel {
    Identity,
    Taps(Vec<Tap>),
    Cubic(Vec<CubicTap>),
}

/// The map of one axis.
#[derive(Debug, Clone)]
pub(crate) struct AxisMap {
    n_in: usize,
    n_out: usize,
    kernel: Kernel,
}

impl AxisMap {
    /// The map from `n_in` to `n_out` samples that cover the same length.
    pub(crate) fn new(n_in: usize, n_out: usize, order: SplineOrder) -> Self {
        let kernel = if n_in == n_out {
            Kernel::Identity
        } else if order == SplineOrder::Cubic {
            Kernel::Cubic(
                (0..n_out)
                    .map(|i| cubic_tap(sample_at(i, n_in, n_out)))
                    .collect(),
            )
        } else {
            Kernel::Taps(taps(n_in, n_out, order))
        };
        Self {
            n_in,
            n_out,
            kernel,
        }
    }

    pub(crate) fn n_out(&self) -> usize {
        self.n_out
    }

    pub(crate) fn is_identity(&self) -> bool {
        matches!(self.kernel, Kernel::Identity)
    }

    /// Samples that are put before and after the line while it is worked on.
    fn pad(&self) -> usize {
        if matches!(self.kernel, Kernel::Cubic(_)) {
            PAD
        } else {
            0
        }
    }

    /// Applies the map to `width` lines.
    ///
    /// `load` fills row `i` (sample `i` of all lines); `output` receives `n_out` rows.
    pub(crate) fn apply(
        &self,
        width: usize,
        scratch: &mut Vec<f64>,
        output: &mut Vec<f64>,
        load: impl Fn(usize, &mut [f64]),
    ) {
        let pad = self.pad();
        scratch.resize((self.n_in + 2 * pad) * width, 0.0);
        output.resize(self.n_out * width, 0.0);
        let body = &mut scratch[pad * width..(pad + self.n_in) * width];
        for (i, row) in body.chunks_exact_mut(width).enumerate() {
            load(i, row);
        }
        match &self.kernel {
            Kernel::Identity => output.copy_from_slice(scratch),
            Kernel::Taps(taps) => apply_taps(taps, scratch, width, output),
            Kernel::Cubic(taps) => {
                replicate_edges(scratch, pad, self.n_in, width);
                prefilter_rows(scratch, width);
                apply_cubic(taps, scratch, width, output);
            }
        }
    }
}

/// Where output sample `i` lies between the input samples.
///
/// Source: SciPy `ndimage.zoom` with `grid_mode`; the quotient is taken first, as there, so that
/// ties fall the same way.
pub(crate) fn sample_at(i: usize, n_in: usize, n_out: usize) -> f64 {
    (i as f64 + 0.5) * (n_in as f64 / n_out as f64) - 0.5
}

/// Index of the nearest input sample; ties go up.
pub(crate) fn nearest_index(i: usize, n_in: usize, n_out: usize) -> usize {
    let last = n_in - 1;
    let at = sample_at(i, n_in, n_out).clamp(0.0, last as f64);
    ((at + 0.5).floor() as usize).min(last)
}

/// All output samples of the nearest or linear map, identity included.
pub(crate) fn taps(n_in: usize, n_out: usize, order: SplineOrder) -> Vec<Tap> {
    let last = n_in - 1;
    (0..n_out)
        .map(|i| {
            if order == SplineOrder::Nearest {
                let at = nearest_index(i, n_in, n_out);
                return Tap {
                    lower: at,
                    upper: at,
                    weight_lower: 1.0,
                    weight_upper: 0.0,
                };
            }
            let at = sample_at(i, n_in, n_out).clamp(0.0, last as f64);
            let lower = at.floor();
            // The upper weight is the rest to one, as in SciPy; the ties of labels depend on it.
            let weight_lower = 1.0 - (at - lower);
            let lower = lower as usize;
            Tap {
                lower,
                upper: (lower + 1).min(last),
                weight_lower,
                weight_upper: 1.0 - weight_lower,
            }
        })
        .collect()
}

fn cubic_tap(at: f64) -> CubicTap {
    let at = at + PAD as f64;
    let knot = at.floor();
    CubicTap {
        first: knot as usize - 1,
        weights: cubic_weights(at - knot),
    }
}

fn replicate_edges(rows: &mut [f64], pad: usize, n_in: usize, width: usize) {
    for row in 0..pad {
        rows.copy_within(pad * width..(pad + 1) * width, row * width);
        let last = pad + n_in - 1;
        rows.copy_within(last * width..(last + 1) * width, (last + 1 + row) * width);
    }
}

fn apply_taps(taps: &[Tap], rows: &[f64], width: usize, output: &mut [f64]) {
    for (tap, out) in taps.iter().zip(output.chunks_exact_mut(width)) {
        let lower = &rows[tap.lower * width..][..width];
        let upper = &rows[tap.upper * width..][..width];
        for ((out, a), b) in out.iter_mut().zip(lower).zip(upper) {
            *out = tap.weight_lower * a + tap.weight_upper * b;
        }
    }
}

fn apply_cubic(taps: &[CubicTap], rows: &[f64], width: usize, output: &mut [f64]) {
    for (tap, out) in taps.iter().zip(output.chunks_exact_mut(width)) {
        let [w0, w1, w2, w3] = tap.weights;
        let rows = &rows[tap.first * width..][..4 * width];
        let (a, rest) = rows.split_at(width);
        let (b, rest) = rest.split_at(width);
        let (c, d) = rest.split_at(width);
        for i in 0..width {
            out[i] = w0 * a[i] + w1 * b[i] + w2 * c[i] + w3 * d[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_ties_go_up() {
        // 4 -> 2: samples lie at 0.5 and 2.5.
        assert_eq!([nearest_index(0, 4, 2), nearest_index(1, 4, 2)], [1, 3]);
        // 1 -> 3 stays on the only sample.
        assert!((0..3).all(|i| nearest_index(i, 1, 3) == 0));
    }

    #[test]
    fn linear_weights_sum_to_one_and_stay_inside() {
        for (n_in, n_out) in [(1, 5), (5, 1), (7, 19), (19, 7), (2, 3)] {
            for tap in taps(n_in, n_out, SplineOrder::Linear) {
                assert_eq!(tap.weight_lower + tap.weight_upper, 1.0);
                assert!(tap.lower <= tap.upper && tap.upper < n_in);
            }
        }
    }

    #[test]
    fn a_constant_line_stays_constant() {
        for order in [
            SplineOrder::Nearest,
            SplineOrder::Linear,
            SplineOrder::Cubic,
        ] {
            let (mut scratch, mut output) = (Vec::new(), Vec::new());
            AxisMap::new(5, 11, order).apply(3, &mut scratch, &mut output, |_, row| row.fill(2.5));
            assert_eq!(output.len(), 33);
            assert!(output.iter().all(|v| (v - 2.5).abs() < 1e-14), "{order:?}");
        }
    }
}
