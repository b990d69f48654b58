//! Bringing the intensities of a channel to a common scale.
//!
//! Source: nnU-Net `preprocessing/normalization/default_normalization_schemes.py`. Voxels are
//! changed in f32 as there; means and deviations are summed in f64 and rounded to f32, where
//! NumPy sums in f32 (the difference is NumPy's rounding error).

use crate::PreprocessError;
use ndarray::parallel::prelude::*;
use ndarray::{ArrayView3, ArrayViewMut3, Axis, Zip};

/// Smallest divisor. Source: nnU-Net, `eps` of all schemes for f32.
const SMALLEST_DIVISOR: f32 = 1e-8;

/// How one channel is normalized; nnU-Net chooses it by the channel's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalization {
    /// Subtract the mean, divide by the standard deviation of this image.
    ZScore {
        /// Only over voxels inside the body; the others keep their value.
        masked: bool,
    },
    /// Clip to the percentiles of the dataset's foreground, then standardize with its mean and
    /// standard deviation.
    Ct {
        /// Mean of the foreground.
        mean: f64,
        /// Standard deviation of the foreground.
        std: f64,
        /// 0.5th percentile of the foreground.
        percentile_00_5: f64,
        /// 99.5th percentile of the foreground.
        percentile_99_5: f64,
    },
    /// Intensities stay as they are.
    None,
    /// Smallest value to 0, largest to 1.
    Rescale01,
    /// Divide by 255; the image must lie in `0..=255`.
    Rgb01,
}

impl Normalization {
    /// Normalizes a cropped channel in place.
    ///
    /// - `channel`: index for messages.
    /// - `body`: labels of the cropped grid; voxels >= 0 are inside the body.
    pub(crate) fn apply(
        &self,
        channel: usize,
        image: ArrayViewMut3<'_, f32>,
        body: ArrayView3<'_, i16>,
    ) -> Result<(), PreprocessError> {
        match *self {
            Self::ZScore { masked: false } => standardize(image, |_| true, body),
            Self::ZScore { masked: true } => standardize(image, |label| label >= 0, body),
            Self::Ct {
                mean,
                std,
                percentile_00_5,
                percentile_99_5,
            } => {
                let constants = [mean, std, percentile_00_5, percentile_99_5].map(|v| v as f32);
                if !constants.iter().all(|v| v.is_finite()) {
                    return Err(PreprocessError::Statistics { channel });
                }
                let [mean, std, low, high] = constants;
                let divisor = std.max(SMALLEST_DIVISOR);
                // As numpy.clip: the upper bound has the last word.
                map(image, |v| (v.max(low).min(high) - mean) / divisor);
            }
            Self::None => {}
            Self::Rescale01 => {
                let (minimum, maximum) = range(image.view());
                let divisor = (maximum - minimum).max(SMALLEST_DIVISOR);
                map(image, |v| (v - minimum) / divisor);
            }
            Self::Rgb01 => {
                let (minimum, maximum) = range(image.view());
                if minimum < 0.0 || maximum > 255.0 {
                    return Err(PreprocessError::RgbRange {
                        channel,
                        minimum,
                        maximum,
                    });
                }
                map(image, |v| v / 255.0);
            }
        }
        Ok(())
    }
}

/// Standardizes the voxels whose label is `inside`, with their own mean and deviation.
fn standardize(
    image: ArrayViewMut3<'_, f32>,
    inside: impl Fn(i16) -> bool + Sync,
    body: ArrayView3<'_, i16>,
) {
    let count = body.iter().filter(|&&label| inside(label)).count();
    if count == 0 {
        return;
    }
    let mean = sum(image.view(), body, &inside, |v| v) / count as f64;
    let variance = sum(image.view(), body, &inside, |v| (v - mean).powi(2)) / count as f64;
    let divisor = (variance.sqrt() as f32).max(SMALLEST_DIVISOR);
    let mean = mean as f32;
    Zip::from(image).and(body).par_for_each(|value, &label| {
        if inside(label) {
            *value = (*value - mean) / divisor;
        }
    });
}

