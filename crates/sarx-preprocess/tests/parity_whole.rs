//! Whole small cases, there and back, against nnU-Net's own preprocessor and export
//! (`golden/make_preprocess.py`): every scheme, transposition, separate axis and label form.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use ndarray::{Array3, Array4, ArrayView, Axis, Dimension, Ix2, Ix3, Ix4};
use ndarray_npy::ReadableElement;
use sarx_core::{BoundingBox, Grid, LabelMap, Size, Spacing, Volume};
use sarx_preprocess::{
    ClassLocations, Heads, KeyLocations, Normalization, PreprocessSpec, PreprocessedCase,
    Resampling, TargetSpacing, labels_from_logits, preprocess, probabilities_to_native,
};
use sarx_testkit::read_npz;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Largest difference of intensities: NumPy sums means and deviations in f32.
const IMAGE: f32 = 1e-5;
/// Largest difference of probabilities, which are exponentials of f32.
const PROBABILITY: f32 = 1e-6;

struct Golden {
    document: Value,
    folder: PathBuf,
}

impl Golden {
    fn open() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/preprocess");
        let text = std::fs::read(folder.join("cases.json")).unwrap();
        Self {
            document: serde_json::from_slice(&text).unwrap(),
            folder,
        }
    }

    fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        let cases = self.document["cases"].as_array().unwrap();
        cases.iter().map(|case| Case { golden: self, case })
    }
}

struct Case<'a> {
    golden: &'a Golden,
    case: &'a Value,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.case["name"].as_str().unwrap()
    }

    fn get<T: serde::de::DeserializeOwned>(&self, key: &str) -> T {
        serde_json::from_value(self.case[key].clone()).unwrap()
    }

    fn array<T: ReadableElement, D: Dimension>(&self, name: &str) -> ndarray::Array<T, D> {
        let path = self.golden.folder.join(format!("{}.npz", self.name()));
        read_npz::<T>(&path, name).into_dimensionality().unwrap()
    }

    fn has_labels(&self) -> bool {
        self.case["keys"].as_array().is_some_and(|k| !k.is_empty())
    }

    fn spec(&self) -> PreprocessSpec {
        let statistics = |name: &str| self.golden.document["statistics"][name].as_f64().unwrap();
        let schemes: Vec<String> = self.get("schemes");
        let masks: Vec<bool> = self.get("masks");
        let scheme = |(name, &masked): (&String, &bool)| match name.as_str() {
            "ZScoreNormalization" => Normalization::ZScore { masked },
            "CTNormalization" => Normalization::Ct {
                mean: statistics("mean"),
                std: statistics("std"),
                percentile_00_5: statistics("percentile_00_5"),
                percentile_99_5: statistics("percentile_99_5"),
            },
            "NoNormalization" => Normalization::None,
            "RescaleTo01Normalization" => Normalization::Rescale01,
            "RGBTo01Normalization" => Normalization::Rgb01,
            other => panic!("{other}"),
        };
        let target: Vec<f64> = self.get("target");
        let forced = |resampling| Resampling {
            force_separate_z: self.case["force"].as_bool(),
            ..resampling
        };
        PreprocessSpec {
            transpose_forward: self.get("transpose"),
            target_spacing_mm: match target[..] {
                [y, x] => TargetSpacing::Slices([y, x]),
                [z, y, x] => TargetSpacing::Volume([z, y, x]),
                _ => panic!("two or three axes"),
            },
            normalization: schemes.iter().zip(&masks).map(scheme).collect(),
            image_resampling: forced(Resampling::IMAGE),
            label_resampling: forced(Resampling::LABELS),
            logits_resampling: forced(Resampling::LOGITS),
            foreground: self.foreground(),
            ignore: self.case["labels"]["ignore"].as_i64().map(|l| l as i16),
        }
    }

    /// Labels or regions in the order of dataset.json, background and ignore left out.
    fn foreground(&self) -> Vec<Vec<i16>> {
        let entries = self.case["labels"].as_object().unwrap().iter();
        let foreground =
            entries.filter(|(name, _)| !matches!(name.as_str(), "background" | "ignore"));
        foreground
            .map(|(_, value)| match value.as_i64() {
                Some(label) => vec![label as i16],
                None => serde_json::from_value(value.clone()).unwrap(),
            })
            .collect()
    }

    fn heads(&self) -> Heads {
        match serde_json::from_value::<Vec<u16>>(self.case["regions_class_order"].clone()) {
            Ok(class_order) => Heads::Regions { class_order },
            Err(_) => Heads::Labels {
                count: self.foreground().len() + 1,
            },
        }
    }

    fn input(&self) -> (Vec<Volume<f32>>, Option<LabelMap>) {
        let image: Array4<f32> = self.array("native_image");
        let (_, z, y, x) = image.dim();
        let spacing = Spacing::new(self.get("spacing")).unwrap();
        let grid = Grid::axis_aligned(Size::new([z, y, x]).unwrap(), spacing);
        let channels = image.outer_iter();
        let channels = channels.map(|c| Volume::new(c.to_owned(), grid).unwrap());
        let labels = self.has_labels().then(|| {
            let labels: Array3<u16> = self.array("native_labels");
            Volume::new(labels, grid).unwrap()
        });
        (channels.collect(), labels)
    }

    fn preprocessed(&self) -> PreprocessedCase {
        let (channels, labels) = self.input();
        let channels: Vec<_> = channels.iter().collect();
        preprocess(&channels, labels.as_ref(), &self.spec()).unwrap()
    }
}

