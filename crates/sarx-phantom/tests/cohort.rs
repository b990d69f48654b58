//! A cohort as it lies on disk: layout, geometry, and what its images hold.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use sarx_core::{LabelMap, Silent, SliceAxis, Volume};
use sarx_phantom::{CohortSpec, MatrixSize, PhantomError, Series, series_motion, write_cohort};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const N_PATIENTS: usize = 10;
const N_HELD_OUT: usize = 3;

/// One cohort for all tests that only read.
fn cohort() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let spec = CohortSpec {
                held_out: N_HELD_OUT,
                ..CohortSpec::small(N_PATIENTS, 11)
            };
            let summary = write_cohort(folder.path(), &spec, &Silent).unwrap();
            assert_eq!(
                (summary.n_train, summary.n_test),
                (N_PATIENTS - N_HELD_OUT, N_HELD_OUT)
            );
            folder
        })
        .path()
}

type Row = BTreeMap<String, String>;

fn rows(folder: &Path) -> Vec<Row> {
    let mut table = csv::Reader::from_path(folder.join("cohort.csv")).unwrap();
    table.deserialize().map(Result::unwrap).collect()
}

fn read(folder: &Path, row: &Row, series: Series) -> (Volume<f32>, LabelMap) {
    let column = series.column();
    let image = sarx_io::read_image(&folder.join(&row[column])).unwrap();
    let label = sarx_io::read_labels(&folder.join(&row[&format!("{column}_label")])).unwrap();
    (image.volume, label.labels)
}

fn label_ml(label: &LabelMap) -> f64 {
    label.voxels().iter().filter(|&&l| l == 1).count() as f64 * label.grid().spacing.voxel_ml()
}

/// Mean world position of the tumour, mm.
fn centroid(label: &LabelMap) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut n = 0.0;
    for ((z, y, x), _) in label.voxels().indexed_iter().filter(|&(_, &l)| l == 1) {
        let p = label
            .grid()
            .world_from_index([z as f64, y as f64, x as f64]);
        sum.iter_mut().zip(p).for_each(|(s, v)| *s += v);
        n += 1.0;
    }
    sum.map(|s| s / n)
}

fn hashes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                waiting.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_owned();
                let hash = Sha256::digest(fs::read(entry.path()).unwrap());
                found.insert(name, hash.to_vec());
            }
        }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_and_two_threads() {
    let write = |spec: &CohortSpec, n_threads| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        pool.install(|| write_cohort(folder.path(), spec, &Silent))
            .unwrap();
        hashes(folder.path())
    };
    let spec = CohortSpec::small(2, 7);
    let once = write(&spec, 1);
    assert_eq!(once.len(), 2 * 6 + 3 + 1);
    assert_eq!(once, write(&spec, 2));
    // One series alone is the same as among others; another seed is another cohort.
    let t2 = CohortSpec {
        series: vec![Series::T2Axial],
        ..spec.clone()
    };
    for (name, hash) in write(&t2, 2) {
        assert!(
            once[&name] == hash || name.ends_with("cohort.csv"),
            "{name:?}"
        );
    }
    let image = Path::new("Dataset103_T2Axial/imagesTr/sts_000_0000.nii.gz");
    assert_ne!(once[image], write(&CohortSpec { seed: 8, ..t2 }, 2)[image]);
}

