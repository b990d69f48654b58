//! How long each stage took, and the most memory that the process had.

use anyhow::Result;
use std::time::Instant;

/// Wall time of the stages of a run.
#[derive(Debug)]
pub(super) struct Clock {
    begun: Instant,
    stages: Vec<(String, f64)>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            begun: Instant::now(),
            stages: Vec::new(),
        }
    }

    /// Runs a stage and remembers how long it took.
    pub(super) fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let result = work();
        self.stages
            .push((stage.to_owned(), begun.elapsed().as_secs_f64()));
        result
    }

    /// Stages and their seconds, in order.
    pub(super) fn stages(&self) -> &[(String, f64)] {
        &self.stages
    }

    pub(super) fn total_s(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

/// Peak resident memory of this process, MiB, where the system tells it (Linux).
pub(super) fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}
