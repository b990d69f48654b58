//! The fast spatial transform against the plain one, and its geometry.

use super::*;
use crate::augment::{AugmentationOptions, Purpose, sample_rng};
use std::f64::consts::{FRAC_PI_2, PI};

/// Positions are held in `f32` (about 4e-6 at 30 voxels), values are of order 1.
const IMAGE_TOLERANCE: f32 = 5e-5;
/// Half-precision shares near 500 differ by 0.25 of 1000; twice that is never a tie.
const LABEL_DOUBT: f64 = 1e-3;

fn random_sample(size: [usize; 3], n_labels: usize) -> Sample {
    let mut rng = sample_rng(5, 0, 0, 0, Purpose::Preview);
    let [z, y, x] = size;
    let image = Array4::from_shape_simple_fn((2, z, y, x), || uniform(&mut rng, -1.0, 1.0) as f32);
    let labels = Array3::from_shape_simple_fn(size, || {
        uniform(&mut rng, -1.0, n_labels as f64 - 1.0).floor() as i16
    });
    Sample {
        image,
        labels,
        previous: None,
    }
}

fn compare<const D: usize>(lattice: &Lattice<D>, sample: &Sample, moved: &Sample) -> [usize; 2] {
    let n_source: usize = lattice.source.iter().product();
    let n_target: usize = lattice.target.iter().product();
    let images = sample.image.as_slice().unwrap().chunks(n_source);
    for (source, found) in images.zip(moved.image.as_slice().unwrap().chunks(n_target)) {
        let expected = reference::sample_image(lattice, source);
        for (e, f) in expected.iter().zip(found) {
            assert!(
                (e - f).abs() < IMAGE_TOLERANCE,
                "{lattice:?}: {f} is not {e}"
            );
        }
    }
    let mut counts = [0; 2];
    let labels = sample.labels.as_slice().unwrap().chunks(n_source);
    for (source, found) in labels.zip(moved.labels.as_slice().unwrap().chunks(n_target)) {
        let expected = reference::sample_labels(lattice, source, LABEL_DOUBT);
        for (e, f) in expected.iter().zip(found) {
            counts[usize::from(e.is_some())] += 1;
            assert!(e.is_none_or(|e| e == *f), "{lattice:?}: {f} is not {e:?}");
        }
    }
    counts
}

#[test]
fn the_fast_path_equals_the_plain_one() {
    let mut rng = sample_rng(6, 0, 0, 0, Purpose::Preview);
    let mut counts = [0; 2];
    for round in 0..60 {
        let sample = random_sample([9 + round % 3, 14, 11], 2 + round % 4);
        let spatial = Spatial {
            angles_rad: std::array::from_fn(|_| uniform(&mut rng, -PI, PI)),
            scale: uniform(&mut rng, 0.5, 2.5),
        };
        let patch = [7, 8 + round % 5, 13];
        let moved = spatial.apply(&sample, patch, false);
        let matrix = spatial.matrix_3d();
        let volume = Lattice {
            matrix,
            source: sample.size(),
            target: patch,
        };
        let found = compare(&volume, &sample, &moved);

        let patch = [sample.size()[0], 8 + round % 5, 13];
        let moved = spatial.apply(&sample, patch, true);
        let slices = Lattice {
            matrix: spatial.matrix_2d(),
            source: [14, 11],
            target: [patch[1], 13],
        };
        let in_plane = compare(&slices, &sample, &moved);
        counts = std::array::from_fn(|i| counts[i] + found[i] + in_plane[i]);
    }
    // Nearly all labels are clear and so were compared.
    assert!(counts[1] > 100 * counts[0], "{counts:?}");
}

#[test]
fn lattices_far_outside_or_parallel_to_the_border_are_exact_too() {
    let sample = random_sample([4, 5, 6], 3);
    for scale in [0.01, 1.0, 3.0, 40.0] {
        for angles_rad in [
            [0.0; 3],
            [FRAC_PI_2, 0.0, 0.0],
            [0.0, 0.0, PI],
            [0.3, 0.2, 0.1],
        ] {
            let spatial = Spatial { angles_rad, scale };
            let patch = [5, 7, 9];
            let moved = spatial.apply(&sample, patch, false);
            let matrix = spatial.matrix_3d();
            compare(
                &Lattice {
                    matrix,
                    source: [4, 5, 6],
                    target: patch,
                },
                &sample,
                &moved,
            );
        }
    }
}

