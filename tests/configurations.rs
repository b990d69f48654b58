//! Every configuration that nnU-Net has, through the binary: 2D, both stages of a cascade, residual
//! encoders, own splits, few cases, fine-tuning and no augmentation.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Bench, bytes_below};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DATASET: &str = "cohort/Dataset101_T1Axial";

impl Bench {
    fn cohort(&self, n_cases: usize, n_held_out: usize) {
        self.done(&format!(
            "phantom --out cohort --cases {n_cases} --held-out {n_held_out} --matrix small --seed 3"
        ));
    }

    fn preprocess(&self, plans: &str, configuration: &str) {
        self.done(&format!(
            "preprocess {DATASET} --plans pp/{plans}.json --configuration {configuration} --out pp"
        ));
    }

    fn edit(&self, relative: &str, edit: impl FnOnce(&mut Value)) {
        let mut document = self.read_json(relative);
        edit(&mut document);
        self.write_json(relative, &document);
    }

    /// Trains to the end undisturbed in one folder, killed and resumed in another, and compares.
    #[cfg(unix)]
    fn same_bytes_after_a_kill(&self, line: &str, fold: &str) {
        self.done(&format!("{line} --out undisturbed --no-validation"));
        let latest = self.path(&format!("killed/{fold}/checkpoint_latest.safetensors"));
        let mut child = self.start(&format!("{line} --out killed --no-validation"));
        let begun = Instant::now();
        while !latest.exists() {
            assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(latest.exists(), "the checkpoint survives");
        self.done(&format!("{line} --out killed --no-validation --resume"));
        let weights = |model: &str| {
            let file = self.path(&format!("{model}/{fold}/checkpoint_final.safetensors"));
            std::fs::read(file).unwrap()
        };
        assert!(weights("undisturbed") == weights("killed"), "{line}");
    }
}

/// Three stages with a few features.
fn shrink(configuration: &mut Value, patch: &[usize], blocks: &str) {
    configuration["patch_size"] = json!(patch);
    configuration["batch_size"] = json!(if patch.len() == 2 { 12 } else { 2 });
    let n = patch.len();
    let axes = |flat: [usize; 3]| flat[3 - n..].to_vec();
    let arguments = &mut configuration["architecture"]["arch_kwargs"];
    arguments["n_stages"] = json!(3);
    arguments["features_per_stage"] = json!([2, 4, 8]);
    arguments["kernel_sizes"] = json!([axes([1, 3, 3]), axes([3, 3, 3]), axes([3, 3, 3])]);
    arguments["strides"] = json!([axes([1, 1, 1]), axes([1, 2, 2]), axes([2, 2, 2])]);
    arguments[blocks] = json!([1, 1, 1]);
    arguments["n_conv_per_stage_decoder"] = json!([1, 1]);
}

const SHORT: &str = "--epochs 2 --iterations 3 --val-iterations 1 --seed 5";

#[cfg(unix)]
#[test]
fn slices_are_trained_resumed_predicted_and_scored() {
    let bench = Bench::new();
    bench.cohort(7, 2);
    bench.done(&format!("plan {DATASET} --out pp --preset small"));
    bench.edit("pp/sarxSmallPlans.json", |plans| {
        shrink(
            &mut plans["configurations"]["2d"],
            &[32, 32],
            "n_conv_per_stage",
        );
    });
    bench.preprocess("sarxSmallPlans", "2d");
    let line = format!("train pp --plans sarxSmallPlans --configuration 2d --fold 0 {SHORT}");
    bench.same_bytes_after_a_kill(&line.replace("--epochs 2", "--epochs 6"), "fold_0");
    let trained = bench.done(&format!("{line} --out model"));
    assert!(trained["validation"].is_object());
    assert!(bench.read_json("model/manifest.json")["previous_stage"].is_null());
    bench.done(&format!(
        "predict --model model --input {DATASET}/imagesTs --output predictions"
    ));
    let scored = bench.done(&format!(
        "evaluate --reference {DATASET}/labelsTs --prediction predictions --out scores/summary.json"
    ));
    assert_eq!(scored["n_cases"], 2);
    bench.refused(
        &format!(
            "predict --model model --previous predictions --input {DATASET}/imagesTs --output again"
        ),
        &["no second stage"],
    );
}

/// Plans with a coarser first stage and a cascade, and two folds of two cases each.
fn plan_cascade(bench: &Bench) {
    bench.done(&format!("plan {DATASET} --out pp --preset small"));
    bench.edit("pp/sarxSmallPlans.json", |plans| {
        let all = &mut plans["configurations"];
        shrink(&mut all["3d_fullres"], &[8, 32, 32], "n_conv_per_stage");
        let mut low = all["3d_fullres"].clone();
        low["data_identifier"] = json!("sarxSmallPlans_3d_lowres");
        let spacing: Vec<f64> = serde_json::from_value(low["spacing"].clone()).unwrap();
        low["spacing"] = json!([spacing[0] * 1.2, spacing[1] * 1.6, spacing[2] * 1.6]);
        low["next_stage"] = json!("3d_cascade_fullres");
        all["3d_lowres"] = low;
        all["3d_cascade_fullres"] =
            json!({"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"});
    });
    let cases: Vec<String> = (0..4).map(|i| format!("sts_00{i}")).collect();
    bench.write_json(
        "pp/splits_final.json",
        &json!([
            {"train": cases[..2], "val": cases[2..]},
            {"train": cases[2..], "val": cases[..2]},
        ]),
    );
    bench.preprocess("sarxSmallPlans", "3d_lowres");
    bench.preprocess("sarxSmallPlans", "3d_cascade_fullres");
    // The second stage shares the preprocessed cases of the configuration that it inherits from.
    let again = bench.done(&format!(
        "preprocess {DATASET} --plans pp/sarxSmallPlans.json --configuration 3d_fullres --out pp"
    ));
    assert_eq!((&again["made"], &again["kept"]), (&json!(0), &json!(4)));
}

#[cfg(unix)]
#[test]
fn a_cascade_is_trained_resumed_and_predicted_in_one_or_two_commands() {
    let bench = Bench::new();
    bench.cohort(6, 2);
    plan_cascade(&bench);
    let first = |fold: usize| {
        format!(
            "train pp --plans sarxSmallPlans --configuration 3d_lowres --fold {fold} --out low {SHORT}"
        )
    };
    let second = format!(
        "train pp --plans sarxSmallPlans --configuration 3d_cascade_fullres --fold 0 {SHORT}"
    );
    bench.refused(
        &format!("{second} --out cascade"),
        &["--previous", "3d_lowres"],
    );
    bench.refused(&first(5), &["fold 5", "0 to 1"]);
    bench.done(&first(0));
    let next = "low/predicted_next_stage/3d_cascade_fullres";
    assert!(bench.path(&format!("{next}/sts_002.npy")).exists());
    assert!(!bench.path(&format!("{next}/sts_000.npy")).exists());
    let words = ["2 of 4 cases", "sts_000, sts_001", "fold 1", "3d_lowres"];
    bench.refused(&format!("{second} --out cascade --previous low"), &words);
    assert!(!bench.path("cascade").exists(), "nothing was made");
    bench.done(&first(1));
    bench.refused(
        &format!(
            "{} --previous low",
            first(0).replace("--out low", "--out other")
        ),
        &["no second stage"],
    );

    let line = format!("{second} --previous low").replace("--epochs 2", "--epochs 6");
    bench.same_bytes_after_a_kill(&line, "fold_0");
    bench.done(&format!("{second} --out cascade --previous low"));
    let manifest = bench.read_json("cascade/manifest.json");
    assert_eq!(manifest["previous_stage"], "3d_lowres");

    let predict = |model: &str, more: &str| {
        format!("predict --model {model} --input {DATASET}/imagesTs {more}")
    };
    bench.refused(&predict("cascade", "--output p"), &["3d_lowres"]);
    bench.done(&predict("low", "--output p_low"));
    bench.done(&predict("cascade", "--previous p_low --output p"));
    let line = predict("cascade", "--previous-model low --output q");
    let one = bench.done(&line);
    assert_eq!(one["done"].as_array().map(Vec::len), Some(2));
    let segmentations = |folder: &str| {
        ["sts_004.nii.gz", "sts_005.nii.gz"]
            .map(|name| std::fs::read(bench.path(folder).join(name)).unwrap())
    };
    assert!(
        segmentations("p") == segmentations("q"),
        "one or two commands"
    );
    assert!(segmentations("p_low") == segmentations("q/previous_stage"));
    bench.refused(
        &predict("cascade", "--previous-model cascade --output r"),
        &["3d_cascade_fullres", "3d_lowres"],
    );
    cases_of_a_cascade_fail_one_by_one(&bench);
    bench.done(&format!(
        "evaluate --reference {DATASET}/labelsTs --prediction p --out scores/summary.json"
    ));
}

/// After a first stage that lies in `p_low`, and both in `q`.
fn cases_of_a_cascade_fail_one_by_one(bench: &Bench) {
    let predict = |more: &str| {
        format!("predict --model cascade --input {DATASET}/imagesTs --no-mirroring {more}")
    };
    let failing = |line: &str, words: &[&str]| {
        let answer = bench.sarx(line);
        assert_eq!(answer.code, 1, "{}", answer.stderr);
        let failed = answer.json["failed"].as_array().unwrap().clone();
        assert_eq!(failed.len(), 1, "{failed:?}");
        for word in words {
            assert!(failed[0].as_str().unwrap().contains(word), "{failed:?}");
        }
        answer.json
    };
    // The place of the second stage is looked at before the first is predicted.
    bench.refused(
        &predict("--previous-model low --output q"),
        &["another model or in another way"],
    );
    std::fs::create_dir(bench.path("taken")).unwrap();
    std::fs::write(bench.path("taken/sts_004.nii.gz"), b"mine").unwrap();
    let line = predict("--previous-model low --output taken");
    bench.refused(&line, &["sts_004.nii.gz of another origin"]);
    assert!(!bench.path("taken/previous_stage").exists());

    // One without a first stage is named, and the other is done.
    let last = bench.path("p_low/sts_005.nii.gz");
    let labels = std::fs::read(&last).unwrap();
    std::fs::remove_file(&last).unwrap();
    let line = predict("--previous p_low --output s --continue");
    let words = [
        "sts_005",
        "no segmentation of the previous stage",
        "3d_lowres",
    ];
    let answer = failing(&line, &words);
    assert_eq!(answer["done"], json!(["sts_004"]));
    let record = bench.read_json("s/prediction.json");
    assert_eq!(record["failed"][0]["case"], "sts_005");
    assert_eq!(record["made_by"]["previous"]["configuration"], "3d_lowres");
    // Its place does not matter, what it holds does.
    std::fs::write(&last, labels).unwrap();
    std::fs::rename(bench.path("p_low"), bench.path("moved")).unwrap();
    let line = line.replace("p_low", "moved");
    let both = |answer: &Value| (answer["kept"].clone(), answer["done"].clone());
    let answer = bench.done(&line);
    assert_eq!(both(&answer), (json!(["sts_004"]), json!(["sts_005"])));
    std::fs::copy(
        bench.path("moved/sts_004.nii.gz"),
        bench.path("moved/sts_005.nii.gz"),
    )
    .unwrap();
    let answer = bench.sarx(&line);
    assert_eq!(answer.json["kept"], json!(["sts_004"]), "{}", answer.stderr);
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.refused(
        &predict("--previous empty --output t"),
        &["none of 2 cases", "3d_lowres", "empty"],
    );

    // A case that fails in the first stage fails in the second, with that reason.
    let images = bench.path("images");
    std::fs::create_dir(&images).unwrap();
    for case in ["sts_004", "sts_005"] {
        let name = format!("{case}_0000.nii.gz");
        let from = bench.path(DATASET).join("imagesTs").join(&name);
        std::fs::copy(from, images.join(name)).unwrap();
    }
    std::fs::write(images.join("sts_005_0000.nii.gz"), b"no image").unwrap();
    let line = predict("--previous-model low --output u");
    let line = line.replace(&format!("{DATASET}/imagesTs"), "images");
    let answer = failing(&line, &["sts_005", "previous stage \"3d_lowres\" failed"]);
    assert_eq!(answer["done"], json!(["sts_004"]));
    let record = bench.read_json("u/prediction.json");
    assert_eq!(record["failed"][0]["case"], "sts_005");
}

#[cfg(unix)]
#[test]
fn a_residual_encoder_is_trained_resumed_and_predicted() {
    let bench = Bench::new();
    bench.cohort(6, 1);
    bench.done(&format!("plan {DATASET} --out pp --preset resenc-m"));
    let plans = "nnUNetResEncUNetMPlans";
    bench.edit(&format!("pp/{plans}.json"), |plans| {
        let configuration = &mut plans["configurations"]["3d_fullres"];
        shrink(configuration, &[8, 32, 32], "n_blocks_per_stage");
    });
    bench.preprocess(plans, "3d_fullres");
    let line =
        format!("train pp --plans {plans} --fold 0 {SHORT}").replace("--epochs 2", "--epochs 5");
    bench.same_bytes_after_a_kill(&line, "fold_0");
    bench.done(&format!(
        "predict --model killed --input {DATASET}/imagesTs --output predictions"
    ));
}

#[test]
fn few_cases_train_on_fold_all_or_own_splits() {
    let bench = Bench::new();
    bench.cohort(3, 0);
    bench.done(&format!("plan {DATASET} --out pp --preset small"));
    bench.shrink_network("pp/sarxSmallPlans.json");
    bench.preprocess("sarxSmallPlans", "3d_fullres");
    let line =
        |fold: &str| format!("train pp --plans sarxSmallPlans --fold {fold} --out model {SHORT}");
    bench.refused(&line("0"), &["--fold all"]);
    let all = bench.done(&line("all"));
    assert_eq!(all["validated_on_training_cases"], true);
    bench.write_json(
        "pp/splits_final.json",
        &json!([{"train": ["sts_000", "sts_001"], "val": ["sts_002"]}]),
    );
    bench.done(&format!("{} --npz", line("0")));
    let probabilities = bench.path("model/fold_0/validation/sts_002.npz");
    assert!(probabilities.exists());
    bench.done(&format!("{} --resume", line("0")));
    assert!(
        !probabilities.exists(),
        "they would outlive their segmentation"
    );
    bench.refused(&line("1"), &["fold 1", "0 to 0", "all"]);
    let summary = bench.read_json("model/fold_0/validation/summary.json");
    assert_eq!(summary["metric_per_case"].as_array().map(Vec::len), Some(1));
}

#[cfg(unix)]
#[test]
fn fine_tuning_begins_from_another_training_and_resumes_from_its_own() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    let line = format!("train pp --plans sarxSmallPlans --fold 0 {SHORT}");
    bench.done(&format!("{line} --out base --no-validation"));
    let tuned = format!("{line} --pretrained base/fold_0").replace("--epochs 2", "--epochs 6");
    bench.same_bytes_after_a_kill(&tuned, "fold_0");
    let file = "base/fold_0/checkpoint_final.safetensors";
    bench.done(&format!(
        "{line} --out file --pretrained {file} --no-validation"
    ));
    let weights = |model: &str| {
        std::fs::read(bench.path(&format!("{model}/fold_0/checkpoint_final.safetensors")))
    };
    bench.done(&format!("{line} --out fresh --no-validation"));
    assert!(weights("file").unwrap() != weights("fresh").unwrap());
    bench.refused(
        &format!("{line} --out file --resume --no-validation"),
        &["pretrained weights", "none"],
    );
    bench.refused(&format!("{line} --out no --pretrained pp"), &["weights"]);
    bench.edit("pp/sarxSmallPlans.json", |plans| {
        let configuration = &mut plans["configurations"]["3d_fullres"];
        configuration["architecture"]["arch_kwargs"]["features_per_stage"] = json!([2, 4, 6]);
    });
    bench.done(&format!(
        "preprocess {DATASET} --plans pp/sarxSmallPlans.json --out pp2"
    ));
    for name in ["sarxSmallPlans.json", "dataset.json", "splits_final.json"] {
        std::fs::copy(bench.path("pp").join(name), bench.path("pp2").join(name)).unwrap();
    }
    bench.refused(
        &format!("{line} --out other --pretrained {file}").replace("train pp", "train pp2"),
        &["do not fit", "encoder.stages.2"],
    );
    assert!(
        !bench.path("other").exists(),
        "no folder of a model that is none"
    );
}

#[test]
fn without_augmentation_a_model_is_not_mirrored_at_prediction() {
    let bench = Bench::new();
    bench.tiny_dataset(6, 1);
    let line = format!("train pp --plans sarxSmallPlans --fold 0 {SHORT} --no-validation");
    bench.refused(
        &format!("{line} --out strong --augmentation strong"),
        &["\"strong\"", "default", "none"],
    );
    bench.done(&format!("{line} --out plain --augmentation none"));
    bench.refused(
        &format!("{line} --out plain --augmentation default"),
        &["mirroring"],
    );
    assert_eq!(
        bench.read_json("plain/manifest.json")["mirror_axes"],
        json!([])
    );
    let predict = |more: &str| format!("predict --model plain --input {DATASET}/imagesTs {more}");
    bench.done(&predict("--output a"));
    bench.done(&predict("--output b --no-mirroring"));
    let masks = |folder: &str| {
        let files = bytes_below(&bench.path(folder)).into_iter();
        files
            .filter(|(path, _)| path.to_string_lossy().ends_with(".nii.gz"))
            .map(|(_, bytes)| bytes)
            .collect::<Vec<_>>()
    };
    assert_eq!(masks("a"), masks("b"));
}
