//! Both formats there and back, and everything that can be wrong with a file.

use super::*;
use ndarray::{Array3, Axis, s};
use sarx_core::NumpyRandom;
use std::io::Write;

/// Probabilities of three labels or regions with an empty margin.
fn probabilities(heads: &Heads) -> Array4<f32> {
    let mut rng = NumpyRandom::new(7);
    let mut uniform = || (f64::from(rng.next_u32()) / f64::from(u32::MAX)) as f32;
    let mut all = Array4::zeros((heads.count(), 6, 9, 8));
    if let Heads::Labels { .. } = heads {
        all.index_axis_mut(Axis(0), 0).fill(1.0);
    }
    let mut inside = all.slice_mut(s![.., 1..5, 2..8, 3..7]);
    for mut voxel in inside.lanes_mut(Axis(0)) {
        voxel.map_inplace(|v| *v = uniform());
        if let Heads::Labels { .. } = heads {
            let sum = voxel.sum();
            voxel /= sum;
        }
    }
    all
}

fn both_heads() -> [Heads; 2] {
    [
        Heads::Labels { count: 3 },
        Heads::Regions {
            class_order: vec![1, 3, 2],
        },
    ]
}

fn read(
    path: &Path,
    format: ProbabilityFormat,
    heads: &Heads,
    size: [usize; 3],
) -> Result<Array4<f32>, ProbabilityError> {
    let mut sum = Array4::zeros((heads.count(), size[0], size[1], size[2]));
    let path = path.to_owned();
    ProbabilityFile { format, path }.add_to(&mut sum, heads)?;
    Ok(sum)
}

fn labels(heads: &Heads, probabilities: &Array4<f32>) -> Array3<u16> {
    heads.labels_of_probabilities(probabilities.view()).unwrap()
}

#[test]
fn npz_comes_back_bit_for_bit_and_compact_with_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    for heads in both_heads() {
        let written = probabilities(&heads);
        for format in ProbabilityFormat::ALL {
            let path = folder.path().join(format!("a{}", format.ending()));
            format.write(&path, written.view(), &heads).unwrap();
            let found = read(&path, format, &heads, [6, 9, 8]).unwrap();
            assert_eq!(labels(&heads, &found), labels(&heads, &written));
            let moved = (&found - &written).mapv(f32::abs);
            let most = moved.iter().copied().fold(0.0, f32::max);
            match format {
                ProbabilityFormat::Npz => assert_eq!(found, written),
                ProbabilityFormat::Compact => assert!(most <= 2.01 / 65535.0, "{most}"),
            }
            let bytes = std::fs::read(&path).unwrap();
            format.write(&path, written.view(), &heads).unwrap();
            assert_eq!(bytes, std::fs::read(&path).unwrap(), "the same bytes again");
        }
    }
}

#[test]
fn a_case_without_foreground_is_a_few_hundred_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [heads, _] = both_heads();
    let mut empty = Array4::zeros((3, 6, 9, 8));
    empty.index_axis_mut(Axis(0), 0).fill(1.0);
    let path = folder.path().join("a.probabilities.zip");
    let format = ProbabilityFormat::Compact;
    format.write(&path, empty.view(), &heads).unwrap();
    assert_eq!(read(&path, format, &heads, [6, 9, 8]).unwrap(), empty);
    assert!(std::fs::metadata(&path).unwrap().len() < 800);
}

#[test]
fn sums_of_files_are_sums_of_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let [heads, _] = both_heads();
    let first = probabilities(&heads);
    let mut second = first.clone();
    second.invert_axis(Axis(1));
    let case = CaseId::new("x").unwrap();
    let mut sum = Array4::zeros(first.raw_dim());
    for (name, array) in [("a", &first), ("b", &second)] {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let path = ProbabilityFormat::Npz.path(&folder, &case);
        ProbabilityFormat::Npz
            .write(&path, array.view(), &heads)
            .unwrap();
        let found = ProbabilityFile::of_folder(&folder).unwrap();
        found[&case].add_to(&mut sum, &heads).unwrap();
    }
    assert_eq!(sum, first + second);
}

