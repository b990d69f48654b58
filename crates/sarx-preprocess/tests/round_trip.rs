//! Preprocessing and its inverse: without a change of spacing, labels come back as they were.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use ndarray::{Array3, Array4, s};
use proptest::prelude::*;
use sarx_core::{Grid, LabelMap, NumpyRandom, Size, Spacing, Volume};
use sarx_preprocess::{
    Heads, Normalization, PreprocessSpec, Resampling, TargetSpacing, labels_from_logits,
    preprocess, probabilities_to_native,
};

const SPACING_MM: [f64; 3] = [4.0, 0.9, 1.1];

/// A case whose body fills `lower..upper` and holds labels 0, 1 and 2.
fn case(size: [usize; 3], lower: [usize; 3], upper: [usize; 3]) -> (Volume<f32>, LabelMap) {
    let grid = Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(SPACING_MM).unwrap());
    let mut rng = NumpyRandom::new(5);
    let mut image = Volume::filled(grid, 0.0f32);
    let mut labels = LabelMap::filled(grid, 0);
    let inside = s![lower[0]..upper[0], lower[1]..upper[1], lower[2]..upper[2]];
    let box_size: [usize; 3] = std::array::from_fn(|a| upper[a] - lower[a]);
    let drawn = Array3::from_shape_simple_fn(box_size, || rng.at_most(2) as u16);
    image
        .voxels_mut()
        .slice_mut(inside)
        .assign(&drawn.map(|&l| f32::from(l) + 1.0));
    labels.voxels_mut().slice_mut(inside).assign(&drawn);
    (image, labels)
}

/// Logits that are certain of every voxel; -1 is background.
fn certain(labels: &Array3<i16>) -> Array4<f32> {
    let (z, y, x) = labels.dim();
    Array4::from_shape_fn((3, z, y, x), |(c, z, y, x)| {
        if i32::from(labels[[z, y, x]].max(0)) == c as i32 {
            20.0
        } else {
            -20.0
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn labels_come_back(
        order in Just([0usize, 1, 2]).prop_shuffle(),
        (size, lower, upper) in prop::array::uniform3(1usize..9).prop_flat_map(|size| {
            let lower = size.map(|n| 0..n);
            (Just(size), lower).prop_flat_map(|(size, lower)| {
                let upper: [_; 3] = std::array::from_fn(|a| lower[a] + 1..=size[a]);
                (Just(size), Just(lower), upper)
            })
        }),
    ) {
        let (image, labels) = case(size, lower, upper);
        let spec = PreprocessSpec {
            transpose_forward: order,
            target_spacing_mm: TargetSpacing::Volume(order.map(|axis| SPACING_MM[axis])),
            normalization: vec![Normalization::ZScore { masked: true }],
            image_resampling: Resampling::IMAGE,
            label_resampling: Resampling::LABELS,
            logits_resampling: Resampling::LOGITS,
            foreground: vec![vec![1], vec![2]],
            ignore: None,
        };
        let found = preprocess(&[&image], Some(&labels), &spec).unwrap();
        let properties = &found.properties;
        prop_assert_eq!(properties.native_size(), size);
        prop_assert_eq!(properties.size_after_crop, order.map(|a| upper[a] - lower[a]));
        let logits = certain(found.labels.as_ref().unwrap());
        let heads = Heads::Labels { count: 3 };
        let back = labels_from_logits(logits.view(), &heads, properties, &spec).unwrap();
        prop_assert_eq!(&back, labels.voxels());
        let with = probabilities_to_native(logits.view(), &heads, properties, &spec).unwrap();
        prop_assert_eq!(&with.labels, labels.voxels());
        for ((z, y, x), &label) in back.indexed_iter() {
            prop_assert!(with.probabilities[[usize::from(label), z, y, x]] > 0.999);
        }
    }
}
