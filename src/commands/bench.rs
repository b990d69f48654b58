//! `sarx bench`: how long the parts of the work take on this machine.
//!
//! Everything is timed inside one process after a warm-up, several rounds each, and the medians are
//! shown. `benches/run.sh` calls this and the scripts of `benches/peers` in turn.

mod evaluate;
mod made_up_cases;
mod net;
mod npy;
mod predict;
mod preprocess;
mod resample;
mod scores;
mod shape;
mod timing;

use crate::args::{BenchAct, BenchArgs, RoundsArgs};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Result, bail};
use sarx_nn::DeviceChoice;
use serde_json::{Value, json};
use timing::{Stopwatch, Timing, peak_memory_bytes};

pub(super) fn run(args: &BenchArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    match &args.act {
        BenchAct::Net(args) => net::run(args, device, console),
        BenchAct::Predict(args) => predict::run(args, device, console),
        BenchAct::Preprocess(args) => preprocess::run(args, console),
        BenchAct::Resample(args) => resample::run(args, console),
        BenchAct::Evaluate(args) => evaluate::run(args, console),
        BenchAct::Scores(args) => scores::run(args, console),
    }
}

/// The table and the document of one benchmark.
fn report(name: &str, rounds: RoundsArgs, timings: &[Timing], details: Value) -> Outcome {
    let n_threads = rayon::current_num_threads();
    let width = timings.iter().map(|t| t.what.len()).max().unwrap_or(0);
    let mut text = format!(
        "{name}, {n_threads} threads, median of {} rounds\n{:width$}  {:>10}  {:>10}  {:>10}",
        rounds.rounds, "", "median", "least", "most"
    );
    for timing in timings {
        let [median, least, most] = [timing.median_s(), timing.least_s(), timing.most_s()];
        text.push_str(&format!(
            "\n{:width$}  {:>10}  {:>10}  {:>10}",
            timing.what,
            duration(median),
            duration(least),
            duration(most)
        ));
    }
    let peak = peak_memory_bytes();
    if let Some(bytes) = peak {
        text.push_str(&format!("\npeak memory {:.0} MB", bytes as f64 / 1e6));
    }
    let json = json!({
        "bench": name,
        "version": env!("CARGO_PKG_VERSION"),
        "threads": n_threads,
        "rounds": rounds.rounds,
        "warm_up": rounds.warm_up,
        "timings": timings.iter().map(Timing::to_json).collect::<Vec<_>>(),
        "peak_memory_bytes": peak,
        "details": details,
    });
    Outcome::done(json, text)
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.3} s"),
    }
}

/// Three numbers that were typed for the axes z, y, x.
fn three<T: Copy>(flag: &str, found: &[T]) -> Result<[T; 3]> {
    match *found {
        [z, y, x] => Ok([z, y, x]),
        _ => bail!("{flag} takes three numbers, {} were given", found.len()),
    }
}
