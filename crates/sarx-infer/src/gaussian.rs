//! How much each voxel of a tile counts when tiles are blended.

use ndarray::Array3;

/// Weights of one tile: largest (10) in the centre, falling towards the border, never zero.
///
/// # Shapes
///
/// - `patch`: voxels `[z, y, x]`; the result has this shape.
///
/// # Source
///
/// nnU-Net v2, `inference/sliding_window_prediction.py`, `compute_gaussian`: SciPy's
/// `gaussian_filter` (truncated at 4 sigma, zero outside) of a unit impulse at `patch // 2` with
/// sigma = patch / 8 per axis, scaled so that the maximum is 10. nnU-Net then rounds to half
/// precision, where the corners vanish and are lifted to its smallest number; here they keep
/// their value in single precision, and what single precision cannot hold is lifted likewise.
#[must_use]
pub fn gaussian_weights(patch: [usize; 3]) -> Array3<f32> {
    let [z, y, x] = patch.map(impulse_response);
    let peak = |profile: &[f64]| profile.iter().copied().fold(0.0, f64::max);
    let scale = 10.0 / (peak(&z) * peak(&y) * peak(&x));
    Array3::from_shape_fn(patch, |(i, j, k)| {
        let weight = (z[i] * y[j] * x[k] * scale) as f32;
        weight.max(f32::MIN_POSITIVE)
    })
}

/// SciPy's one-dimensional Gaussian filter applied to an impulse at `n // 2`.
fn impulse_response(n: usize) -> Vec<f64> {
    let sigma = n as f64 / 8.0;
    let radius = (4.0 * sigma + 0.5) as i64;
    let kernel = |offset: i64| (-0.5 * (offset * offset) as f64 / (sigma * sigma)).exp();
    let sum: f64 = (-radius..=radius).map(kernel).sum();
    let centre = (n / 2) as i64;
    (0..n as i64)
        .map(|i| {
            if (i - centre).abs() <= radius {
                kernel(i - centre) / sum
            } else {
                0.0
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_is_ten_and_nothing_is_zero() {
        let weights = gaussian_weights([4, 6, 8]);
        assert!((weights[[2, 3, 4]] - 10.0).abs() < 1e-5);
        assert!(weights.iter().all(|&w| w > 0.0));
    }

    #[test]
    fn values_of_scipy() {
        // a = np.zeros(8); a[4] = 1; scipy.ndimage.gaussian_filter(a, 1.0, mode="constant")
        let expected = [
            1.338_306_25e-4,
            4.431_861_6e-3,
            5.399_112_7e-2,
            2.419_714_5e-1,
            3.989_434_7e-1,
            2.419_714_5e-1,
            5.399_112_7e-2,
            4.431_861_6e-3,
        ];
        for (found, expected) in impulse_response(8).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
    }
}
