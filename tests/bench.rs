//! `sarx bench` on tiny work: what is timed is there, and what it writes fits together.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use ndarray::{Array3, Array4, Array5};
use ndarray_npy::read_npy;
use sarx_study::results::scores::ScoreTable;
use serde_json::Value;

/// The names of what was timed; every one with as many rounds as were asked for.
fn timed(document: &Value, n_rounds: usize) -> Vec<String> {
    let timings = document["timings"].as_array().unwrap();
    let one = |timing: &Value| {
        let seconds = timing["seconds"].as_array().unwrap();
        assert_eq!(seconds.len(), n_rounds, "{timing}");
        let [least, median, most] =
            ["least_s", "median_s", "most_s"].map(|name| timing[name].as_f64().unwrap());
        assert!(0.0 < least && least <= median && median <= most, "{timing}");
        timing["what"].as_str().unwrap().trim().to_owned()
    };
    timings.iter().map(one).collect()
}

#[test]
fn scores_of_a_pair_are_timed_and_the_pair_can_be_kept() {
    let bench = Bench::new();
    let line = "bench evaluate --size 12,44,40 --spacing 3,1,1 --rounds 2 --warm-up 0";
    let document = bench.done(&format!("{line} --volume-ml 2 --write-inputs pair"));
    assert_eq!(timed(&document, 2), ["Dice, ASSD, HD95", "every score"]);
    assert_eq!(document["threads"], 1);
    let scores = &document["details"]["scores"];
    assert!(scores["dice"].as_f64().unwrap() > 0.3, "{scores}");
    let volume = scores["volume_ref_ml"].as_f64().unwrap();
    assert!((1.8..2.2).contains(&volume), "{volume}");
    let kept = sarx_io::read_labels(&bench.path("pair/reference.nii.gz")).unwrap();
    let n_voxels = kept.labels.voxels().iter().filter(|&&l| l == 1).count();
    assert!((n_voxels as f64 * 3e-3 - volume).abs() < 1e-9);
    assert!(bench.path("pair/prediction.nii.gz").exists());
    bench.refused(&format!("{line} --volume-ml 400"), &["400 ml", "not fit"]);
    bench.refused("bench evaluate --size 12,44", &["--size", "2 were given"]);
}

#[test]
fn a_folder_of_made_up_cases_is_scored_as_a_study_scores() {
    let bench = Bench::new();
    let line = "bench scores made_up --cases 75 --size 12,40,44 --spacing 5,2,2 --volume-ml 5,15 --rounds 2 \
                --warm-up 0";
    let document = bench.done(line);
    assert_eq!(timed(&document, 2), ["files to scores.csv"]);
    let scores = &document["details"]["scores"];
    assert_eq!(scores["cases"], 75);
    assert_eq!(
        (&scores["missed"], &scores["without_prediction"]),
        (&1.into(), &1.into())
    );
    assert_eq!(scores["finite"], 73);
    let dice = scores["mean_dice"].as_f64().unwrap();
    assert!((0.6..0.98).contains(&dice), "{dice}");
    let table = ScoreTable::read(&bench.path("made_up/scores.csv")).unwrap();
    assert_eq!((table.rows().len(), table.n_failed()), (75, 1));
    let again = bench.done(&format!("{line} --first 7"));
    assert_eq!(again["details"]["was_there"], true);
    assert_eq!(again["details"]["scores"]["cases"], 7);
    bench.refused(&line.replace("--cases 75", "--cases 5"), &["other cases"]);
    bench.refused(&line.replace("5,15", "15,5"), &["--volume-ml"]);
}

#[test]
fn logits_of_every_look_become_labels() {
    let bench = Bench::new();
    for look in ["blobs", "noise"] {
        let document = bench.done(&format!(
            "bench resample --from 5,12,10 --to 8,31,80 --classes 3 --logits {look} --rounds 3 \
             --write-inputs {look}"
        ));
        assert_eq!(timed(&document, 3), ["logits to labels"]);
        let logits: Array4<f32> = read_npy(bench.path(&format!("{look}/logits.npy"))).unwrap();
        let labels: Array3<u16> = read_npy(bench.path(&format!("{look}/labels.npy"))).unwrap();
        assert_eq!(logits.dim(), (3, 5, 12, 10));
        assert_eq!(labels.dim(), (8, 31, 80));
        for (label, count) in document["details"]["voxels_of_label"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            let found = labels.iter().filter(|&&l| usize::from(l) == label).count();
            assert_eq!(count.as_u64().unwrap(), found as u64);
            assert!(found > 0, "{look}: label {label} is nowhere");
        }
    }
    bench.refused("bench resample --from 5,12,0", &["at least 1"]);
}

#[test]
fn rounding_is_measured_where_it_is_asked_for() {
    let bench = Bench::new();
    let line = "bench net --features 16 --patch 16,16,32 --rounds 1 --warm-up 0";
    let rounded = bench.done(&format!("{line} --pass forward --precision bf16"));
    assert_eq!(rounded["details"]["precision"], "bf16");
    let rms = rounded["details"]["relative_rms_of_rounding"]
        .as_f64()
        .unwrap();
    assert!((1e-4..0.1).contains(&rms), "{rms}");
    bench.refused(&format!("{line} --precision bf16"), &["--pass forward"]);
}

#[test]
fn passes_of_both_networks_are_timed() {
    let bench = Bench::new();
    let line = "bench net --features 2 --rounds 1 --warm-up 0";
    let plain = bench.done(&format!(
        "{line} --patch 16,16,32 --batch 2 --write-inputs net"
    ));
    assert_eq!(timed(&plain, 1), ["forward", "training step"]);
    assert!(plain["details"]["loss_after_last_step"].as_f64().unwrap() > 0.0);
    let input: Array5<f32> = read_npy(bench.path("net/input.npy")).unwrap();
    let logits: Array5<f32> = read_npy(bench.path("net/logits.npy")).unwrap();
    assert_eq!(input.dim(), (2, 1, 16, 16, 32));
    assert_eq!(logits.dim(), (2, 5, 16, 16, 32));
    let mean = input.iter().sum::<f32>() / input.len() as f32;
    assert!(mean.abs() < 0.05, "{mean}");
    let thick = bench.done(&format!(
        "{line} --network anisotropic --patch 8,32,32 --pass step"
    ));
    assert_eq!(timed(&thick, 1), ["training step"]);
    assert_eq!(thick["details"]["features_per_stage"][5], 64);
    bench.refused(&format!("{line} --patch 16,16,20"), &["20"]);
}

#[test]
fn preprocessing_and_prediction_are_timed_stage_by_stage() {
    let bench = Bench::new();
    bench.tiny_dataset(6, 1);
    let document = bench.done("bench preprocess cohort/Dataset101_T1Axial --rounds 2 --warm-up 0");
    assert_eq!(timed(&document, 2), ["plan", "preprocess", "together"]);
    assert_eq!(document["details"]["cases"], 5);
    bench.done(&bench.train_line("model", "--no-validation"));
    let images = "cohort/Dataset101_T1Axial/imagesTs";
    let line = format!("bench predict --model model --input {images} --rounds 1");
    let document = bench.done(&format!("{line} --warm-up 0 --no-mirroring"));
    let names = timed(&document, 1);
    assert_eq!((names.len(), names[0].as_str()), (7, "whole prediction"));
    assert_eq!(document["details"]["cases"].as_array().unwrap().len(), 1);
    if cfg!(target_os = "linux") {
        assert!(document["peak_memory_bytes"].as_u64().unwrap() > 1_000_000);
    }
    bench.refused(
        "bench predict --model model --input cohort",
        &["no file that ends in"],
    );
}
