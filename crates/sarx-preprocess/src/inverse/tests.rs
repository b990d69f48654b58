//! The way back: shapes, pasting, deciding, and slice-wise against whole volumes.

use super::*;
use crate::{Normalization, Resampling, TargetSpacing};
use proptest::prelude::*;
use sarx_core::{BoundingBox, NumpyRandom};

fn spec(transpose_forward: [usize; 3], logits_resampling: Resampling) -> PreprocessSpec {
    PreprocessSpec {
        transpose_forward,
        target_spacing_mm: TargetSpacing::Volume([1.0; 3]),
        normalization: vec![Normalization::None],
        image_resampling: Resampling::IMAGE,
        label_resampling: Resampling::LABELS,
        logits_resampling,
        foreground: vec![vec![1]],
        ignore: None,
    }
}

fn properties(transpose_forward: [usize; 3], target: [usize; 3]) -> Properties {
    let bounding_box = BoundingBox {
        lower: [1, 0, 2],
        upper: [7, 5, 6],
    };
    Properties {
        spacing_mm: [1.5, 1.0, 0.75],
        transpose_forward,
        size_before_crop: [9, 5, 8],
        bounding_box,
        size_after_crop: bounding_box.size(),
        size_after_resample: target,
    }
}

fn random_logits(heads: usize, [z, y, x]: [usize; 3], seed: u32) -> Array4<f32> {
    let mut rng = NumpyRandom::new(seed);
    let mut uniform = || rng.next_u32() as f32 / u32::MAX as f32;
    Array4::from_shape_simple_fn((heads, z, y, x), || 8.0 * uniform() - 4.0)
}

/// Pastes and transposes voxel by voxel.
fn paste(cropped: &Array3<Label>, properties: &Properties) -> Array3<Label> {
    let mut native = Array3::zeros(properties.native_size());
    for ((z, y, x), &label) in cropped.indexed_iter() {
        let mut at = [0; 3];
        for (axis, i) in [z, y, x].into_iter().enumerate() {
            at[properties.transpose_forward[axis]] = i + properties.bounding_box.lower[axis];
        }
        native[at] = label;
    }
    native
}

fn decide_plainly(logits: &Array4<f32>, heads: &Heads) -> Array3<Label> {
    let (n, z, y, x) = logits.dim();
    Array3::from_shape_fn((z, y, x), |(z, y, x)| match heads {
        Heads::Labels { .. } => {
            let best = (0..n)
                .rev()
                .max_by(|&a, &b| logits[[a, z, y, x]].total_cmp(&logits[[b, z, y, x]]));
            best.unwrap() as Label
        }
        Heads::Regions { class_order } => (0..n)
            .filter(|&c| 1.0 / (1.0 + (-logits[[c, z, y, x]]).exp()) > 0.5)
            .map(|c| class_order[c])
            .next_back()
            .unwrap_or(0),
    })
}

