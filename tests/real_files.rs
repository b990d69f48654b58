//! The same way on files that nobody here wrote: nnU-Net's own phantom dataset.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;

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
