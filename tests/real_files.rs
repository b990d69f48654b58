//! The same way on files that nobody here wrote: nnU-Net's phantom dataset and a real tumour.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use std::process::Command;

#[test]
fn nnunets_own_dataset_goes_through_every_verb() {
    let Some(raw) = sarx_testkit::shared("oracle/t1_axial/raw") else {
        return;
    };
    let bench = Bench::new();
    let raw = raw.display();
    bench.done(&format!("verify {raw}"));
    bench.done(&format!("plan {raw} --out pp --preset small"));
    bench.shrink_network("pp/sarxSmallPlans.json");
    bench.done(&format!(
        "preprocess {raw} --plans pp/sarxSmallPlans.json --out pp"
    ));
    bench.done(&bench.train_line("model", "--no-validation"));
    let predicted = bench.done(&format!(
        "predict --model model --input {raw}/imagesTs --output predictions"
    ));
    assert_eq!(predicted["done"].as_array().map(Vec::len), Some(4));
    let scored = bench.done(&format!(
        "evaluate --reference {raw}/labelsTs --prediction predictions --out predictions/summary.json"
    ));
    assert_eq!(scored["n_cases"], 4);
}

/// A short training learns the case by heart, and the prediction lies on the original grid.
#[test]
fn one_real_tumour_is_learnt_by_heart() {
    let Some(folder) = sarx_testkit::shared("data/brain_tumour_nrrd") else {
        return;
    };
    let bench = Bench::new();
    let output = Command::new("bash")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/examples/one-real-tumour.sh"
        ))
        .args([
            folder.join("brain1_image.nrrd"),
            folder.join("brain1_label.nrrd"),
        ])
        .arg(bench.path("out"))
        .env("SARX", env!("CARGO_BIN_EXE_sarx"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary = bench.read_json("out/predictions/summary.json");
    let dice = summary["metric_per_case"][0]["metrics"]["1"]["Dice"]
        .as_f64()
        .unwrap();
    assert!(dice >= 0.85, "Dice {dice}");
    let header = |path: &std::path::Path| sarx_io::read_header(path).unwrap();
    assert_eq!(
        header(&bench.path("out/predictions/brain1.nrrd")).grid(),
        header(&folder.join("brain1_image.nrrd")).grid()
    );
}
