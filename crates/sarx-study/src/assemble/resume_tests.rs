//! Going on with a dataset, and not going on with another.

use super::tests::{run, study};
use super::*;
use crate::design::Design;
use sarx_core::Silent;
use std::fs;
use tempfile::TempDir;

fn try_model(folder: &TempDir, model: &str) -> Result<Assembled, AssembleError> {
    let design = Design::open(&folder.path().join("study.toml")).unwrap();
    let request = AssembleRequest {
        design: &design,
        model: design.model(model).unwrap(),
        dataset: &folder.path().join(model).join("dataset"),
        table: &folder.path().join(model).join("cases.csv"),
        stop: &AtomicBool::new(false),
    };
    assemble(&request, &Silent)
}

/// Changes a file of the study and tells why the dataset is refused.
fn refused(folder: &TempDir, file: &str, change: impl Fn(String) -> String) -> String {
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed);
    fs::write(&path, changed).unwrap();
    let error = try_model(folder, "both").unwrap_err();
    fs::write(&path, text).unwrap();
    let root = format!("{}/", folder.path().display());
    error.to_string().replace(&root, "")
}

#[test]
fn a_case_that_fails_leaves_a_dataset_that_can_be_trained_on() {
    let folder = study();
    let other = folder.path().join("P2_o.nrrd");
    let sound = fs::read(&other).unwrap();
    fs::write(&other, "no image").unwrap();
    let (dataset, broken) = run(&folder, "both");
    assert_eq!(broken.failed.len(), 1);
    let found = sarx_plan::Dataset::open(&dataset, &|_| None).unwrap();
    assert_eq!(found.cases().unwrap().len(), 1);
    let table = fs::read_to_string(folder.path().join("both/cases.csv")).unwrap();
    let row = table.lines().last().unwrap();
    assert!(row.starts_with("P2,P2,"), "{table}");
    assert!(row.contains(",failed,"), "{table}");
    assert!(
        row.contains("P2_o.nrrd"),
        "the reason names the file: {table}"
    );
    fs::write(&other, sound).unwrap();
    let (dataset, whole) = run(&folder, "both");
    assert!(whole.failed.is_empty());
    let found = sarx_plan::Dataset::open(&dataset, &|_| None).unwrap();
    assert_eq!(found.cases().unwrap().len(), 2);
}

#[test]
fn a_dataset_of_another_design_is_refused_with_what_differs() {
    let folder = study();
    run(&folder, "axial");
    run(&folder, "both");
    let swap = |text: String| {
        let swapped = text.replace("P1_a.nii.gz", "#");
        swapped
            .replace("P2_a.nii.gz", "P1_a.nii.gz")
            .replace('#', "P2_a.nii.gz")
    };
    insta::assert_snapshot!(refused(&folder, "cohort.csv", swap), @r#"the dataset was assembled from another design: 2 cases are of other files, the first "P1"; take the folder away, or give the study another `out`: "both/dataset""#);
    let gone = |text: String| text.replace("P2,ups", "P4,ups");
    insta::assert_snapshot!(refused(&folder, "cohort.csv", gone), @r#"the dataset was assembled from another design: 1 case is not in the study any more: "P2"; 1 case is new: "P4"; take the folder away, or give the study another `out`: "both/dataset""#);
    let external =
        |text: String| text.replace("external = { column = \"set\", value = \"test\" }", "");
    assert!(refused(&folder, "study.toml", external).contains("1 case is in another set: \"P3\""));
    let register = |text: String| {
        text.replace(
            "[models.axial]",
            "[alignment]\nmethod = \"register\"\n[models.axial]",
        )
    };
    insta::assert_snapshot!(refused(&folder, "study.toml", register), @r#"the dataset was assembled from another design: it was aligned by auto, seed 12345, the study says register, seed 12345; take the folder away, or give the study another `out`: "both/dataset""#);
    let order = |text: String| {
        text.replace(
            "kind = \"channels\"\nseries = [\"axial\", \"other\"]",
            "kind = \"channels\"\nseries = [\"other\", \"axial\"]",
        )
    };
    insta::assert_snapshot!(refused(&folder, "study.toml", order), @r#"the dataset was assembled from another design: its series are axial, other, the model's other, axial; 3 cases are of other files, the first "P1"; take the folder away, or give the study another `out`: "both/dataset""#);
    // Another fold or another training is the same dataset.
    let path = folder.path().join("study.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("folds = 2", "folds = 2\nseed = 99")
            .replace("[models.axial]", "[training]\nepochs = 7\n[models.axial]"),
    )
    .unwrap();
    let same = try_model(&folder, "axial").unwrap();
    assert!(same.failed.is_empty());
}

#[test]
fn images_that_nobody_speaks_of_are_not_taken_over() {
    let folder = study();
    let (dataset, _) = run(&folder, "axial");
    let document = folder.path().join("axial/assembly.json");
    fs::write(&document, "{}").unwrap();
    let error = try_model(&folder, "axial").unwrap_err();
    assert!(matches!(error, AssembleError::Identity { .. }), "{error}");
    fs::remove_file(&document).unwrap();
    let error = try_model(&folder, "axial").unwrap_err();
    assert!(matches!(error, AssembleError::Unknown { .. }), "{error}");
    fs::remove_dir_all(dataset).unwrap();
    try_model(&folder, "axial").unwrap();
}

#[cfg(unix)]
#[test]
fn a_replaced_image_replaces_its_link_and_leaves_nothing_else() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let folder = study();
    let (dataset, _) = run(&folder, "axial");
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let (source, target) = (
        folder.path().join("P1_a.nii.gz"),
        dataset.join("imagesTr/P1_0000.nii.gz"),
    );
    assert_eq!(inode(&source), inode(&target), "a hard link");
    // An image of the same length that is older than everything else, behind a relative link.
    let old = folder.path().join("old.nii.gz");
    fs::copy(&source, &old).unwrap();
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::remove_file(&source).unwrap();
    symlink("old.nii.gz", &source).unwrap();
    run(&folder, "axial");
    assert_eq!(inode(&old), inode(&target));
    run(&folder, "axial");
    let names: Vec<_> = fs::read_dir(dataset.join("imagesTr")).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
