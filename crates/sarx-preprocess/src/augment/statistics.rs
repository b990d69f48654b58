//! Mean, spread and range of one channel.

/// Statistics of a set of voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Statistics {
    pub(super) mean: f32,
    /// With `n - 1` in the denominator; 0 for a single voxel.
    pub(super) std: f32,
    pub(super) min: f32,
    pub(super) max: f32,
}

impl Statistics {
    /// Sums in `f64`.
    pub(super) fn of(values: &[f32]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
        let (min, max) = values
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
                (low.min(v), high.max(v))
            });
        let std = (squares / (n - 1.0).max(1.0)).sqrt();
        Self {
            mean: mean as f32,
            std: std as f32,
            min,
            max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_unbiased_one() {
        let found = Statistics::of(&[1.0, 2.0, 4.0, 5.0]);
        let std = (10.0f32 / 3.0).sqrt();
        assert_eq!(
            found,
            Statistics {
                mean: 3.0,
                std,
                min: 1.0,
                max: 5.0
            }
        );
        assert_eq!(Statistics::of(&[2.0]).std, 0.0);
    }
}
