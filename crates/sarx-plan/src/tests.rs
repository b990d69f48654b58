//! Datasets on disk, sound and broken: opening, reading cases, the integrity check.

use crate::*;
use sarx_core::{CaseId, Grid, GridMismatch, LabelMap, Silent, Size, Spacing, Volume};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

fn grid(size: [usize; 3]) -> Grid {
    Grid::axis_aligned(
        Size::new(size).unwrap(),
        Spacing::new([5.0, 1.0, 1.0]).unwrap(),
    )
}

const SIZE: [usize; 3] = [3, 5, 4];

fn image(folder: &TempDir, case: &str, channel: usize, grid: Grid) {
    let path = folder
        .path()
        .join(format!("imagesTr/{case}_{channel:04}.nii.gz"));
    sarx_io::write_image(&path, &Volume::filled(grid, 7.0f32), None).unwrap();
}

fn labels(folder: &TempDir, case: &str, grid: Grid, label: u16) {
    let mut map: LabelMap = Volume::filled(grid, 0);
    map.voxels_mut()[[1, 1, 1]] = label;
    let path = folder.path().join(format!("labelsTr/{case}.nii.gz"));
    sarx_io::write_labels(&path, &map, None).unwrap();
}

fn write_json(folder: &TempDir, extra: &Value) {
    let mut json = json!({
        "channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "tumour": 1},
        "numTraining": 2, "file_ending": ".nii.gz"
    });
    for (key, value) in extra.as_object().unwrap() {
        json[key] = value.clone();
    }
    std::fs::write(folder.path().join("dataset.json"), json.to_string()).unwrap();
}

/// Two sound cases of two channels.
fn sound() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["imagesTr", "labelsTr"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    write_json(&folder, &json!({}));
    for case in ["a", "b"] {
        image(&folder, case, 0, grid(SIZE));
        image(&folder, case, 1, grid(SIZE));
        labels(&folder, case, grid(SIZE), 1);
    }
    folder
}

fn open(folder: &TempDir) -> Dataset {
    Dataset::open(folder.path(), &|_| None).unwrap()
}

fn read(folder: &TempDir, case: &str) -> Result<Case, CaseError> {
    let dataset = open(folder);
    let files = dataset
        .cases()
        .unwrap()
        .iter()
        .find(|files| files.id.as_str() == case)
        .unwrap();
    CaseReader::new(dataset.json()).read_case(files)
}

fn kinds(folder: &TempDir) -> (Vec<(Option<String>, FaultKind)>, Vec<WarningKind>) {
    let dataset = open(folder);
    let report = verify(&dataset, &CaseReader::new(dataset.json()), &Silent);
    (
        report
            .faults
            .into_iter()
            .map(|fault| (fault.case, fault.kind))
            .collect(),
        report
            .warnings
            .into_iter()
            .map(|warning| warning.kind)
            .collect(),
    )
}

#[test]
fn a_sound_dataset_is_read_and_passes() {
    let folder = sound();
    let case = read(&folder, "b").unwrap();
    assert_eq!((case.channels.len(), case.grid().size.zyx()), (2, SIZE));
    assert_eq!(case.labels.unwrap().voxels()[[1, 1, 1]], 1);
    assert_eq!(kinds(&folder), (vec![], vec![]));
    assert_eq!(open(&folder).case_ids().unwrap().len(), 2);
}

