//! What is written is read back: numbers exactly, geometry as exactly as the format can.

use proptest::prelude::*;
use sarx_core::{Grid, LabelMap, Size, Spacing, Volume};
use sarx_io::{
    Header, WriteFault, read_channels, read_header, read_image, read_labels, write_image,
    write_labels,
};
use std::fs;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 6] = ["nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd"];

/// NIfTI-1 stores `f32`: half a unit in its last place.
const F32: f64 = 6e-8;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/files")
        .join(name)
}

/// A rotation about an axis by an angle, possibly mirrored.
fn direction(axis: [f64; 3], angle: f64, mirrored: bool) -> [[f64; 3]; 3] {
    let length = axis.iter().map(|v| v * v).sum::<f64>().sqrt();
    let n = axis.map(|v| v / length);
    let (s, c) = angle.sin_cos();
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let (j, k) = ((row + 1) % 3, (row + 2) % 3);
            let cross = [(j, -n[k]), (k, n[j])]
                .into_iter()
                .find(|(at, _)| *at == column);
            let unit = if row == column { c } else { 0.0 };
            let value = unit + (1.0 - c) * n[row] * n[column] + s * cross.map_or(0.0, |x| x.1);
            if mirrored && column == 2 {
                -value
            } else {
                value
            }
        })
    })
}

prop_compose! {
    fn grids()(
        size in prop::array::uniform3(1usize..9),
        spacing in prop::array::uniform3(0.1f64..10.0),
        axis in prop::array::uniform3(0.1f64..1.0),
        angle in -3.0f64..3.0,
        mirrored in any::<bool>(),
        origin in prop::array::uniform3(-500.0f64..500.0),
    ) -> Grid {
        let size = Size::new(size).expect("no axis is empty");
        let spacing = Spacing::new(spacing).expect("edges are positive");
        let direction = direction(axis, angle, mirrored);
        Grid::new(size, spacing, direction, origin).expect("a rotation is no flat matrix")
    }
}

/// Numbers that depend on the place, all kinds of floats among them.
fn image(grid: Grid, seed: u32) -> Volume<f32> {
    let mut volume = Volume::filled(grid, 0.0f32);
    let mut state = seed | 1;
    for value in &mut volume.voxels_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = f32::from_bits(state);
        if value.is_nan() {
            *value = state as f32;
        }
    }
    volume
}

fn labels(grid: Grid, seed: u32, most: u16) -> LabelMap {
    image(grid, seed).map(|v| (v.to_bits() >> 8) as u16 % most)
}

fn near(found: &Grid, expected: &Grid, relative: f64) -> bool {
    let same = |a: f64, b: f64, scale: f64| (a - b).abs() <= relative * scale;
    let (f, e) = (found.spacing.zyx_mm(), expected.spacing.zyx_mm());
    found.size == expected.size
        && (0..3).all(|i| same(f[i], e[i], e[i]))
        && (0..3).all(|i| same(found.origin_mm[i], expected.origin_mm[i], 1000.0))
        && (0..9).all(|i| {
            same(
                found.direction[i / 3][i % 3],
                expected.direction[i / 3][i % 3],
                4.0,
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10) })]

    #[test]
    fn images_and_labels_come_back(grid in grids(), seed in any::<u32>()) {
        let folder = tempfile::tempdir().unwrap();
        let image = image(grid, seed);
        for ending in ENDINGS {
            let path = folder.path().join(format!("a.{ending}"));
            // NRRD holds spacing times direction: three rounded products, their sum of squares and a
            // root are off by up to some four units in the last place.
            let tolerance = if ending.starts_with("nii") { F32 } else { 1e-15 };
            write_image(&path, &image, None).unwrap();
            let back = read_image(&path).unwrap();
            prop_assert_eq!(back.volume.voxels(), image.voxels());
            prop_assert!(near(back.header.grid(), &grid, tolerance), "{} {:?}", ending, back.header.grid());
            // Once more, like itself: not a bit may change, nor the place.
            let again = folder.path().join(format!("b.{ending}"));
            write_image(&again, &back.volume, Some(&back.header)).unwrap();
            let written = read_header(&again).unwrap();
            prop_assert_eq!(written.grid(), back.header.grid());
            for most in [255u16, 256, 1] {
                let labels = labels(grid, seed, most);
                write_labels(&path, &labels, None).unwrap();
                let back = read_labels(&path).unwrap();
                prop_assert_eq!(back.labels.voxels(), labels.voxels());
                let wide = labels.voxels().iter().any(|&v| v >= 255);
                prop_assert_eq!(back.header.voxel_type().n_bytes(), if wide { 2 } else { 1 });
            }
        }
    }
}

