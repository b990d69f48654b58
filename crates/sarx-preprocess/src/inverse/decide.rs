//! What the output channels of a network mean, and the decision between them.
//!
//! Source: nnU-Net `utilities/label_handling/label_handling.py`.

use crate::PreprocessError;
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView4, ArrayViewMut2, ArrayViewMut3, Axis, Zip};
use sarx_core::Label;

/// A region is painted where its probability is above this. Source: nnU-Net
/// `convert_probabilities_to_segmentation`.
const REGION_THRESHOLD: f32 = 0.5;

/// What the output channels of the network mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heads {
    /// One channel per label (background included), softmax; the label is the index of the
    /// largest channel, the first one on a tie.
    Labels {
        /// Number of labels, background included.
        count: usize,
    },
    /// One channel per region, sigmoid; regions above 0.5 are painted in order.
    Regions {
        /// The label that each channel paints; later channels overwrite earlier ones.
        class_order: Vec<Label>,
    },
}

impl Heads {
    /// Number of output channels.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Labels { count } => *count,
            Self::Regions { class_order } => class_order.len(),
        }
    }

    /// Labels of probabilities (softmax or sigmoid, whatever the heads mean).
    ///
    /// # Shapes
    ///
    /// - `probabilities`: `[heads, z, y, x]`
    /// - result: `[z, y, x]`
    ///
    /// # Errors
    ///
    /// [`PreprocessError::HeadCount`] if there is another number of channels than heads.
    ///
    /// # Source
    ///
    /// nnU-Net `label_handling.py`, `convert_probabilities_to_segmentation`.
    pub fn labels_of_probabilities(
        &self,
        probabilities: ArrayView4<'_, f32>,
    ) -> Result<Array3<Label>, PreprocessError> {
        let (found, z, y, x) = probabilities.dim();
        let expected = self.count();
        if found != expected {
            return Err(PreprocessError::HeadCount { expected, found });
        }
        let mut labels = Array3::zeros((z, y, x));
        let slices = labels.axis_iter_mut(Axis(0)).into_par_iter();
        slices
            .zip(probabilities.axis_iter(Axis(1)))
            .for_each(|(out, heads)| {
                let heads = heads.as_standard_layout();
                if let Some(values) = heads.as_slice() {
                    self.decide_probabilities(values, out);
                }
            });
        Ok(labels)
    }

    /// Decides a slice that is all 0; `logits` holds one slice per head, one after the other.
    pub(super) fn decide_logits(&self, logits: &[f32], labels: ArrayViewMut2<'_, Label>) {
        self.decide(logits, labels, is_inside);
    }

    /// As [`Heads::decide_logits`], of probabilities.
    pub(super) fn decide_probabilities(&self, values: &[f32], labels: ArrayViewMut2<'_, Label>) {
        self.decide(values, labels, |probability| probability > REGION_THRESHOLD);
    }

    fn decide(
        &self,
        values: &[f32],
        mut labels: ArrayViewMut2<'_, Label>,
        is_inside: impl Fn(f32) -> bool,
    ) {
        let n_pixels = labels.len();
        if n_pixels == 0 {
            return;
        }
        match self {
            Self::Labels { count } => {
                for (pixel, label) in labels.iter_mut().enumerate() {
                    let mut best = values[pixel];
                    for head in 1..*count {
                        let value = values[head * n_pixels + pixel];
                        if value > best {
                            (*label, best) = (head as Label, value);
                        }
                    }
                }
            }
            Self::Regions { class_order } => {
                for (values, &painted) in values.chunks_exact(n_pixels).zip(class_order) {
                    for (label, &value) in labels.iter_mut().zip(values) {
                        if is_inside(value) {
                            *label = painted;
                        }
                    }
                }
            }
        }
    }

    /// Decides a volume that is all 0, with one head at a time in memory.
    pub(super) fn decide_volume(
        &self,
        resample: impl Fn(usize) -> Array3<f32>,
        mut labels: ArrayViewMut3<'_, Label>,
    ) {
        match self {
            Self::Labels { count } => {
                let mut best = resample(0);
                for head in 1..*count {
                    Zip::from(&mut labels)
                        .and(&mut best)
                        .and(&resample(head))
                        .par_for_each(|label, best, &value| {
                            if value > *best {
                                (*label, *best) = (head as Label, value);
                            }
                        });
                }
            }
            Self::Regions { class_order } => {
                for (head, &painted) in class_order.iter().enumerate() {
                    Zip::from(&mut labels)
                        .and(&resample(head))
                        .par_for_each(|label, &value| {
                            if is_inside(value) {
                                *label = painted;
                            }
                        });
                }
            }
        }
    }

    /// Turns the logits of a slice into probabilities, in f32 as nnU-Net.
    pub(super) fn activate(&self, logits: &mut [f32], n_pixels: usize) {
        if let Self::Regions { .. } = self {
            logits.iter_mut().for_each(|v| *v = sigmoid(*v));
            return;
        }
        for pixel in 0..n_pixels {
            let values = || (pixel..logits.len()).step_by(n_pixels);
            let largest = values()
                .map(|i| logits[i])
                .fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = values().map(|i| (logits[i] - largest).exp()).sum();
            for i in values() {
                logits[i] = (logits[i] - largest).exp() / total;
            }
        }
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

fn is_inside(logit: f32) -> bool {
    sigmoid(logit) > REGION_THRESHOLD
}
