//! Folders of images become studies that open.

use super::*;
use crate::design::{Design, ModelKind};
use tempfile::TempDir;

fn folder(files: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    folder
}

fn table(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("cohort.csv")).unwrap()
}

/// The study file beside the table.
fn begin(folder: &TempDir, from: &Path) -> Result<WrittenStudy, InitError> {
    write_study_file(from, &folder.path().join("study.toml"))
}

/// Opens what was written, as it was written.
fn open(folder: &TempDir) -> Design {
    let study = folder.path().join("study.toml");
    let text = fs::read_to_string(&study).unwrap();
    Design::open(&study).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_folder_per_patient_becomes_a_study() {
    let folder = folder(&[
        "P1/T1 axial.nii.gz",
        "P1/T1 axial_seg.nii.gz",
        "P1/t2_axial.nrrd",
        "P2/T1 axial.nii.gz",
        "P2/T1 axial_seg.nii.gz",
        "P2/notes.txt",
        "P2/lost_label.nii.gz",
        ".hidden/t1.nii.gz",
    ]);
    let written = begin(&folder, folder.path()).unwrap();
    assert!(written.is_new_cohort);
    assert_eq!(
        written.ignored,
        [folder.path().join("P2/lost_label.nii.gz")]
    );
    insta::assert_snapshot!(table(&folder), @r#"
    patient,histology,site,t1_axial,t1_axial_label,t2_axial
    P1,unknown,unknown,P1/T1 axial.nii.gz,P1/T1 axial_seg.nii.gz,P1/t2_axial.nrrd
    P2,unknown,unknown,P2/T1 axial.nii.gz,P2/T1 axial_seg.nii.gz,
    "#);
    let design = open(&folder);
    let kinds: Vec<(&str, ModelKind)> = design
        .models
        .iter()
        .map(|m| (m.name.as_str(), m.kind))
        .collect();
    // T2 has no reference of its own, and only P1 has it: too few for a model of two channels.
    assert_eq!(kinds, [("t1_axial", ModelKind::Single)]);
}

#[test]
fn datasets_of_nnunet_become_series_of_one_study() {
    let mut files = Vec::new();
    for (dataset, cases) in [("Dataset101_T1Axial", 3), ("Dataset102_T1Sagittal", 3)] {
        for case in 0..cases {
            files.push(format!("{dataset}/imagesTr/s_{case}_0000.nii.gz"));
            files.push(format!("{dataset}/labelsTr/s_{case}.nii.gz"));
        }
        files.push(format!("{dataset}/imagesTs/s_9_0000.nii.gz"));
        files.push(format!("{dataset}/labelsTs/s_9.nii.gz"));
    }
    files.push("Dataset101_T1Axial/imagesTr/odd.nii.gz".to_owned());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let folder = folder(&files);
    let written = begin(&folder, folder.path()).unwrap();
    assert_eq!(written.ignored.len(), 1);
    insta::assert_snapshot!(table(&folder), @r#"
    patient,histology,site,set,t1_axial,t1_axial_label,t1_sagittal,t1_sagittal_label
    s_0,unknown,unknown,train,Dataset101_T1Axial/imagesTr/s_0_0000.nii.gz,Dataset101_T1Axial/labelsTr/s_0.nii.gz,Dataset102_T1Sagittal/imagesTr/s_0_0000.nii.gz,Dataset102_T1Sagittal/labelsTr/s_0.nii.gz
    s_1,unknown,unknown,train,Dataset101_T1Axial/imagesTr/s_1_0000.nii.gz,Dataset101_T1Axial/labelsTr/s_1.nii.gz,Dataset102_T1Sagittal/imagesTr/s_1_0000.nii.gz,Dataset102_T1Sagittal/labelsTr/s_1.nii.gz
    s_2,unknown,unknown,train,Dataset101_T1Axial/imagesTr/s_2_0000.nii.gz,Dataset101_T1Axial/labelsTr/s_2.nii.gz,Dataset102_T1Sagittal/imagesTr/s_2_0000.nii.gz,Dataset102_T1Sagittal/labelsTr/s_2.nii.gz
    s_9,unknown,unknown,test,Dataset101_T1Axial/imagesTs/s_9_0000.nii.gz,Dataset101_T1Axial/labelsTs/s_9.nii.gz,Dataset102_T1Sagittal/imagesTs/s_9_0000.nii.gz,Dataset102_T1Sagittal/labelsTs/s_9.nii.gz
    "#);
    let design = open(&folder);
    assert_eq!(design.split.external(), ["s_9"]);
    let names: Vec<&str> = design.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "t1_axial",
            "t1_sagittal",
            "t1_planes_pooled",
            "t1_planes_late"
        ]
    );
}

#[test]
fn channels_of_one_dataset_become_series_that_share_a_reference() {
    let mut files = Vec::new();
    for case in ["a", "b"] {
        for channel in 0..2 {
            files.push(format!("imagesTr/{case}_000{channel}.nii.gz"));
        }
        files.push(format!("labelsTr/{case}.nii.gz"));
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let folder = folder(&files);
    let json = r#"{"channel_names": {"0": "T1", "1": "T2 fs"}, "labels": {"background": 0, "tumour": 1},
        "numTraining": 2, "file_ending": ".nii.gz"}"#;
    fs::write(folder.path().join("dataset.json"), json).unwrap();
    begin(&folder, folder.path()).unwrap();
    insta::assert_snapshot!(table(&folder), @r#"
    patient,histology,site,t1,t1_label,t2_fs
    a,unknown,unknown,imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz,imagesTr/a_0001.nii.gz
    b,unknown,unknown,imagesTr/b_0000.nii.gz,labelsTr/b.nii.gz,imagesTr/b_0001.nii.gz
    "#);
    let design = open(&folder);
    let names: Vec<&str> = design.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["t1", "t1_t2"]);
    assert_eq!(design.model("t1_t2").unwrap().series, ["t1", "t2_fs"]);
}

#[test]
fn a_cohort_that_is_there_is_taken_and_a_study_that_is_there_is_kept() {
    let folder = folder(&["P1/t1.nii.gz", "P1/t1_label.nii.gz", "a.nii.gz", "b.nii.gz"]);
    let csv = "patient,histology,site,t1,t1_label\nX1,ups,thigh,a.nii.gz,b.nii.gz\n";
    fs::write(folder.path().join("cohort.csv"), csv).unwrap();
    let written = begin(&folder, folder.path()).unwrap();
    assert!(!written.is_new_cohort);
    assert_eq!(table(&folder), csv);
    let error = begin(&folder, &written.cohort).unwrap_err().to_string();
    assert!(
        error.starts_with("there is a study file already"),
        "{error}"
    );
}

#[test]
fn a_study_file_names_a_table_from_where_it_lies() {
    let folder = folder(&["data/P1/t1.nii.gz", "data/P1/t1_label.nii.gz", "else/x.txt"]);
    let data = folder.path().join("data");
    begin(&folder, &data).unwrap();
    let named = |study: &Path| {
        let text = fs::read_to_string(study).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("cohort = "))
            .unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    assert_eq!(named(&folder.path().join("study.toml")), "data/cohort.csv");
    let elsewhere = folder.path().join("else/study.toml");
    write_study_file(&data, &elsewhere).unwrap();
    let absolute = data.join("cohort.csv").canonicalize().unwrap();
    assert_eq!(Path::new(&named(&elsewhere)), absolute);
    let error = write_study_file(&data.join("no.csv"), &folder.path().join("b.toml"));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("there is no such file or folder"),
        "{error}"
    );
}

