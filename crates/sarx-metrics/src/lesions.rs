//! Whether each lesion was found.

use crate::{Components, Connectivity, MaskPair, components};
use ndarray::ArrayView3;

/// Detection counted by lesion (connected component).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LesionDetection {
    /// Lesions of the reference.
    pub n_ref: usize,
    /// Lesions of the reference that share at least one voxel with the prediction.
    pub n_detected: usize,
    /// Lesions of the prediction.
    pub n_pred: usize,
    /// Lesions of the prediction that share no voxel with the reference.
    pub n_false: usize,
}

impl LesionDetection {
    /// Counts lesions of both masks.
    #[must_use]
    pub fn of(pair: &MaskPair, connectivity: Connectivity) -> Self {
        let reference = components(pair.reference(), connectivity);
        let prediction = components(pair.prediction(), connectivity);
        Self {
            n_ref: reference.len(),
            n_detected: n_touched(&reference, pair.prediction()),
            n_pred: prediction.len(),
            n_false: prediction.len() - n_touched(&prediction, pair.reference()),
        }
    }
}

fn n_touched(lesions: &Components, other: ArrayView3<'_, bool>) -> usize {
    let mut touched = vec![false; lesions.len() + 1];
    for (&label, _) in lesions
        .labels
        .iter()
        .zip(other)
        .filter(|&(_, &inside)| inside)
    {
        touched[label as usize] = true;
    }
    touched.iter().skip(1).filter(|&&t| t).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use sarx_core::Spacing;

    #[test]
    fn one_shared_voxel_detects_a_lesion() {
        let row = |text: &str| {
            Array3::from_shape_fn((1, 1, text.len()), |(_, _, x)| text.as_bytes()[x] == b'#')
        };
        let (reference, prediction) = (row("###..##..#."), row("..#.....#.#"));
        let spacing = Spacing::new([1.0; 3]).unwrap();
        let pair = MaskPair::new(reference.view(), prediction.view(), spacing).unwrap();
        assert_eq!(
            LesionDetection::of(&pair, Connectivity::Faces),
            LesionDetection {
                n_ref: 3,
                n_detected: 1,
                n_pred: 3,
                n_false: 2
            }
        );
    }
}
