//! What a cascade's second stage sees of the first, and how it is spoilt in training.
//!
//! The labels of the first stage become one mask per foreground label behind the channels of the
//! image. In training they are mostly better than they will be on new cases, so masks are now and
//! then grown, shrunk, closed or opened, and small components are left out.
//!
//! Source: batchgeneratorsv2, `transforms/nnunet/seg_to_onehot.py`, `random_binary_operator.py`
//! and `remove_connected_components.py`, with the arguments of
//! `nnUNetTrainer.get_training_transforms`.

use super::morphology::Operator;
use super::options::Probabilities;
use super::random::{below, fires, uniform};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Zip, concatenate};
use rand::Rng;
use sarx_metrics::{Connectivity, components};

/// Probability that a label takes part, for either transform.
const PER_LABEL: f64 = 0.5;
/// The range of the ball's radius, voxels.
const RADII: (f64, f64) = (1.0, 8.0);
/// Only components with less than this share of the patch are removed.
const MOST_REMOVED: f64 = 0.15;

/// A change of the mask of one label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Morphology {
    /// Index of the label among the foreground labels.
    pub(super) label: usize,
    pub(super) operator: Operator,
    /// Radius of the ball, voxels.
    pub(super) radius: f64,
}

/// One component of one label's mask is removed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Removal {
    /// Index of the label among the foreground labels.
    pub(super) label: usize,
    /// Which of the components that are small enough: a place in `[0, 1)`.
    pub(super) place: f64,
}

/// How the masks of one sample are spoilt; both lists in order of application.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Spoiling {
    pub(super) morphology: Vec<Morphology>,
    pub(super) removals: Vec<Removal>,
}

impl Spoiling {
    /// Draws nothing where there is no previous stage.
    pub(super) fn draw(n_labels: usize, p: &Probabilities, rng: &mut impl Rng) -> Self {
        let mut spoiling = Self::default();
        if n_labels == 0 {
            return spoiling;
        }
        if fires(rng, p.morphology) {
            for label in taking_part(n_labels, rng) {
                spoiling.morphology.push(Morphology {
                    label,
                    operator: Operator::ALL[below(rng, Operator::ALL.len())],
                    radius: uniform(rng, RADII.0, RADII.1),
                });
            }
        }
        if fires(rng, p.component_removal) {
            for label in taking_part(n_labels, rng) {
                let place = uniform(rng, 0.0, 1.0);
                spoiling.removals.push(Removal { label, place });
            }
        }
        spoiling
    }

    /// Changes the masks, `[label, z, y, x]`.
    pub(super) fn apply(&self, masks: &mut Array4<bool>) {
        for morphology in &self.morphology {
            morphology.apply(masks);
        }
        for removal in &self.removals {
            removal.apply(masks);
        }
    }
}

/// The labels that take part, in random order.
fn taking_part(n_labels: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut labels: Vec<usize> = (0..n_labels).collect();
    for last in (1..n_labels).rev() {
        labels.swap(last, below(rng, last + 1));
    }
    labels.retain(|_| fires(rng, PER_LABEL));
    labels
}

impl Morphology {
    /// What is added to one mask is taken from all others.
    pub(super) fn apply(&self, masks: &mut Array4<bool>) {
        let before = masks.index_axis(Axis(0), self.label).to_owned();
        let after = self.operator.apply(before.view(), self.radius);
        for (label, mut mask) in masks.outer_iter_mut().enumerate() {
            if label == self.label {
                mask.assign(&after);
                continue;
            }
            Zip::from(&mut mask)
                .and(&before)
                .and(&after)
                .for_each(|inside, &before, &after| *inside &= before || !after);
        }
    }
}

impl Removal {
    pub(super) fn apply(&self, masks: &mut Array4<bool>) {
        let mut mask = masks.index_axis_mut(Axis(0), self.label);
        let found = components(mask.view(), Connectivity::Corners);
        let limit = mask.len() as f64 * MOST_REMOVED;
        let small: Vec<usize> = (0..found.len())
            .filter(|&component| (found.sizes[component] as f64) < limit)
            .collect();
        let chosen = (self.place * small.len() as f64) as usize;
        if let Some(&component) = small.get(chosen) {
            Zip::from(&mut mask)
                .and(&found.labels)
                .for_each(|inside, &label| *inside &= label as usize != component + 1);
        }
    }
}

/// One mask per label, `[label, z, y, x]`.
fn masks_of(previous: ArrayView3<'_, i16>, labels: &[i16]) -> Array4<bool> {
    let (z, y, x) = previous.dim();
    let mut masks = Array4::from_elem((labels.len(), z, y, x), false);
    for (mut mask, &label) in masks.outer_iter_mut().zip(labels) {
        Zip::from(&mut mask)
            .and(previous)
            .for_each(|inside, &found| *inside = found == label);
    }
    masks
}

