//! Cropping, transposing and refusals; parity with nnU-Net is in `tests/parity_cases.rs`.

use super::*;
use crate::{Normalization, Resampling, TargetSpacing};
use sarx_core::{Grid, Size, Spacing};

fn grid(size: [usize; 3]) -> Grid {
    Grid::axis_aligned(
        Size::new(size).unwrap(),
        Spacing::new([1.0, 2.0, 4.0]).unwrap(),
    )
}

fn spec(n_channels: usize) -> PreprocessSpec {
    PreprocessSpec {
        transpose_forward: [2, 0, 1],
        target_spacing_mm: TargetSpacing::Volume([4.0, 1.0, 2.0]),
        normalization: vec![Normalization::None; n_channels],
        image_resampling: Resampling::IMAGE,
        label_resampling: Resampling::LABELS,
        logits_resampling: Resampling::LOGITS,
        foreground: vec![vec![1]],
        ignore: None,
    }
}

/// A body of ones in `[1..4, 2..6, 3..7]` of 5 x 7 x 8 voxels with one hole and one label outside.
fn body() -> (Volume<f32>, LabelMap) {
    let mut image = Volume::filled(grid([5, 7, 8]), 0.0f32);
    image.voxels_mut().slice_mut(s![1..4, 2..6, 3..7]).fill(1.0);
    image.voxels_mut()[[1, 2, 3]] = 0.0;
    image.voxels_mut()[[2, 3, 4]] = 0.0;
    let mut labels = LabelMap::filled(grid([5, 7, 8]), 0);
    labels.voxels_mut()[[2, 4, 5]] = 1;
    (image, labels)
}

#[test]
fn the_case_is_transposed_and_cropped_to_the_body() {
    let (image, labels) = body();
    let case = preprocess(&[&image], Some(&labels), &spec(1)).unwrap();
    let properties = &case.properties;
    properties.check().unwrap();
    assert_eq!(properties.spacing_mm, [1.0, 2.0, 4.0]);
    assert_eq!(properties.transposed_spacing_mm(), [4.0, 1.0, 2.0]);
    assert_eq!(properties.size_before_crop, [8, 5, 7]);
    assert_eq!(properties.native_size(), [5, 7, 8]);
    assert_eq!(
        properties.bounding_box,
        BoundingBox {
            lower: [3, 1, 2],
            upper: [7, 4, 6]
        }
    );
    assert_eq!(properties.size_after_crop, [4, 3, 4]);
    assert_eq!(properties.size_after_resample, [4, 3, 4]);
    let seg = case.labels.unwrap();
    assert_eq!(seg[[0, 0, 0]], -1, "a corner outside the body");
    assert_eq!(seg[[1, 1, 1]], 0, "a hole belongs to the body");
    assert_eq!(seg[[2, 1, 2]], 1);
    assert_eq!(case.image[[0, 0, 0, 0]], 0.0);
    assert_eq!(case.image[[0, 2, 1, 2]], 1.0);
    let locations = case.class_locations.unwrap();
    assert_eq!(locations.foreground[0].voxels, [[2, 1, 2]]);
}

#[test]
fn an_image_of_zeros_is_kept_whole() {
    let image = Volume::filled(grid([3, 4, 5]), 0.0f32);
    let mut spec = spec(1);
    spec.normalization = vec![Normalization::ZScore { masked: true }];
    let case = preprocess(&[&image], None, &spec).unwrap();
    assert_eq!(case.properties.bounding_box, BoundingBox::whole([5, 3, 4]));
    assert!(case.image.iter().all(|v| *v == 0.0));
    assert_eq!(case.labels, None);
    assert_eq!(case.class_locations, None);
}

#[test]
fn a_2d_configuration_keeps_the_spacing_of_axis_0() {
    let (image, labels) = body();
    let mut spec = spec(1);
    spec.target_spacing_mm = TargetSpacing::Slices([0.5, 1.0]);
    let case = preprocess(&[&image], Some(&labels), &spec).unwrap();
    assert_eq!(case.properties.size_after_resample, [4, 6, 8]);
    assert_eq!(case.image.dim(), (1, 4, 6, 8));
    assert_eq!(case.labels.unwrap().dim(), (4, 6, 8));
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let (image, labels) = body();
    let fail = |channels: &[&Volume<f32>], labels: Option<&LabelMap>, spec: &PreprocessSpec| {
        preprocess(channels, labels, spec).unwrap_err()
    };
    assert_eq!(
        fail(&[&image], None, &spec(2)).to_string(),
        "the case has 1 channels but the configuration was made for 2"
    );
    assert_eq!(
        fail(&[], None, &spec(0)),
        PreprocessError::ChannelCount {
            expected: 0,
            found: 0
        }
    );
    let other = Volume::filled(grid([5, 7, 9]), 1.0f32);
    assert_eq!(
        fail(&[&image, &other], None, &spec(2)),
        PreprocessError::ChannelSize {
            channel: 1,
            expected: [5, 7, 8],
            found: [5, 7, 9]
        }
    );
    let coarse = Grid {
        spacing: Spacing::new([2.0; 3]).unwrap(),
        ..grid([5, 7, 8])
    };
    let error = fail(&[&image, &Volume::filled(coarse, 1.0)], None, &spec(2));
    assert!(matches!(
        error,
        PreprocessError::ChannelSpacing { channel: 1, .. }
    ));
    let wrong = LabelMap::filled(grid([5, 7, 9]), 0);
    assert!(matches!(
        fail(&[&image], Some(&wrong), &spec(1)),
        PreprocessError::LabelSize { .. }
    ));
    let mut large = labels.clone();
    large.voxels_mut()[[0, 0, 0]] = 40_000;
    let error = fail(&[&image], Some(&large), &spec(1));
    assert_eq!(error, PreprocessError::LabelTooLarge { found: 40_000 });
    let mut nan = image.clone();
    nan.voxels_mut()[[4, 3, 2]] = f32::NAN;
    let error = fail(&[&image, &nan], None, &spec(2));
    assert!(matches!(
        error,
        PreprocessError::NotFinite {
            channel: 1,
            index: [4, 3, 2],
            ..
        }
    ));
    let twice = PreprocessSpec {
        transpose_forward: [0, 0, 1],
        ..spec(1)
    };
    assert!(matches!(
        fail(&[&image], None, &twice),
        PreprocessError::Transpose { .. }
    ));
    let zero = PreprocessSpec {
        target_spacing_mm: TargetSpacing::Slices([0.0, 1.0]),
        ..spec(1)
    };
    assert!(matches!(
        fail(&[&image], None, &zero),
        PreprocessError::Spacing { axis: 1, .. }
    ));
    let coarse = PreprocessSpec {
        target_spacing_mm: TargetSpacing::Volume([90.0, 1.0, 1.0]),
        ..spec(1)
    };
    assert!(matches!(
        fail(&[&image], None, &coarse),
        PreprocessError::TargetSize { .. }
    ));
}
