//! Surfaces of ordinary and of ugly masks: closed, and as large as the mask.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use ndarray::Array3;
use proptest::prelude::*;
use sarx_core::{Grid, Size, Spacing, Volume};
use sarx_mesh::{MeshError, MeshSpec, Smoothing, Surface, require_closed, surface_of};
use sarx_metrics::measure::{Mask, mask_of_label, mesh_shape, volume_ml};

fn grid(size: [usize; 3], mm: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(mm).unwrap())
}

fn mask_where(grid: Grid, inside: impl Fn([f64; 3]) -> bool) -> Mask {
    let voxels = Array3::from_shape_fn(grid.size.zyx(), |(z, y, x)| {
        inside(grid.world_from_index([z as f64, y as f64, x as f64]))
    });
    Volume::new(voxels, grid).unwrap()
}

fn checked(mask: &Mask, spec: &MeshSpec) -> Surface {
    let surface = surface_of(mask, spec).unwrap();
    require_closed(surface.vertices_mm.len(), &surface.triangles).unwrap();
    if spec.fit_volume {
        let share = surface.volume_ml() / volume_ml(mask);
        assert!((share - 1.0).abs() < 1e-6, "volume {share} of the mask's");
    }
    surface
}

#[test]
fn a_ball_is_round_and_has_its_size() {
    for mm in [[1.0, 1.0, 1.0], [3.0, 0.8, 0.8]] {
        let n = mm.map(|s| (50.0f64 / s) as usize);
        let ball = mask_where(grid(n, mm), |p| {
            p.iter().map(|v| (v - 24.0).powi(2)).sum::<f64>() <= 400.0
        });
        let surface = checked(&ball, &MeshSpec::default());
        let area = 4.0 * std::f64::consts::PI * 400.0;
        assert!(
            (surface.area_mm2() / area - 1.0).abs() < 0.04,
            "{}",
            surface.area_mm2() / area
        );
        let radii = surface
            .vertices_mm
            .iter()
            .map(|v| v.iter().map(|x| (x - 24.0).powi(2)).sum::<f64>().sqrt() - 20.0);
        let worst = radii.fold(0.0, |w: f64, r| w.max(r.abs()));
        println!(
            "{mm:?}: area {:.4}, worst radius off by {worst:.3} mm",
            surface.area_mm2() / area
        );
        assert!(worst < 0.75 * mm[0], "{worst}");
    }
}

#[test]
fn raw_surfaces_hold_what_marching_cubes_holds() {
    let blob = mask_where(grid([20, 30, 30], [2.0, 1.0, 1.0]), |p| {
        ((p[0] - 14.0) / 11.0).powi(2)
            + ((p[1] - 14.0) / 8.0).powi(2)
            + ((p[2] - 19.0) / 14.0).powi(2)
            <= 1.0
    });
    let spec = MeshSpec {
        smoothing: Smoothing {
            rounds: 0,
            ..Smoothing::default()
        },
        fit_volume: false,
    };
    let raw = checked(&blob, &spec);
    let plain = mesh_shape(&blob).unwrap();
    // A convex blob has no ambiguous faces: the same surface, up to how polygons are cut.
    assert!((raw.volume_ml() / plain.mesh_volume_ml - 1.0).abs() < 2e-3);
    assert!((raw.area_mm2() / plain.surface_area_mm2 - 1.0).abs() < 5e-3);
}

#[test]
fn ugly_masks_are_closed_and_as_large() {
    let g = grid([9, 10, 11], [5.0, 0.7, 0.7]);
    let on = |voxels: &[[usize; 3]]| {
        let mut mask = Volume::filled(g, false);
        for &at in voxels {
            mask.voxels_mut()[at] = true;
        }
        mask
    };
    let spec = MeshSpec::default();
    checked(&on(&[[4, 4, 4]]), &spec);
    checked(&on(&[[0, 0, 0]]), &spec);
    checked(&on(&[[4, 4, 4], [4, 5, 5]]), &spec);
    checked(&on(&[[4, 4, 4], [5, 5, 5]]), &spec);
    checked(&on(&[[4, 4, 4], [5, 5, 5], [4, 5, 5], [5, 4, 4]]), &spec);
    // Thin: a line, a sheet; full: every voxel of the image.
    checked(&mask_where(g, |p| p[0] == 0.7 && p[1] == 0.7), &spec);
    checked(&mask_where(g, |p| p[2] == 20.0), &spec);
    checked(&mask_where(g, |_| true), &spec);
    // A chessboard, and a block with a cavity.
    let chess = Array3::from_shape_fn(g.size.zyx(), |(z, y, x)| (x + y + z) % 2 == 0);
    checked(&Volume::new(chess, g).unwrap(), &spec);
    let hollow = Array3::from_shape_fn(g.size.zyx(), |(z, y, x)| {
        !(z == 4 && y == 4 && (4..7).contains(&x))
    });
    checked(&Volume::new(hollow, g).unwrap(), &spec);
    let empty = surface_of(&on(&[]), &spec);
    assert!(matches!(empty, Err(MeshError::Empty)));
}

