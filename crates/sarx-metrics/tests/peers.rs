//! Our columns against MedPy 0.5.2, DeepMind's surface-distance and SciPy.
//!
//! `golden/make_peers.py` made `golden/peers.json`. Which column equals which of theirs:
//!
//! | ours | MedPy | DeepMind | SciPy (MetricsReloaded's form) |
//! |---|---|---|---|
//! | `assd_mm` | `assd` (since 0.5.2) | | mean of both lists |
//! | `assd_masd_mm` | mean of `asd` both ways | | mean of the means |
//! | `hd_mm` | `hd` | | maximum |
//! | `hd95_mm` | | | larger directed percentile |
//! | `hd95_pooled_mm` | `hd95` | | pooled percentile |
//! | `nsd_*` | | | share of both lists |
//! | `hd95_area_weighted_mm` | | robust Hausdorff 95 | |
//! | `nsd_area_weighted_*` | | surface Dice | |
//! | `assd_area_weighted_mm` | | both means weighted by their areas | |
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use ndarray::Array3;
use sarx_core::{Grid, LabelMap, Size, Spacing, Volume};
use sarx_metrics::{
    AreaWeightedDistances, Connectivity, LabelOrRegion, MaskPair, ScoreSpec, case_scores,
    components, squared_distance_mm2, surfel_areas_mm2,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Sums over a few thousand distances in another order.
const TOLERANCE: f64 = 1e-10;

type Ellipsoid = ([f64; 3], [f64; 3]);

#[derive(Deserialize)]
struct Peers {
    surfel_areas: Vec<SurfelAreas>,
    speckle: Vec<Speckle>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct SurfelAreas {
    spacing: [f64; 3],
    areas: Vec<f64>,
}

#[derive(Deserialize)]
struct Speckle {
    n: usize,
    largest: usize,
}

#[derive(Deserialize)]
struct Case {
    size: [usize; 3],
    spacing: [f64; 3],
    reference: Vec<Ellipsoid>,
    prediction: Vec<Ellipsoid>,
    n_ref: u64,
    n_pred: u64,
    scipy: serde_json::Value,
    medpy: BTreeMap<String, f64>,
    deepmind: BTreeMap<String, f64>,
}

fn peers() -> Peers {
    serde_json::from_str(include_str!("../golden/peers.json")).unwrap()
}

fn draw(size: [usize; 3], ellipsoids: &[Ellipsoid]) -> Array3<u16> {
    Array3::from_shape_fn(size, |(z, y, x)| {
        let inside = |(centre, radii): &Ellipsoid| {
            let part = |axis: usize, at: usize| ((at as f64 - centre[axis]) / radii[axis]).powi(2);
            part(0, z) + part(1, y) + part(2, x) <= 1.0
        };
        u16::from(ellipsoids.iter().any(inside))
    })
}

impl Case {
    fn label_map(&self, ellipsoids: &[Ellipsoid]) -> LabelMap {
        let spacing = Spacing::new(self.spacing).unwrap();
        let grid = Grid::axis_aligned(Size::new(self.size).unwrap(), spacing);
        Volume::new(draw(self.size, ellipsoids), grid).unwrap()
    }
}

fn check(case_idx: usize, name: &str, found: f64, expected: f64) {
    let close = (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
    assert!(
        close,
        "case {case_idx}: {name} is {found}, the peer says {expected}"
    );
}

#[test]
fn columns_equal_their_twins_in_other_tools() {
    let peers = peers();
    assert_eq!(peers.cases.len(), 12);
    for (i, case) in peers.cases.iter().enumerate() {
        let (reference, prediction) = (
            case.label_map(&case.reference),
            case.label_map(&case.prediction),
        );
        let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
        let scores = case_scores(&reference, &prediction, &spec).unwrap();
        let scores = &scores.labels[0].1;
        let counts = scores.overlap.counts;
        assert_eq!(
            (counts.n_ref(), counts.n_pred()),
            (case.n_ref, case.n_pred),
            "case {i}"
        );
        let columns: BTreeMap<String, f64> = scores.columns().into_iter().collect();
        let [medpy, deepmind] = [&case.medpy, &case.deepmind];
        let scipy = |name: &str| case.scipy[name].as_f64().unwrap();
        let masd = 0.5 * (medpy["asd_pred_to_ref"] + medpy["asd_ref_to_pred"]);
        for (ours, theirs) in [
            ("dice_empty_is_one", medpy["dc"]),
            ("iou_empty_is_one", medpy["jc"]),
            ("precision", medpy["precision"]),
            ("recall", medpy["recall"]),
            ("assd_mm", medpy["assd"]),
            ("assd_mm", scipy("assd")),
            ("assd_masd_mm", masd),
            ("assd_masd_mm", scipy("masd")),
            ("hd_mm", medpy["hd"]),
            ("hd_mm", scipy("hd")),
            (
                "hd95_mm",
                scipy("hd95_ref_to_pred").max(scipy("hd95_pred_to_ref")),
            ),
            ("hd95_ref_to_pred_mm", scipy("hd95_ref_to_pred")),
            ("hd95_pred_to_ref_mm", scipy("hd95_pred_to_ref")),
            ("hd95_pooled_mm", medpy["hd95"]),
            ("hd95_pooled_mm", scipy("hd95_pooled")),
            ("nsd_2mm", scipy("nsd_2mm")),
            ("nsd_slice", scipy("nsd_slice")),
            ("hd95_area_weighted_mm", deepmind["hd95"]),
            ("nsd_area_weighted_2mm", deepmind["nsd_2mm"]),
            ("nsd_area_weighted_slice", deepmind["nsd_slice"]),
        ] {
            check(i, ours, columns[ours], theirs);
        }
        let weighted = deepmind["mean_ref_to_pred"] * deepmind["area_ref"]
            + deepmind["mean_pred_to_ref"] * deepmind["area_pred"];
        let assd = weighted / (deepmind["area_ref"] + deepmind["area_pred"]);
        check(
            i,
            "assd_area_weighted_mm",
            columns["assd_area_weighted_mm"],
            assd,
        );
    }
}

#[test]
fn directed_area_weighted_means_equal_deepminds() {
    for (i, case) in peers().cases.iter().enumerate() {
        let [reference, prediction] = [&case.reference, &case.prediction]
            .map(|shape| draw(case.size, shape).mapv(|label| label == 1));
        let spacing = Spacing::new(case.spacing).unwrap();
        let pair = MaskPair::new(reference.view(), prediction.view(), spacing).unwrap();
        let found = AreaWeightedDistances::of(&pair);
        check(
            i,
            "ref to pred",
            found.ref_to_pred_mean_mm(),
            case.deepmind["mean_ref_to_pred"],
        );
        check(
            i,
            "pred to ref",
            found.pred_to_ref_mean_mm(),
            case.deepmind["mean_pred_to_ref"],
        );
    }
}

#[test]
fn distance_transform_and_components_equal_scipys() {
    for (i, case) in peers().cases.iter().enumerate() {
        let mask = draw(case.size, &case.reference).mapv(|label| label == 1);
        let squared = squared_distance_mm2(mask.view(), Spacing::new(case.spacing).unwrap());
        let mean = squared.iter().map(|d| d.sqrt()).sum::<f64>() / squared.len() as f64;
        check(
            i,
            "mean distance",
            mean,
            case.scipy["edt_mean"].as_f64().unwrap(),
        );
        let n = [
            Connectivity::Faces,
            Connectivity::Edges,
            Connectivity::Corners,
        ]
        .map(|connectivity| components(mask.view(), connectivity).len());
        assert_eq!(
            serde_json::json!(n),
            case.scipy["n_components_ref"],
            "case {i}"
        );
    }
    let speckle = Array3::from_shape_fn((9, 14, 17), |(z, y, x)| {
        (z * 73 + y * 179 + x * 283 + z * y * x * 7) % 11 < 3
    });
    let connectivities = [
        Connectivity::Faces,
        Connectivity::Edges,
        Connectivity::Corners,
    ];
    for (connectivity, expected) in connectivities.into_iter().zip(&peers().speckle) {
        let found = components(speckle.view(), connectivity);
        let largest = found.largest().map(|i| found.sizes[i]);
        assert_eq!(
            (found.len(), largest),
            (expected.n, Some(expected.largest)),
            "{connectivity:?}"
        );
    }
}

#[test]
fn surfel_areas_equal_deepminds_for_all_patterns() {
    for table in &peers().surfel_areas {
        let found = surfel_areas_mm2(Spacing::new(table.spacing).unwrap());
        for (pattern, (found, expected)) in found.iter().zip(&table.areas).enumerate() {
            assert!(
                (found - expected).abs() < 1e-10,
                "{pattern:08b}: {found} {expected}"
            );
        }
    }
}
