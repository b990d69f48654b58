//! Real files: published figures, and nnU-Net's own summary.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use sarx_core::{CaseId, LabelMap};
use sarx_metrics::{
    LabelOrRegion, NnunetMean, ScoreFloat, ScoreSpec, ScoredCase, Summary, case_scores,
};
use sarx_testkit::shared;
use std::path::Path;

fn read(path: &Path) -> LabelMap {
    sarx_io::read_labels(path).unwrap().labels
}

#[test]
fn concentric_spheres_give_the_published_distances() {
    let Some(folder) = shared("data/spheres") else {
        return;
    };
    let reference = read(&folder.join("example_3d_ref_mask.nii.gz"));
    let prediction = read(&folder.join("example_3d_pred_mask.nii.gz"));
    let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
    let scores = case_scores(&reference, &prediction, &spec).unwrap();
    let scores = &scores.labels[0].1;
    // MeshMetrics' notebook measures meshes; surface voxels are within one voxel (1 mm) of them.
    let s = &scores.surface;
    for (found, published) in [
        (s.hd_mm, 15.107),
        (s.hd95_mm, 15.0),
        (s.hd95_pooled_mm, 15.0),
        (s.hd95_area_weighted_mm, 15.0),
        (s.assd_mm, 14.402),
        (s.assd_masd_mm, 14.386),
        (s.assd_area_weighted_mm, 14.402),
    ] {
        assert!((found - published).abs() < 1.0, "{found} {published}");
    }
    assert_eq!(scores.nsd[0].nsd, 0.0);
}

#[test]
fn the_volume_of_a_brain_tumour_is_the_published_one() {
    let Some(folder) = shared("data/brain_tumour_nrrd") else {
        return;
    };
    let labels = read(&folder.join("brain1_label.nrrd"));
    let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
    let scores = case_scores(&labels, &labels, &spec).unwrap();
    let overlap = &scores.labels[0].1.overlap;
    // pyradiomics, baseline_shape.csv, VoxelVolume of brain1 in mm³.
    let volume_mm3 = overlap.volume_ref_ml * 1000.0;
    assert!(
        (volume_mm3 - 16412.658691406243).abs() < 1e-6,
        "{volume_mm3}"
    );
    assert_eq!(overlap.dice(), 1.0);
}

#[test]
fn nnunets_summary_is_repeated() {
    let Some(folder) = shared("oracle/t1_axial") else {
        return;
    };
    let predictions = folder.join("prediction_no_mirroring");
    let expected = Summary::read(&predictions.join("summary.json")).unwrap();
    assert_eq!(
        (expected.schema_version, expected.metric_per_case.len()),
        (0, 4)
    );
    let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
    let cases: Vec<ScoredCase> = expected
        .metric_per_case
        .iter()
        .map(|case| {
            let name = Path::new(&case.prediction_file).file_name().unwrap();
            let reference = read(&folder.join("raw/labelsTs").join(name));
            let prediction = read(&predictions.join(name));
            ScoredCase {
                case: CaseId::new(name.to_str().unwrap().trim_end_matches(".nii.gz")).unwrap(),
                prediction_file: case.prediction_file.clone(),
                reference_file: case.reference_file.clone(),
                scores: case_scores(&reference, &prediction, &spec).unwrap(),
            }
        })
        .collect();
    let found = Summary::of(&cases).unwrap();
    assert_same(&found.foreground_mean, &expected.foreground_mean);
    for (key, mean) in &expected.mean {
        assert_same(&found.mean[key], mean);
    }
    assert_eq!(found.mean.len(), expected.mean.len());
    for (found, expected) in found.metric_per_case.iter().zip(&expected.metric_per_case) {
        assert_eq!(found.metrics.len(), expected.metrics.len());
        for (key, entry) in &expected.metrics {
            assert_same(&(&found.metrics[key]).into(), &entry.into());
        }
    }
}

fn assert_same(found: &NnunetMean, expected: &NnunetMean) {
    let fields = |m: &NnunetMean| [m.dice, m.iou, m.tp, m.fp, m.fn_, m.tn, m.n_pred, m.n_ref];
    for (ScoreFloat(found), ScoreFloat(expected)) in fields(found).into_iter().zip(fields(expected))
    {
        let close = (found - expected).abs() <= 1e-12 * expected.abs();
        assert!(close, "{found} {expected}");
    }
}
