//! The list as a whole: order, rates, determinism, short cuts.

use super::*;
use crate::augment::random::uniform;
use crate::augment::{
    AugmentError, AugmentationOptions, Probabilities, Purpose, TargetKind, Targets, sample_rng,
};
use ndarray::{Array3, s};

fn plan(patch: &[usize], n_channels: usize, options: AugmentationOptions) -> AugmentationPlan {
    AugmentationPlan::for_patch(patch, n_channels, options).unwrap()
}

/// A case with noise, two lesions and a rim outside of the body.
fn case(n_channels: usize, size: [usize; 3]) -> (Array4<f32>, Array3<i16>) {
    let mut rng = sample_rng(20, 0, 0, 0, Purpose::Preview);
    let [z, y, x] = size;
    let image = Array4::from_shape_simple_fn((n_channels, z, y, x), || {
        uniform(&mut rng, -1.5, 1.5) as f32
    });
    let labels = Array3::from_shape_fn(size, |(z, y, x)| match (z + y + x) % 17 {
        _ if x < 3 => -1,
        0..9 => 0,
        9..14 => 1,
        _ => 2,
    });
    (image, labels)
}

fn whole(image: Array4<f32>, labels: Array3<i16>) -> Sample {
    Sample {
        image,
        labels,
        previous: None,
    }
}

fn arrays<'a>(image: &'a Array4<f32>, labels: &'a Array3<i16>) -> CaseArrays<'a> {
    CaseArrays {
        image: image.view(),
        labels: labels.view(),
        previous: None,
    }
}

const ALL: Probabilities = Probabilities {
    rotation: 1.0,
    scaling: 1.0,
    noise: 1.0,
    blur: 1.0,
    brightness: 1.0,
    contrast: 1.0,
    low_resolution: 1.0,
    inverted_gamma: 1.0,
    gamma: 1.0,
    mirror: 1.0,
    morphology: 1.0,
    component_removal: 1.0,
};
const NONE: Probabilities = Probabilities::NEVER;

fn with(probabilities: Probabilities) -> AugmentationOptions {
    AugmentationOptions {
        probabilities,
        ..Default::default()
    }
}

#[test]
fn transforms_fire_as_often_as_nnunets() {
    let plan = plan(&[32, 32, 32], 1, AugmentationOptions::default());
    let mut rng = sample_rng(21, 0, 0, 0, Purpose::Training);
    let recipes: Vec<Recipe> = (0..8000).map(|_| Recipe::draw(&plan, &mut rng)).collect();
    let share = |fired: &dyn Fn(&Recipe) -> bool| {
        recipes.iter().filter(|recipe| fired(recipe)).count() as f64 / 8000.0
    };
    // nnunet-v2.md 7.4; rotation or scaling fires with 1 - 0.8 * 0.8.
    let rates: [(f64, f64); 11] = [
        (share(&|r| r.moves_voxels()), 0.36),
        (share(&|r| r.noise.is_some()), 0.1),
        (share(&|r| r.blur.is_some()), 0.2),
        (share(&|r| r.brightness.is_some()), 0.15),
        (share(&|r| r.contrast.is_some()), 0.15),
        (share(&|r| r.low_resolution.is_some()), 0.25),
        (share(&|r| r.inverted_gamma.is_some()), 0.1),
        (share(&|r| r.gamma.is_some()), 0.3),
        (share(&|r| r.mirror.axes[0]), 0.5),
        (share(&|r| r.mirror.axes[1]), 0.5),
        (share(&|r| r.mirror.axes[2]), 0.5),
    ];
    for (index, (found, expected)) in rates.into_iter().enumerate() {
        let deviation = (expected * (1.0 - expected) / 8000.0).sqrt();
        assert!(
            (found - expected).abs() < 4.5 * deviation,
            "{index}: {found} of {expected}"
        );
    }
    for gamma in recipes.iter().flat_map(|r| &r.gamma) {
        assert!((0.7..=1.5).contains(&gamma.exponents[0]) && !gamma.inverted);
    }
    for recipe in &recipes {
        let brightness = recipe.brightness.iter().flat_map(|b| &b.factors);
        let contrast = recipe.contrast.iter().flat_map(|c| &c.factors);
        assert!(
            brightness
                .chain(contrast)
                .all(|f| (0.75..=1.25).contains(f))
        );
    }
}

