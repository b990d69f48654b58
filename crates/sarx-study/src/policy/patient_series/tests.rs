use super::*;
use std::fs;
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

fn known(series: &[&str]) -> Vec<String> {
    series.iter().map(|&one| one.to_owned()).collect()
}

fn ignored(found: &PatientSeries) -> Vec<(String, &str)> {
    let all = found.ignored.iter();
    all.map(|one| (one.name(), one.reason.as_str())).collect()
}

#[test]
fn series_are_told_as_a_study_is_begun_and_all_else_is_listed() {
    let folder = folder(&[
        "Dataset101_T1Axial.nrrd",
        "T2 axial.MHA",
        "t1_sagittal.nii",
        "t1_sagittal_seg.nii.gz",
        "dwi.nii.gz",
        "notes.txt",
        "old/t1_axial.nii.gz",
        ".hidden.nii.gz",
    ]);
    let known = known(&["t1_axial", "t2-axial", "t1_sagittal"]);
    let found = PatientSeries::of_folder(folder.path(), &known).unwrap();
    assert_eq!(found.names(), ["t1_axial", "t1_sagittal", "t2-axial"]);
    assert_eq!(found.images["t2-axial"], folder.path().join("T2 axial.MHA"));
    let name = |name: &str| name.to_owned();
    assert_eq!(
        ignored(&found),
        [
            (name("dwi.nii.gz"), "no series that a model takes"),
            (name("notes.txt"), "no image by its ending"),
            (name("old"), "a folder"),
            (
                name("t1_sagittal_seg.nii.gz"),
                "a reference segmentation by its name"
            ),
        ]
    );
}

#[test]
fn two_files_of_a_series_and_a_file_of_two_series_are_refused_without_the_folder() {
    let twice = folder(&["Smith_John/t1_axial.nii.gz", "Smith_John/T1Axial.nrrd"]);
    let of = |series: &[&str]| {
        PatientSeries::of_folder(&twice.path().join("Smith_John"), &known(series))
            .unwrap_err()
            .to_string()
    };
    let text = of(&["t1_axial"]);
    assert!(
        text.contains("\"T1Axial.nrrd\" and \"t1_axial.nii.gz\""),
        "{text}"
    );
    assert!(!text.contains("Smith"), "{text}");
    let text = of(&["t1-axial", "t1.axial"]);
    assert!(text.contains("t1-axial and t1.axial"), "{text}");
    // A name that is exactly a series is that one.
    let exact = folder(&["t1_axial.nii.gz"]);
    let series = known(&["t1_axial", "t1-axial"]);
    let found = PatientSeries::of_folder(exact.path(), &series).unwrap();
    assert_eq!(found.names(), ["t1_axial"]);
    let none = PatientSeries::of_folder(&twice.path().join("Nobody"), &series).unwrap_err();
    assert!(!none.to_string().contains("Nobody"), "{none}");
}

#[test]
fn a_file_given_explicitly_wins_and_the_other_one_is_listed() {
    let folder = folder(&["t1_axial.nii.gz", "series_7.nii.gz", "series_8.nii.gz"]);
    let known = known(&["t1_axial", "t2_axial"]);
    let mut found = PatientSeries::of_folder(folder.path(), &known).unwrap();
    let path = |name: &str| folder.path().join(name);
    found
        .set("t1_axial", path("series_7.nii.gz"), &known)
        .unwrap();
    found
        .set("t2_axial", path("series_8.nii.gz"), &known)
        .unwrap();
    assert_eq!(found.images["t1_axial"], path("series_7.nii.gz"));
    assert_eq!(
        ignored(&found),
        [(
            "t1_axial.nii.gz".to_owned(),
            "series t1_axial was given explicitly"
        )]
    );
    let error = found.set("t3", path("t3.nii"), &known).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy knows no series \"t3\"; it knows t1_axial, t2_axial"
    );
}

#[test]
fn a_folder_with_an_image_is_a_patient_and_one_with_folders_holds_several() {
    let one = folder(&["t1.nii.gz", "old/t1.nii.gz"]);
    let elsewhere = Path::new("elsewhere");
    assert_eq!(
        PatientFolders::of(one.path(), elsewhere).unwrap(),
        PatientFolders::One(one.path().to_owned())
    );
    let several = folder(&[
        "P2/t1.nrrd",
        "P1/t1.nii.gz",
        "notes/read.me",
        "out/P1.nii.gz",
    ]);
    let out = several.path().join("out");
    assert_eq!(
        PatientFolders::of(several.path(), &out).unwrap(),
        PatientFolders::Several(vec![several.path().join("P1"), several.path().join("P2")])
    );
}

#[test]
fn sites_come_from_a_table() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cohort.csv");
    let sites = |text: &str| {
        fs::write(&path, text).unwrap();
        sites_of_table(&path)
    };
    let found = sites("site;patient;age\nthigh;P1;40\n;P2;50\n").unwrap();
    assert_eq!(
        found,
        BTreeMap::from([("P1".to_owned(), "thigh".to_owned())])
    );
    let twice = sites("patient,site\nP1,thigh\nP1,calf\n").unwrap_err();
    assert!(twice.to_string().contains("lines 2 and 3"), "{twice}");
    let lacking = sites("patient,place\nP1,thigh\n").unwrap_err();
    assert!(lacking.to_string().contains("\"site\""), "{lacking}");
}