#[test]
fn folders_that_say_nothing_or_two_things_are_refused() {
    let told = |files: &[&str]| {
        let folder = folder(files);
        let error = begin(&folder, folder.path()).unwrap_err().to_string();
        assert!(!folder.path().join("cohort.csv").exists());
        error
            .replace(&format!("{}/", folder.path().display()), "")
            .replace(&folder.path().display().to_string(), "FOLDER")
    };
    insta::assert_snapshot!(told(&["notes.txt"]), @r#"the folder has no cohort.csv, no imagesTr as nnU-Net's datasets, and no folders of patients with an image per series: "FOLDER""#);
    insta::assert_snapshot!(told(&["P1/t1.nii.gz", "P1/T1.nrrd"]), @r#"two files of a patient are one series by their names; rename one: "P1/T1.nrrd" and "P1/t1.nii.gz""#);
    insta::assert_snapshot!(told(&["A/imagesTr/x_0000.nii.gz", "B/imagesTr/y_0000.nii.gz", "B/imagesTs/x_0000.nii.gz"]), @r#"patient "x" is in imagesTr of one dataset and in imagesTs of another; patients are split, not images"#);
}

#[test]
fn no_image_and_no_reference_takes_the_place_of_another() {
    let refused = |files: &[&str]| {
        let folder = folder(files);
        let error = begin(&folder, folder.path()).unwrap_err().to_string();
        assert!(
            error.starts_with("two files of a patient are one series"),
            "{error}"
        );
        assert!(!folder.path().join("cohort.csv").exists());
    };
    refused(&["P1/t1.nii.gz", "P1/t1_label.nii.gz", "P1/t1_seg.nii.gz"]);
    refused(&[
        "imagesTr/a_0000.nii.gz",
        "imagesTr/a_0000.nrrd",
        "labelsTr/a.nii.gz",
    ]);
    refused(&[
        "Dataset101_T1Axial/imagesTr/a_0000.nii.gz",
        "Dataset102_t1_axial/imagesTr/a_0000.nii.gz",
    ]);
    // Channels of one name are two series all the same.
    let folder = folder(&[
        "imagesTr/a_0000.nii.gz",
        "imagesTr/a_0001.nii.gz",
        "imagesTr/b_0000.nii.gz",
        "imagesTr/b_0001.nii.gz",
        "labelsTr/a.nii.gz",
        "labelsTr/b.nii.gz",
    ]);
    let json = r#"{"channel_names": {"0": "noNorm", "1": "noNorm"}, "labels": {"background": 0, "tumour": 1},
        "numTraining": 2, "file_ending": ".nii.gz"}"#;
    fs::write(folder.path().join("dataset.json"), json).unwrap();
    begin(&folder, folder.path()).unwrap();
    let columns = table(&folder).lines().next().unwrap().to_owned();
    assert_eq!(
        columns,
        "patient,histology,site,channel_0,channel_0_label,channel_1"
    );
}

#[test]
fn a_beginning_that_fails_leaves_no_table_behind() {
    let folder = folder(&["P1/t1.nii.gz", "P2/t1.nii.gz"]);
    begin(&folder, folder.path()).unwrap_err();
    assert!(!folder.path().join("cohort.csv").exists());
    for patient in ["P1", "P2"] {
        fs::write(folder.path().join(patient).join("t1_label.nii.gz"), "").unwrap();
    }
    begin(&folder, folder.path()).unwrap();
}
