//! Known motions are found again to half a voxel in the median, on phantoms and on real series.

mod pairs;

use pairs::Pair;
use sarx_phantom::{MatrixSize, Series};
use sarx_register::{RegisterSpec, Rigid, register};

/// Registers after each of `n` motions and checks the median error of each in voxels of the fixed grid, each
/// axis in its own edges; returns the median errors in mm, ascending.
fn recover(pair: &Pair, n: usize) -> Vec<f64> {
    let mut medians: Vec<f64> = pair
        .motions(n, 11)
        .iter()
        .map(|motion| {
            let moved = pair.moved(motion);
            let found = register(&pair.fixed, &moved.moving, &RegisterSpec::default())
                .unwrap_or_else(|e| panic!("{}: {e}", pair.name));
            let voxels = pair.error_voxels(&moved, &found.fixed_from_moving);
            assert!(voxels < 0.5, "{}: {voxels} voxels", pair.name);
            let quality = found.quality;
            assert!(quality.mutual_information > quality.header_information.unwrap_or(0.0));
            pair.error(&moved, &found.fixed_from_moving).median_mm
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    medians
}

fn median(ascending: &[f64]) -> f64 {
    ascending[ascending.len() / 2]
}

/// Slices are 5 to 8 mm apart here; along them the error is up to a third of a voxel, which may be more mm than
/// half the mean edge. So each motion is held to half a voxel, and all together to half the mean edge in mm.
#[test]
fn motions_of_a_phantom_across_contrasts_and_planes() {
    let planes = [
        (Series::T1Axial, Series::T2Axial),
        (Series::T1Axial, Series::T1Sagittal),
        (Series::T2Axial, Series::T1Sagittal),
    ];
    let mut parts = Vec::new();
    for pair in pairs::phantom(MatrixSize::Small, 2, &planes) {
        let [_, mean_mm, _] = pair.voxel_mm();
        parts.extend(recover(&pair, 3).into_iter().map(|mm| mm / mean_mm));
    }
    parts.sort_by(f64::total_cmp);
    assert!(median(&parts) < 0.25, "{parts:?} of the mean edge");
}

#[test]
fn motions_of_a_knee_between_two_echoes() {
    let Some(pair) = pairs::knee() else { return };
    let median_mm = median(&recover(&pair, 3));
    let [least_mm, ..] = pair.voxel_mm();
    assert!(median_mm < 0.5 * least_mm, "{median_mm} mm");
}

/// The patient moved between the series by an unknown 1.7 mm, so that the header is no truth: it is what is
/// found without an added motion. Each added motion must be found to half a voxel from there.
#[test]
fn motions_added_to_a_neck_that_had_moved() {
    let Some(mut pair) = pairs::neck() else {
        return;
    };
    let spec = RegisterSpec::default();
    let still = register(&pair.fixed, &pair.moving, &spec).unwrap();
    let from_header = pair.error(&pair.moved(&Rigid::identity()), &still.fixed_from_moving);
    assert!(
        (1.2..2.2).contains(&from_header.median_mm),
        "{from_header:?}"
    );
    pair.moving_from_fixed = still.fixed_from_moving.inverse();
    let median_mm = median(&recover(&pair, 6));
    assert!(median_mm < 0.5, "{median_mm} mm");
    // With the series in the other roles the same place is found.
    let turned_round = register(&pair.moving, &pair.fixed, &spec).unwrap();
    let back = turned_round.fixed_from_moving.inverse();
    let apart = back.target_error(&still.fixed_from_moving, pair.moving.grid());
    assert!(apart.median_mm < 0.5, "{apart:?}");
}