#[test]
fn channels_on_different_grids_are_refused() {
    let folder = sound();
    image(&folder, "a", 1, grid([3, 5, 5]));
    match read(&folder, "a").unwrap_err() {
        CaseError::ChannelGrid {
            channel: 1,
            source: GridMismatch::Size { .. },
            ..
        } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn channels_in_different_places_are_refused_unless_allowed() {
    let folder = sound();
    image(
        &folder,
        "a",
        1,
        Grid {
            origin_mm: [0.0, 3.0, 4.0],
            ..grid(SIZE)
        },
    );
    let error = read(&folder, "a").unwrap_err();
    let CaseError::ChannelGrid {
        source: GridMismatch::Position { distance_mm },
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!((distance_mm - 5.0).abs() < 1e-4);
    let dataset = open(&folder);
    let lenient = CaseReader::new(dataset.json()).with_position_mismatch_allowed(true);
    let case = lenient.read_case(&dataset.cases().unwrap()[0]).unwrap();
    assert_eq!(case.channels[1].grid(), case.channels[0].grid());
    let report = verify(&dataset, &lenient, &Silent);
    assert!(report.is_sound());
    assert_eq!(report.warnings[0].kind, WarningKind::Position);
}

#[test]
fn labels_must_fit_image_and_dataset_json() {
    let folder = sound();
    labels(&folder, "a", grid([3, 5, 5]), 1);
    assert!(matches!(
        read(&folder, "a").unwrap_err(),
        CaseError::LabelGrid { .. }
    ));
    labels(&folder, "a", grid(SIZE), 4);
    match read(&folder, "a").unwrap_err() {
        CaseError::UndeclaredLabels {
            found, declared, ..
        } => {
            assert_eq!((found, declared), (vec![4], vec![0, 1]));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn voxels_must_be_finite() {
    let folder = sound();
    let mut volume = Volume::filled(grid(SIZE), 1.0f32);
    volume.voxels_mut()[[0, 2, 3]] = f32::NAN;
    volume.voxels_mut()[[2, 0, 0]] = f32::INFINITY;
    let path = folder.path().join("imagesTr/a_0001.nii.gz");
    sarx_io::write_image(&path, &volume, None).unwrap();
    match read(&folder, "a").unwrap_err() {
        CaseError::NotFinite {
            channel: 1,
            n_voxels: 2,
            first: [0, 2, 3],
            ..
        } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn an_unreadable_file_is_told_with_its_case() {
    let folder = sound();
    std::fs::write(folder.path().join("imagesTr/a_0000.nii.gz"), b"no image").unwrap();
    let error = read(&folder, "a").unwrap_err();
    assert!(matches!(error, CaseError::Unreadable { .. }));
    assert!(error.to_string().starts_with("case \"a\": "), "{error}");
}

#[test]
fn a_wrong_channel_count_is_told() {
    let folder = sound();
    let dataset = open(&folder);
    let mut files = dataset.cases().unwrap()[0].clone();
    files.channels.pop();
    let error = CaseReader::new(dataset.json())
        .read_case(&files)
        .unwrap_err();
    assert!(matches!(
        error,
        CaseError::ChannelCount {
            expected: 2,
            found: 1,
            ..
        }
    ));
    files.channels.clear();
    let error = CaseReader::new(dataset.json())
        .read_case(&files)
        .unwrap_err();
    assert!(matches!(
        error,
        CaseError::ChannelCount {
            expected: 2,
            found: 0,
            ..
        }
    ));
}

#[test]
fn missing_files_keep_the_cases_back() {
    let folder = sound();
    std::fs::remove_file(folder.path().join("labelsTr/a.nii.gz")).unwrap();
    std::fs::remove_file(folder.path().join("imagesTr/b_0001.nii.gz")).unwrap();
    match open(&folder).cases().unwrap_err() {
        DatasetError::Faults { faults } => {
            assert!(matches!(faults[0], DiscoveryFault::MissingChannels { .. }));
            assert!(matches!(faults[1], DiscoveryFault::MissingLabel { .. }));
            assert_eq!(faults.len(), 2);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_empty_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let open = |folder: &TempDir| Dataset::open(folder.path(), &|_| None).unwrap_err();
    assert!(matches!(open(&folder), DatasetError::Json(_)));
    write_json(&folder, &json!({}));
    assert!(matches!(
        open(&folder),
        DatasetError::Cases(CasesError::Folder { .. })
    ));
    std::fs::create_dir(folder.path().join("imagesTr")).unwrap();
    assert!(matches!(
        open(&folder),
        DatasetError::Cases(CasesError::Empty { .. })
    ));
}

#[test]
fn the_check_reports_every_fault_of_every_case() {
    let folder = sound();
    let mut volume = Volume::filled(grid(SIZE), 1.0f32);
    volume.voxels_mut()[[0, 0, 0]] = f32::NAN;
    let path = folder.path().join("imagesTr/a_0000.nii.gz");
    sarx_io::write_image(&path, &volume, None).unwrap();
    image(&folder, "a", 1, grid([3, 5, 5]));
    labels(&folder, "a", grid(SIZE), 9);
    labels(&folder, "b", grid(SIZE), 0);
    labels(&folder, "x", grid(SIZE), 1);
    image(&folder, "c", 0, grid(SIZE));
    let a = || Some("a".to_owned());
    let (faults, warnings) = kinds(&folder);
    assert_eq!(
        faults,
        [
            (Some("c".to_owned()), FaultKind::MissingChannel),
            (None, FaultKind::CaseCount),
            (a(), FaultKind::NotFinite),
            (a(), FaultKind::ChannelGrid),
            (a(), FaultKind::UndeclaredLabel),
        ]
    );
    assert_eq!(
        warnings,
        [WarningKind::UnusedLabel, WarningKind::NoForeground]
    );
}

#[test]
fn a_case_of_another_orientation_is_a_warning() {
    let folder = sound();
    write_json(&folder, &json!({"numTraining": 3}));
    let sagittal = Grid {
        direction: [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        ..grid(SIZE)
    };
    image(&folder, "c", 0, sagittal);
    image(&folder, "c", 1, sagittal);
    labels(&folder, "c", sagittal, 1);
    let dataset = open(&folder);
    let report = verify(&dataset, &CaseReader::new(dataset.json()), &Silent);
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(report.warnings.len(), 1);
    assert_eq!(
        report.warnings[0].message,
        "slices of case \"c\" are sagittal, most others are axial"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["warnings"][0]["kind"], "orientation");
}

fn listed(folder: &TempDir, images: [&str; 2]) -> Result<Dataset, DatasetError> {
    let case = |images: [&str; 2], label: &str| json!({"images": images, "label": label});
    let dataset = json!({
        "z": case(images, "labelsTr/a.nii.gz"),
        "y": case(["imagesTr/b_0000.nii.gz", "$DATA/b_0001.nii.gz"], "${ROOT}/labelsTr/b.nii.gz"),
    });
    write_json(folder, &json!({"dataset": dataset}));
    let root = folder.path().to_str().unwrap().to_owned();
    Dataset::open(folder.path(), &move |name| match name {
        "DATA" => Some("imagesTr".to_owned()),
        "ROOT" => Some(root.clone()),
        _ => None,
    })
}

#[test]
fn listed_files_are_found_with_variables() {
    let folder = sound();
    let dataset = listed(
        &folder,
        ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"],
    )
    .unwrap();
    let ids: Vec<CaseId> = dataset.case_ids().unwrap();
    assert_eq!(
        ids.iter().map(CaseId::as_str).collect::<Vec<_>>(),
        ["y", "z"]
    );
    assert!(verify(&dataset, &CaseReader::new(dataset.json()), &Silent).is_sound());
}

#[test]
fn listed_files_that_are_missing_or_doubled_are_told() {
    let folder = sound();
    let error = listed(&folder, ["$NOWHERE/x.nii.gz", "y.nii.gz"]).unwrap_err();
    assert!(
        matches!(error, DatasetError::UnknownVariable { variable, .. } if variable == "NOWHERE")
    );
    let twice = listed(&folder, ["imagesTr/b_0000.nii.gz", "gone.nii.gz"]).unwrap();
    let DatasetError::Faults { faults } = twice.cases().unwrap_err() else {
        panic!()
    };
    assert!(
        matches!(faults[0], DiscoveryFault::DuplicateCase { .. }),
        "{faults:?}"
    );
    assert!(
        matches!(faults[1], DiscoveryFault::MissingImage { .. }),
        "{faults:?}"
    );
    assert_eq!(faults.len(), 2);
}

#[test]
fn foreground_is_needed_for_a_fingerprint() {
    let folder = sound();
    labels(&folder, "a", grid(SIZE), 0);
    labels(&folder, "b", grid(SIZE), 0);
    let dataset = open(&folder);
    let reader = CaseReader::new(dataset.json());
    let error = measure(&dataset, &reader, &Silent).unwrap_err();
    assert!(matches!(error, FingerprintError::NoForeground), "{error}");
    image(&folder, "a", 1, grid([3, 5, 5]));
    image(&folder, "b", 0, grid([3, 5, 5]));
    match measure(&dataset, &reader, &Silent).unwrap_err() {
        FingerprintError::Cases { failures } => assert_eq!(failures.len(), 2, "every case is told"),
        other => panic!("{other}"),
    }
}

#[test]
fn the_name_of_a_dataset_is_its_folders() {
    let folder = sound();
    let expected = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(open(&folder).name(), expected);
    assert_eq!(open(&folder).folder(), Path::new(folder.path()));
}

/// The rules of nnU-Net's `verify_dataset_integrity` that no other test here holds.
mod integrity {
    use super::*;

    #[test]
    fn a_folder_of_labels_must_exist() {
        let folder = sound();
        std::fs::remove_dir_all(folder.path().join("labelsTr")).unwrap();
        let error = Dataset::open(folder.path(), &|_| None).unwrap_err();
        let DatasetError::Cases(CasesError::Folder { path, .. }) = error else {
            panic!("{error}")
        };
        assert!(path.ends_with("labelsTr"));
    }

    #[test]
    fn every_required_key_must_be_there() {
        for key in ["channel_names", "labels", "numTraining", "file_ending"] {
            let folder = sound();
            let path = folder.path().join("dataset.json");
            let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            json.as_object_mut().unwrap().remove(key);
            std::fs::write(&path, json.to_string()).unwrap();
            let error = Dataset::open(folder.path(), &|_| None).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn the_number_of_cases_must_be_num_training() {
        let folder = sound();
        write_json(&folder, &json!({"numTraining": 3}));
        assert_eq!(kinds(&folder).0, [(None, FaultKind::CaseCount)]);
    }

    #[test]
    fn labels_must_be_consecutive_with_the_ignore_label_last() {
        for labels in [
            json!({"background": 0, "tumour": 2}),
            json!({"background": 0, "tumour": 1, "ignore": 3}),
            json!({"background": 0, "tumour": 1, "ignore": 1}),
            json!({"background": 1, "tumour": 0}),
            json!({"tumour": 1}),
        ] {
            let folder = sound();
            write_json(&folder, &json!({"labels": labels}));
            let error = Dataset::open(folder.path(), &|_| None).unwrap_err();
            let DatasetError::Json(DatasetJsonError::Labels { .. }) = error else {
                panic!("{error}")
            };
        }
    }

    #[test]
    fn the_ignore_label_may_occur() {
        let folder = sound();
        let labels_of = json!({"background": 0, "tumour": 1, "ignore": 2});
        write_json(&folder, &json!({"labels": labels_of}));
        labels(&folder, "a", grid(SIZE), 2);
        assert_eq!(kinds(&folder), (vec![], vec![]));
    }

    #[test]
    fn label_maps_hold_whole_numbers() {
        for value in [1.5, f32::NAN, -1.0] {
            let folder = sound();
            let mut map = Volume::filled(grid(SIZE), 0.0f32);
            map.voxels_mut()[[1, 1, 1]] = value;
            let path = folder.path().join("labelsTr/a.nii.gz");
            sarx_io::write_image(&path, &map, None).unwrap();
            let expected = (Some("a".to_owned()), FaultKind::Unreadable);
            assert_eq!(kinds(&folder).0, [expected], "{value}");
        }
    }

    #[test]
    fn spacing_of_image_and_labels_must_agree_to_1e_5() {
        let stretched = |by: f64| Grid {
            spacing: Spacing::new([5.0 * by, 1.0, 1.0]).unwrap(),
            ..grid(SIZE)
        };
        let folder = sound();
        labels(&folder, "a", stretched(1.0 + 5e-6), 1);
        assert_eq!(kinds(&folder).0, []);
        labels(&folder, "a", stretched(1.0 + 3e-5), 1);
        let expected = (Some("a".to_owned()), FaultKind::LabelGrid);
        assert_eq!(kinds(&folder).0, [expected]);
    }
}

#[test]
fn a_slice_of_a_2d_file_is_the_coarsest_axis() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["imagesTr", "labelsTr"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    write_json(
        &folder,
        &json!({"channel_names": {"0": "T1"}, "numTraining": 1, "file_ending": ".mha"}),
    );
    let header = "ObjectType = Image\nNDims = 2\nDimSize = 4 3\nElementSpacing = 0.5 1.5\n\
                  ElementType = MET_UCHAR\nElementDataFile = LOCAL\n";
    for (path, value) in [("imagesTr/a_0000.mha", 9), ("labelsTr/a.mha", 1)] {
        let bytes = [header.as_bytes(), &[value; 12]].concat();
        std::fs::write(folder.path().join(path), bytes).unwrap();
    }
    let case = read(&folder, "a").unwrap();
    // nnU-Net 2.8.1, SimpleITKIO.read_images: shape (1, 1, 3, 4), spacing [1498.5, 1.5, 0.5].
    assert_eq!(case.grid().size.zyx(), [1, 3, 4]);
    assert_eq!(case.grid().spacing.zyx_mm(), [1498.5, 1.5, 0.5]);
    assert_eq!(case.labels.unwrap().grid(), case.channels[0].grid());
    let fingerprint = {
        let dataset = open(&folder);
        measure(&dataset, &CaseReader::new(dataset.json()), &Silent).unwrap()
    };
    assert_eq!(fingerprint.spacings_mm, [[1498.5, 1.5, 0.5]]);
}
