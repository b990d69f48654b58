//! The documented example: one real image, learnt by heart, comes back on its own grid.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// What the example promises.
const LEAST_DICE: f64 = 0.85;

#[test]
fn the_example_learns_its_tumour_and_returns_to_the_original_grid() {
    let Some(data) = sarx_testkit::shared("data/brain_tumour_nrrd") else {
        return;
    };
    let (image, label) = (
        data.join("brain1_image.nrrd"),
        data.join("brain1_label.nrrd"),
    );
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/one-real-tumour.sh");
    let ran = Command::new("bash")
        .arg(script)
        .args([&image, &label, &folder.path().join("out")])
        .env("SARX", env!("CARGO_BIN_EXE_sarx"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{stderr}");

    let scores: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let dice = scores["median"]["1"]["dice"].as_f64().unwrap();
    assert!(dice >= LEAST_DICE, "Dice {dice}, {LEAST_DICE} is promised");

    let predicted = folder.path().join("out/predictions/brain1.nrrd");
    let (predicted, original) = (
        sarx_io::read_header(&predicted).unwrap(),
        sarx_io::read_header(&image).unwrap(),
    );
    assert_eq!(predicted.grid(), original.grid());
}
