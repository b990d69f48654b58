//! Scores that can be worked out by hand.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use ndarray::{Array3, s};
use sarx_core::{Grid, GridMismatch, LabelMap, Size, Spacing, Volume};
use sarx_metrics::{
    CaseScores, Emptiness, LabelOrRegion, LabelScores, ScoreError, ScoreSpec, case_scores,
};

const SPACING_MM: [f64; 3] = [5.0, 2.0, 0.5];

fn grid(size: [usize; 3], mm: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(mm).unwrap())
}

fn cube(lower: [usize; 3], upper: [usize; 3], label: u16) -> LabelMap {
    let mut map = Volume::filled(grid([12, 12, 12], SPACING_MM), 0);
    let ([z0, y0, x0], [z1, y1, x1]) = (lower, upper);
    map.voxels_mut()
        .slice_mut(s![z0..z1, y0..y1, x0..x1])
        .fill(label);
    map
}

fn empty() -> LabelMap {
    cube([0; 3], [0; 3], 0)
}

fn score(reference: &LabelMap, prediction: &LabelMap) -> LabelScores {
    let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
    only(case_scores(reference, prediction, &spec).unwrap())
}

fn only(scores: CaseScores) -> LabelScores {
    assert_eq!(scores.labels.len(), 1);
    scores.labels.into_iter().next().unwrap().1
}

#[test]
fn a_cube_shifted_along_each_axis_is_off_by_the_spacing() {
    let reference = cube([4; 3], [8; 3], 1);
    for axis in 0..3 {
        let (mut lower, mut upper) = ([4; 3], [8; 3]);
        lower[axis] += 1;
        upper[axis] += 1;
        let found = score(&reference, &cube(lower, upper, 1));
        assert_eq!(found.surface.hd_mm, SPACING_MM[axis], "axis {axis}");
        assert_eq!(found.overlap.dice(), 0.75);
        assert_eq!(found.overlap.f2(), 0.75);
        assert_eq!(found.nsd[1].nsd, 1.0, "all within one slice");
        assert_eq!(found.emptiness, None);
    }
    // Shifted along z: each cube has 56 surface voxels. The 16 of its outer face lie 5 mm from
    // the other surface. Its inner face overlaps the other cube's next layer, of which only the
    // rim (12) is surface: the 4 in the middle are one voxel along x (0.5 mm) away from it.
    let found = score(&reference, &cube([5, 4, 4], [9, 8, 8], 1));
    let s = &found.surface;
    assert_eq!(s.hd95_ref_to_pred_mm, 5.0);
    let expected = (16.0 * 5.0 + 4.0 * 0.5) / 56.0;
    assert!((s.assd_mm - expected).abs() < 1e-12, "{}", s.assd_mm);
    assert!((s.assd_masd_mm - expected).abs() < 1e-12);
    assert_eq!(found.nsd[0].nsd, 40.0 / 56.0);
}

#[test]
fn single_voxels_two_millimetres_apart() {
    let found = score(
        &cube([3, 4, 5], [4, 5, 6], 1),
        &cube([3, 5, 5], [4, 6, 6], 1),
    );
    let s = &found.surface;
    for distance in [
        s.assd_mm,
        s.assd_masd_mm,
        s.hd_mm,
        s.hd95_mm,
        s.hd95_pooled_mm,
    ] {
        assert_eq!(distance, 2.0);
    }
    assert_eq!((found.nsd[0].name.as_str(), found.nsd[0].nsd), ("2mm", 1.0));
    assert_eq!(found.overlap.dice(), 0.0);
    assert_eq!(
        (
            found.lesions.n_ref,
            found.lesions.n_detected,
            found.lesions.n_false
        ),
        (1, 0, 1)
    );
}

#[test]
fn the_border_of_the_image_is_surface() {
    // The reference fills the image, so its surface is the outermost layer.
    let found = score(&cube([0; 3], [12; 3], 1), &cube([0; 3], [12, 12, 6], 1));
    // The far face along x is 6 voxels of 0.5 mm away from the cut.
    assert_eq!(found.surface.hd_mm, 3.0);
    assert_eq!(found.surface.hd95_ref_to_pred_mm, 3.0);
    // Of the prediction only the inside of its cut face (10 x 10 of 464 surface voxels) is off:
    // by 2 mm next to the rim along y, else by the 2.5 mm to the sixth voxel along x.
    assert_eq!(found.surface.hd95_pred_to_ref_mm, 2.5);
    let same = score(&cube([0; 3], [12; 3], 1), &cube([0; 3], [12; 3], 1));
    assert_eq!((same.surface.hd_mm, same.overlap.dice()), (0.0, 1.0));
}