#[test]
fn axes_that_may_not_be_mirrored_are_not() {
    let options = AugmentationOptions {
        mirror_axes: Some(vec![1]),
        ..with(ALL)
    };
    let plan = plan(&[32, 32, 32], 1, options);
    let mut rng = sample_rng(22, 0, 0, 0, Purpose::Training);
    assert_eq!(
        Recipe::draw(&plan, &mut rng).mirror.axes,
        [false, true, false]
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_sample_does_not() {
    for patch in [&[12, 14, 16][..], &[4, 14, 16], &[14, 16]] {
        let plan = plan(patch, 2, with(ALL));
        let (image, labels) = case(2, plan.initial_patch());
        let sample = whole(image, labels);
        let make = |place| {
            let mut rng = sample_rng(1, 0, 0, place, Purpose::Training);
            augment(&sample, &plan, &mut rng).unwrap()
        };
        let (first, again, other) = (make(0), make(0), make(1));
        assert_eq!(first.size(), plan.patch());
        let bits = |s: &Sample| s.image.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!((bits(&first), &first.labels), (bits(&again), &again.labels));
        assert_ne!(bits(&first), bits(&other));
        assert!(first.image.iter().all(|v| v.is_finite()));
        assert!(first.labels.iter().all(|label| (0..=2).contains(label)));
    }
}

#[test]
fn nothing_fired_is_the_centre_crop() {
    let plan = plan(&[7, 8, 9], 1, with(NONE));
    let (image, labels) = case(1, plan.initial_patch());
    let sample = whole(image, labels);
    let mut rng = sample_rng(1, 0, 0, 0, Purpose::Training);
    let cropped = augment(&sample, &plan, &mut rng).unwrap();
    let [z, y, x] = std::array::from_fn(|axis| {
        let start = plan.initial_patch()[axis] / 2 - plan.patch()[axis] / 2;
        start..start + plan.patch()[axis]
    });
    let expected = sample.image.slice(s![.., z.clone(), y.clone(), x.clone()]);
    assert_eq!(cropped.image, expected);
    let expected = sample.labels.slice(s![z, y, x]).mapv(|label| label.max(0));
    assert_eq!(cropped.labels, expected);
}

#[test]
fn reading_from_the_case_equals_cropping_first() {
    for (probabilities, patch) in [
        (NONE, &[7, 8, 9][..]),
        (ALL, &[7, 8, 9]),
        (ALL, &[3, 10, 12]),
        (ALL, &[10, 12]),
    ] {
        let plan = plan(patch, 2, with(probabilities));
        let (image, labels) = case(2, [if patch.len() == 2 { 5 } else { 11 }, 13, 20]);
        let initial = PatchBox {
            lower: [-1, -2, 6],
            size: plan.initial_patch(),
        };
        let mut rng = sample_rng(23, 0, 0, 0, Purpose::Training);
        let recipe = Recipe::draw(&plan, &mut rng);
        let case = arrays(&image, &labels);
        let direct = recipe.apply_to_case(case, &initial, &plan).unwrap();
        let cropped = crop_sample(case, &initial).unwrap();
        assert_eq!(direct, recipe.apply(&cropped, &plan).unwrap());
    }
}

#[test]
fn voxels_outside_of_the_body_are_zero_in_masked_channels_only() {
    let options = AugmentationOptions {
        use_mask_for_norm: vec![false, true],
        ..with(Probabilities {
            brightness: 1.0,
            ..NONE
        })
    };
    let plan = plan(&[6, 6, 6], 2, options);
    let (mut image, labels) = case(2, plan.initial_patch());
    image.mapv_inplace(|v| v.abs() + 1.0);
    let sample = whole(image, labels);
    let mut rng = sample_rng(24, 0, 0, 0, Purpose::Training);
    let made = augment(&sample, &plan, &mut rng).unwrap();
    let offset = plan.initial_patch()[0] / 2 - 3;
    let mut n_outside = 0;
    for ((z, y, x), &label) in made.labels.indexed_iter() {
        let original = sample.labels[[z + offset, y + offset, x + offset]];
        n_outside += usize::from(original < 0);
        assert_eq!(label, original.max(0));
        assert_eq!(made.image[[1, z, y, x]] == 0.0, original < 0);
        assert!(made.image[[0, z, y, x]] > 0.0);
    }
    assert!((1..216).contains(&n_outside));
}

#[test]
fn validation_changes_nothing_but_the_label_outside() {
    let options = AugmentationOptions {
        strides: vec![vec![1; 3], vec![2; 3], vec![2; 3]],
        targets: TargetKind::Regions {
            regions: vec![vec![1, 2], vec![2]],
            ignore: None,
        },
        ..with(ALL)
    };
    let plan = plan(&[8, 8, 8], 1, options);
    let (image, labels) = case(1, [9, 9, 9]);
    let region = PatchBox {
        lower: [-2, 0, 1],
        size: [8, 8, 8],
    };
    let made = validation_sample(arrays(&image, &labels), &region, &plan).unwrap();
    assert_eq!(
        made.image.slice(s![0, 2.., .., ..]),
        image.slice(s![0, ..6, ..8, 1..])
    );
    assert!(
        made.image
            .slice(s![0, ..2, .., ..])
            .iter()
            .all(|&v| v == 0.0)
    );
    let Targets::Regions(masks) = made.targets else {
        panic!("regions were asked for")
    };
    assert_eq!(masks[0].dim(), (2, 8, 8, 8));
    assert_eq!(masks[1].dim(), (2, 4, 4, 4));
    assert!(!masks[0][[0, 0, 0, 0]]);
    assert_eq!(masks[0][[1, 2, 3, 4]], labels[[0, 3, 5]] == 2);
}

#[test]
fn samples_that_do_not_fit_the_plan_are_refused() {
    let plan = plan(&[8, 8, 8], 2, with(ALL));
    let mut rng = sample_rng(25, 0, 0, 0, Purpose::Training);
    let (image, labels) = case(2, [8, 8, 8]);
    let sample = whole(image, labels);
    let error = augment(&sample, &plan, &mut rng).unwrap_err();
    let expected = plan.initial_patch();
    assert_eq!(
        error,
        AugmentError::SampleShape {
            what: "image",
            expected,
            found: [8, 8, 8]
        }
    );
    let (image, labels) = case(3, plan.initial_patch());
    let error = augment(&whole(image, labels), &plan, &mut rng).unwrap_err();
    assert_eq!(
        error,
        AugmentError::ChannelCount {
            what: "image",
            expected: 2,
            found: 3
        }
    );
    let (image, _) = case(2, [8, 8, 8]);
    let (_, labels) = case(2, [8, 8, 9]);
    let region = PatchBox {
        lower: [0; 3],
        size: [8; 3],
    };
    let error = validation_sample(arrays(&image, &labels), &region, &plan).unwrap_err();
    let (expected, found) = ([8, 8, 8], [8, 8, 9]);
    assert_eq!(
        error,
        AugmentError::SampleShape {
            what: "label map",
            expected,
            found
        }
    );
}

#[test]
fn the_previous_stage_moves_with_the_labels_and_becomes_the_last_channels() {
    let options = AugmentationOptions {
        previous_labels: vec![1, 2],
        ..with(Probabilities {
            rotation: 1.0,
            scaling: 1.0,
            mirror: 1.0,
            ..NONE
        })
    };
    for patch in [&[7, 8, 9][..], &[3, 10, 12]] {
        let plan = plan(patch, 1, options.clone());
        let (image, labels) = case(1, [11, 13, 20]);
        let case = CaseArrays {
            previous: Some(labels.view()),
            ..arrays(&image, &labels)
        };
        let initial = PatchBox {
            lower: [-1, -2, 6],
            size: plan.initial_patch(),
        };
        let mut rng = sample_rng(26, 0, 0, 0, Purpose::Training);
        let recipe = Recipe::draw(&plan, &mut rng);
        let made = recipe.apply_to_case(case, &initial, &plan).unwrap();
        assert_eq!(made.image.shape()[0], 3);
        for (channel, label) in [(1, 1), (2, 2)] {
            for ((z, y, x), &found) in made.labels.indexed_iter() {
                let expected = if found == label { 1.0 } else { 0.0 };
                assert_eq!(made.image[[channel, z, y, x]], expected);
            }
        }
    }
}

#[test]
fn a_cascade_without_its_previous_stage_is_refused() {
    let options = AugmentationOptions {
        previous_labels: vec![1],
        ..with(NONE)
    };
    let plan = plan(&[8, 8, 8], 1, options);
    let (image, labels) = case(1, [9, 9, 9]);
    let region = PatchBox {
        lower: [0; 3],
        size: [8; 3],
    };
    let error = validation_sample(arrays(&image, &labels), &region, &plan).unwrap_err();
    assert_eq!(error, AugmentError::PreviousStage { expected: true });
}
