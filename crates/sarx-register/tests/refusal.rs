//! What cannot be registered is refused by name, and what is found is always the same.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod pairs;

use ndarray::Array3;
use pairs::Pair;
use sarx_core::{Grid, Size, Spacing, Volume};
use sarx_phantom::{MatrixSize, Series};
use sarx_register::{
    Doubt, Limits, RegisterError, RegisterSpec, Registration, Rigid, Side, register,
};
use std::sync::OnceLock;

/// Two patients, both with T1 and T2.
fn patients() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS
        .get_or_init(|| pairs::phantom(MatrixSize::Small, 2, &[(Series::T1Axial, Series::T2Axial)]))
}

fn try_default(fixed: &Volume<f32>, moving: &Volume<f32>) -> Result<Registration, RegisterError> {
    register(fixed, moving, &RegisterSpec::default())
}

#[test]
fn another_patient_is_refused_with_the_reasons_and_the_result() {
    let error = try_default(&patients()[0].fixed, &patients()[1].moving).unwrap_err();
    let text = error.to_string();
    let RegisterError::Unreliable {
        doubts,
        registration,
    } = error
    else {
        panic!("{text}");
    };
    assert!(
        doubts.iter().any(|d| matches!(d, Doubt::Gain { .. })),
        "{doubts:?}"
    );
    assert_eq!(doubts, registration.quality.doubts(&Limits::default()));
    assert!(text.contains("information gain"), "{text}");
}

#[test]
fn noise_is_refused() {
    let image = &patients()[0].fixed;
    let mut state = 1u64;
    let noise = image.map(|_| {
        // Knuth's linear congruential generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32
    });
    let error = try_default(image, &noise).unwrap_err();
    assert!(matches!(
        error,
        RegisterError::Unreliable { .. } | RegisterError::NoOverlap { .. }
    ));
}

#[test]
fn a_result_beyond_each_limit_is_refused() {
    let pair = &patients()[0];
    let good = try_default(&pair.fixed, &pair.moving).unwrap();
    let q = good.quality;
    let refused = |limits: Limits| {
        let spec = RegisterSpec {
            limits,
            ..RegisterSpec::default()
        };
        match register(&pair.fixed, &pair.moving, &spec).unwrap_err() {
            RegisterError::Unreliable { doubts, .. } => doubts,
            other => panic!("{other}"),
        }
    };
    let strict = refused(Limits {
        least_gain: q.information_gain + 1.0,
        largest_angle_deg: 0.1 * q.angle_deg,
        largest_moved_mm: 0.1 * q.moved_mm,
        ..Limits::default()
    });
    let is = |found: &[Doubt]| -> Vec<bool> {
        vec![
            found.iter().any(|d| matches!(d, Doubt::Gain { .. })),
            found.iter().any(|d| matches!(d, Doubt::Angle { .. })),
            found.iter().any(|d| matches!(d, Doubt::Moved { .. })),
            found.iter().any(|d| matches!(d, Doubt::Spread { .. })),
        ]
    };
    assert_eq!(is(&strict), [true, true, true, false]);
    // Four searches never end within a micrometre of each other.
    let narrow = refused(Limits {
        largest_spread_mm: 1e-6,
        ..Limits::default()
    });
    assert_eq!(is(&narrow), [false, false, false, true]);
}

#[test]
fn one_and_three_threads_find_the_same_to_the_last_bit() {
    let pair = &patients()[1];
    let motion = &pair.motions(1, 5)[0];
    let moved = pair.moved(motion);
    let with = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        pool.install(|| try_default(&pair.fixed, &moved.moving).unwrap())
    };
    assert_eq!(with(1), with(3));
    let other = RegisterSpec {
        seed: 1,
        ..RegisterSpec::default()
    };
    let other = register(&pair.fixed, &moved.moving, &other).unwrap();
    assert_ne!(other, with(3));
    let apart = other
        .fixed_from_moving
        .target_error(&with(1).fixed_from_moving, moved.moving.grid());
    let [_, mean_mm, _] = pair.voxel_mm();
    assert!(apart.median_mm < 0.5 * mean_mm, "{apart:?}");
}

