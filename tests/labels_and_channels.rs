//! Two channels, overlapping regions and voxels without ground truth, from raw files to scores.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use ndarray::{Array3, Array4, Ix4};
use sarx_core::{LabelMap, Volume};
use serde_json::{Value, json};
use std::path::Path;

const SOURCE: &str = "cohort/Dataset101_T1Axial";

/// The phantom's tumour, divided into a rim (1) and a core (2), with slices nobody outlined (3).
fn divided(tumour: &LabelMap) -> Array3<u16> {
    let voxels = tumour.voxels();
    let inside = |z: isize, y: isize, x: isize| {
        let at = [z, y, x].map(|i| usize::try_from(i).unwrap_or(usize::MAX));
        voxels.get(at).is_some_and(|&label| label > 0)
    };
    Array3::from_shape_fn(voxels.raw_dim(), |(z, y, x)| {
        let [a, b, c] = [z, y, x].map(|i| i as isize);
        if z == 0 || (z == 2 && x < 20) {
            return 3;
        }
        let core = [(0, 2), (0, -2), (2, 0), (-2, 0)]
            .iter()
            .all(|(dy, dx)| inside(a, b + dy, c + dx));
        match (inside(a, b, c), core) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        }
    })
}

/// Writes a case of the phantom with a second channel and divided labels.
fn write_case(bench: &Bench, case: &str, split: &str) {
    let folder = |name: &str| bench.path(&format!("data/{name}{split}"));
    for name in ["images", "labels"] {
        std::fs::create_dir_all(folder(name)).unwrap();
    }
    let image = bench.path(&format!("{SOURCE}/images{split}/{case}_0000.nii.gz"));
    let image = sarx_io::read_image(&image).unwrap();
    let other = image
        .volume
        .map(|&v| 300.0 - 0.4 * v + (v * 0.7).sin() * 20.0);
    for (channel, volume) in [&image.volume, &other].into_iter().enumerate() {
        let path = folder("images").join(format!("{case}_{channel:04}.nii.gz"));
        sarx_io::write_image(&path, volume, Some(&image.header)).unwrap();
    }
    let labels = bench.path(&format!("{SOURCE}/labels{split}/{case}.nii.gz"));
    let labels = sarx_io::read_labels(&labels).unwrap();
    let divided = Volume::new(divided(&labels.labels), *labels.labels.grid()).unwrap();
    let path = folder("labels").join(format!("{case}.nii.gz"));
    sarx_io::write_labels(&path, &divided, Some(&labels.header)).unwrap();
}

fn probabilities(path: &Path) -> Array4<f32> {
    let array = sarx_testkit::read_npz::<f32>(path, "probabilities");
    array.into_dimensionality::<Ix4>().unwrap()
}

#[test]
fn regions_an_ignore_label_and_two_channels_go_all_the_way() {
    let bench = Bench::new();
    bench.done("phantom --out cohort --cases 7 --held-out 2 --matrix small --seed 3");
    for case in 0..5 {
        write_case(&bench, &format!("sts_{case:03}"), "Tr");
    }
    for case in 5..7 {
        write_case(&bench, &format!("sts_{case:03}"), "Ts");
    }
    bench.write_json(
        "data/dataset.json",
        &json!({
            "channel_names": {"0": "T1", "1": "T2"},
            "labels": {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3},
            "regions_class_order": [1, 2],
            "numTraining": 5,
            "file_ending": ".nii.gz",
        }),
    );
    bench.done("verify data");
    bench.done("plan data --out pp --preset small");
    let plans = bench.read_json("pp/sarxSmallPlans.json");
    let schemes = &plans["configurations"]["3d_fullres"]["normalization_schemes"];
    assert_eq!(schemes.as_array().map(Vec::len), Some(2));
    bench.shrink_network("pp/sarxSmallPlans.json");
    bench.done("preprocess data --plans pp/sarxSmallPlans.json --out pp");
    bench.done(&bench.train_line("model", "--npz"));
    let validation = bench.path("model/fold_0/validation");
    let summary = bench.read_json("model/fold_0/validation/summary.json");
    let keys: Vec<&String> = summary["mean"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["(1, 2)", "(2,)"]);
    let first = summary["metric_per_case"][0]["case"].as_str().unwrap();
    assert!(validation.join(format!("{first}.npz")).exists());

    bench.done("predict --model model --input data/imagesTs --output out --save-probabilities");
    bench.done(
        "predict --model model --input data/imagesTs --output small --save-probabilities compact",
    );
    for case in ["sts_005", "sts_006"] {
        let labels = sarx_io::read_labels(&bench.path(&format!("out/{case}.nii.gz"))).unwrap();
        let values = probabilities(&bench.path(&format!("out/{case}.npz")));
        let [z, y, x] = labels.labels.grid().size.zyx();
        assert_eq!(values.dim(), (2, z, y, x));
        for ((z, y, x), &label) in labels.labels.voxels().indexed_iter() {
            let inside = |head: usize| values[[head, z, y, x]] > 0.5;
            let expected = if inside(1) { 2 } else { u16::from(inside(0)) };
            assert_eq!(label, expected, "{case} {z} {y} {x}");
        }
        let small = sarx_io::read_labels(&bench.path(&format!("small/{case}.nii.gz"))).unwrap();
        assert_eq!(small.labels, labels.labels);
        let size = |path: &str| std::fs::metadata(bench.path(path)).unwrap().len();
        let compact = size(&format!("small/{case}.probabilities.zip"));
        assert!(compact < size(&format!("out/{case}.npz")));
    }
    // Two predictions of one model: their mean is the prediction, whatever the format.
    bench.done("ensemble --input out small --output mean");
    let of = |folder: &str| {
        sarx_io::read_labels(&bench.path(&format!("{folder}/sts_005.nii.gz"))).unwrap()
    };
    assert_eq!(of("mean").labels, of("out").labels);

    let scores = bench.done("evaluate --reference data/labelsTs --prediction out");
    assert_eq!(scores["n_cases"], 2);
    let summary = bench.read_json("out/summary.json");
    for entry in summary["metric_per_case"].as_array().unwrap() {
        counted_by_hand(&bench, entry);
    }
}

/// Counts of each region against a plain loop; ignored voxels are in none.
fn counted_by_hand(bench: &Bench, entry: &Value) {
    let case = entry["case"].as_str().unwrap();
    let read = |folder: &str| {
        let path = bench.path(&format!("{folder}/{case}.nii.gz"));
        sarx_io::read_labels(&path).unwrap().labels
    };
    let (reference, prediction) = (read("data/labelsTs"), read("out"));
    assert!(reference.voxels().iter().any(|&label| label == 3));
    for (key, region) in [("(1, 2)", &[1u16, 2][..]), ("(2,)", &[2])] {
        let mut counts = [[0u64; 2]; 2];
        for (r, p) in reference.voxels().iter().zip(prediction.voxels()) {
            if *r != 3 {
                counts[usize::from(region.contains(r))][usize::from(region.contains(p))] += 1;
            }
        }
        let [[tn, fp], [fn_, tp]] = counts;
        let found = &entry["metrics"][key];
        for (name, expected) in [("TP", tp), ("FP", fp), ("FN", fn_), ("TN", tn)] {
            assert_eq!(found[name], json!(expected), "{case} {key} {name}");
        }
        let n = 2 * tp + fp + fn_;
        let dice = found["Dice"].as_f64();
        let expected = (n > 0).then(|| 2.0 * tp as f64 / n as f64);
        assert_eq!(dice, expected, "{case} {key}");
    }
}