/// Sum over the voxels inside, slice by slice, so that it does not depend on the thread count.
fn sum(
    image: ArrayView3<'_, f32>,
    body: ArrayView3<'_, i16>,
    inside: &(impl Fn(i16) -> bool + Sync),
    term: impl Fn(f64) -> f64 + Sync,
) -> f64 {
    let slices: Vec<f64> = image
        .axis_iter(Axis(0))
        .into_par_iter()
        .zip(body.axis_iter(Axis(0)))
        .map(|(image, body)| {
            let voxels = image
                .into_iter()
                .zip(body)
                .filter(|(_, label)| inside(**label));
            voxels.map(|(v, _)| term(f64::from(*v))).sum()
        })
        .collect();
    slices.into_iter().sum()
}

fn map(mut image: ArrayViewMut3<'_, f32>, f: impl Fn(f32) -> f32 + Sync + Send) {
    image.par_mapv_inplace(f);
}

fn range(image: ArrayView3<'_, f32>) -> (f32, f32) {
    image
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, arr3};

    fn apply(scheme: Normalization, values: [f32; 4], body: [i16; 4]) -> Vec<f32> {
        let mut image = arr3(&[[values]]);
        scheme
            .apply(0, image.view_mut(), arr3(&[[body]]).view())
            .unwrap();
        image.into_raw_vec_and_offset().0
    }

    #[test]
    fn z_score_of_all_voxels() {
        let found = apply(
            Normalization::ZScore { masked: false },
            [1.0, 1.0, 3.0, 3.0],
            [-1; 4],
        );
        assert_eq!(found, [-1.0, -1.0, 1.0, 1.0]);
    }

    #[test]
    fn masked_z_score_leaves_the_outside_alone() {
        let scheme = Normalization::ZScore { masked: true };
        assert_eq!(
            apply(scheme, [1.0, 3.0, 7.0, 0.0], [0, 2, -1, -1]),
            [-1.0, 1.0, 7.0, 0.0]
        );
        assert_eq!(
            apply(scheme, [0.0; 4], [-1; 4]),
            [0.0; 4],
            "a body without voxels"
        );
    }

    #[test]
    fn a_constant_image_becomes_zero() {
        assert_eq!(
            apply(Normalization::ZScore { masked: false }, [5.0; 4], [0; 4]),
            [0.0; 4]
        );
        assert_eq!(apply(Normalization::Rescale01, [5.0; 4], [0; 4]), [0.0; 4]);
    }

    #[test]
    fn ct_clips_before_it_standardizes() {
        let scheme = Normalization::Ct {
            mean: 10.0,
            std: 2.0,
            percentile_00_5: 6.0,
            percentile_99_5: 20.0,
        };
        assert_eq!(
            apply(scheme, [-500.0, 6.0, 12.0, 99.0], [0; 4]),
            [-2.0, -2.0, 1.0, 5.0]
        );
    }

    #[test]
    fn rescaling_and_rgb() {
        assert_eq!(
            apply(Normalization::Rescale01, [2.0, 4.0, 6.0, 2.0], [0; 4]),
            [0.0, 0.5, 1.0, 0.0]
        );
        assert_eq!(
            apply(Normalization::Rgb01, [0.0, 51.0, 255.0, 0.0], [0; 4]),
            [0.0, 0.2, 1.0, 0.0]
        );
        assert_eq!(
            apply(Normalization::None, [0.0, 51.0, 2.0, 0.0], [0; 4]),
            [0.0, 51.0, 2.0, 0.0]
        );
    }

    #[test]
    fn rgb_out_of_range_and_broken_statistics_are_refused() {
        let mut image = Array3::from_elem((1, 1, 2), 256.0f32);
        let body = Array3::zeros((1, 1, 2));
        let error = Normalization::Rgb01
            .apply(2, image.view_mut(), body.view())
            .unwrap_err();
        assert_eq!(
            error,
            PreprocessError::RgbRange {
                channel: 2,
                minimum: 256.0,
                maximum: 256.0
            }
        );
        let scheme = Normalization::Ct {
            mean: f64::NAN,
            std: 1.0,
            percentile_00_5: 0.0,
            percentile_99_5: 1.0,
        };
        let error = scheme.apply(1, image.view_mut(), body.view()).unwrap_err();
        assert_eq!(error, PreprocessError::Statistics { channel: 1 });
    }
}
