//! A temporary folder, the real binary, and a dataset small enough to train on in seconds.
#![allow(
    dead_code,
    reason = "each test binary uses its own part of the harness"
)]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder that vanishes with the test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a call of the binary left behind.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stderr: String,
    pub(crate) json: Value,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// A command of the binary on one thread, not yet started.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sarx"));
        command
            .current_dir(self.folder.path())
            .args(["--threads", "1", "--json"]);
        command.args(line.split_whitespace());
        command
    }

    /// Starts a line and says nothing.
    pub(crate) fn start(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs a line to its end.
    pub(crate) fn sarx(&self, line: &str) -> Answer {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(line).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        let json = serde_json::from_slice(&stdout)
            .unwrap_or_else(|e| panic!("{line}: stdout is no JSON document: {e}\n{stderr}"));
        Answer {
            code: status.code().unwrap_or(-1),
            stderr,
            json,
        }
    }

    /// Runs a line that must succeed.
    pub(crate) fn done(&self, line: &str) -> Value {
        let answer = self.sarx(line);
        assert_eq!(answer.code, 0, "{line}\n{}", answer.stderr);
        assert_eq!(answer.json["status"], "done");
        answer.json
    }

    /// Runs a line that must be refused with exit code 2 and a text that holds `words`.
    pub(crate) fn refused(&self, line: &str, words: &[&str]) {
        let answer = self.sarx(line);
        assert_eq!(answer.code, 2, "{line}\n{}", answer.stderr);
        let text = answer.json["error"].as_str().unwrap_or_default().to_owned();
        for word in words {
            assert!(text.contains(word), "{line}: {word:?} is not in: {text}");
        }
    }

    pub(crate) fn read_json(&self, relative: &str) -> Value {
        let path = self.path(relative);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}: {}", path.display()));
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn write_json(&self, relative: &str, value: &Value) {
        std::fs::create_dir_all(self.path(relative).parent().unwrap()).unwrap();
        std::fs::write(
            self.path(relative),
            serde_json::to_string_pretty(value).unwrap(),
        )
        .unwrap();
    }

    /// A phantom cohort, planned and preprocessed with a network of a few thousand weights.
    pub(crate) fn tiny_dataset(&self, n_cases: usize, n_held_out: usize) {
        self.done(&format!(
            "phantom --out cohort --cases {n_cases} --held-out {n_held_out} --matrix small --seed 3"
        ));
        self.done("plan cohort/Dataset101_T1Axial --out pp --preset small");
        self.shrink_network("pp/sarxSmallPlans.json");
        self.done("preprocess cohort/Dataset101_T1Axial --plans pp/sarxSmallPlans.json --out pp");
    }

    /// Two stages, two and four features, small patches.
    pub(crate) fn shrink_network(&self, plans: &str) {
        let mut document = self.read_json(plans);
        let configuration = &mut document["configurations"]["3d_fullres"];
        configuration["patch_size"] = json!([8, 32, 32]);
        configuration["batch_size"] = json!(2);
        let arguments = &mut configuration["architecture"]["arch_kwargs"];
        arguments["n_stages"] = json!(3);
        arguments["features_per_stage"] = json!([2, 4, 8]);
        arguments["kernel_sizes"] = json!([[1, 3, 3], [3, 3, 3], [3, 3, 3]]);
        arguments["strides"] = json!([[1, 1, 1], [1, 2, 2], [2, 2, 2]]);
        arguments["n_conv_per_stage"] = json!([1, 1, 1]);
        arguments["n_conv_per_stage_decoder"] = json!([1, 1]);
        self.write_json(plans, &document);
    }

    pub(crate) fn train_line(&self, out: &str, more: &str) -> String {
        format!(
            "train pp --plans sarxSmallPlans --fold 0 --out {out} --epochs 3 --iterations 4 \
             --val-iterations 2 --seed 5 {more}"
        )
    }
}

/// All files below a folder with their bytes.
pub(crate) fn bytes_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
