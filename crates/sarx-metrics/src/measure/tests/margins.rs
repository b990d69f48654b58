use super::super::border_distance::{BorderDistance, centre_to_cross_mm2};
use super::super::reach::is_clear;
use super::*;

#[test]
fn shells_of_a_ball_have_the_volumes_of_balls() {
    let g = grid([45, 88, 88], [2.0, 1.0, 1.0]);
    let distance = |p: [f64; 3]| {
        ((p[0] - 43.5).powi(2) + (p[1] - 43.5).powi(2) + (p[2] - 44.0).powi(2)).sqrt()
    };
    let lesion = mask_where(g, |p| distance(p) <= 10.0);
    let found = margin_shells(&lesion, None, &[], &USUAL_MARGINS_MM).unwrap();
    let ball = |r: f64| 4.0 / 3.0 * std::f64::consts::PI * r.powi(3) / 1000.0;
    for shell in &found.shells {
        let expected = ball(10.0 + shell.to_mm) - ball(10.0 + shell.from_mm);
        let share = shell.volume_ml / expected;
        println!("{} to {} mm: {share:.4}", shell.from_mm, shell.to_mm);
        // Slanted borders put the shell out by up to a third of a voxel, of 2 mm along z here.
        assert!((share - 1.0).abs() < 0.05, "{share}");
        assert_eq!(shell.volume_ml, shell.unclipped_ml);
        assert!(!shell.leaves_image);
        let n = found
            .labels
            .voxels()
            .iter()
            .filter(|&&l| l == shell.label)
            .count();
        close(n as f64 * 0.002, shell.volume_ml, 1e-9);
    }
    let wide = margin_shells(&lesion, None, &[], &[33.0, 40.0]).unwrap();
    assert_eq!(
        wide.shells
            .iter()
            .map(|s| s.leaves_image)
            .collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn a_thin_fascia_holds_the_margin_and_is_gone_round_at_its_end() {
    // One slice; a fascia of one voxel along x = 20 for y < 40, 5 mm beside the lesion.
    let g = grid([1, 80, 60], [3.0, 1.0, 1.0]);
    let lesion = mask_where(g, |p| {
        (10.0..=15.0).contains(&p[0]) && (10.0..=30.0).contains(&p[1])
    });
    let fascia = mask_where(g, |p| p[0] == 20.0 && p[1] < 40.0);
    let found = margin_shells(&lesion, None, &[&fascia], &[10.0, 20.0, 30.0]).unwrap();
    let at = |x: usize, y: usize| found.labels.voxels()[[0, y, x]];
    assert_eq!(at(19, 20), 1, "this side");
    assert_eq!(at(20, 20), 0, "the fascia itself");
    assert_eq!(
        at(22, 20),
        0,
        "behind it: round the end it is more than 30 mm"
    );
    // From (15.5, 30.5) over the end at (20, 40) and back to (22, 38): 10.5 + about 3 mm.
    assert_eq!(at(22, 38), 2, "behind the end");
    assert_eq!(at(25, 42), 2, "past the end");
    assert!(found.shells[1].volume_ml < found.shells[1].unclipped_ml);
    // Every path is at least as long as the straight line.
    let straight = margin_shells(&lesion, None, &[], &[10.0, 20.0, 30.0]).unwrap();
    for (clipped, straight) in found.labels.voxels().iter().zip(straight.labels.voxels()) {
        assert!(*clipped == 0 || clipped >= straight);
    }
}

#[test]
fn a_barrier_that_touches_by_corners_is_tight_and_air_is_not_crossed() {
    let g = grid([1, 40, 40], [3.0, 1.0, 1.0]);
    let lesion = mask_where(g, |p| p[0] + p[1] < 6.0);
    let stairs = mask_where(g, |p| p[0] + p[1] == 20.0);
    let found = margin_shells(&lesion, None, &[&stairs], &[60.0]).unwrap();
    for ((_, y, x), &label) in found.labels.voxels().indexed_iter() {
        assert_eq!(label == 1, (6..20).contains(&(x + y)), "{x} {y}");
    }
    let legs = mask_where(g, |p| p[0] < 12.0 || p[0] > 15.0);
    let found = margin_shells(&lesion, Some(&legs), &[], &[60.0]).unwrap();
    assert!(
        found
            .labels
            .voxels()
            .indexed_iter()
            .all(|((_, _, x), &l)| x < 12 || l == 0)
    );
    assert_eq!(found.contradicted_ml, 0.0);
    let apart = mask_where(g, |p| p[0] > 3.0);
    let found = margin_shells(&lesion, Some(&apart), &[], &[5.0]).unwrap();
    assert!(found.contradicted_ml > 0.0);
}

#[test]
fn a_path_round_a_wall_has_the_length_of_the_tight_string() {
    // A point lesion, a wall, and the string over its end, at several slopes.
    let g = grid([1, 120, 120], [1.0, 0.5, 0.5]);
    let lesion = mask_where(g, |p| p[0] == 10.0 && p[1] == 10.0);
    let wall = mask_where(g, |p| p[0] == 20.0 && p[1] < 30.0);
    let reaches = |x: usize, y: usize, mm: f64| {
        let found = margin_shells(&lesion, None, &[&wall], &[mm]).unwrap();
        found.labels.voxels()[[0, y, x]] == 1
    };
    for (x, y) in [(25.0, 15.0), (40.0, 10.0), (22.0, 28.0), (35.0, 30.0f64)] {
        // The string bends at the two corners of the last voxel of the wall.
        let string = 10f64.hypot(20.0) + (x - 20.0f64).hypot(30.0 - y);
        let (ix, iy) = ((x * 2.0) as usize, (y * 2.0) as usize);
        assert!(!reaches(ix, iy, string * 0.97), "too short to {x} {y}");
        assert!(reaches(ix, iy, string * 1.04 + 0.5), "too long to {x} {y}");
    }
}

#[test]
fn distances_that_do_not_ascend_are_refused() {
    let mask = Volume::filled(grid([2, 2, 2], [1.0; 3]), true);
    for bad in [
        vec![0.0],
        vec![5.0, 5.0],
        vec![f64::NAN],
        vec![1.0, f64::INFINITY],
    ] {
        let error = margin_shells(&mask, None, &[], &bad);
        assert!(matches!(error, Err(MeasureError::Margin { .. })));
    }
    assert_eq!(
        margin_shells(&mask, None, &[], &[]),
        Err(MeasureError::NoMargin)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn distances_to_the_border_are_the_smallest_of_all(mask in random_mask(9)) {
        let spacing = mask.grid().spacing;
        let found = BorderDistance::to(mask.voxels().view(), spacing);
        for ((z, y, x), &mm2) in found.squared_mm2.indexed_iter() {
            let plain = mask.voxels().indexed_iter().filter(|&(_, &v)| v)
                .map(|(of, _)| centre_to_cross_mm2([z, y, x], of.into(), spacing))
                .fold(f64::INFINITY, f64::min);
            prop_assert!((mm2 - plain).abs() < 1e-9);
            let nearest = found.nearest([z, y, x]);
            prop_assert!(mask.voxels()[nearest]);
            prop_assert!((centre_to_cross_mm2([z, y, x], nearest, spacing) - plain).abs() < 1e-9);
        }
    }

    #[test]
    fn sight_is_mutual_and_needs_every_voxel_on_the_line(
        mask in random_mask(8),
        a in prop::array::uniform3(0..8usize),
        b in prop::array::uniform3(0..8usize),
    ) {
        let size = mask.grid().size.zyx();
        let inside = |p: [usize; 3]| -> [usize; 3] { std::array::from_fn(|i| p[i] % size[i]) };
        let (a, b) = (inside(a), inside(b));
        let free = mask.voxels().view();
        let clear = is_clear(free, a, b);
        prop_assert_eq!(clear, is_clear(free, b, a));
        // Samples along the line, off the borders of voxels.
        let sampled = (0..=1000).all(|k| {
            let t = f64::from(k) / 1000.0;
            let at: [usize; 3] = std::array::from_fn(|i| {
                (a[i] as f64 + t * (b[i] as f64 - a[i] as f64)).round() as usize
            });
            free[at]
        });
        prop_assert!(!clear || sampled);
    }
}