/// A label map like an image: every byte of the header but those that describe the numbers.
#[test]
fn nifti_headers_survive_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let names = fs::read_dir(golden(""))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".nii") && !n.contains("big"));
    let mut n_compared = 0;
    for name in names {
        let source = fs::read(golden(&name)).unwrap();
        let (channels, header) = read_channels(&golden(&name)).unwrap();
        let labels = channels[0].map(|_| 7u16);
        let path = folder.path().join(&name);
        write_labels(&path, &labels, Some(&header)).unwrap();
        let written = fs::read(&path).unwrap();
        let (n_bytes, changed): (usize, Vec<std::ops::Range<usize>>) = match source[0] {
            0x5c => (348, vec![70..74, 108..120, 124..132, 344..348]),
            _ => (540, vec![12..16, 168..208]),
        };
        let dims = if channels.len() > 1 {
            vec![40..56, 68..70]
        } else {
            vec![]
        };
        for at in (0..n_bytes).filter(|at| !changed.iter().chain(&dims).any(|r| r.contains(at))) {
            assert_eq!(written[at], source[at], "{name} byte {at}");
        }
        let back = read_labels(&path).unwrap();
        assert_eq!(back.header.grid(), header.grid(), "{name}");
        assert!(back.labels == labels, "{name}");
        n_compared += 1;
    }
    assert!(n_compared > 60, "{n_compared}");
}

/// Big-endian input becomes little-endian output with the same numbers.
#[test]
fn big_endian_headers_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["forms_q_big.nii", "nifti2_big.nii", "nifti1_big_u1.nii"] {
        let (channels, header) = read_channels(&golden(name)).unwrap();
        let path = folder.path().join(name);
        write_image(&path, &channels[0], Some(&header)).unwrap();
        let back = read_image(&path).unwrap();
        assert_eq!(back.header.grid(), header.grid(), "{name}");
        assert_eq!(back.volume.voxels(), channels[0].voxels(), "{name}");
    }
}

#[test]
fn nrrd_and_metaimage_keep_their_texts() {
    let folder = tempfile::tempdir().unwrap();
    for (name, fields) in [
        (
            "nrrd_space_RAS.nrrd",
            [
                "space: RAS",
                "space directions: (",
                "space origin: (1.25,-2.5,33.3)",
            ],
        ),
        (
            "nrrd_mins_nodes.nrrd",
            [
                "spacings: 0.7 0.8125 4.4",
                "axis mins: 1 2.5 -3",
                "centers: node",
            ],
        ),
        (
            "meta_position.mha",
            [
                "TransformMatrix = ",
                "Offset = 1.1 2.2 -3.3",
                "ElementSpacing = 0.7 0.8125 4.4",
            ],
        ),
    ] {
        let image = read_image(&golden(name)).unwrap();
        let path = folder.path().join(name);
        write_image(&path, &image.volume, Some(&image.header)).unwrap();
        let text = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        for field in fields {
            assert!(text.contains(field), "{name} {field}");
        }
        let back = read_image(&path).unwrap();
        assert_eq!(back.header.grid(), image.header.grid(), "{name}");
    }
    // Every made file, whatever its axes, like itself.
    for entry in fs::read_dir(golden("")).unwrap() {
        let source = entry.unwrap().path();
        let Ok((channels, header)) = read_channels(&source) else {
            continue;
        };
        let path = folder.path().join(source.file_name().unwrap());
        write_image(&path, &channels[0], Some(&header)).unwrap();
        let back = read_header(&path).unwrap();
        assert!(
            near(back.grid(), header.grid(), 4e-16),
            "{}",
            source.display()
        );
        assert_eq!(back.n_channels(), 1, "{}", source.display());
    }
}

#[test]
fn a_volume_elsewhere_is_not_written_like_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let header: Header = read_header(&golden("sitk_oblique_nii.nii")).unwrap();
    let path = folder.path().join("a.nii.gz");
    let moved = Grid {
        origin_mm: [0.0; 3],
        ..*header.grid()
    };
    let error = write_image(&path, &Volume::filled(moved, 1.0), Some(&header)).unwrap_err();
    assert!(
        matches!(error.fault, WriteFault::OtherGrid { .. }),
        "{error}"
    );
    assert!(error.to_string().ends_with("a.nii.gz\""), "{error}");
    assert!(!path.exists());
    let other = folder.path().join("a.tiff");
    let error = write_image(&other, &Volume::filled(moved, 1.0), None).unwrap_err();
    assert!(matches!(error.fault, WriteFault::UnknownEnding));
}

#[test]
fn a_size_beyond_nifti_1_is_refused_and_fits_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size::new([1, 1, 40_000]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([1.0; 3]).unwrap());
    let volume = Volume::filled(grid, 2.0f32);
    let error = write_image(&folder.path().join("a.nii"), &volume, None).unwrap_err();
    assert!(matches!(
        error.fault,
        WriteFault::TooLong {
            axis: 0,
            found: 40_000,
            ..
        }
    ));
    let path = folder.path().join("a.mha");
    write_image(&path, &volume, None).unwrap();
    assert!(read_image(&path).unwrap().volume == volume);
}
