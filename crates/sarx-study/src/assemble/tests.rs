//! A small cohort with an axial and a sagittal series, as datasets.

use super::*;
use ndarray::Array3;
use sarx_core::{Grid, Silent, Size, Spacing, Volume};
use std::fs;
use tempfile::TempDir;

const STUDY: &str = r#"version = 1
name = "A study"
cohort = "cohort.csv"
[strata]
limb = ["thigh"]
[split]
folds = 2
external = { column = "set", value = "test" }
[labels]
tumour = 1
[series.axial]
image = "axial"
label = "axial_label"
sequence = "T1"
plane = "axial"
[series.other]
image = "other"
label = "other_label"
sequence = "T2"
plane = "axial"
[common]
series = ["axial"]
[models.axial]
kind = "single"
series = ["axial"]
[models.both]
kind = "channels"
series = ["axial", "other"]
[models.pooled]
kind = "pooled"
series = ["axial", "other"]
"#;

fn grid(size: [usize; 3], spacing: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(spacing).unwrap())
}

/// Intensity is the height in mm, so that what was resampled can be told.
fn heights(grid: &Grid) -> Volume<f32> {
    let voxels = Array3::from_shape_fn(grid.size.zyx(), |(z, y, x)| {
        grid.world_from_index([z as f64, y as f64, x as f64])[2] as f32
    });
    Volume::new(voxels, *grid).unwrap()
}

pub(super) fn study() -> TempDir {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::write(root.join("study.toml"), STUDY).unwrap();
    let mut table = "patient,histology,site,set,axial,axial_label,other,other_label\n".to_owned();
    let coarse = grid([6, 8, 8], [4.0, 1.0, 1.0]);
    let fine = grid([12, 8, 8], [2.0, 1.0, 1.0]);
    for (patient, set) in [("P1", "train"), ("P2", "train"), ("P3", "test")] {
        table += &format!(
            "{patient},ups,thigh,{set},{patient}_a.nii.gz,{patient}_al.nii.gz,{patient}_o.nrrd,{patient}_ol.nrrd\n"
        );
        for (grid, image, label) in [
            (&coarse, "a.nii.gz", "al.nii.gz"),
            (&fine, "o.nrrd", "ol.nrrd"),
        ] {
            sarx_io::write_image(
                &root.join(format!("{patient}_{image}")),
                &heights(grid),
                None,
            )
            .unwrap();
            let labels = Volume::filled(*grid, 1u16);
            sarx_io::write_labels(&root.join(format!("{patient}_{label}")), &labels, None).unwrap();
        }
    }
    fs::write(root.join("cohort.csv"), table).unwrap();
    folder
}

pub(super) fn run(folder: &TempDir, model: &str) -> (PathBuf, Assembled) {
    let design = Design::open(&folder.path().join("study.toml")).unwrap();
    let dataset = folder.path().join(model).join("dataset");
    let request = AssembleRequest {
        design: &design,
        model: design.model(model).unwrap(),
        dataset: &dataset,
        table: &folder.path().join(model).join("cases.csv"),
        stop: &AtomicBool::new(false),
    };
    let assembled = assemble(&request, &Silent).unwrap();
    (dataset, assembled)
}

#[test]
fn a_single_series_is_linked_and_split_by_patients() {
    let folder = study();
    let design = Design::open(&folder.path().join("study.toml")).unwrap();
    assert!(design.check_grids().is_empty());
    let (dataset, assembled) = run(&folder, "axial");
    assert!(assembled.failed.is_empty());
    let found = sarx_plan::Dataset::open(&dataset, &|_| None).unwrap();
    let ids: Vec<String> = found
        .case_ids()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ids, ["P1", "P2"]);
    assert!(dataset.join("imagesTs/P3_0000.nii.gz").exists());
    let splits = Splits::read(&dataset.join("splits_final.json")).unwrap();
    splits.check(&found.case_ids().unwrap()).unwrap();
    assert_eq!(splits.folds().len(), 2);
    assert_eq!(found.json().channel_names(), ["T1"]);
}

#[test]
fn channels_lie_on_the_first_ones_grid() {
    let folder = study();
    let (dataset, _) = run(&folder, "both");
    let second = sarx_io::read_image(&dataset.join("imagesTr/P1_0001.nii.gz")).unwrap();
    let first = sarx_io::read_image(&dataset.join("imagesTr/P1_0000.nii.gz")).unwrap();
    assert_eq!(second.volume.grid(), first.volume.grid());
    let difference = second.volume.voxels() - first.volume.voxels();
    assert!(
        difference.iter().all(|d| d.abs() < 1e-3),
        "both show the height"
    );
    let table = fs::read_to_string(folder.path().join("both/cases.csv")).unwrap();
    assert!(table.contains("P1,P1,"), "{table}");
    assert!(table.contains(",1,other,header,1.000,"), "{table}");
}

#[test]
fn pooled_cases_keep_their_own_grids_and_are_converted() {
    let folder = study();
    let (dataset, assembled) = run(&folder, "pooled");
    assert_eq!(assembled.done.len(), 6);
    let other = sarx_io::read_header(&dataset.join("imagesTr/P1__other_0000.nii.gz")).unwrap();
    assert_eq!(other.grid().size.zyx(), [12, 8, 8]);
    let found = sarx_plan::Dataset::open(&dataset, &|_| None).unwrap();
    assert_eq!(found.json().channel_names(), ["MR"]);
}

#[test]
fn what_is_made_is_kept_and_what_fails_is_named() {
    let folder = study();
    let (dataset, _) = run(&folder, "both");
    let made = |name: &str| {
        fs::metadata(dataset.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = made("imagesTr/P1_0001.nii.gz");
    let (_, again) = run(&folder, "both");
    assert_eq!(made("imagesTr/P1_0001.nii.gz"), before);
    assert_eq!(again.done.len(), 3);
    fs::write(folder.path().join("P2_o.nrrd"), "no image").unwrap();
    let design = Design::open(&folder.path().join("study.toml")).unwrap();
    let faults = design.check_grids();
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0]
            .to_string()
            .contains("patient \"P2\", series \"other\"")
    );
    let (_, broken) = run(&folder, "both");
    assert_eq!(broken.done.len(), 2);
    assert_eq!(broken.failed[0].0.to_string(), "P2");
    let splits = fs::read_to_string(dataset.join("splits_final.json")).unwrap();
    assert!(!splits.contains("P2"), "{splits}");
}
