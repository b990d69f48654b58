//! Patch sampling against nnU-Net's rules and counts.

use super::*;
use crate::augment::{Purpose, sample_rng};
use std::collections::BTreeMap;

fn rng() -> rand_chacha::ChaCha8Rng {
    sample_rng(11, 0, 0, 0, Purpose::Training)
}

/// nnU-Net's expressions, with Python's floor division.
fn bounds_as_written(image: isize, initial: isize, patch: isize) -> (isize, isize) {
    let mut need = initial - patch;
    if need + image < initial {
        need = initial - image;
    }
    let lower = (-need).div_euclid(2);
    let upper = image + need.div_euclid(2) + need.rem_euclid(2) - initial;
    (lower, upper)
}

#[test]
fn corner_bounds_equal_nnunets_expressions() {
    for image in 1..40 {
        for patch in 1..20 {
            for initial in patch..patch + 20 {
                let expected = bounds_as_written(image as isize, initial as isize, patch as isize);
                assert_eq!(corner_bounds(image, initial, patch), expected);
                assert!(expected.0 <= expected.1);
            }
        }
    }
}

#[test]
fn forced_samples_are_the_last_third() {
    let forced = |batch| -> Vec<usize> {
        (0..batch)
            .filter(|&j| is_forced(j, batch, FORCED_FOREGROUND_FRACTION))
            .collect()
    };
    assert_eq!(forced(1), [0usize; 0]);
    assert_eq!(forced(2), [1]);
    assert_eq!(forced(4), [3]);
    assert_eq!(forced(12), [8, 9, 10, 11]);
}

#[test]
fn unforced_corners_are_uniform_and_reach_both_bounds() {
    let (image, initial, patch) = ([6, 5, 9], [4, 9, 4], [4, 4, 4]);
    let mut seen: [BTreeMap<isize, usize>; 3] = Default::default();
    let mut rng = rng();
    for _ in 0..3000 {
        let found = sample_box(
            image,
            [initial, patch],
            &Locations::default(),
            false,
            &mut rng,
        )
        .unwrap();
        assert_eq!(found.size, initial);
        for (counts, &lower) in seen.iter_mut().zip(&found.lower) {
            *counts.entry(lower).or_default() += 1;
        }
    }
    for axis in 0..3 {
        let (low, high) = bounds_as_written(
            image[axis] as isize,
            initial[axis] as isize,
            patch[axis] as isize,
        );
        assert_eq!(
            seen[axis].keys().copied().collect::<Vec<_>>(),
            (low..=high).collect::<Vec<_>>()
        );
        let expected = 3000.0 / seen[axis].len() as f64;
        for &count in seen[axis].values() {
            assert!(
                (count as f64 - expected).abs() < 5.0 * expected.sqrt(),
                "{:?}",
                seen[axis]
            );
        }
    }
}

#[test]
fn forced_boxes_are_centred_but_do_not_start_too_early() {
    let tumour = [[5u32, 0, 19]];
    let locations = Locations {
        classes: vec![&[], &tumour],
        annotated: None,
    };
    let found = sample_box(
        [10, 20, 20],
        [[4, 8, 8], [4, 6, 6]],
        &locations,
        true,
        &mut rng(),
    )
    .unwrap();
    // y would start at -4; -1 is the bound. x ends at 23, behind the largest regular box.
    assert_eq!(found.lower, [3, -1, 15]);
}

#[test]
fn classes_and_voxels_are_chosen_uniformly() {
    let (large, small) = ([[1u32, 1, 1]; 50], [[8u32, 8, 8]]);
    let locations = Locations {
        classes: vec![&large, &[], &small],
        annotated: None,
    };
    let mut rng = rng();
    let n_small = (0..2000)
        .filter(|_| {
            let sizes = [[2, 2, 2]; 2];
            sample_box([9, 9, 9], sizes, &locations, true, &mut rng)
                .unwrap()
                .lower
                == [7, 7, 7]
        })
        .count();
    assert!(n_small.abs_diff(1000) < 112, "{n_small} of 2000"); // 5 standard deviations
}

#[test]
fn annotated_voxels_serve_unforced_samples_and_cases_without_foreground() {
    let annotated = [[2u32, 2, 2]];
    let tumour = [[7u32, 7, 7]];
    let sizes = [[2, 2, 2]; 2];
    let at = |classes: &[&[[u32; 3]]], annotated, forced| {
        let locations = Locations {
            classes: classes.to_vec(),
            annotated,
        };
        sample_box([9, 9, 9], sizes, &locations, forced, &mut rng())
            .unwrap()
            .lower
    };
    assert_eq!(at(&[&tumour], Some(&annotated), false), [1, 1, 1]);
    assert_eq!(at(&[&tumour], Some(&annotated), true), [6, 6, 6]);
    assert_eq!(at(&[&[]], Some(&annotated), true), [1, 1, 1]);
    // Nothing annotated at all: anywhere, as a dataset without ignore label.
    assert_eq!(at(&[&tumour], Some(&[]), false), at(&[], None, false));
}

#[test]
fn locations_of_another_image_are_refused() {
    let locations = Locations {
        classes: vec![&[[3, 9, 0]]],
        annotated: None,
    };
    let error = sample_box([9, 9, 9], [[2, 2, 2]; 2], &locations, true, &mut rng()).unwrap_err();
    assert_eq!(
        error,
        AugmentError::LocationOutside {
            location: [3, 9, 0],
            image: [9, 9, 9]
        }
    );
    let error = sample_box([9, 0, 9], [[2; 3]; 2], &locations, true, &mut rng()).unwrap_err();
    assert_eq!(
        error,
        AugmentError::EmptyAxis {
            what: "image",
            axis: 1
        }
    );
}

#[test]
fn the_centre_of_a_box_is_nnunets() {
    let initial = PatchBox {
        lower: [-3, 0, 10],
        size: [7, 8, 5],
    };
    let centre = initial.centre([4, 3, 5]);
    assert_eq!(
        centre,
        PatchBox {
            lower: [-2, 3, 10],
            size: [4, 3, 5]
        }
    );
}

#[test]
fn no_case_can_be_chosen_from_none() {
    let mut rng = rng();
    assert_eq!(choose_case(0, &mut rng), None);
    assert!((0..100).all(|_| choose_case(3, &mut rng).is_some_and(|case| case < 3)));
}

#[test]
fn stored_locations_keep_their_order() {
    let key = |labels: &[i16], voxels: &[[u32; 3]]| crate::KeyLocations {
        labels: labels.to_vec(),
        voxels: voxels.to_vec(),
    };
    let mut stored = crate::ClassLocations {
        foreground: vec![key(&[1, 2], &[[1, 2, 3]]), key(&[2], &[])],
        annotated: None,
    };
    let locations = Locations::from(&stored);
    assert_eq!(locations.classes, [&[[1u32, 2, 3]][..], &[]]);
    assert!(locations.annotated.is_none());
    stored.annotated = Some(key(&[-1, 0, 1, 2], &[[0, 0, 0]]));
    assert_eq!(
        Locations::from(&stored).annotated,
        Some(&[[0u32, 0, 0]][..])
    );
}