#[test]
fn empty_masks_follow_the_table() {
    let blob = cube([4; 3], [6; 3], 1);
    for (reference, prediction, flag, ratio, distance) in [
        (&empty(), &empty(), Emptiness::BothEmpty, 1.0, 0.0),
        (&blob, &empty(), Emptiness::Missed, 0.0, f64::INFINITY),
        (&empty(), &blob, Emptiness::FalseAlarm, 0.0, f64::INFINITY),
    ] {
        let found = score(reference, prediction);
        assert_eq!(found.emptiness, Some(flag));
        for (name, value) in found.columns() {
            let ratios = ["dice", "iou", "F2", "precision", "recall", "nsd"];
            if ratios.iter().any(|r| name.starts_with(r)) {
                assert_eq!(value, ratio, "{name} {flag:?}");
            } else if name.starts_with("hd") || name.starts_with("assd") {
                assert_eq!(value, distance, "{name} {flag:?}");
            }
            assert!(!value.is_nan(), "{name} {flag:?}");
        }
    }
}

#[test]
fn ignored_voxels_count_nowhere() {
    let mut reference = cube([4; 3], [8; 3], 1);
    reference.voxels_mut().slice_mut(s![8.., .., ..]).fill(3);
    let prediction = cube([4; 3], [11, 8, 8], 1);
    let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]).with_ignore(Some(3));
    let found = only(case_scores(&reference, &prediction, &spec).unwrap());
    let counts = found.overlap.counts;
    assert_eq!(
        (counts.tp, counts.fp, counts.fn_, counts.tn),
        (64, 0, 0, 8 * 144 - 64)
    );
    assert_eq!(found.surface.hd_mm, 0.0);
    let without = score(&reference, &prediction);
    assert_eq!(
        (without.overlap.counts.fp, without.surface.hd_mm),
        (48, 15.0)
    );
}

#[test]
fn a_region_joins_its_labels() {
    let mut reference = cube([4; 3], [8; 3], 1);
    reference.voxels_mut()[[5, 5, 5]] = 2;
    let spec = ScoreSpec::new(vec![
        LabelOrRegion::Region(vec![1, 2]),
        LabelOrRegion::Label(2),
    ]);
    let found = case_scores(&reference, &cube([4; 3], [8; 3], 1), &spec).unwrap();
    assert_eq!(found.labels[0].1.overlap.dice(), 1.0);
    assert_eq!(found.labels[1].1.emptiness, Some(Emptiness::Missed));
}

#[test]
fn other_grids_and_senseless_specs_are_refused() {
    let reference = empty();
    let label = || vec![LabelOrRegion::Label(1)];
    let spec = ScoreSpec::new(label());
    let small = Volume::filled(grid([12, 12, 11], SPACING_MM), 0);
    let mismatch = case_scores(&reference, &small, &spec).unwrap_err();
    assert!(matches!(
        mismatch,
        ScoreError::Grid {
            source: GridMismatch::Size { .. }
        }
    ));
    let moved = Grid {
        origin_mm: [0.0, 3.0, 4.0],
        ..*reference.grid()
    };
    let moved = Volume::new(Array3::zeros((12, 12, 12)), moved).unwrap();
    assert_eq!(
        case_scores(&reference, &moved, &spec).unwrap_err(),
        ScoreError::Grid {
            source: GridMismatch::Position { distance_mm: 5.0 }
        }
    );
    let refused = |spec: &ScoreSpec| case_scores(&reference, &reference, spec).unwrap_err();
    assert_eq!(refused(&ScoreSpec::new(vec![])), ScoreError::NothingToScore);
    let hollow = ScoreSpec::new(vec![LabelOrRegion::Region(vec![])]);
    assert_eq!(refused(&hollow), ScoreError::EmptyRegion { position: 0 });
    assert_eq!(
        refused(&ScoreSpec::new(label()).with_ignore(Some(1))).to_string(),
        "label 1 is the ignore label but also part of 1; ignored voxels cannot be scored"
    );
    let negative = ScoreSpec {
        nsd_tolerances_mm: vec![-1.0],
        ..ScoreSpec::new(label())
    };
    assert_eq!(refused(&negative), ScoreError::Tolerance { found: -1.0 });
}