#[test]
fn the_layout_is_nnunets() {
    let rows = rows(cohort());
    assert_eq!(rows.len(), N_PATIENTS);
    assert_eq!(
        rows.iter().filter(|row| row["set"] == "test").count(),
        N_HELD_OUT
    );
    for series in Series::ALL {
        let folder = cohort().join(series.dataset_name());
        let json = fs::read_to_string(folder.join("dataset.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["numTraining"], N_PATIENTS - N_HELD_OUT);
        assert_eq!(json["channel_names"]["0"], series.sequence().channel_name());
        assert_eq!(json["labels"]["background"], 0);
        assert_eq!(json["labels"]["tumour"], 1);
        assert_eq!(json["file_ending"], ".nii.gz");
        for (part, n) in [
            ("imagesTr", N_PATIENTS - N_HELD_OUT),
            ("labelsTr", N_PATIENTS - N_HELD_OUT),
            ("imagesTs", N_HELD_OUT),
            ("labelsTs", N_HELD_OUT),
        ] {
            assert_eq!(
                fs::read_dir(folder.join(part)).unwrap().count(),
                n,
                "{part}"
            );
        }
    }
    let last = &rows[N_PATIENTS - 1]["t1_axial"];
    assert_eq!(last, "Dataset101_T1Axial/imagesTs/sts_009_0000.nii.gz");
}

#[test]
fn every_series_has_its_own_grid_in_the_promised_ranges() {
    for row in rows(cohort()) {
        for series in Series::ALL {
            let (image, label) = read(cohort(), &row, series);
            let grid = image.grid();
            grid.require_same(label.grid(), 1e-3).unwrap();
            let [slices, n_rows, n_columns] = grid.size.zyx();
            let [thickness, pixel, _] = grid.spacing.zyx_mm();
            assert!((20..=28).contains(&slices), "{slices} slices");
            assert!((80..=112).contains(&n_rows) && (80..=112).contains(&n_columns));
            assert!((5.0..=8.01).contains(&thickness), "{thickness} mm");
            assert!((2.19..=3.21).contains(&pixel), "{pixel} mm");
            // `direction[row][column]`: column 2 is the world direction of the slices.
            let slices_along = |world: usize| grid.direction[world][2];
            if series == Series::T1Sagittal {
                assert_eq!(grid.slice_axis(), SliceAxis::Sagittal);
                assert!(slices_along(0) > 0.99);
                assert!(grid.direction[1][0] < -0.99 && grid.direction[2][1] < -0.99);
            } else {
                assert_eq!(grid.slice_axis(), SliceAxis::Axial);
                assert!(slices_along(2) > 0.99);
            }
        }
    }
}

#[test]
fn each_tumour_is_whole_inside_the_body_and_at_one_place_in_all_series() {
    for row in rows(cohort()) {
        let expected_ml: f64 = row["tumour_volume_ml"].parse().unwrap();
        assert!((3.0..1200.0).contains(&expected_ml), "{expected_ml} ml");
        let mut centroids = Vec::new();
        for series in Series::ALL {
            let (image, label) = read(cohort(), &row, series);
            let ml = label_ml(&label);
            let case = &row["case"];
            assert!(
                (ml / expected_ml - 1.0).abs() < 0.3,
                "{case} {series}: {ml} {expected_ml}"
            );
            let [nz, ny, nx] = label.grid().size.zyx();
            for ((z, y, x), &l) in label.voxels().indexed_iter() {
                let rim = z == 0 || z == nz - 1 || y == 0 || y == ny - 1 || x == 0 || x == nx - 1;
                assert!(
                    l <= 1 && !(l == 1 && rim),
                    "{case} {series}: cut at {z} {y} {x}"
                );
            }
            // Air is darker than any tumour: the mean inside is far above the image's corners.
            let inside = mean_where(&image, &label, 1);
            let corner = f64::from(image.voxels()[[0, 0, 0]]);
            assert!(inside > 2.0 * corner, "{case} {series}: {inside} {corner}");
            centroids.push(centroid(&label));
        }
        for other in &centroids[1..] {
            let square = |axis: usize| (other[axis] - centroids[0][axis]).powi(2);
            let distance = (0..3).map(square).sum::<f64>().sqrt();
            assert!(distance < 10.0, "{}: {distance} mm", row["case"]);
        }
    }
}

fn mean_where(image: &Volume<f32>, label: &LabelMap, wanted: u16) -> f64 {
    let pairs = image.voxels().iter().zip(label.voxels());
    let chosen: Vec<f64> = pairs
        .filter(|&(_, &l)| l == wanted)
        .map(|(&v, _)| f64::from(v))
        .collect();
    chosen.iter().sum::<f64>() / chosen.len() as f64
}

#[test]
fn values_are_whole_numbers_and_some_scanners_zero_the_background() {
    let mut zero_backgrounds = 0;
    for row in rows(cohort()) {
        let (image, _) = read(cohort(), &row, Series::T1Axial);
        assert!(
            image
                .voxels()
                .iter()
                .all(|v| v.fract() == 0.0 && (0.0..=4095.0).contains(v))
        );
        let zeros = image.voxels().iter().filter(|&&v| v == 0.0).count();
        let masked = zeros as f64 > 0.2 * image.voxels().len() as f64;
        assert_eq!(
            masked,
            row["scanner"] == "B-1.5T",
            "{} {zeros}",
            row["case"]
        );
        zero_backgrounds += usize::from(masked);
    }
    assert!(zero_backgrounds < N_PATIENTS);
}

/// What `sarx demo` asks of a trained network on held-out patients. A global threshold with its
/// largest component, chosen with all references known, must not reach it.
const DICE_OF_THE_DEMO: f64 = 0.75;

#[test]
fn a_threshold_does_not_find_the_tumours_on_t1() {
    let cases: Vec<_> = rows(cohort())
        .iter()
        .map(|row| read(cohort(), row, Series::T1Axial))
        .map(|(image, label)| (z_scores(&image), label))
        .collect();
    let mut best: f64 = 0.0;
    for threshold in (0..16).map(|step| 0.25 * f64::from(step)) {
        let mut scores: Vec<f64> = cases
            .iter()
            .map(|(z, label)| threshold_dice(z, label, threshold))
            .collect();
        scores.sort_by(f64::total_cmp);
        best = best.max(0.5 * (scores[(N_PATIENTS - 1) / 2] + scores[N_PATIENTS / 2]));
    }
    assert!(
        best < DICE_OF_THE_DEMO,
        "the best threshold reaches a median Dice of {best}"
    );
}

fn z_scores(image: &Volume<f32>) -> ndarray::Array3<f64> {
    let values = image.voxels().mapv(f64::from);
    let mean = values.mean().unwrap();
    let deviation = values.std(0.0);
    values.mapv(|v| (v - mean) / deviation)
}

/// Dice of the largest 6-connected piece above a threshold.
fn threshold_dice(z: &ndarray::Array3<f64>, label: &LabelMap, threshold: f64) -> f64 {
    let mut open = z.mapv(|v| v > threshold);
    let size = label.grid().size.zyx();
    let (mut largest, mut overlap) = (0usize, 0usize);
    let seeds: Vec<_> = open
        .indexed_iter()
        .filter(|&(_, &o)| o)
        .map(|(i, _)| i)
        .collect();
    for (a, b, c) in seeds {
        let mut waiting = vec![[a, b, c]];
        let (mut n, mut hits) = (0, 0);
        while let Some(at) = waiting.pop() {
            if !std::mem::replace(&mut open[at], false) {
                continue;
            }
            n += 1;
            hits += usize::from(label.voxels()[at] == 1);
            for axis in 0..3 {
                let mut push = |to: usize| {
                    let mut next = at;
                    next[axis] = to;
                    waiting.push(next);
                };
                if at[axis] > 0 {
                    push(at[axis] - 1);
                }
                if at[axis] + 1 < size[axis] {
                    push(at[axis] + 1);
                }
            }
        }
        if n > largest {
            (largest, overlap) = (n, hits);
        }
    }
    let tumour = label.voxels().iter().filter(|&&l| l == 1).count();
    2.0 * overlap as f64 / (largest + tumour) as f64
}

#[test]
fn a_folder_with_content_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "mine").unwrap();
    let spec = CohortSpec::small(1, 1);
    let error = write_cohort(folder.path(), &spec, &Silent).unwrap_err();
    assert!(matches!(error, PhantomError::NotEmpty { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = write_cohort(&file, &spec, &Silent).unwrap_err();
    assert!(matches!(error, PhantomError::NotAFolder { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn impossible_cohorts_are_refused_before_anything_is_written() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("new");
    let good = CohortSpec::small(4, 1);
    let refused = |spec: CohortSpec| write_cohort(&out, &spec, &Silent).unwrap_err().to_string();
    for (spec, part) in [
        (
            CohortSpec {
                n_patients: 0,
                ..good.clone()
            },
            "a cohort of 0 patients",
        ),
        (
            CohortSpec {
                n_patients: usize::MAX,
                ..good.clone()
            },
            "give 1 to 10000",
        ),
        (
            CohortSpec {
                held_out: 4,
                ..good.clone()
            },
            "4 of 4 patients cannot be held out",
        ),
        (
            CohortSpec {
                series: vec![],
                ..good.clone()
            },
            "at least one",
        ),
        (
            CohortSpec {
                series: vec![Series::T1Axial; 2],
                ..good.clone()
            },
            "t1_axial",
        ),
        (
            CohortSpec {
                matrix: MatrixSize::Standard,
                held_out: 9,
                ..good.clone()
            },
            "leave at least one for training",
        ),
    ] {
        let message = refused(spec);
        assert!(message.contains(part), "{message}");
    }
    assert!(!out.exists());
}

#[test]
fn the_true_motion_brings_the_tumours_of_all_series_together() {
    let spec = CohortSpec {
        held_out: N_HELD_OUT,
        ..CohortSpec::small(N_PATIENTS, 11)
    };
    let distance = |a: [f64; 3], b: [f64; 3]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let (mut apart, mut apart_in_scene) = (0.0, 0.0);
    for (index, row) in rows(cohort()).iter().enumerate() {
        let centres = Series::ALL.map(|series| centroid(&read(cohort(), row, series).1));
        let in_scene: Vec<[f64; 3]> = Series::ALL
            .iter()
            .zip(centres)
            .map(|(&series, centre)| series_motion(&spec, index, series).unwrap().apply(centre))
            .collect();
        apart += distance(centres[0], centres[2]);
        let found = distance(in_scene[0], in_scene[2]);
        apart_in_scene += found;
        assert!(found < 1.5, "patient {index}: {found} mm");
    }
    // The motions are up to 2.2 mm along each axis; what is left is how a label is cut into voxels.
    assert!(
        apart_in_scene < 0.4 * apart,
        "{apart_in_scene} of {apart} mm"
    );
    let error = series_motion(&spec, N_PATIENTS, Series::T1Axial).unwrap_err();
    assert!(matches!(
        error,
        PhantomError::Patient {
            index: N_PATIENTS,
            ..
        }
    ));
}
