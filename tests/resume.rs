//! A training that is killed at any moment and resumed ends with the bytes of an undisturbed one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use std::process::Command;
use std::time::{Duration, Instant};

const FILES: [&str; 2] = [
    "checkpoint_final.safetensors",
    "checkpoint_best.safetensors",
];

fn weights(bench: &Bench, model: &str) -> Vec<Vec<u8>> {
    FILES
        .map(|file| std::fs::read(bench.path(&format!("{model}/fold_0/{file}"))).unwrap())
        .to_vec()
}

/// Waits until `ready`, or fails.
fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(unix)]
#[test]
fn sigkill_at_any_moment_changes_no_byte() {
    use std::os::unix::process::ExitStatusExt;
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    let line = |out: &str, more: &str| {
        let epochs = "--epochs 8";
        bench
            .train_line(out, &format!("--no-validation {more}"))
            .replace("--epochs 3", epochs)
    };
    let begun = Instant::now();
    bench.done(&line("undisturbed", ""));
    let epoch = begun.elapsed() / 8;

    let latest = bench.path("killed/fold_0/checkpoint_latest.safetensors");
    // Delays after a new checkpoint, as shares of an epoch: into training, validation, writing.
    for (kill, share) in [0.1, 0.45, 0.8, 0.95].into_iter().enumerate() {
        let before = std::fs::read(&latest).ok();
        let resume = if kill == 0 { "" } else { "--resume" };
        let mut child = bench.start(&line("killed", resume));
        wait_until("checkpoint", || {
            std::fs::read(&latest).is_ok_and(|now| Some(now) != before)
        });
        std::thread::sleep(epoch.mul_f64(share));
        child.kill().unwrap();
        assert_eq!(
            child.wait().unwrap().signal(),
            Some(9),
            "kill {kill} met a living process"
        );
        assert!(latest.exists(), "the checkpoint survives kill {kill}");
    }
    bench.done(&line("killed", "--resume"));
    assert_eq!(weights(&bench, "undisturbed"), weights(&bench, "killed"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_of_an_epoch_writes_a_checkpoint_and_loses_nothing() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("undisturbed", "--no-validation"));
    let mut child = bench.start(&bench.train_line("stopped", "--no-validation"));
    let log = bench.path("stopped/fold_0/training_log.jsonl");
    // One epoch is in the log: the second is under way.
    wait_until("epoch", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.lines().count() == 1)
    });
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        bench
            .path("stopped/fold_0/checkpoint_latest.safetensors")
            .exists()
    );
    assert!(
        !bench
            .path("stopped/fold_0/checkpoint_final.safetensors")
            .exists()
    );
    bench.done(&bench.train_line("stopped", "--no-validation --resume"));
    assert_eq!(weights(&bench, "undisturbed"), weights(&bench, "stopped"));
}

#[test]
fn a_begun_fold_is_refused_without_resume_and_under_other_choices() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("model", "--no-validation"));
    let before = harness::bytes_below(&bench.path("model"));
    let again = bench.done(&bench.train_line("model", "--no-validation --resume"));
    assert_eq!(
        again["end"], "finished",
        "a finished fold that is resumed is simply finished"
    );
    bench.refused(&bench.train_line("model", "--no-validation"), &["--resume"]);
    let other = bench
        .train_line("model", "--no-validation --resume")
        .replace("--seed 5", "--seed 6");
    bench.refused(&other, &["seed", "5", "6"]);
    bench.shrink_other_plans();
    bench.refused(
        &bench.train_line("model", "--no-validation --resume"),
        &["plans"],
    );
    assert_eq!(
        before,
        harness::bytes_below(&bench.path("model")),
        "nothing was changed"
    );
}

impl Bench {
    /// The same plans with another batch size, preprocessed anew.
    fn shrink_other_plans(&self) {
        let mut plans = self.read_json("pp/sarxSmallPlans.json");
        plans["configurations"]["3d_fullres"]["batch_size"] = serde_json::json!(3);
        self.write_json("pp/sarxSmallPlans.json", &plans);
    }
}