#[test]
fn no_motion_is_the_centre_of_the_initial_patch() {
    let sample = random_sample([6, 8, 10], 4);
    let still = Spatial {
        angles_rad: [0.0; 3],
        scale: 1.0,
    };
    let moved = still.apply(&sample, [4, 4, 4], false);
    let centre = ndarray::s![1..5, 2..6, 3..7];
    assert_eq!(moved.labels, sample.labels.slice(centre));
    let image = sample.image.slice(ndarray::s![.., 1..5, 2..6, 3..7]);
    assert!(
        moved
            .image
            .iter()
            .zip(image)
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
}

#[test]
fn scales_above_one_shrink_objects() {
    let mut sample = random_sample([1, 40, 40], 1);
    sample.labels.fill(0);
    sample
        .labels
        .slice_mut(ndarray::s![.., 10..30, 10..30])
        .fill(1);
    let area = |scale| {
        let spatial = Spatial {
            angles_rad: [0.0; 3],
            scale,
        };
        spatial
            .apply(&sample, [1, 30, 30], true)
            .labels
            .iter()
            .filter(|&&l| l == 1)
            .count()
    };
    assert!(area(1.4) < 400 && area(1.0) == 400 && area(0.7) > 400);
}

#[test]
fn a_quarter_turn_about_z_maps_y_to_x() {
    let mut sample = random_sample([3, 5, 5], 1);
    sample.labels.fill(0);
    sample.labels[[1, 0, 2]] = 1;
    let turn = Spatial {
        angles_rad: [FRAC_PI_2, 0.0, 0.0],
        scale: 1.0,
    };
    for in_plane in [false, true] {
        let moved = turn.apply(&sample, [3, 5, 5], in_plane);
        // source = (-x, y) of the target: y = -2 is found at x = 2.
        let found: Vec<_> = moved
            .labels
            .indexed_iter()
            .filter(|(_, l)| **l == 1)
            .collect();
        assert_eq!(found, [((1, 2, 4), &1)], "in plane: {in_plane}");
    }
}

#[test]
fn draws_respect_range_and_rates() {
    let plan = |patch: &[usize]| {
        AugmentationPlan::for_patch(patch, 1, AugmentationOptions::default()).unwrap()
    };
    let mut rng = sample_rng(8, 0, 0, 0, Purpose::Preview);
    for (patch, limit) in [
        (vec![64, 64, 64], PI / 6.0),
        (vec![10, 64, 64], PI),
        (vec![9, 64], PI / 12.0),
    ] {
        let plan = plan(&patch);
        let draws: Vec<Option<Spatial>> =
            (0..4000).map(|_| Spatial::draw(&plan, &mut rng)).collect();
        let still = draws.iter().filter(|s| s.is_none()).count();
        let turned = draws
            .iter()
            .flatten()
            .filter(|s| s.angles_rad != [0.0; 3])
            .count();
        let scaled = draws.iter().flatten().filter(|s| s.scale != 1.0).count();
        // Binomial, five standard deviations: 0.8 * 0.8 and 0.2.
        assert!(
            still.abs_diff(2560) < 152 && turned.abs_diff(800) < 127,
            "{still} {turned}"
        );
        assert!(scaled.abs_diff(800) < 127, "{scaled}");
        for spatial in draws.iter().flatten() {
            assert!(spatial.angles_rad.iter().all(|a| a.abs() <= limit));
            assert!((0.7..1.4).contains(&spatial.scale));
            assert!(!plan.in_plane() || spatial.angles_rad[1..] == [0.0; 2]);
        }
        let widest = draws
            .iter()
            .flatten()
            .fold(0.0f64, |m, s| m.max(s.angles_rad[0].abs()));
        assert!(widest > 0.95 * limit);
    }
}
