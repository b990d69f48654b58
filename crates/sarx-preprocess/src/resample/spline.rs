//! The interpolating cubic B-spline.
//!
//! Source: M. Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal
//! Processing Magazine 16(6), 1999; padding and boundary as SciPy's `ndimage.zoom` with mode
//! `nearest`, which nnU-Net reaches through `skimage.transform.resize(mode="edge")`.

/// Edge samples that SciPy repeats before and after a line; output samples outside the centres of
/// the border voxels fall into them.
pub(crate) const PAD: usize = 12;

/// Pole of the prefilter: sqrt(3) - 2.
pub(crate) const POLE: f64 = -0.267_949_192_431_122_7;

/// Gain of the prefilter: (1 - pole) (1 - 1 / pole).
const GAIN: f64 = 6.0;

/// Weights of the coefficients at knots -1, 0, 1, 2 for a sample at `fraction` after knot 0.
pub(crate) fn cubic_weights(fraction: f64) -> [f64; 4] {
    let (y, z) = (fraction, 1.0 - fraction);
    let before = z * z * z / 6.0;
    let at = (y * y * (y - 2.0) * 3.0 + 4.0) / 6.0;
    let after = (z * z * (z - 2.0) * 3.0 + 4.0) / 6.0;
    [before, at, after, 1.0 - before - at - after]
}

/// Turns samples into spline coefficients, in place, for `width` lines side by side.
///
/// The lines are continued by reflection about their outer edges (half-sample symmetry).
pub(crate) fn prefilter_rows(rows: &mut [f64], width: usize) {
    let n = rows.len() / width;
    if n < 2 {
        return;
    }
    for value in rows.iter_mut() {
        *value *= GAIN;
    }
    start_causal(rows, width, n);
    for k in 1..n {
        let (done, rest) = rows.split_at_mut(k * width);
        let previous = &done[(k - 1) * width..];
        for (value, before) in rest[..width].iter_mut().zip(previous) {
            *value += POLE * before;
        }
    }
    for value in &mut rows[(n - 1) * width..] {
        *value *= POLE / (POLE - 1.0);
    }
    for k in (0..n - 1).rev() {
        let (head, tail) = rows.split_at_mut((k + 1) * width);
        for (value, after) in head[k * width..].iter_mut().zip(&tail[..width]) {
            *value = POLE * (after - *value);
        }
    }
}

/// First value of the causal filter: the sum over the reflected past of the line,
/// s[0] + pole / (1 - pole^2n) * sum over k of s[k] (pole^k + pole^(2n - 1 - k)).
fn start_causal(rows: &mut [f64], width: usize, n: usize) {
    // Beyond this the powers of the pole vanish against the rounding of f64.
    const REACH: usize = 40;
    let period = i32::try_from(2 * n).unwrap_or(i32::MAX);
    let scale = POLE / (1.0 - POLE.powi(period));
    let mut sum = vec![0.0; width];
    for (k, row) in rows.chunks_exact(width).enumerate().take(REACH.min(n)) {
        let mirrored = i32::try_from(2 * n - 1 - k).unwrap_or(i32::MAX);
        let weight = POLE.powi(k as i32) + POLE.powi(mirrored);
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    for (value, sum) in rows[..width].iter_mut().zip(&sum) {
        *value += scale * sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spline_goes_through_its_samples() {
        for n in [2usize, 3, 9, 60] {
            let samples: Vec<f64> = (0..n).map(|i| ((i * i * 7 + 3) % 11) as f64).collect();
            let mut c = samples.clone();
            prefilter_rows(&mut c, 1);
            for i in 0..n {
                let before = c[i.saturating_sub(1)];
                let after = c[(i + 1).min(n - 1)];
                let value = (before + 4.0 * c[i] + after) / 6.0;
                assert!((value - samples[i]).abs() < 1e-12, "n {n}, sample {i}");
            }
        }
    }

    #[test]
    fn weights_at_a_knot_and_between() {
        let close = |a: [f64; 4], b: [f64; 4]| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(
            cubic_weights(0.0),
            [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0.0]
        ));
        let half = [1.0 / 48.0, 23.0 / 48.0, 23.0 / 48.0, 1.0 / 48.0];
        assert!(close(cubic_weights(0.5), half));
    }
}