#[test]
fn fortran_order_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let [heads, _] = both_heads();
    let written = probabilities(&heads);
    let file = std::fs::File::create(&path).unwrap();
    let mut npz = ndarray_npy::NpzWriter::new_compressed(file);
    let mut other = Array4::zeros(ndarray::ShapeBuilder::f(written.raw_dim()));
    other.assign(&written);
    npz.add_array("probabilities", &other).unwrap();
    npz.finish().unwrap();
    assert_eq!(
        read(&path, ProbabilityFormat::Npz, &heads, [6, 9, 8]).unwrap(),
        written
    );
}

#[test]
fn other_shapes_types_and_kinds_are_refused_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let [labels, regions] = both_heads();
    let written = probabilities(&labels);
    for format in ProbabilityFormat::ALL {
        let path = folder.path().join(format!("a{}", format.ending()));
        format.write(&path, written.view(), &labels).unwrap();
        let two = Heads::Labels { count: 2 };
        for (heads, size) in [(&two, [6, 9, 8]), (&labels, [6, 8, 9])] {
            let error = read(&path, format, heads, size).unwrap_err();
            assert!(
                matches!(&error.fault, ProbabilityFault::Shape { found, .. } if found == &[3, 6, 9, 8]),
                "{error}"
            );
        }
    }
    let compact = folder.path().join("a.probabilities.zip");
    let error = read(&compact, ProbabilityFormat::Compact, &regions, [6, 9, 8]).unwrap_err();
    assert!(
        matches!(error.fault, ProbabilityFault::Kind { .. }),
        "{error}"
    );

    let path = folder.path().join("b.npz");
    let mut npz = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
    let doubles = written.mapv(f64::from);
    npz.add_array("probabilities", &doubles).unwrap();
    npz.finish().unwrap();
    let error = read(&path, ProbabilityFormat::Npz, &labels, [6, 9, 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the probabilities are of type \"<f8\", expected \"<f4\": {path:?}")
    );
    let mut npz = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
    npz.add_array("softmax", &written).unwrap();
    npz.finish().unwrap();
    let error = read(&path, ProbabilityFormat::Npz, &labels, [6, 9, 8]).unwrap_err();
    assert!(
        matches!(error.fault, ProbabilityFault::Missing { .. }),
        "{error}"
    );
}

#[test]
fn damaged_files_are_told_wherever_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    let [heads, _] = both_heads();
    let written = probabilities(&heads);
    for format in ProbabilityFormat::ALL {
        let path = folder.path().join(format!("a{}", format.ending()));
        format.write(&path, written.view(), &heads).unwrap();
        let good = std::fs::read(&path).unwrap();
        for cut in [0, 10, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..cut]).unwrap();
            let error = read(&path, format, &heads, [6, 9, 8]).unwrap_err();
            assert!(
                matches!(error.fault, ProbabilityFault::Damaged { .. }),
                "{cut}: {error}"
            );
        }
        // A changed byte is found by structure or checksum, or lies where nothing is read.
        let mut n_found = 0;
        for at in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            std::fs::write(&path, &bad).unwrap();
            match read(&path, format, &heads, [6, 9, 8]) {
                Err(_) => n_found += 1,
                Ok(found) => assert!((found - &written).iter().all(|d| d.abs() < 1e-4)),
            }
        }
        assert!(
            n_found * 7 > good.len() / 2,
            "{n_found} of {}",
            good.len() / 7
        );
    }
}

#[test]
fn an_unknown_version_of_the_compact_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.probabilities.zip");
    let [heads, _] = both_heads();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    archive
        .start_file("header.json", npz::options(0, 1))
        .unwrap();
    archive.write_all(b"{\"schema_version\": 2}").unwrap();
    archive.finish().unwrap();
    let error = read(&path, ProbabilityFormat::Compact, &heads, [6, 9, 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the file has schema version 2, this build reads 1: {path:?}")
    );
}

#[test]
fn values_that_are_no_probabilities_are_not_made_compact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.probabilities.zip");
    let [labels, regions] = both_heads();
    let mut bad = probabilities(&regions);
    let error = ProbabilityFormat::Compact.write(&path, bad.view(), &labels);
    let error = error.unwrap_err();
    assert!(
        matches!(error.fault, ProbabilityFault::NotNormalised { .. }),
        "{error}"
    );
    bad[[2, 1, 1, 1]] = f32::NAN;
    let error = ProbabilityFormat::Compact.write(&path, bad.view(), &regions);
    assert!(matches!(
        error.unwrap_err().fault,
        ProbabilityFault::NotProbability { .. }
    ));
    assert!(!path.exists());
}
