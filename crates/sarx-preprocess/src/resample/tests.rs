//! The fast path against the plain one, and target sizes.

use super::{
    ResampleGeometry, Resampling, SliceResampler, SplineOrder, reference, resample_image,
    resample_labels, target_size,
};
use crate::PreprocessError;
use crate::resample::slices::SliceScratch;
use ndarray::Array3;
use sarx_core::NumpyRandom;

/// Both compute in f64 and round once to f32; intensities are below 1.
const TOLERANCE: f32 = 2e-7;

const ISOTROPIC: ([f64; 3], [f64; 3]) = ([1.0; 3], [1.2, 0.9, 1.0]);
const APART: [([f64; 3], [f64; 3]); 3] = [
    ([5.0, 1.0, 1.0], [4.0, 1.2, 1.2]),
    ([1.0, 5.0, 1.0], [1.0, 4.0, 1.2]),
    ([1.0, 1.0, 1.0], [1.0, 1.0, 4.0]),
];
const SIZES: [([usize; 3], [usize; 3]); 6] = [
    ([5, 7, 6], [9, 4, 6]),
    ([5, 7, 6], [5, 14, 12]),
    ([1, 8, 9], [1, 5, 13]),
    ([6, 1, 4], [3, 3, 9]),
    ([4, 6, 2], [8, 6, 2]),
    ([2, 2, 40], [3, 2, 37]),
];

fn random_image(size: [usize; 3], seed: u32) -> Array3<f32> {
    let mut rng = NumpyRandom::new(seed);
    Array3::from_shape_simple_fn(size, || rng.next_u32() as f32 / u32::MAX as f32)
}

fn random_labels(size: [usize; 3], seed: u32) -> Array3<i16> {
    let mut rng = NumpyRandom::new(seed);
    Array3::from_shape_simple_fn(size, || rng.at_most(4) as i16 - 1)
}

fn geometries() -> impl Iterator<Item = ([usize; 3], ResampleGeometry)> {
    let spacings = std::iter::once(ISOTROPIC).chain(APART);
    spacings.flat_map(|(from_mm, to_mm)| {
        SIZES.map(|(input, size)| {
            (
                input,
                ResampleGeometry {
                    from_mm,
                    to_mm,
                    size,
                },
            )
        })
    })
}

fn orders() -> impl Iterator<Item = Resampling> {
    [
        SplineOrder::Nearest,
        SplineOrder::Linear,
        SplineOrder::Cubic,
    ]
    .into_iter()
    .map(|order| Resampling {
        order,
        order_z: SplineOrder::Nearest,
        force_separate_z: None,
    })
}

#[test]
fn images_equal_the_plain_version() {
    for (case, (input, geometry)) in geometries().enumerate() {
        let image = random_image(input, case as u32);
        for resampling in orders() {
            let fast = resample_image(image.view(), &geometry, &resampling);
            let plain = reference::resample_image(image.view(), &geometry, &resampling);
            let largest = fast
                .iter()
                .zip(&plain)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(
                largest <= TOLERANCE,
                "{input:?} {geometry:?} {resampling:?}: {largest}"
            );
        }
    }
}

#[test]
fn labels_equal_the_plain_version_also_on_ties() {
    for (case, (input, geometry)) in geometries().enumerate() {
        let labels = random_labels(input, case as u32);
        for resampling in orders().take(2) {
            let fast = resample_labels(labels.view(), &geometry, &resampling);
            let plain = reference::resample_labels(labels.view(), &geometry, &resampling);
            assert_eq!(fast, plain, "{input:?} {geometry:?} {resampling:?}");
        }
    }
}

#[test]
fn an_image_in_another_memory_order_gives_the_same() {
    let image = random_image([6, 5, 9], 3);
    let [from_mm, to_mm] = [[1.0; 3]; 2];
    let geometry = ResampleGeometry {
        from_mm,
        to_mm,
        size: [7, 8, 4],
    };
    let swapped = image.view().permuted_axes([2, 0, 1]);
    let copied = swapped.as_standard_layout().into_owned();
    assert_eq!(
        resample_image(swapped, &geometry, &Resampling::IMAGE),
        resample_image(copied.view(), &geometry, &Resampling::IMAGE)
    );
}

#[test]
fn slices_equal_the_whole_volume() {
    for (case, (input, geometry)) in geometries().enumerate() {
        let image = random_image(input, case as u32);
        let whole = resample_image(image.view(), &geometry, &Resampling::LOGITS);
        let resampler = SliceResampler::new(input, &geometry, &Resampling::LOGITS).unwrap();
        let mut scratch = SliceScratch::default();
        let mut slice = vec![0.0; geometry.size[1] * geometry.size[2]];
        for z in 0..geometry.size[0] {
            resampler.slice(image.view(), z, &mut scratch, &mut slice);
            let expected = whole.index_axis(ndarray::Axis(0), z);
            for (found, expected) in slice.iter().zip(expected) {
                assert!((found - expected).abs() <= TOLERANCE);
            }
        }
    }
    let geometry = ResampleGeometry {
        from_mm: [1.0; 3],
        to_mm: [2.0; 3],
        size: [2, 2, 2],
    };
    assert!(SliceResampler::new([4, 4, 4], &geometry, &Resampling::IMAGE).is_none());
}

#[test]
fn a_spline_along_the_coarse_axis_goes_through_the_slices() {
    let image = random_image([5, 4, 4], 9);
    let geometry = ResampleGeometry {
        from_mm: [5.0, 1.0, 1.0],
        to_mm: [1.0; 3],
        size: [25, 4, 4],
    };
    for order_z in [SplineOrder::Linear, SplineOrder::Cubic] {
        let resampling = Resampling {
            order_z,
            ..Resampling::IMAGE
        };
        let found = resample_image(image.view(), &geometry, &resampling);
        for z in 0..5 {
            for (found, expected) in found
                .index_axis(ndarray::Axis(0), 5 * z + 2)
                .iter()
                .zip(image.index_axis(ndarray::Axis(0), z))
            {
                assert!((found - expected).abs() <= TOLERANCE, "{order_z:?}");
            }
        }
        let labels = random_labels([5, 4, 4], 2);
        let resampling = Resampling {
            order_z,
            ..Resampling::LABELS
        };
        let found = resample_labels(labels.view(), &geometry, &resampling);
        for z in 0..5 {
            let slice = found.index_axis(ndarray::Axis(0), 5 * z + 2);
            assert_eq!(slice, labels.index_axis(ndarray::Axis(0), z), "{order_z:?}");
        }
    }
}

#[test]
fn sizes_round_half_to_even_and_stay_in_bounds() {
    assert_eq!(target_size([5, 7, 10], [1.0; 3], [2.0; 3]), Ok([2, 4, 5]));
    for to_mm in [[30.0, 1.0, 1.0], [1e-9, 1.0, 1.0], [f64::NAN, 1.0, 1.0]] {
        let error = target_size([10; 3], [1.0; 3], to_mm).unwrap_err();
        assert!(matches!(
            error,
            PreprocessError::TargetSize {
                size: [10, 10, 10],
                ..
            }
        ));
    }
}
