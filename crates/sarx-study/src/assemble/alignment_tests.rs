//! Series of phantoms related by their headers, by registration, or not at all.

use super::tests::{run, study};
use super::{Alignment, AssembleFault};
use crate::design::AlignmentMethod;
use sarx_core::{Silent, Volume};
use sarx_phantom::{CohortSpec, MatrixSize, Series, series_motion, write_cohort};
use sarx_register::{RegisterError, Rigid};
use std::fs;
use std::sync::OnceLock;

/// T1 and T2 of a patient, and where a point of the T2 is in the T1.
struct Patient {
    t1: Volume<f32>,
    t2: Volume<f32>,
    t1_from_t2: Rigid,
}

fn patients() -> &'static [Patient] {
    static PATIENTS: OnceLock<Vec<Patient>> = OnceLock::new();
    PATIENTS.get_or_init(|| {
        let spec = CohortSpec {
            n_patients: 2,
            seed: 20,
            matrix: MatrixSize::Small,
            held_out: 0,
            series: vec![Series::T1Axial, Series::T2Axial],
        };
        let folder = tempfile::tempdir().unwrap();
        let summary = write_cohort(folder.path(), &spec, &Silent).unwrap();
        let image = |series: Series, patient: usize| {
            let (_, dataset) = summary.datasets.iter().find(|(s, _)| *s == series).unwrap();
            let path = dataset.join(format!("imagesTr/sts_{patient:03}_0000.nii.gz"));
            sarx_io::read_image(&path).unwrap().volume
        };
        let place = |series, patient| {
            Rigid::from_affine(&series_motion(&spec, patient, series).unwrap()).unwrap()
        };
        (0..2)
            .map(|patient| Patient {
                t1: image(Series::T1Axial, patient),
                t2: image(Series::T2Axial, patient),
                t1_from_t2: place(Series::T1Axial, patient)
                    .inverse()
                    .after(&place(Series::T2Axial, patient)),
            })
            .collect()
    })
}

/// The T2 with a header that says that the patient had moved, and where its points then are in the T1.
fn moved(patient: &Patient, turn: [f64; 3], shift_mm: [f64; 3]) -> (Volume<f32>, Rigid) {
    let grid = patient.t2.grid();
    let middle = grid.world_from_index(grid.size.zyx().map(|n| 0.5 * (n - 1) as f64));
    let motion = Rigid::about(middle, turn, shift_mm).unwrap();
    let image = Volume::new(patient.t2.voxels().clone(), motion.moved(grid)).unwrap();
    (image, patient.t1_from_t2.after(&motion.inverse()))
}

fn by(method: AlignmentMethod) -> Alignment {
    Alignment { method, seed: 5 }
}

/// Median error of a result, mm.
fn error_mm(found: &Rigid, truth: &Rigid, moving: &Volume<f32>) -> f64 {
    found.target_error(truth, moving.grid()).median_mm
}

#[test]
fn headers_are_believed_where_they_relate_the_series_unless_asked_otherwise() {
    let patient = &patients()[0];
    let (moving, truth) = moved(patient, [0.05, -0.04, 0.08], [6.0, -8.0, 5.0]);
    for method in [AlignmentMethod::Auto, AlignmentMethod::Header] {
        let (found, record) = by(method).find(&patient.t1, &moving).unwrap();
        assert_eq!(found, Rigid::identity());
        assert_eq!((record.how.as_str(), record.spread_mm), ("header", None));
    }
    let (found, record) = by(AlignmentMethod::Register)
        .find(&patient.t1, &moving)
        .unwrap();
    // Half of the smallest edge.
    let edge_mm = patient.t1.grid().spacing.zyx_mm()[2];
    let error = error_mm(&found, &truth, &moving);
    assert!(error < 0.5 * edge_mm, "{error} mm of {edge_mm} mm");
    assert_eq!(record.how, "registered");
    assert!(record.spread_mm.unwrap() < 2.0 && record.information_gain.unwrap() > 1.25);
    let (angle, distance) = (record.angle_deg.unwrap(), record.moved_mm.unwrap());
    assert!((angle - truth.angle_deg()).abs() < 1.0, "{angle} degrees");
    assert!((8.0..20.0).contains(&distance), "{distance} mm");
    assert!((0.5..1.0).contains(&record.covered), "{record:?}");
}

#[test]
fn series_of_two_frames_of_reference_are_registered_however_far_apart_they_are() {
    let patient = &patients()[0];
    let (moving, truth) = moved(patient, [0.0, 0.03, 0.05], [420.0, -260.0, 310.0]);
    let (found, record) = by(AlignmentMethod::Auto)
        .find(&patient.t1, &moving)
        .unwrap();
    let edge_mm = patient.t1.grid().spacing.zyx_mm()[2];
    let error = error_mm(&found, &truth, &moving);
    assert!(error < 0.5 * edge_mm, "{error} mm of {edge_mm} mm");
    assert_eq!(record.how, "registered");
    assert!(record.covered > 0.5, "{record:?}");
}

#[test]
fn another_patients_series_is_refused() {
    let fault = by(AlignmentMethod::Register)
        .find(&patients()[0].t1, &patients()[1].t2)
        .unwrap_err();
    assert!(
        matches!(
            fault,
            AssembleFault::Register(RegisterError::Unreliable { .. })
        ),
        "{fault}"
    );
}

#[test]
fn a_case_whose_registration_is_refused_is_counted_and_named() {
    let folder = study();
    let path = folder.path().join("study.toml");
    let text = fs::read_to_string(&path).unwrap();
    // Images with nothing in them fit as well anywhere beside.
    for patient in ["P1", "P2", "P3"] {
        let path = folder.path().join(format!("{patient}_o.nrrd"));
        let grid = *sarx_io::read_image(&path).unwrap().volume.grid();
        sarx_io::write_image(&path, &Volume::filled(grid, 7.0), None).unwrap();
    }
    fs::write(
        &path,
        text.replace(
            "[models.axial]",
            "[alignment]\nmethod = \"register\"\n[models.axial]",
        ),
    )
    .unwrap();
    let (dataset, assembled) = run(&folder, "both");
    assert!(assembled.done.is_empty());
    let failed: Vec<String> = assembled.failed.iter().map(|f| f.0.to_string()).collect();
    assert_eq!(failed, ["P1", "P2", "P3"]);
    assert!(!dataset.join("imagesTr/P1_0001.nii.gz").exists());
    let table = fs::read_to_string(folder.path().join("both/cases.csv")).unwrap();
    let row = table.lines().find(|l| l.starts_with("P1,")).unwrap();
    assert!(row.contains(",failed,"), "{table}");
    assert!(row.contains("one value"), "{table}");
}
