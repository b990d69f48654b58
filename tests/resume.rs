//! A training that is killed at any moment and resumed ends with the bytes of an undisturbed one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Bench;
use std::process::Stdio;
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

#[test]
fn sigkill_at_any_moment_changes_no_byte() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    let begun = Instant::now();
    bench.done(&bench.train_line("undisturbed", "--no-validation"));
    let whole = begun.elapsed();

    // Kill moments spread over the run; the machine's own jitter makes them random enough.
    let mut kills = 0;
    let mut runs = 0;
    loop {
        let resume = if runs == 0 { "" } else { "--resume" };
        let line = bench.train_line("killed", &format!("--no-validation {resume}"));
        let mut child = bench
            .command(&line)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        runs += 1;
        if kills < 4 {
            std::thread::sleep(whole.mul_f64(0.35 + 0.13 * f64::from(kills)));
            child.kill().unwrap();
            kills += 1;
        }
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        assert!(runs < 20, "the training does not come to its end");
    }
    assert_eq!(weights(&bench, "undisturbed"), weights(&bench, "killed"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_of_an_epoch_writes_a_checkpoint_and_loses_nothing() {
    let bench = Bench::new();
    bench.tiny_dataset(5, 0);
    bench.done(&bench.train_line("undisturbed", "--no-validation"));
    let line = bench.train_line("stopped", "--no-validation");
    let mut child = bench
        .command(&line)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = bench.path("stopped/fold_0/training_log.jsonl");
    let begun = Instant::now();
    // One epoch is in the log: the second is under way.
    while !std::fs::read_to_string(&log).is_ok_and(|text| text.lines().count() >= 1) {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "no epoch came to its end"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let status = child.wait().unwrap();
    assert!(
        status.code().is_some(),
        "the process ended by itself, not by the signal"
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
    // A finished fold that is resumed is simply finished.
}

impl Bench {
    /// The same plans with another batch size, preprocessed anew.
    fn shrink_other_plans(&self) {
        let mut plans = self.read_json("pp/sarxSmallPlans.json");
        plans["configurations"]["3d_fullres"]["batch_size"] = serde_json::json!(3);
        self.write_json("pp/sarxSmallPlans.json", &plans);
    }
}
