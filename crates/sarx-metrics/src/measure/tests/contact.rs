use super::*;

/// A vessel along z of radius 4 mm at (20, 20) on a grid of 0.5 mm.
fn vessel_grid() -> Grid {
    grid([5, 80, 80], [4.0, 0.5, 0.5])
}

fn radius([x, y, _]: [f64; 3]) -> f64 {
    (x - 19.75).hypot(y - 19.75)
}

#[test]
fn a_lesion_round_a_vessel_has_the_angle_of_its_sector() {
    let vessel = mask_where(vessel_grid(), |p| radius(p) <= 4.0);
    for degrees in [30.0, 90.0, 150.0, 180.0, 250.0, 330.0, 360.0f64] {
        let lesion = mask_where(vessel_grid(), |p| {
            let angle = (p[1] - 19.75)
                .atan2(p[0] - 19.75)
                .to_degrees()
                .rem_euclid(360.0);
            // Turned, so that its sides do not follow the grid.
            let angle = (angle - 17.0).rem_euclid(360.0);
            (4.0..12.0).contains(&radius(p)) && radius(p) > 4.0 && angle <= degrees && p[2] > 3.0
        });
        let found = vessel_contact(&lesion, &vessel, None, 0.0).unwrap();
        assert_eq!((found.array_axis, found.sections.len()), (0, 5));
        assert!(found.obliquity_deg < 1e-6);
        close(found.largest_deg, degrees, 6.0);
        assert_eq!(found.largest_slice, Some(1));
        assert_eq!(found.sections[0].angle_deg, 0.0);
        close(found.length_mm, 16.0, 1e-12);
        let area = contact_area(&lesion, &vessel, 0.0).unwrap();
        // The lesion reaches 16 mm along the wall; a polygonal wall is a little longer than round.
        let wall = 2.0 * std::f64::consts::PI * 4.0 * 16.0 * degrees / 360.0;
        assert!(
            (area.contact_mm2 / wall - 1.0).abs() < 0.12,
            "{} {wall}",
            area.contact_mm2
        );
        println!(
            "{degrees} degrees: {:.1}, area {:.3}",
            found.largest_deg,
            area.contact_mm2 / wall
        );
    }
}

#[test]
fn a_seam_is_bridged_by_the_tolerance_only() {
    let vessel = mask_where(vessel_grid(), |p| radius(p) <= 4.0);
    let lesion = mask_where(vessel_grid(), |p| radius(p) > 5.2);
    let none = vessel_contact(&lesion, &vessel, None, 0.0).unwrap();
    assert_eq!((none.largest_deg, none.class), (0.0, ContactClass::None));
    assert_eq!((none.largest_slice, none.length_mm), (None, 0.0));
    let all = vessel_contact(&lesion, &vessel, None, 1.5).unwrap();
    assert_eq!(
        (all.largest_deg, all.class),
        (360.0, ContactClass::Above270)
    );
    assert_eq!(
        contact_area(&lesion, &vessel, 0.0).unwrap().contact_mm2,
        0.0
    );
    for bad in [-1.0, f64::NAN] {
        let error = vessel_contact(&lesion, &vessel, None, bad);
        assert!(matches!(error, Err(MeasureError::Tolerance { .. })));
    }
}

#[test]
fn flat_contact_has_the_area_of_the_shared_faces() {
    let g = grid([10, 20, 30], [3.0, 1.0, 0.5]);
    let bone = mask_where(g, |p| p[0] < 5.0);
    let lesion = mask_where(g, |p| {
        (5.0..9.0).contains(&p[0]) && (5.0..13.0).contains(&p[1]) && (6.0..18.0).contains(&p[2])
    });
    // 8 voxels of 1 mm by 4 of 3 mm.
    close(
        contact_area(&lesion, &bone, 0.0).unwrap().contact_mm2,
        8.0 * 12.0,
        1e-9,
    );
    let found = structure_distance(&lesion, &bone).unwrap();
    assert_eq!(
        (found.gap.length_mm, found.centres_mm, found.overlap_ml),
        (0.0, 0.5, 0.0)
    );
    let moved = mask_where(g, |p| p[0] < 3.0);
    let found = structure_distance(&lesion, &moved).unwrap();
    close(found.gap.length_mm, 2.0, 1e-12);
    close(found.gap.ends_mm[0][0], 4.75, 1e-12);
    close(found.gap.ends_mm[1][0], 2.75, 1e-12);
    assert_eq!(
        structure_distance(&lesion, &lesion).unwrap().overlap_ml,
        volume_ml(&lesion)
    );
}

#[test]
fn masks_of_other_grids_and_skewed_axes_are_refused() {
    let g = grid([3, 3, 3], [1.0; 3]);
    let full = Volume::filled(g, true);
    let moved = Volume::filled(
        Grid {
            origin_mm: [1.0, 0.0, 0.0],
            ..g
        },
        true,
    );
    assert!(matches!(
        structure_distance(&full, &moved),
        Err(MeasureError::Grid {
            what: "structure",
            ..
        })
    ));
    let empty = Volume::filled(g, false);
    assert_eq!(
        structure_distance(&full, &empty),
        Err(MeasureError::Empty { what: "structure" })
    );
    let (s, c) = 0.1f64.sin_cos();
    let skewed = Volume::filled(
        Grid {
            direction: [[1.0, s, 0.0], [0.0, c, 0.0], [0.0, 0.0, 1.0]],
            ..g
        },
        true,
    );
    assert!(matches!(
        structure_distance(&skewed, &skewed),
        Err(MeasureError::Sheared {
            first: 1,
            second: 2,
            ..
        })
    ));
    // Lengths within it are right all the same.
    close(volume_ml(&skewed), 0.027 * c, 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_gap_is_the_smallest_of_all_pairs(
        (lesion, other) in random_mask(10).prop_flat_map(|mask| {
            let n = mask.voxels().len();
            (Just(mask), prop::collection::vec(prop::bool::weighted(0.05), n))
        })
    ) {
        let shape = lesion.voxels().raw_dim();
        let other = Array3::from_shape_vec(shape, other).unwrap();
        let structure = Volume::new(other, *lesion.grid()).unwrap();
        prop_assume!(structure.voxels().iter().any(|&v| v));
        let found = structure_distance(&lesion, &structure).unwrap();
        let plain = structure_gap_brute_force_mm(&lesion, &structure);
        prop_assert!((found.gap.length_mm - plain).abs() < 1e-9, "{} {}", found.gap.length_mm, plain);
        prop_assert!(found.gap.length_mm <= found.centres_mm);
    }
}
