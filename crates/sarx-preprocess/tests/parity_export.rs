//! From logits to the native grid against nnU-Net's own export (golden/make_export.py): labels and
//! regions, cropped, resampled and transposed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array3, Array4, Ix3, Ix4};
use sarx_core::{BoundingBox, Label};
use sarx_preprocess::{
    Heads, Normalization, PreprocessSpec, Properties, Resampling, TargetSpacing,
    labels_from_logits, probabilities_to_native,
};
use serde_json::Value;
use std::path::Path;

/// f32 interpolation of logits of size 3, then softmax.
const TOLERANCE: f32 = 3e-6;
/// A voxel whose decision is nearer than this may fall either way.
const MARGIN: f32 = 1e-5;

fn array<T: ndarray_npy::ReadableElement>(name: &str) -> ndarray::ArrayD<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/export.npz");
    sarx_testkit::read_npz(&path, name)
}

fn numbers<const N: usize>(value: &Value) -> [usize; N] {
    std::array::from_fn(|i| value[i].as_u64().unwrap() as usize)
}

fn millimetres(value: &Value) -> [f64; 3] {
    std::array::from_fn(|i| value[i].as_f64().unwrap())
}

/// Whether the two best heads, or the nearest threshold, are further apart than rounding.
fn is_clear(probabilities: &Array4<f32>, at: (usize, usize, usize), heads: &Heads) -> bool {
    let mut values: Vec<f32> = (0..probabilities.dim().0)
        .map(|head| probabilities[[head, at.0, at.1, at.2]])
        .collect();
    values.sort_by(|a, b| b.total_cmp(a));
    match heads {
        Heads::Labels { .. } => values[0] - values[1] > MARGIN,
        Heads::Regions { .. } => values.iter().all(|v| (v - 0.5).abs() > MARGIN),
    }
}

#[test]
fn labels_and_probabilities_are_nnunets() {
    let settings: Value = serde_json::from_str(include_str!("../golden/export.json")).unwrap();
    let settings = settings.as_array().unwrap();
    assert_eq!(settings.len(), 4);
    for (i, setting) in settings.iter().enumerate() {
        let logits: Array4<f32> = array(&format!("logits_{i}"))
            .into_dimensionality::<Ix4>()
            .unwrap();
        let (n_heads, z, y, x) = logits.dim();
        let heads = match setting["class_order"].as_array() {
            None => Heads::Labels { count: n_heads },
            Some(order) => Heads::Regions {
                class_order: order.iter().map(|l| l.as_u64().unwrap() as Label).collect(),
            },
        };
        let pairs: [[usize; 2]; 3] = std::array::from_fn(|a| numbers(&setting["box"][a]));
        let bounding_box = BoundingBox {
            lower: pairs.map(|pair| pair[0]),
            upper: pairs.map(|pair| pair[1]),
        };
        let transpose_forward = numbers(&setting["transpose_forward"]);
        let spec = PreprocessSpec {
            transpose_forward,
            target_spacing_mm: TargetSpacing::Volume(millimetres(&setting["target_mm"])),
            normalization: vec![Normalization::ZScore { masked: false }],
            image_resampling: Resampling::IMAGE,
            label_resampling: Resampling::LABELS,
            logits_resampling: Resampling::LOGITS,
            foreground: Vec::new(),
            ignore: None,
        };
        let properties = Properties {
            spacing_mm: millimetres(&setting["spacing_mm"]),
            transpose_forward,
            size_before_crop: numbers(&setting["size"]),
            bounding_box,
            size_after_crop: bounding_box.size(),
            size_after_resample: [z, y, x],
        };
        let native = probabilities_to_native(logits.view(), &heads, &properties, &spec).unwrap();
        let expected: Array4<f32> = array(&format!("probabilities_{i}"))
            .into_dimensionality::<Ix4>()
            .unwrap();
        assert_eq!(native.probabilities.dim(), expected.dim(), "case {i}");
        let worst = (&native.probabilities - &expected).mapv(f32::abs);
        let worst = worst.iter().copied().fold(0.0, f32::max);
        assert!(worst <= TOLERANCE, "case {i}: {worst}");
        let plain = labels_from_logits(logits.view(), &heads, &properties, &spec).unwrap();
        for (name, found) in [("labels_with", &native.labels), ("labels", &plain)] {
            let labels: Array3<u8> = array(&format!("{name}_{i}"))
                .into_dimensionality::<Ix3>()
                .unwrap();
            for ((at, &label), &found) in labels.indexed_iter().zip(found) {
                let same = Label::from(label) == found;
                assert!(
                    same || !is_clear(&expected, at, &heads),
                    "case {i} {name} {at:?}"
                );
            }
        }
    }
}
