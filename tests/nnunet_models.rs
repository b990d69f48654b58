//! Models of nnU-Net through the binary: shown, predicted in place, imported, exported.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use serde_json::json;

/// A model of a few hundred weights that was trained for seconds.
fn trained() -> Bench {
    let bench = Bench::new();
    bench.tiny_dataset(7, 2);
    bench.done(&bench.train_line("model", "--no-validation"));
    bench
}

const IMAGES: &str = "cohort/Dataset101_T1Axial/imagesTs";

/// One training serves both.
#[test]
fn models_go_both_ways() {
    let bench = trained();
    goes_out_and_comes_back_and_predicts_the_same(&bench);
    what_cannot_be_done_is_said(&bench);
}

fn goes_out_and_comes_back_and_predicts_the_same(bench: &Bench) {
    let exported = bench.done("model export model --out nnunet");
    assert_eq!(exported["trainer_name"], "nnUNetTrainer");
    assert_eq!(exported["weights"][0]["fold"], "0");
    let shown = bench.done("model show nnunet");
    assert_eq!(shown["origin"], "nnU-Net checkpoint");
    assert_eq!(shown["weights_format"], "torch");
    assert_eq!(shown["patch"], json!([8, 32, 32]));
    assert_eq!(shown["mirror_axes"], json!([0, 1, 2]));
    assert_eq!(
        shown["n_parameters"],
        bench.done("model show model")["n_parameters"]
    );
    let imported = bench.done("model import nnunet --out again");
    assert_eq!(imported["weights"], exported["weights"]);
    let mut predictions = Vec::new();
    for model in ["model", "nnunet", "again"] {
        let out = format!("predicted_{model}");
        bench.done(&format!(
            "predict --model {model} --input {IMAGES} --output {out} --folds 0"
        ));
        let segmentations: Vec<_> = bytes_below(&bench.path(&out))
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().ends_with(".nii.gz"))
            .map(|(path, bytes)| (path.file_name().unwrap().to_owned(), bytes))
            .collect();
        assert_eq!(segmentations.len(), 2);
        predictions.push(segmentations);
    }
    assert_eq!(predictions[0], predictions[1]);
    assert_eq!(predictions[0], predictions[2]);
    // The best weights are there as well.
    bench.done(&format!(
        "predict --model nnunet --input {IMAGES} --output best --checkpoint best --no-mirroring"
    ));
    let named = bench.done("model export model --out other --trainer-name nnUNetTrainerMine");
    assert_eq!(named["trainer_name"], "nnUNetTrainerMine");
    assert_eq!(
        bench.done("model show other")["trainer_name"],
        "nnUNetTrainerMine"
    );
}

fn what_cannot_be_done_is_said(bench: &Bench) {
    let before = bytes_below(&bench.path("nnunet"));
    bench.refused("model export model --out nnunet", &["not empty", "nnunet"]);
    bench.refused("model import nnunet --out model", &["not empty", "model"]);
    assert_eq!(bytes_below(&bench.path("nnunet")), before);
    bench.refused("model import model --out x", &["a model of sarx already"]);
    bench.refused("model show nowhere", &["manifest", "nowhere"]);
    bench.refused(
        &format!("predict --model nnunet --input {IMAGES} --output p --folds 3"),
        &["fold 3", "it has: 0"],
    );
    let checkpoint = bench.path("nnunet/fold_0/checkpoint_final.pth");
    let whole = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &whole[..whole.len() / 2]).unwrap();
    bench.refused(
        &format!("predict --model nnunet --input {IMAGES} --output p"),
        &["checkpoint_final.pth", "not a whole zip archive"],
    );
    bench.refused("model import nnunet --out y", &["not a whole zip archive"]);
    assert!(!bench.path("y").exists() && !bench.path("p").exists());
    // A single file of weights as the model.
    std::fs::write(&checkpoint, &whole).unwrap();
    bench.refused("model show nnunet/fold_0", &["the folder is no model"]);
}
