//! What lies outside of the body: set to 0, and no label of its own.
//!
//! Source: batchgeneratorsv2, `transforms/utils/nnunet_masking.py` and `remove_label.py`.

use super::sample::Sample;
use ndarray::{Array3, Axis, Zip};

/// The label of voxels outside of the nonzero region or the image.
const OUTSIDE: i16 = -1;

/// Sets `channels` to 0 where the label is negative.
pub(super) fn mask_channels(sample: &mut Sample, channels: &[usize]) {
    for &channel in channels {
        let voxels = sample.image.index_axis_mut(Axis(0), channel);
        Zip::from(voxels)
            .and(&sample.labels)
            .for_each(|voxel, &label| {
                if label < 0 {
                    *voxel = 0.0;
                }
            });
    }
}

/// Makes voxels outside background.
pub(super) fn outside_to_background(labels: &mut Array3<i16>) {
    labels.mapv_inplace(|label| if label == OUTSIDE { 0 } else { label });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn only_named_channels_are_masked() {
        let mut sample = Sample {
            image: Array4::from_elem((2, 1, 1, 3), 5.0),
            labels: Array3::from_shape_vec((1, 1, 3), vec![-1, 0, 2]).unwrap(),
            previous: None,
        };
        mask_channels(&mut sample, &[1]);
        let values: Vec<f32> = sample.image.iter().copied().collect();
        assert_eq!(values, [5.0, 5.0, 5.0, 0.0, 5.0, 5.0]);
        outside_to_background(&mut sample.labels);
        assert_eq!(sample.labels.iter().copied().collect::<Vec<_>>(), [0, 0, 2]);
    }
}
