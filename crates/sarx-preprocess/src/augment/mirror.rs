//! Mirroring.

use super::plan::AugmentationPlan;
use super::random::fires;
use super::sample::Sample;
use ndarray::{Array3, ArrayView, Axis, Dimension};
use rand::Rng;

/// The array axes z, y, x that are reversed.
///
/// Source: batchgeneratorsv2, `transforms/spatial/mirroring.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mirror {
    /// Whether each axis is reversed.
    pub(super) axes: [bool; 3],
}

impl Mirror {
    /// Each allowed axis by itself.
    pub(super) fn draw(plan: &AugmentationPlan, rng: &mut impl Rng) -> Self {
        let mut axes = [false; 3];
        for &axis in plan.mirror_axes() {
            axes[axis] = fires(rng, plan.probabilities().mirror);
        }
        Self { axes }
    }

    pub(super) fn apply(&self, sample: Sample) -> Sample {
        if self.axes == [false; 3] {
            return sample;
        }
        let mut image = sample.image.view();
        self.reverse(&mut image, 1);
        let reversed = |labels: &Array3<i16>| {
            let mut labels = labels.view();
            self.reverse(&mut labels, 0);
            labels.as_standard_layout().into_owned()
        };
        Sample {
            image: image.as_standard_layout().into_owned(),
            labels: reversed(&sample.labels),
            previous: sample.previous.as_ref().map(reversed),
        }
    }

    fn reverse<T, D: Dimension>(&self, view: &mut ArrayView<'_, T, D>, first_axis: usize) {
        for axis in (0..3).filter(|&axis| self.axes[axis]) {
            view.invert_axis(Axis(first_axis + axis));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn image_and_labels_are_reversed_together_and_twice_is_nothing() {
        let sample = Sample {
            image: Array4::from_shape_fn((2, 2, 3, 4), |(c, z, y, x)| {
                (c * 1000 + z * 100 + y * 10 + x) as f32
            }),
            labels: Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (z * 100 + y * 10 + x) as i16),
            previous: Some(Array3::from_shape_fn((2, 3, 4), |(_, _, x)| x as i16)),
        };
        let mirror = Mirror {
            axes: [true, false, true],
        };
        let mirrored = mirror.apply(sample.clone());
        assert!(mirrored.image.is_standard_layout() && mirrored.labels.is_standard_layout());
        let previous = mirrored.previous.clone().unwrap();
        assert!(
            previous
                .indexed_iter()
                .all(|((_, _, x), &p)| p as usize == 3 - x)
        );
        for ((z, y, x), &label) in mirrored.labels.indexed_iter() {
            let expected = (1 - z) * 100 + y * 10 + (3 - x);
            assert_eq!(label as usize, expected);
            assert_eq!(mirrored.image[[1, z, y, x]], (1000 + expected) as f32);
        }
        assert_eq!(mirror.apply(mirrored), sample);
    }
}
