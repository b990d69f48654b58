//! What SimpleITK reads, sarx reads as the same array, spacing, origin and direction.
//!
//! Figures and made files come from `golden/make_simpleitk.py`. Arrays are compared by checksum;
//! spacing, origin and direction must be equal to the last bit.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use sarx_io::{read_channels, read_header, read_image, read_labels};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Not one bit may differ.
const EXACT: f64 = 0.0;

/// NIfTI-2 figures come from nibabel, which computes its matrix in another order; relative for
/// numbers above one, absolute below.
const NIBABEL: f64 = 1e-6;

#[derive(Deserialize)]
struct Golden {
    files: BTreeMap<String, Figures>,
    shared: BTreeMap<String, Figures>,
}

#[derive(Deserialize)]
struct Figures {
    n_channels: usize,
    size: Vec<usize>,
    spacing: Vec<f64>,
    origin: Vec<f64>,
    direction: Vec<f64>,
    pixel: String,
    sum: f64,
    min: f64,
    max: f64,
    crc32: u32,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn golden() -> Golden {
    serde_json::from_str(&std::fs::read_to_string(folder().join("simpleitk.json")).unwrap())
        .unwrap()
}

/// The differences between a file and its figures, as text; empty if there are none.
fn differences(path: &Path, expected: &Figures, tolerance: f64) -> Vec<String> {
    let (channels, header) = match read_channels(path) {
        Ok(found) => found,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    let mut check = |what: &str, same: bool, found: String| {
        if !same {
            faults.push(format!("{what}: found {found}"));
        }
    };
    let n = expected.size.len();
    let grid = header.grid();
    let [z, y, x] = grid.size.zyx();
    let mut size = expected.size.clone();
    size.resize(3, 1);
    check("size", size == [x, y, z], format!("{:?}", grid.size));
    check(
        "channels",
        expected.n_channels == channels.len(),
        channels.len().to_string(),
    );
    check(
        "header",
        header.n_channels() == channels.len(),
        header.n_channels().to_string(),
    );
    let [sz, sy, sx] = grid.spacing.zyx_mm();
    check(
        "spacing",
        expected.spacing == [sx, sy, sz][..n],
        format!("{}", grid.spacing),
    );
    let lps = [-1.0, -1.0, 1.0];
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1.0);
    let origin = (0..n).all(|i| near(lps[i] * grid.origin_mm[i], expected.origin[i]));
    check("origin", origin, format!("{:?}", grid.origin_mm));
    // A 2D direction in SimpleITK is a corner of the 3D one, normalised again.
    let direction = n < 3
        || (0..9).all(|i| {
            near(
                lps[i / 3] * grid.direction[i / 3][i % 3],
                expected.direction[i],
            )
        });
    check("direction", direction, format!("{:?}", grid.direction));
    let mut crc = flate2::Crc::new();
    let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
    for &v in channels.iter().flat_map(|c| c.voxels()) {
        crc.update(&v.to_le_bytes());
        sum += f64::from(v);
        min = f64::from(v).min(min);
        max = f64::from(v).max(max);
    }
    let values = format!(
        "sum {sum}, min {min}, max {max} instead of {}",
        expected.sum
    );
    check("array", crc.sum() == expected.crc32, values);
    let range = !(min != expected.min || max != expected.max);
    check("range", range, format!("{min} to {max}"));
    let again = read_header(path).unwrap();
    check(
        "grid of the header alone",
        again.grid() == grid,
        format!("{:?}", again.grid()),
    );
    let one = read_image(path);
    check(
        "one channel",
        one.is_ok() == (channels.len() == 1),
        format!("{:?}", one.err()),
    );
    faults
}

fn compare(root: &Path, figures: &BTreeMap<String, Figures>) {
    let mut faults = Vec::new();
    for (name, expected) in figures {
        let tolerance = if name.starts_with("nifti2") {
            NIBABEL
        } else {
            EXACT
        };
        for fault in differences(&root.join(name), expected, tolerance) {
            faults.push(format!("{name} ({}): {fault}", expected.pixel));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn made_files_are_read_as_simpleitk_reads_them() {
    let golden = golden();
    assert!(golden.files.len() > 150, "{}", golden.files.len());
    compare(&folder().join("files"), &golden.files);
}

#[test]
fn real_files_are_read_as_simpleitk_reads_them() {
    let Some(data) = sarx_testkit::shared("data") else {
        return;
    };
    let root = data.parent().unwrap();
    let golden = golden();
    assert!(golden.shared.len() > 70, "{}", golden.shared.len());
    compare(root, &golden.shared);
}

#[test]
fn real_label_maps_are_labels() {
    let Some(data) = sarx_testkit::shared("oracle/t1_axial/raw/labelsTr") else {
        return;
    };
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let read = read_labels(&path).unwrap();
        let image = read_image(&path).unwrap();
        let same = read.labels.map(|&v| f32::from(v)) == image.volume;
        assert!(same, "{}", path.display());
        assert!(
            read.labels.voxels().iter().any(|&v| v > 0),
            "{}",
            path.display()
        );
    }
}
