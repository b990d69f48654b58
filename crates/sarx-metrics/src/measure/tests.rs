use super::*;
use ndarray::Array3;
use proptest::prelude::*;
use sarx_core::{Grid, Size, SliceAxis, Spacing, Volume};

mod contact;
mod margins;

/// A rotation about a skew axis, so that no axis of the grid is one of the patient.
fn turned(angle: f64) -> [[f64; 3]; 3] {
    let (s, c) = angle.sin_cos();
    let axis = [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0];
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let k = 3 - i - j;
            let skew = match (i, j) {
                _ if i == j => 0.0,
                (0, 1) | (1, 2) | (2, 0) => -axis[k],
                _ => axis[k],
            };
            axis[i] * axis[j] * (1.0 - c) + if i == j { c } else { s * skew }
        })
    })
}

pub(super) fn grid(size: [usize; 3], mm: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(mm).unwrap())
}

pub(super) fn mask_where(grid: Grid, inside: impl Fn([f64; 3]) -> bool) -> Mask {
    let voxels = Array3::from_shape_fn(grid.size.zyx(), |(z, y, x)| {
        inside(grid.world_from_index([z as f64, y as f64, x as f64]))
    });
    Volume::new(voxels, grid).unwrap()
}

fn close(found: f64, expected: f64, by: f64) {
    assert!(
        (found - expected).abs() <= by,
        "{found} instead of {expected}"
    );
}

#[test]
fn one_voxel_measures_itself() {
    let mut mask = Volume::filled(grid([3, 4, 5], [5.0, 2.0, 1.0]), false);
    mask.voxels_mut()[[1, 2, 3]] = true;
    let of = |border| slice_diameter(&mask, SlicePlane::Acquisition, border).unwrap();
    let face = of(Border::FaceMiddles);
    assert_eq!((face.array_axis, face.slice), (0, 1));
    assert_eq!(
        (face.longest.length_mm, face.perpendicular.length_mm),
        (2.0, 1.0)
    );
    assert_eq!(of(Border::Centres).longest.length_mm, 0.0);
    close(of(Border::Corners).longest.length_mm, 5f64.sqrt(), 1e-12);
    assert_eq!(
        longest_diameter(&mask, Border::FaceMiddles)
            .unwrap()
            .length_mm,
        5.0
    );
    assert_eq!(
        extent_along(&mask, [0.0, 0.0, 2.0], Border::FaceMiddles)
            .unwrap()
            .length_mm,
        5.0
    );
    close(volume_ml(&mask), 0.01, 1e-15);
}

#[test]
fn a_tilted_ellipse_has_its_axes_in_the_patient() {
    // Half axes 30 and 12 mm in the slice, turned by 25 degrees within it, on an oblique grid.
    for angle in [0.0, 0.4] {
        let oblique = Grid {
            direction: turned(angle),
            origin_mm: [-17.0, 33.0, 8.0],
            ..grid([3, 160, 160], [4.0, 0.5, 0.5])
        };
        let affine = oblique.affine();
        let centre = affine.apply([80.0, 80.0, 1.0]);
        let (s, c) = 25f64.to_radians().sin_cos();
        let column = |k: usize| -> [f64; 3] { std::array::from_fn(|r| oblique.direction[r][k]) };
        let (u, v) = (column(0), column(1));
        let mask = mask_where(oblique, |p| {
            let d: [f64; 3] = std::array::from_fn(|i| p[i] - centre[i]);
            let dot = |w: [f64; 3]| d[0] * w[0] + d[1] * w[1] + d[2] * w[2];
            let (x, y) = (dot(u), dot(v));
            ((x * c + y * s) / 30.0).powi(2) + ((y * c - x * s) / 12.0).powi(2) <= 1.0
        });
        let found = slice_diameter(&mask, SlicePlane::Acquisition, Border::FaceMiddles).unwrap();
        close(found.longest.length_mm, 60.0, 0.5);
        close(found.perpendicular.length_mm, 24.0, 0.5);
        let along = |line: &Line| -> [f64; 3] {
            std::array::from_fn(|i| (line.ends_mm[1][i] - line.ends_mm[0][i]) / line.length_mm)
        };
        let (a, b) = (along(&found.longest), along(&found.perpendicular));
        let cosine: f64 = (0..3).map(|i| a[i] * (u[i] * c + v[i] * s)).sum();
        assert!(cosine.abs() > 0.999, "{cosine}");
        close((0..3).map(|i| a[i] * b[i]).sum(), 0.0, 1e-9);
        assert_eq!(found.tilt_deg < 1e-6, angle == 0.0);
        let axes = principal_axes(&mask).unwrap();
        // In a plate, moments of an ellipse: axis = full length.
        close(axes.lengths_mm[0], 60.0, 0.2);
        close(axes.lengths_mm[1], 24.0, 0.2);
    }
}