#[test]
fn a_thin_tail_keeps_a_body_all_along() {
    // A ball with a tail of one voxel, as myxofibrosarcomas have them.
    let g = grid([30, 30, 60], [1.0, 1.0, 1.0]);
    let mask = mask_where(g, |p| {
        p.iter().map(|v| (v - 14.0).powi(2)).sum::<f64>() <= 100.0
            || (p[1] == 14.0 && p[2] == 14.0 && (14.0..55.0).contains(&p[0]))
    });
    let surface = checked(&mask, &MeshSpec::default());
    for x in 28..52 {
        let around = surface
            .vertices_mm
            .iter()
            .filter(|v| (v[0] - f64::from(x)).abs() < 0.75);
        let (low, high) = around.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(v[1]), h.max(v[1]))
        });
        assert!(
            (0.5..1.5).contains(&(high - low)),
            "{} mm thick at {x}",
            high - low
        );
    }
    let end = surface.vertices_mm.iter().map(|v| v[0]).fold(0.0, f64::max);
    assert!((end - 54.5).abs() < 0.6, "{end}");
}

#[test]
fn mirrored_and_oblique_grids_face_outwards_too() {
    let (s, c) = 0.4f64.sin_cos();
    for direction in [
        [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]],
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    ] {
        let g = Grid {
            direction,
            origin_mm: [100.0, -50.0, 30.0],
            ..grid([6, 12, 12], [4.0, 1.0, 1.0])
        };
        let centre = g.world_from_index([2.5, 5.0, 6.0]);
        let ball = mask_where(g, |p| {
            p.iter()
                .zip(centre)
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>()
                <= 25.0
        });
        let surface = checked(&ball, &MeshSpec::default());
        let n = surface.vertices_mm.len() as f64;
        for a in 0..3 {
            let mean = surface.vertices_mm.iter().map(|v| v[a]).sum::<f64>() / n;
            assert!((mean - centre[a]).abs() < 0.2, "{mean} {}", centre[a]);
        }
    }
}

#[test]
fn the_brain_tumour_keeps_its_volume() {
    let Some(folder) = sarx_testkit::shared("data/brain_tumour_nrrd") else {
        return;
    };
    let labels = sarx_io::read_labels(&folder.join("brain1_label.nrrd"))
        .unwrap()
        .labels;
    let mask = mask_of_label(&labels, 1);
    let raw = checked(
        &mask,
        &MeshSpec {
            fit_volume: false,
            ..MeshSpec::default()
        },
    );
    let fitted = checked(&mask, &MeshSpec::default());
    println!(
        "{} before, {} after, {} voxels",
        raw.volume_ml(),
        fitted.volume_ml(),
        volume_ml(&mask)
    );
    let moved = raw
        .vertices_mm
        .iter()
        .zip(&fitted.vertices_mm)
        .map(|(a, b)| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>()
                .sqrt()
        });
    // The correction is far below a voxel of 0.78 x 0.78 x 6.5 mm.
    let most = moved.fold(0.0, f64::max);
    assert!(most < 0.4, "{most}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn noise_is_closed_and_as_large(
        (size, voxels) in prop::array::uniform3(1..9usize).prop_flat_map(|size| {
            let n = size.iter().product::<usize>();
            let voxels = (0.05..0.95f64)
                .prop_flat_map(move |d| prop::collection::vec(prop::bool::weighted(d), n));
            (Just(size), voxels)
        }),
        mm in prop::array::uniform3(0.3..6.0f64),
        rounds in 0..50usize,
    ) {
        let mask = Volume::new(Array3::from_shape_vec(size, voxels).unwrap(), grid(size, mm)).unwrap();
        prop_assume!(mask.voxels().iter().any(|&v| v));
        let spec = MeshSpec {
            smoothing: Smoothing { rounds, ..Smoothing::default() },
            fit_volume: true,
        };
        checked(&mask, &spec);
    }
}