fn largest<D: Dimension>(a: ArrayView<'_, f32, D>, b: ArrayView<'_, f32, D>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let differences = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    // A NaN must not hide.
    differences.fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

#[test]
fn images_and_labels_are_nnunets() {
    let golden = Golden::open();
    for case in golden.cases() {
        let found = case.preprocessed();
        let expected: Array4<f32> = case.array("image");
        let difference = largest(found.image.view(), expected.view());
        assert!(difference <= IMAGE, "{}: {difference}", case.name());
        println!("{}: images differ by at most {difference:e}", case.name());
        let Some(labels) = &found.labels else {
            assert!(!case.has_labels());
            continue;
        };
        let expected: Array3<i16> = case.array::<i16, Ix3>("labels");
        let wrong = labels.iter().zip(&expected).filter(|(a, b)| a != b);
        assert_eq!(labels.shape(), expected.shape(), "{}", case.name());
        assert_eq!(wrong.count(), 0, "{}", case.name());
    }
}

#[test]
fn sizes_and_boxes_are_nnunets() {
    let golden = Golden::open();
    for case in golden.cases() {
        let found = case.preprocessed().properties;
        let bounds: [[usize; 2]; 3] = case.get("bounding_box");
        let expected = BoundingBox {
            lower: bounds.map(|b| b[0]),
            upper: bounds.map(|b| b[1]),
        };
        assert_eq!(found.bounding_box, expected, "{}", case.name());
        let size: [usize; 3] = case.get("size_before_crop");
        assert_eq!(found.size_before_crop, size, "{}", case.name());
        let size: [usize; 3] = case.get("size_after_crop");
        assert_eq!(found.size_after_crop, size, "{}", case.name());
        assert_eq!(found.spacing_mm, case.get::<[f64; 3]>("spacing"));
    }
}

#[test]
fn foreground_locations_are_nnunets_draws() {
    let golden = Golden::open();
    for case in golden.cases().filter(Case::has_labels) {
        let ClassLocations {
            foreground,
            annotated,
        } = case.preprocessed().class_locations.unwrap();
        let found: Vec<&KeyLocations> = foreground.iter().chain(&annotated).collect();
        let expected = case.case["keys"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{}", case.name());
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let at = format!("{}, key {i}", case.name());
            let labels: Vec<i16> = serde_json::from_value(expected["labels"].clone()).unwrap();
            assert_eq!(found.labels, labels, "{at}");
            let n_found = found.voxels.len() as u64;
            assert_eq!(n_found, expected["count"].as_u64().unwrap(), "{at}");
            let head = case.array::<u32, Ix2>(&format!("locations_{i}"));
            for (voxel, expected) in found.voxels.iter().zip(head.axis_iter(Axis(0))) {
                assert_eq!(expected, ndarray::aview1(voxel), "{at}");
            }
            let mixed =
                |&[z, y, x]: &[u32; 3]| (u64::from(z) << 20) + (u64::from(y) << 10) + u64::from(x);
            let places = (1u64..).zip(&found.voxels);
            let checksum: u64 = places.map(|(place, voxel)| place * mixed(voxel)).sum();
            assert_eq!(checksum, expected["checksum"].as_u64().unwrap(), "{at}");
        }
    }
}

#[test]
fn the_way_back_is_nnunets() {
    let golden = Golden::open();
    for case in golden.cases() {
        if case.case["has_way_back"] == false {
            continue;
        }
        let (spec, heads) = (case.spec(), case.heads());
        let properties = case.preprocessed().properties;
        let logits: Array4<f32> = case.array::<f32, Ix4>("logits");
        let found = labels_from_logits(logits.view(), &heads, &properties, &spec).unwrap();
        let expected: Array3<u16> = case.array("back_labels");
        assert_eq!(found, expected, "{}", case.name());
        let found = probabilities_to_native(logits.view(), &heads, &properties, &spec).unwrap();
        let expected: Array3<u16> = case.array("back_labels_with_probabilities");
        assert_eq!(found.labels, expected, "{}", case.name());
        let expected: Array4<f32> = case.array("back_probabilities");
        let n_heads = expected.len_of(Axis(0));
        let head = found.probabilities.slice_axis(Axis(0), (..n_heads).into());
        let difference = largest(head, expected.view());
        assert!(difference <= PROBABILITY, "{}: {difference}", case.name());
    }
}
