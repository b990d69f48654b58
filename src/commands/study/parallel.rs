//! Several folds at a time, each in a process of its own with its share of the threads.
//!
//! Threads and the allocator belong to a process, so folds in one process would wait for each other. A
//! child is the same `sarx study run --only MODEL --fold K` that a person would type; Ctrl-C reaches all
//! of them, and each writes its checkpoint.

use super::Study;
use super::units::FoldUnit;
use anyhow::{Context, Result};
use sarx_core::Progress;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often children are asked whether they are done.
const PAUSE: Duration = Duration::from_millis(200);

struct Running<'a> {
    unit: &'a FoldUnit,
    child: Child,
}

impl Study<'_> {
    /// Trains folds, `at_once` at a time; the folds that failed.
    pub(super) fn folds_at_once(
        &self,
        study: &Path,
        units: &[FoldUnit],
        at_once: usize,
    ) -> Result<Vec<String>> {
        let threads = (rayon::current_num_threads() / at_once).max(1);
        let mut waiting = units.iter();
        let (mut running, mut failed) = (Vec::new(), Vec::new());
        self.console.begin("folds", units.len() as u64);
        loop {
            while running.len() < at_once && !self.stop.load(Ordering::Relaxed) {
                let Some(unit) = waiting.next() else {
                    break;
                };
                running.push(self.start(study, unit, threads)?);
            }
            if running.is_empty() {
                break;
            }
            std::thread::sleep(PAUSE);
            let mut still = Vec::new();
            for mut one in running {
                match one.child.try_wait().context("cannot wait for a fold")? {
                    None => still.push(one),
                    Some(status) => {
                        self.console.advance(1);
                        // 130 is a fold that was interrupted, not one that failed.
                        if !status.success() && status.code() != Some(130) {
                            failed.push(format!(
                                "model {}, fold {}: {status}; its log: {:?}",
                                one.unit.model,
                                one.unit.fold,
                                self.log(one.unit).display().to_string()
                            ));
                        }
                    }
                }
            }
            running = still;
        }
        self.console.finish();
        Ok(failed)
    }

    fn log(&self, unit: &FoldUnit) -> std::path::PathBuf {
        let folder = self.folders.model(&unit.model);
        folder.root().join(format!("fold_{}.log", unit.fold))
    }

    fn start<'b>(&self, study: &Path, unit: &'b FoldUnit, threads: usize) -> Result<Running<'b>> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let log = File::create(self.log(unit)).context("cannot make the log of a fold")?;
        let mut command = Command::new(program);
        command
            .args(["study", "run"])
            .arg(study)
            .args(["--only", &unit.model, "--fold", &unit.fold.to_string()])
            .args(["--threads", &threads.to_string()])
            .args(["--device", &self.device_request])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command
            .spawn()
            .context("cannot start a process for a fold")?;
        Ok(Running { unit, child })
    }
}