/// Appends one channel of 0 and 1 per label of the previous stage to an image.
///
/// # Shapes
///
/// - `image`: `[c, z, y, x]`
/// - `previous`: labels of the previous stage on the same voxels, `[z, y, x]`; anything that is
///   none of `labels` is background
/// - result: `[c + labels, z, y, x]`
///
/// # Panics
///
/// If `previous` has other voxels than the image.
#[must_use]
pub fn with_previous_stage(
    image: ArrayView4<'_, f32>,
    previous: ArrayView3<'_, i16>,
    labels: &[i16],
) -> Array4<f32> {
    joined(image, &masks_of(previous, labels))
}

/// [`with_previous_stage`] with spoilt masks.
pub(super) fn with_spoilt_stage(
    image: ArrayView4<'_, f32>,
    previous: &Array3<i16>,
    labels: &[i16],
    spoiling: &Spoiling,
) -> Array4<f32> {
    let mut masks = masks_of(previous.view(), labels);
    spoiling.apply(&mut masks);
    joined(image, &masks)
}

fn joined(image: ArrayView4<'_, f32>, masks: &Array4<bool>) -> Array4<f32> {
    let channels = masks.mapv(|inside| f32::from(u8::from(inside)));
    concatenate(Axis(0), &[image, channels.view()])
        .unwrap_or_else(|_| panic!("the previous stage lies on the voxels of the image"))
}

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Purpose, sample_rng};

    #[test]
    fn labels_become_channels_in_their_order() {
        let image = Array4::from_elem((1, 1, 1, 4), 0.5f32);
        let previous = Array3::from_shape_vec((1, 1, 4), vec![-1, 2, 1, 0]).unwrap();
        let joined = with_previous_stage(image.view(), previous.view(), &[1, 2]);
        let expected = [0.5, 0.5, 0.5, 0.5, 0., 0., 1., 0., 0., 1., 0., 0.];
        assert_eq!(joined.iter().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_one_label_gains_the_others_lose() {
        let mut masks = Array4::from_elem((2, 1, 1, 5), false);
        masks[[0, 0, 0, 1]] = true;
        masks[[1, 0, 0, 2]] = true;
        masks[[1, 0, 0, 3]] = true;
        Morphology {
            label: 0,
            operator: Operator::Dilation,
            radius: 1.0,
        }
        .apply(&mut masks);
        let row = |label| masks.slice(ndarray::s![label, 0, 0, ..]).to_vec();
        assert_eq!(row(0), [true, true, true, false, false]);
        assert_eq!(row(1), [false, false, false, true, false]);
    }

    #[test]
    fn only_small_components_go_and_the_place_says_which() {
        let cells = [1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let masks = Array4::from_shape_vec((1, 1, 1, 20), cells.map(|v| v == 1).to_vec()).unwrap();
        let left = |place| {
            let mut masks = masks.clone();
            Removal { label: 0, place }.apply(&mut masks);
            masks.iter().filter(|&&v| v).count()
        };
        // Components of 1, 2 and 4 voxels; 15 % of 20 is 3.
        assert_eq!((left(0.0), left(0.49), left(0.5), left(0.99)), (6, 6, 5, 5));
    }

    #[test]
    fn spoiling_fires_as_often_as_nnunets() {
        let mut rng = sample_rng(41, 0, 0, 0, Purpose::Training);
        let p = Probabilities::default();
        let drawn: Vec<Spoiling> = (0..8000).map(|_| Spoiling::draw(2, &p, &mut rng)).collect();
        let rate = |n: usize, expected: f64| {
            let found = n as f64 / 8000.0;
            let deviation = (expected * (1.0 - expected) / 8000.0).sqrt();
            assert!(
                (found - expected).abs() < 5.0 * deviation,
                "{found} {expected}"
            );
        };
        // 0.4 and 0.2, and of two labels at least one takes part with 3/4.
        rate(
            drawn.iter().filter(|s| !s.morphology.is_empty()).count(),
            0.3,
        );
        rate(
            drawn.iter().filter(|s| !s.removals.is_empty()).count(),
            0.15,
        );
        let all: Vec<Morphology> = drawn.iter().flat_map(|s| s.morphology.clone()).collect();
        assert!(all.iter().all(|m| (1.0..8.0).contains(&m.radius)));
        for operator in Operator::ALL {
            let n = all.iter().filter(|m| m.operator == operator).count() as f64;
            let share = n / all.len() as f64;
            assert!((share - 0.25).abs() < 0.05, "{operator:?}: {share}");
        }
        assert_eq!(Spoiling::draw(0, &p, &mut rng), Spoiling::default());
    }
}
