//! Known motions, recovered: the figures of `docs/registration.md`.
//!
//! `cargo run --release -p sarx-register --example recovery -- [--json] [--small] [--motions N]
//! [--only WORD] [--write FOLDER]` prints how far every registration ends from the truth. `--write` also writes
//! the pairs as NIfTI with `pairs.json`, for `benches/peers/register.py`; `benches/register.sh` runs both.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]
#![expect(clippy::unwrap_used, reason = "a program for developers")]

#[path = "../tests/pairs/mod.rs"]
mod pairs;

use pairs::{Moved, Pair};
use sarx_phantom::{MatrixSize, Series};
use sarx_register::{RegisterError, RegisterSpec, Registration, Rigid, register};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|a| a == flag)?;
        arguments.get(at + 1).cloned()
    };
    let n_motions: usize = after("--motions").map_or(6, |n| n.parse().unwrap());
    let folder = after("--write").map(PathBuf::from);
    let only = after("--only").unwrap_or_default();
    let as_json = arguments.iter().any(|a| a == "--json");
    let is_small = arguments.iter().any(|a| a == "--small");
    let matrix = if is_small {
        MatrixSize::Small
    } else {
        MatrixSize::Standard
    };
    let mut written = Vec::new();
    let mut documents = Vec::new();
    for pair in all(&only, matrix) {
        let runs: Vec<Run> = std::iter::once(Rigid::identity())
            .chain(pair.motions(n_motions, 7))
            .map(|motion| run(&pair, &motion))
            .collect();
        if let Some(folder) = &folder {
            written.push(write(folder, &pair, &runs));
        }
        if as_json {
            documents.push(document(&pair, &runs));
        } else {
            table(&pair, &runs);
        }
    }
    if as_json {
        println!("{}", Value::Array(documents));
    }
    if let Some(folder) = folder {
        std::fs::write(folder.join("pairs.json"), Value::Array(written).to_string()).unwrap();
    }
}

/// The pairs whose names contain `only`; phantoms are painted only if they are wanted.
fn all(only: &str, matrix: MatrixSize) -> Vec<Pair> {
    let planes = [
        (Series::T1Axial, Series::T2Axial),
        (Series::T1Axial, Series::T1Sagittal),
    ];
    let mut pairs = Vec::new();
    if only.is_empty() || only.starts_with("phantom") {
        pairs = pairs::phantom(matrix, 3, &planes);
    }
    pairs.extend(pairs::neck());
    pairs.extend(pairs::knee());
    pairs.retain(|pair| pair.name.contains(only));
    pairs
}

/// One motion and what came of it.
struct Run {
    moved: Moved,
    result: Result<Registration, RegisterError>,
    seconds: f64,
    /// Of all threads.
    cpu_seconds: f64,
}

impl Run {
    /// What was found, refused or not.
    fn found(&self) -> Option<&Registration> {
        match &self.result {
            Ok(registration) => Some(registration),
            Err(RegisterError::Unreliable { registration, .. }) => Some(registration),
            Err(_) => None,
        }
    }
}

fn run(pair: &Pair, motion: &Rigid) -> Run {
    let moved = pair.moved(motion);
    let (begun, cpu_begun) = (Instant::now(), cpu_seconds());
    let result = register(&pair.fixed, &moved.moving, &RegisterSpec::default());
    Run {
        moved,
        result,
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds() - cpu_begun,
    }
}

