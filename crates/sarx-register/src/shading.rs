//! Takes the slow changes of brightness out of an image before it is registered.
//!
//! A receiver coil makes near tissue bright and far tissue dark, and every series is shaded in its own way.
//! Mutual information sees the shades as structure and shifts the images a little to match them: along the
//! slices of phantoms by up to 0.6 mm without this step, by half of that with it.
//!
//! Every value is divided by the mean of the bright voxels around it (a Gaussian of half the `shading_mm`):
//!
//! ```text
//! flat = (v - low) / ((blur(bright * (v - low)) + P * mean) / (blur(bright) + P))
//! ```
//!
//! `bright` is 1 above the threshold of the body and 0 below, `low` the darkest value that is told apart, and
//! `mean` the mean of all bright voxels, which counts as a part `P` of the surroundings, so that a place far from
//! anything bright is divided by it. It is normalized convolution (Knutsson and Westin 1993).

use crate::body::bright_threshold;
use crate::level::Level;
use crate::{Rigid, resample_linear};
use ndarray::Zip;
use sarx_core::Volume;

/// The weight of the image's mean in every local mean.
const PRIOR: f32 = 0.05;

/// Where the threshold of the body is found: noise is gone at this detail, mm.
const THRESHOLD_DETAIL_MM: f64 = 8.0;

/// The image without changes of brightness that are slower than `shading_mm`; `None` when the grid's axes do
/// not span space or the image has no contrast.
pub(crate) fn flattened(image: &Volume<f32>, shading_mm: f64) -> Option<Volume<f32>> {
    let level = Level::new(image, THRESHOLD_DETAIL_MM)?;
    let [low, high] = level.range;
    if low >= high {
        return None;
    }
    let threshold = bright_threshold(&level);
    let is_bright = image.map(|&v| f32::from(u8::from(v > threshold)));
    let brightness = image.map(|&v| if v > threshold { v - low } else { 0.0 });
    let n_bright: f64 = is_bright.voxels().iter().map(|&v| f64::from(v)).sum();
    let sum: f64 = brightness.voxels().iter().map(|&v| f64::from(v)).sum();
    if n_bright == 0.0 {
        return None;
    }
    let mean = (sum / n_bright) as f32;
    // Blurred and thinned, then read at every voxel: the field is smooth. The thinned grid ends less than half
    // of its voxel before the image does, so every voxel is inside it.
    let around = |volume: &Volume<f32>| -> Option<Volume<f32>> {
        let coarse = Level::new(volume, shading_mm)?.into_volume();
        resample_linear(&coarse, image.grid(), &Rigid::identity(), 0.0).ok()
    };
    let (bright, weight) = (around(&brightness)?, around(&is_bright)?);
    let mut flat = image.clone();
    Zip::from(flat.voxels_mut())
        .and(bright.voxels())
        .and(weight.voxels())
        .par_for_each(|v, &bright, &weight| {
            *v = (*v - low) * (weight + PRIOR) / (bright + PRIOR * mean);
        });
    Some(flat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array;
    use sarx_core::{Grid, Size, Spacing};

    /// Two tissues in stripes inside air, and how much the coil brightens each voxel.
    fn striped(shade: impl Fn(f64) -> f64) -> Volume<f32> {
        let grid = Grid::axis_aligned(
            Size::new([10, 60, 60]).unwrap(),
            Spacing::new([5.0, 2.0, 2.0]).unwrap(),
        );
        let voxels = Array::from_shape_fn((10, 60, 60), |(_, y, x)| {
            let inside = (8..52).contains(&y) && (8..52).contains(&x);
            let tissue = if (x / 4) % 2 == 0 { 100.0 } else { 160.0 };
            if inside {
                (tissue * shade(x as f64)) as f32
            } else {
                1.0
            }
        });
        Volume::new(voxels, grid).unwrap()
    }

    #[test]
    fn a_shaded_image_looks_like_the_same_without_shading() {
        let even = flattened(&striped(|_| 1.0), 60.0).unwrap();
        let shaded = flattened(&striped(|x| (0.02 * x).exp()), 60.0).unwrap();
        let ratio = |x: usize| shaded.voxels()[[5, 30, x]] / even.voxels()[[5, 30, x]];
        // One end was 2.2 times as bright as the other, one part of the middle 1.27 times. What is left is
        // steepest at the skin, where all of the surroundings lie on one side.
        for x in [10, 18, 30, 42, 50] {
            assert!((ratio(x) - 1.0).abs() < 0.3, "{x}: {}", ratio(x));
        }
        assert!(ratio(50) / ratio(10) < 1.7, "{} {}", ratio(50), ratio(10));
        assert!(
            (ratio(36) / ratio(24) - 1.0).abs() < 0.15,
            "{} {}",
            ratio(36),
            ratio(24)
        );
        // Tissues are still told apart, air is still dark.
        let v = shaded.voxels();
        assert!(v[[5, 30, 29]] > 1.3 * v[[5, 30, 26]]);
        assert!(v[[5, 2, 2]].abs() < 0.05);
    }
}
