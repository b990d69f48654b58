//! Round trips, resuming and damage.

use super::*;
use crate::{KeyLocations, Properties};
use ndarray::{Array3, Array4};
use sarx_core::BoundingBox;
use std::fs;

fn identity(preprocessing_hash: &str) -> StoreIdentity {
    StoreIdentity {
        preprocessing_hash: preprocessing_hash.to_owned(),
        configuration: "3d_fullres".to_owned(),
    }
}

fn id(name: &str) -> CaseId {
    CaseId::new(name).unwrap()
}

fn some_case(with_labels: bool) -> PreprocessedCase {
    let key = |labels: &[i16], voxels: &[[u32; 3]]| KeyLocations {
        labels: labels.to_vec(),
        voxels: voxels.to_vec(),
    };
    PreprocessedCase {
        image: Array4::from_shape_fn((2, 3, 4, 5), |(c, z, y, x)| {
            (c * 1000 + z * 100 + y * 10 + x) as f32
        }),
        labels: with_labels
            .then(|| Array3::from_shape_fn((3, 4, 5), |(z, y, _)| (z + y) as i16 - 1)),
        class_locations: with_labels.then(|| ClassLocations {
            foreground: vec![key(&[1], &[[0, 1, 2], [2, 3, 4]]), key(&[2, 3], &[])],
            annotated: Some(key(&[-1, 0, 1, 2, 3], &[[1, 1, 1]])),
        }),
        properties: Properties {
            spacing_mm: [1.100000023841858, 1.0, 0.3],
            transpose_forward: [1, 0, 2],
            size_before_crop: [4, 9, 5],
            bounding_box: BoundingBox {
                lower: [0, 1, 0],
                upper: [4, 9, 5],
            },
            size_after_crop: [4, 8, 5],
            size_after_resample: [3, 4, 5],
        },
    }
}

fn written(folder: &Path) -> CaseStore {
    let store = CaseStore::create(folder, &identity("abc")).unwrap();
    store.write_case(&id("b"), &some_case(true)).unwrap();
    store.write_case(&id("a"), &some_case(false)).unwrap();
    store
}

#[test]
fn cases_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path());
    let store = CaseStore::open(folder.path()).unwrap();
    assert_eq!(store.identity(), &identity("abc"));
    assert_eq!(store.cases(), [id("a"), id("b")]);
    for (name, with_labels) in [("a", false), ("b", true)] {
        let expected = some_case(with_labels);
        let found = store.case(&id(name)).unwrap();
        assert_eq!(found.image(), expected.image);
        assert_eq!(found.labels(), expected.labels.as_ref().map(|l| l.view()));
        assert_eq!(found.class_locations(), expected.class_locations.as_ref());
        assert_eq!(found.properties(), &expected.properties);
    }
}

#[test]
fn a_store_is_resumed_by_what_made_it_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nested/store");
    written(&path);
    let before = fs::read(path.join("store.json")).unwrap();
    let resumed = CaseStore::create(&path, &identity("abc")).unwrap();
    assert!(resumed.contains(&id("a")) && !resumed.contains(&id("c")));
    let error = CaseStore::create(&path, &identity("other")).unwrap_err();
    assert!(matches!(error, StoreError::OtherPlans { .. }));
    assert!(
        error
            .to_string()
            .contains("cases of \"3d_fullres\" that were preprocessed with another spacing")
    );
    assert_eq!(fs::read(path.join("store.json")).unwrap(), before);
}

#[test]
fn a_case_that_is_replaced_is_mapped_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = written(folder.path());
    let old = store.case(&id("b")).unwrap();
    let mut changed = some_case(true);
    changed.image.fill(7.0);
    store.write_case(&id("b"), &changed).unwrap();
    assert_eq!(
        old.image(),
        some_case(true).image,
        "a map keeps the file that it was made of"
    );
    assert_eq!(store.case(&id("b")).unwrap().image(), changed.image);
}

#[test]
fn folders_that_are_no_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        CaseStore::open(folder.path()),
        Err(StoreError::NoStore { .. })
    ));
    fs::write(folder.path().join("thesis.npy"), "x").unwrap();
    let error = CaseStore::create(folder.path(), &identity("abc")).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }));
}

#[test]
fn names_of_the_stores_own_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = written(folder.path());
    for name in ["store", "b_seg", "b_locations"] {
        let error = store.write_case(&id(name), &some_case(false)).unwrap_err();
        assert!(matches!(error, StoreError::ReservedName { .. }), "{name}");
    }
    assert!(matches!(
        store.case(&id("zz")),
        Err(StoreError::UnknownCase { .. })
    ));
}

/// Damages one file of case `b` and opens it.
fn after(file: &str, damage: impl Fn(Vec<u8>) -> Vec<u8>) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path());
    let path = folder.path().join(file);
    let bytes = damage(fs::read(&path).unwrap());
    fs::write(&path, bytes).unwrap();
    CaseStore::open(folder.path())
        .and_then(|store| store.case(&id("b")))
        .unwrap_err()
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    }
}

#[test]
fn damage_is_a_typed_error() {
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let version = replaced("\"schema_version\": 2", "\"schema_version\": 9");
    assert!(
        matches!(after("store.json", &version), StoreError::Version { found, .. } if found == "9")
    );
    assert!(matches!(
        after("b.json", &version),
        StoreError::Version { .. }
    ));
    assert!(matches!(after("store.json", half), StoreError::Json { .. }));
    assert!(matches!(after("b.json", half), StoreError::Json { .. }));
    assert!(matches!(
        after("store.json", replaced("\"b\"", "\"../b\"")),
        StoreError::Json { .. }
    ));
    assert!(matches!(
        after("b.npy", half),
        StoreError::Truncated {
            missing_bytes: 304,
            ..
        }
    ));
    assert!(matches!(
        after("b_seg.npy", |_| Vec::new()),
        StoreError::Array { .. }
    ));
    assert!(matches!(
        after("b_locations.npy", half),
        StoreError::Array { .. } | StoreError::Truncated { .. }
    ));
    let channels = replaced("\"n_channels\": 2", "\"n_channels\": 3");
    assert!(matches!(
        after("b.json", channels),
        StoreError::Shape { .. }
    ));
    let crop = replaced(
        "\"bounding_box_upper\": [\n    4",
        "\"bounding_box_upper\": [\n    5",
    );
    assert!(matches!(
        after("b.json", crop),
        StoreError::Properties { .. }
    ));
    let last_is_outside = |mut bytes: Vec<u8>| {
        let end = bytes.len() - 4;
        bytes[end] = 5;
        bytes
    };
    assert!(matches!(
        after("b_locations.npy", last_is_outside),
        StoreError::Location { .. }
    ));
}

#[test]
fn many_threads_may_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = CaseStore::create(folder.path(), &identity("abc")).unwrap();
    std::thread::scope(|scope| {
        for i in 0..8 {
            let store = &store;
            scope.spawn(move || {
                store
                    .write_case(&id(&format!("c{i}")), &some_case(true))
                    .unwrap()
            });
        }
    });
    assert_eq!(CaseStore::open(folder.path()).unwrap().cases().len(), 8);
}