fn small(size: [usize; 3], value: impl Fn(usize) -> f32) -> Volume<f32> {
    let grid = Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new([4.0; 3]).unwrap());
    let [z, y, x] = size;
    let n = z * y * x;
    let voxels = Array3::from_shape_vec((z, y, x), (0..n).map(value).collect()).unwrap();
    Volume::new(voxels, grid).unwrap()
}

#[test]
fn images_that_cannot_be_registered_are_named() {
    let good = small([8, 8, 8], |i| (i * i % 31) as f32);
    let flat = small([8, 8, 8], |_| 7.0);
    let error = try_default(&good, &flat).unwrap_err();
    assert_eq!(error, RegisterError::NoContrast { side: Side::Moving });
    let hole = small(
        [8, 8, 8],
        |i| if i == 8 * 8 + 3 { f32::NAN } else { i as f32 },
    );
    let error = try_default(&hole, &good).unwrap_err();
    assert_eq!(
        error,
        RegisterError::NotFinite {
            side: Side::Fixed,
            index: [1, 0, 3]
        }
    );
    let thin = small([3, 8, 8], |i| i as f32);
    let error = try_default(&good, &thin).unwrap_err();
    assert_eq!(
        error,
        RegisterError::TooThin {
            side: Side::Moving,
            axis: 0,
            found: 3
        }
    );
    let flat_axes = Grid {
        direction: [[1.0, 1.0, 0.0]; 3],
        ..*good.grid()
    };
    let singular = Volume::new(good.voxels().clone(), flat_axes).unwrap();
    let error = try_default(&singular, &good).unwrap_err();
    assert_eq!(error, RegisterError::Singular { side: Side::Fixed });
}

#[test]
fn a_specification_that_means_nothing_is_named() {
    let good = small([8, 8, 8], |i| (i * i % 31) as f32);
    let spec = RegisterSpec::default();
    let bad = [
        (
            RegisterSpec {
                levels_mm: vec![2.0, 4.0],
                ..spec.clone()
            },
            "levels_mm",
        ),
        (
            RegisterSpec {
                levels_mm: vec![],
                ..spec.clone()
            },
            "levels_mm",
        ),
        (
            RegisterSpec {
                bins: 4,
                ..spec.clone()
            },
            "bins",
        ),
        (
            RegisterSpec {
                n_samples: 10,
                ..spec.clone()
            },
            "n_samples",
        ),
        (
            RegisterSpec {
                shading_mm: Some(f64::NAN),
                ..spec.clone()
            },
            "shading_mm",
        ),
        (
            RegisterSpec {
                start_angle_deg: -1.0,
                ..spec.clone()
            },
            "start_angle_deg",
        ),
        (
            RegisterSpec {
                start_shift_mm: f64::NAN,
                ..spec.clone()
            },
            "start_shift_mm",
        ),
    ];
    for (spec, expected) in bad {
        match register(&good, &good, &spec).unwrap_err() {
            RegisterError::Spec { field, .. } => assert_eq!(field, expected),
            other => panic!("{other}"),
        }
    }
}

/// A header that is wrong by more than the images are large: the centres of the bodies are a start as well.
#[test]
fn a_header_far_off_is_found_by_the_centres() {
    let pair = &patients()[1];
    let away = Rigid::about([0.0; 3], [0.0, 0.0, 0.06], [400.0, -250.0, 90.0]).unwrap();
    let moved = pair.moved(&away);
    let spec = RegisterSpec {
        limits: Limits {
            largest_moved_mm: 1000.0,
            ..Limits::default()
        },
        ..RegisterSpec::default()
    };
    let found = register(&pair.fixed, &moved.moving, &spec).unwrap();
    assert!(pair.error_voxels(&moved, &found.fixed_from_moving) < 0.5);
    assert_eq!(found.quality.header_information, None);
    // By default so large a motion is doubted.
    let error = try_default(&pair.fixed, &moved.moving).unwrap_err();
    assert!(error.to_string().contains("moved by"), "{error}");
}