fn both_heads() -> [Heads; 2] {
    [
        Heads::Labels { count: 3 },
        Heads::Regions {
            class_order: vec![5, 2, 9],
        },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn slices_give_the_labels_of_whole_volumes(
        order in Just([0usize, 1, 2]).prop_shuffle(),
        target in [1usize..9, 1usize..9, 1usize..9],
        seed: u32,
    ) {
        let properties = properties(order, target);
        let logits = random_logits(3, target, seed);
        for resampling in [Resampling::LOGITS, Resampling::IMAGE] {
            let spec = spec(order, resampling);
            let native = logits_to_native(logits.view(), &properties, &spec).unwrap();
            prop_assert_eq!(native.shape(), [3, 6, 5, 4]);
            for heads in both_heads() {
                let expected = paste(&decide_plainly(&native, &heads), &properties);
                let found = labels_from_logits(logits.view(), &heads, &properties, &spec).unwrap();
                prop_assert_eq!(&found, &expected);
                let with =
                    probabilities_to_native(logits.view(), &heads, &properties, &spec).unwrap();
                let of_probabilities = heads.labels_of_probabilities(with.probabilities.view());
                prop_assert_eq!(&with.labels, &of_probabilities.unwrap());
                let native_size = properties.native_size();
                prop_assert_eq!(&with.probabilities.shape()[1..], &native_size);
            }
        }
    }
}

/// Smooth logits with wide places where one head leads, and places where heads are nearly equal.
fn blobs(heads: usize, [z, y, x]: [usize; 3], seed: u32) -> Array4<f32> {
    let mut rng = NumpyRandom::new(seed);
    let mut uniform = move || f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let at: Vec<[f64; 4]> = (0..heads)
        .map(|_| std::array::from_fn(|_| uniform()))
        .collect();
    Array4::from_shape_fn((heads, z, y, x), |(head, iz, iy, ix)| {
        let [cz, cy, cx, scale] = at[head];
        let far = (iz as f64 / z as f64 - cz).abs()
            + (iy as f64 / y as f64 - cy).abs()
            + (ix as f64 / x as f64 - cx).abs();
        // Steps, so that many neighbours are equal, also between heads.
        (((0.3 + scale) * (1.5 - far) * 20.0).floor() / 4.0 - 3.0) as f32
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn leaving_out_what_is_sure_changes_no_label(
        target in [1usize..7, 1usize..24, 1usize..80],
        native in [1usize..9, 1usize..40, 1usize..200],
        apart: bool,
        seed: u32,
    ) {
        let bounding_box = BoundingBox { lower: [0; 3], upper: native };
        let properties = Properties {
            spacing_mm: if apart { [5.0, 1.0, 1.0] } else { [1.0; 3] },
            transpose_forward: [0, 1, 2],
            size_before_crop: native,
            bounding_box,
            size_after_crop: native,
            size_after_resample: target,
        };
        let spec = spec([0, 1, 2], Resampling::LOGITS);
        for heads in both_heads() {
            for logits in [blobs(3, target, seed), random_logits(3, target, seed)] {
                let geometry = check(logits.view(), Some(&heads), &properties, &spec).unwrap();
                let resampler = slice_resampler(logits.view(), &geometry, &spec).unwrap();
                let mut plain = Array3::zeros(native);
                decide_slices(logits.view(), &heads, &resampler, plain.view_mut(), None);
                let found = labels_from_logits(logits.view(), &heads, &properties, &spec).unwrap();
                prop_assert_eq!(&found, &plain);
            }
        }
    }
}

#[test]
fn probabilities_are_one_for_background_outside_and_sum_to_one() {
    let properties = properties([2, 0, 1], [6, 5, 4]);
    let spec = spec([2, 0, 1], Resampling::LOGITS);
    let logits = random_logits(3, [6, 5, 4], 1);
    let [labels, regions] = both_heads();
    let found = probabilities_to_native(logits.view(), &labels, &properties, &spec).unwrap();
    let sums = found.probabilities.sum_axis(Axis(0));
    assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-6));
    assert_eq!(found.probabilities[[0, 0, 0, 0]], 1.0);
    assert_eq!(found.probabilities[[1, 0, 0, 0]], 0.0);
    let found = probabilities_to_native(logits.view(), &regions, &properties, &spec).unwrap();
    assert_eq!(found.probabilities[[0, 0, 0, 0]], 0.0);
    // Native [y', x', z'] of transposed [z', y', x'] = box corner [1, 0, 2].
    let corner: f32 = 1.0 / (1.0 + (-logits[[1, 0, 0, 0]]).exp());
    assert!((found.probabilities[[1, 0, 2, 1]] - corner).abs() < 1e-6);
}

#[test]
fn labels_beside_probabilities_are_those_of_the_probabilities() {
    let properties = properties([0, 1, 2], [6, 5, 4]);
    let spec = spec([0, 1, 2], Resampling::LOGITS);
    // So far apart from the third head that f32 softmax cannot tell the first two from each other.
    let mut logits = Array4::zeros((3, 6, 5, 4));
    logits.index_axis_mut(Axis(0), 1).fill(1e-9);
    logits.index_axis_mut(Axis(0), 2).fill(-90.0);
    let [labels, _] = both_heads();
    let found = probabilities_to_native(logits.view(), &labels, &properties, &spec).unwrap();
    assert!(
        found.labels.iter().all(|l| *l == 0),
        "equal: the first wins"
    );
    let of_logits = labels_from_logits(logits.view(), &labels, &properties, &spec).unwrap();
    assert!(of_logits.iter().any(|l| *l == 1));
    let error = labels.labels_of_probabilities(logits.slice(s![..2, .., .., ..]));
    assert_eq!(
        error.unwrap_err(),
        PreprocessError::HeadCount {
            expected: 3,
            found: 2
        }
    );
}

#[test]
fn logits_of_the_native_size_are_not_touched() {
    let properties = properties([0, 1, 2], [6, 5, 4]);
    let spec = spec([0, 1, 2], Resampling::LOGITS);
    let logits = random_logits(2, [6, 5, 4], 4);
    assert_eq!(
        logits_to_native(logits.view(), &properties, &spec).unwrap(),
        logits
    );
}

#[test]
fn the_first_label_wins_a_tie() {
    let properties = properties([0, 1, 2], [6, 5, 4]);
    let spec = spec([0, 1, 2], Resampling::LOGITS);
    let logits = Array4::zeros((3, 6, 5, 4));
    for heads in both_heads() {
        let found = labels_from_logits(logits.view(), &heads, &properties, &spec).unwrap();
        assert!(
            found.iter().all(|l| *l == 0),
            "a logit of 0 is exactly 0.5: not inside"
        );
    }
}

#[test]
fn logits_that_do_not_belong_to_the_case_are_refused() {
    let spec = spec([0, 1, 2], Resampling::LOGITS);
    let good = properties([0, 1, 2], [3, 3, 3]);
    let heads = Heads::Labels { count: 2 };
    let logits = random_logits(2, [3, 3, 3], 0);
    let fail = |logits: &Array4<f32>, properties: &Properties| {
        labels_from_logits(logits.view(), &heads, properties, &spec).unwrap_err()
    };
    let error = fail(&random_logits(2, [3, 3, 4], 0), &good);
    assert_eq!(
        error,
        PreprocessError::LogitsSize {
            expected: [3, 3, 3],
            found: [3, 3, 4]
        }
    );
    let error = fail(&random_logits(3, [3, 3, 3], 0), &good);
    assert_eq!(
        error,
        PreprocessError::HeadCount {
            expected: 2,
            found: 3
        }
    );
    let mut broken = logits.clone();
    broken[[1, 2, 0, 1]] = f32::INFINITY;
    let error = fail(&broken, &good);
    assert!(matches!(
        error,
        PreprocessError::LogitsNotFinite {
            channel: 1,
            index: [2, 0, 1],
            ..
        }
    ));
    let error = fail(&logits, &properties([0, 2, 1], [3, 3, 3]));
    assert!(matches!(error, PreprocessError::Properties { .. }));
    let mut outside = good.clone();
    outside.size_before_crop = [6, 5, 8];
    assert!(matches!(
        fail(&logits, &outside),
        PreprocessError::Properties { .. }
    ));
}

#[test]
fn labels_for_the_next_stage_are_resampled_logits_on_its_grid() {
    let order = [0, 1, 2];
    for own_mm in [[1.2, 1.0, 1.0], [4.0, 1.0, 1.0]] {
        for heads in both_heads() {
            let properties = properties(order, [3, 4, 3]);
            let spec = PreprocessSpec {
                target_spacing_mm: TargetSpacing::Volume(own_mm),
                ..spec(order, Resampling::LOGITS)
            };
            let logits = random_logits(heads.count(), [3, 4, 3], 8);
            let next = TargetSpacing::Volume([0.9, 0.4, 0.5]);
            // The crop is 6 x 5 x 4 voxels of 1.5 x 1 x 0.75 mm; 12.5 voxels are rounded to even.
            let size = [10, 12, 6];
            let geometry = ResampleGeometry {
                from_mm: own_mm,
                to_mm: own_mm,
                size,
            };
            let mut resampled = Array4::zeros((heads.count(), size[0], size[1], size[2]));
            for (mut out, channel) in resampled.outer_iter_mut().zip(logits.outer_iter()) {
                out.assign(&resample_image(channel, &geometry, &Resampling::LOGITS));
            }
            let found = labels_for_next_stage(logits.view(), &heads, &properties, &spec, next);
            let expected = decide_plainly(&resampled, &heads);
            assert_eq!(found.unwrap(), expected, "{own_mm:?} {heads:?}");
        }
    }
}
