//! `sarx bench preprocess`: what `sarx plan` and `sarx preprocess` do, in one process.

use super::timing::Timing;
use super::{Stopwatch, report};
use crate::args::BenchPreprocessArgs;
use crate::commands::{open_dataset, plan, preprocess};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

pub(super) fn run(args: &BenchPreprocessArgs, console: &Console) -> Result<Outcome> {
    let preset = plan::preset(args.preset);
    let stop = AtomicBool::new(false);
    // The work itself stays silent: its stages would take the place of the rounds.
    let silent = Console::new(true);
    let mut timings = ["plan", "preprocess", "together"].map(Timing::new);
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let n_cases = watch.rounds("plan and preprocess", |is_timed| {
        // Each round begins with an empty folder, or nothing would be left to do.
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let begun = Instant::now();
        let (_, _, plans, _) = plan::plan_dataset(&args.dataset, folder.path(), &preset, &silent)?;
        let planned = begun.elapsed().as_secs_f64();
        let dataset = open_dataset(&args.dataset)?;
        let done = preprocess::preprocess_dataset(
            &dataset,
            &plans,
            &args.configuration,
            folder.path(),
            &stop,
            &silent,
        )?;
        let whole = begun.elapsed().as_secs_f64();
        if !done.failed.is_empty() {
            bail!("some cases fail: {}", done.failed.join("; "));
        }
        if is_timed {
            let seconds = [planned, whole - planned, whole];
            for (timing, seconds) in timings.iter_mut().zip(seconds) {
                timing.add(seconds);
            }
        }
        Ok(dataset.cases()?.len())
    })?;
    let details = json!({"cases": n_cases, "configuration": args.configuration});
    Ok(report("preprocess", args.rounds, &timings, details))
}
