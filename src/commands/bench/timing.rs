//! Rounds of work and what they took.

use super::RoundsArgs;
use crate::console::Console;
use anyhow::Result;
use sarx_core::Progress;
use serde_json::{Value, json};
use std::time::Instant;

/// The seconds of every round of one piece of work; there is at least one.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) what: String,
    seconds: Vec<f64>,
}

impl Timing {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            seconds: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, seconds: f64) {
        self.seconds.push(seconds);
    }

    /// The middle round; of an even number the mean of the two in the middle.
    pub(super) fn median_s(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        match n {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]),
        }
    }

    pub(super) fn least_s(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn most_s(&self) -> f64 {
        self.seconds.iter().copied().fold(0.0, f64::max)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "median_s": self.median_s(),
            "least_s": self.least_s(),
            "most_s": self.most_s(),
            "seconds": self.seconds,
        })
    }
}

/// Times pieces of work while the user sees which round it is.
pub(super) struct Stopwatch<'a> {
    pub(super) rounds: RoundsArgs,
    pub(super) console: &'a Console,
}

impl Stopwatch<'_> {
    /// Does the work in every round, warm-up first, and gives what the last round made.
    pub(super) fn time<T>(
        &self,
        what: &str,
        mut work: impl FnMut() -> Result<T>,
    ) -> Result<(Timing, T)> {
        let mut timing = Timing::new(what);
        let made = self.rounds(what, |is_timed| {
            let begun = Instant::now();
            let made = work()?;
            if is_timed {
                timing.add(begun.elapsed().as_secs_f64());
            }
            Ok(made)
        })?;
        Ok((timing, made))
    }

    /// Calls `round` for the warm-up (with false) and for every round that counts (with true).
    pub(super) fn rounds<T>(
        &self,
        what: &str,
        mut round: impl FnMut(bool) -> Result<T>,
    ) -> Result<T> {
        let n_rounds = self.rounds.rounds.get();
        self.console
            .begin(what, (self.rounds.warm_up + n_rounds) as u64);
        let mut done = || {
            for _ in 0..self.rounds.warm_up {
                drop(round(false)?);
                self.console.advance(1);
            }
            for _ in 1..n_rounds {
                drop(round(true)?);
                self.console.advance(1);
            }
            round(true)
        };
        let made = done();
        self.console.finish();
        made
    }
}

/// The most memory that this process has held so far; known on Linux only.
pub(super) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let mut timing = Timing::new("work");
        for seconds in [3.0, 1.0, 2.0] {
            timing.add(seconds);
        }
        assert_eq!(
            [timing.median_s(), timing.least_s(), timing.most_s()],
            [2.0, 1.0, 3.0]
        );
        timing.add(10.0);
        assert_eq!(timing.median_s(), 2.5);
    }

    #[test]
    fn the_warm_up_does_not_count_and_errors_end_it() {
        let console = Console::new(true);
        let rounds = RoundsArgs {
            rounds: std::num::NonZeroUsize::new(3).unwrap(),
            warm_up: 2,
        };
        let watch = Stopwatch {
            rounds,
            console: &console,
        };
        let mut n_calls = 0;
        let (timing, last) = watch
            .time("count", || {
                n_calls += 1;
                Ok(n_calls)
            })
            .unwrap();
        assert_eq!((timing.seconds.len(), last), (3, 5));
        let failed = watch.time("fail", || -> Result<()> { anyhow::bail!("no") });
        assert!(failed.is_err());
    }
}