/// What this process has had of all processors, from Linux' `/proc/self/stat` in hundredths; NaN elsewhere.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    // Fields 14 and 15 of proc_pid_stat(5), user and system; the name is field 2.
    let ticks = |i: usize| {
        after_name
            .get(i)
            .and_then(|v| v.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    (ticks(12) + ticks(13)) / 100.0
}

/// How far a result is from where it should be.
#[derive(Clone, Copy)]
struct Miss {
    median_mm: f64,
    max_mm: f64,
    median_voxels: f64,
}

/// Against the truth, and against what was found without the added motion.
fn misses(pair: &Pair, runs: &[Run], run: &Run) -> Option<[Miss; 2]> {
    let found = run.found()?.fixed_from_moving.inverse();
    let still = runs[0].found()?.fixed_from_moving.inverse();
    // The motion of this run: (motion after moving_from_fixed) after fixed_from_moving.
    let truth = run.moved.fixed_from_moving.inverse();
    let motion = truth.after(&pair.moving_from_fixed.inverse());
    Some([truth, motion.after(&still)].map(|expected| {
        let error = found.target_error(&expected, pair.fixed.grid());
        Miss {
            median_mm: error.median_mm,
            max_mm: error.max_mm,
            median_voxels: pair.voxels_apart(&found, &expected),
        }
    }))
}

fn table(pair: &Pair, runs: &[Run]) {
    let [least, mean, largest] = pair.voxel_mm();
    println!(
        "{} (voxel {least:.2}, {mean:.2}, {largest:.2} mm; exact {})",
        pair.name, pair.is_exact
    );
    println!(
        "  turn  shift | median    max mm, voxels | still med | wall, CPU s   MI   NMI  gain  overlap spread header"
    );
    for run in runs {
        let Some(found) = run.found() else {
            println!("  {}", run.result.as_ref().unwrap_err());
            continue;
        };
        let (q, truth) = (&found.quality, &run.moved.fixed_from_moving);
        let [error, to_still] = misses(pair, runs, run).unwrap();
        // The added motion, about the middle of the moving series.
        let shift = truth.inverse().after(&pair.moving_from_fixed.inverse());
        let shift = shift.about_centre(pairs::middle(pair.moving.grid()));
        println!(
            "  {:5.1} {:5.1} | {:6.3} {:6.3} {:6.2} | {:6.3} | {:5.2} {:5.2} | {:.3} {:.3} {:.2} {:.2} {:.3} {:.3} {}",
            shift.angle_deg(),
            shift
                .translation_mm()
                .iter()
                .map(|v| v * v)
                .sum::<f64>()
                .sqrt(),
            error.median_mm,
            error.max_mm,
            error.median_voxels,
            to_still.median_mm,
            run.seconds,
            run.cpu_seconds,
            q.mutual_information,
            q.normalized_information,
            q.information_gain,
            q.overlap,
            q.spread_mm,
            q.header_information.unwrap_or(f64::NAN),
            run.result
                .as_ref()
                .map_or_else(|e| e.to_string(), |_| String::new()),
        );
    }
}

fn document(pair: &Pair, runs: &[Run]) -> Value {
    let each: Vec<Value> = runs
        .iter()
        .map(|run| {
            let misses = misses(pair, runs, run).map(|misses| {
                misses.map(|miss| {
                    json!({
                        "median_mm": miss.median_mm,
                        "max_mm": miss.max_mm,
                        "median_voxels": miss.median_voxels,
                    })
                })
            });
            let [to_truth, to_still] = misses.map_or([Value::Null, Value::Null], |m| m);
            json!({
                "to_truth": to_truth,
                "to_still": to_still,
                "seconds": run.seconds,
                "cpu_seconds": run.cpu_seconds,
                "refused": run.result.as_ref().err().map(ToString::to_string),
                "spread_mm": run.found().map(|r| r.quality.spread_mm),
                "information_gain": run.found().map(|r| r.quality.information_gain),
            })
        })
        .collect();
    json!({
        "program": concat!("sarx ", env!("CARGO_PKG_VERSION")),
        "pair": pair.name,
        "voxel_mm": pair.fixed.grid().spacing.zyx_mm(),
        "is_exact": pair.is_exact,
        "runs": each,
    })
}

/// Writes the images of a pair; returns its entry of `pairs.json`.
fn write(folder: &Path, pair: &Pair, runs: &[Run]) -> Value {
    std::fs::create_dir_all(folder).unwrap();
    let word: String = pair
        .name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let fixed = format!("{word}_fixed.nii.gz");
    sarx_io::write_image(&folder.join(&fixed), &pair.fixed, None).unwrap();
    let runs: Vec<Value> = runs
        .iter()
        .enumerate()
        .map(|(k, run)| {
            let moving = format!("{word}_moving_{k}.nii.gz");
            sarx_io::write_image(&folder.join(&moving), &run.moved.moving, None).unwrap();
            let truth = run.moved.fixed_from_moving.inverse().affine().0;
            let found = run
                .found()
                .map(|r| r.fixed_from_moving.inverse().affine().0);
            json!({"moving": moving, "moving_from_fixed_ras": truth, "found_ras": found})
        })
        .collect();
    json!({
        "pair": pair.name,
        "fixed": fixed,
        "is_exact": pair.is_exact,
        "runs": runs,
    })
}