#[test]
fn the_anatomical_axial_plane_is_found_in_a_sagittal_series() {
    // Array axes z, y, x point to left-right, superior, anterior.
    let sagittal = Grid {
        direction: [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        ..grid([9, 40, 30], [4.0, 1.0, 1.0])
    };
    let mask = mask_where(sagittal, |p| {
        (4.0..=28.0).contains(&p[0]) && (5.0..=14.0).contains(&p[1]) && (3.0..=36.0).contains(&p[2])
    });
    let of = |plane| slice_diameter(&mask, plane, Border::FaceMiddles).unwrap();
    let axial = of(SlicePlane::Anatomical(SliceAxis::Axial));
    assert_eq!(axial.array_axis, 1);
    // 7 slices of 4 mm by 10 voxels of 1 mm; face middles of opposite sides differ by half a voxel.
    close(
        axial.longest.length_mm,
        (28f64.powi(2) + 9f64.powi(2)).sqrt(),
        1e-9,
    );
    assert_eq!(axial.longest.ends_mm[0][2], axial.longest.ends_mm[1][2]);
    assert_eq!(of(SlicePlane::Acquisition).array_axis, 0);
    assert_eq!(
        SlicePlane::Array(3).array_axis(mask.grid()),
        Err(MeasureError::Axis { found: 3 })
    );
}

#[test]
fn several_lesions_are_counted_and_measured_apart() {
    let labels = mask_where(grid([6, 30, 40], [3.0, 1.0, 1.0]), |p| {
        (p[0] < 10.0 && p[1] < 4.0) || (p[0] > 30.0 && p[1] > 10.0 && p[2] > 4.0)
    })
    .map(|&inside| if inside { 7 } else { 0 });
    let found = measure_lesions(&labels, 7, &MeasureSpec::default()).unwrap();
    assert_eq!(found.lesions.len(), 2);
    let n: usize = found.lesions.iter().map(|l| l.n_voxels).sum();
    assert_eq!(n, found.whole.n_voxels);
    let second = &found.lesions[0];
    // x 31..39, y 11..29, z 2..5 in voxels.
    assert_eq!(second.n_voxels, 9 * 19 * 4);
    assert_eq!(second.bounding_box.lower, [2, 11, 31]);
    assert_eq!(second.bounding_box.upper, [6, 30, 40]);
    assert_eq!(second.bounding_box.edges_mm, [12.0, 19.0, 9.0]);
    assert_eq!(
        second.bounding_box.world_mm,
        [[30.5, 10.5, 4.5], [39.5, 29.5, 16.5]]
    );
    assert_eq!(second.acquisition_diameter.slice, 2);
    close(second.limb_extent.length_mm, 12.0, 1e-12);
    let whole = slice_diameter(
        &mask_of_label(&labels, 7),
        SlicePlane::Acquisition,
        Border::FaceMiddles,
    );
    assert_eq!(found.whole.acquisition_diameter, whole.unwrap());
    let absent = measure_lesions(&labels, 3, &MeasureSpec::default());
    assert_eq!(absent, Err(MeasureError::Empty { what: "lesion" }));
}

#[test]
fn a_direction_without_length_is_refused() {
    let mask = Volume::filled(grid([1, 1, 1], [1.0; 3]), true);
    for bad in [[0.0; 3], [f64::NAN, 0.0, 1.0], [f64::INFINITY, 0.0, 0.0]] {
        let error = extent_along(&mask, bad, Border::Corners);
        assert!(matches!(error, Err(MeasureError::Direction { .. })));
    }
}

pub(super) fn random_mask(most: usize) -> impl Strategy<Value = Mask> {
    (
        prop::array::uniform3(1..most),
        prop::array::uniform3(0.2..6.0f64),
        0.05..0.9f64,
        0.0..3.0f64,
    )
        .prop_flat_map(|(size, mm, density, angle)| {
            let n = size.iter().product::<usize>();
            prop::collection::vec(prop::bool::weighted(density), n).prop_map(move |v| {
                let grid = Grid {
                    direction: turned(angle),
                    origin_mm: [3.0, -40.0, 11.0],
                    ..grid(size, mm)
                };
                let mut mask = Volume::new(Array3::from_shape_vec(size, v).unwrap(), grid).unwrap();
                mask.voxels_mut()[[0, 0, 0]] = true;
                mask
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fast_diameters_are_the_plain_ones(mask in random_mask(9), axis in 0..3usize) {
        for border in [Border::FaceMiddles, Border::Centres, Border::Corners] {
            let plane = SlicePlane::Array(axis);
            let fast = slice_diameter(&mask, plane, border).unwrap();
            let plain = slice_diameter_brute_force(&mask, plane, border).unwrap();
            let (a, b) = (fast.longest.length_mm, plain.longest.length_mm);
            prop_assert!((a - b).abs() <= 1e-9, "{} {}", a, b);
            prop_assert_eq!(fast.slice, plain.slice);
            let fast = longest_diameter(&mask, border).unwrap().length_mm;
            let plain = longest_diameter_brute_force(&mask, border).unwrap().length_mm;
            prop_assert!((fast - plain).abs() <= 1e-9, "{} {}", fast, plain);
            prop_assert!(a <= fast + 1e-9);
        }
    }

    #[test]
    fn no_perpendicular_is_longer_than_the_diameter(mask in random_mask(9)) {
        let found = slice_diameter(&mask, SlicePlane::Acquisition, Border::FaceMiddles).unwrap();
        prop_assert!(found.perpendicular.length_mm <= found.longest.length_mm + 1e-9);
        prop_assert!(found.perpendicular.length_mm > 0.0);
    }

    #[test]
    fn no_line_across_between_the_stops_is_longer_than_the_perpendicular(
        mask in random_mask(9),
    ) {
        let mask = Volume::new(
            mask.voxels().clone(),
            Grid::axis_aligned(mask.grid().size, mask.grid().spacing),
        ).unwrap();
        let found = slice_diameter(&mask, SlicePlane::Array(0), Border::FaceMiddles).unwrap();
        let [_, sy, sx] = mask.grid().spacing.zyx_mm();
        let [a, b] = found.longest.ends_mm;
        let length = found.longest.length_mm;
        let along = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
        let plane = mask.voxels().index_axis(ndarray::Axis(0), found.slice);
        let pieces: Vec<[[f64; 2]; 2]> = super::border::marching_squares(&plane)
            .into_iter()
            .map(|ends| ends.map(|[y, x]| {
                let p = [f64::from(x) * 0.5 * sx - a[0], f64::from(y) * 0.5 * sy - a[1]];
                [p[0] * along[0] + p[1] * along[1], p[1] * along[0] - p[0] * along[1]]
            }))
            .collect();
        let mut longest = 0.0f64;
        for step in 0..400 {
            let t = (f64::from(step) + 0.37) / 400.0 * length;
            let crossed = pieces.iter().filter(|[p, q]| (p[0] < t) != (q[0] < t)).map(|[p, q]| {
                p[1] + (t - p[0]) / (q[0] - p[0]) * (q[1] - p[1])
            });
            let (low, high) = crossed.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
            longest = longest.max(high - low);
        }
        prop_assert!(longest <= found.perpendicular.length_mm + 1e-7);
        // Its ends lie on the outline.
        let [p, q] = found.perpendicular.ends_mm;
        let on_outline = |p: [f64; 3]| {
            let p = [p[0] - a[0], p[1] - a[1]];
            let p = [p[0] * along[0] + p[1] * along[1], p[1] * along[0] - p[0] * along[1]];
            pieces.iter().any(|[u, v]| {
                let (du, dv) = ([p[0] - u[0], p[1] - u[1]], [v[0] - u[0], v[1] - u[1]]);
                let n = dv[0] * dv[0] + dv[1] * dv[1];
                let share = ((du[0] * dv[0] + du[1] * dv[1]) / n).clamp(0.0, 1.0);
                (du[0] - share * dv[0]).hypot(du[1] - share * dv[1]) < 1e-6
            })
        };
        prop_assert!(on_outline(p) && on_outline(q));
    }

    #[test]
    fn turning_the_patient_changes_no_length(mask in random_mask(7), angle in 0.0..3.0f64) {
        let turned = Volume::new(
            mask.voxels().clone(),
            Grid { direction: turned(angle), origin_mm: [9.0; 3], ..*mask.grid() },
        ).unwrap();
        let of = |m: &Mask| measure_mask(m, &MeasureSpec::default()).unwrap();
        let (a, b) = (of(&mask), of(&turned));
        let lengths = |m: &LesionMeasures| [
            m.acquisition_diameter.longest.length_mm,
            m.longest_diameter.length_mm,
            m.principal_axes.lengths_mm[0],
            m.principal_axes.lengths_mm[2],
        ];
        for (a, b) in lengths(&a).into_iter().zip(lengths(&b)) {
            prop_assert!((a - b).abs() < 1e-6, "{} {}", a, b);
        }
    }
}
