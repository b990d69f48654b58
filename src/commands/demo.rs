//! `sarx demo`: a whole study without any input, from a phantom cohort to a policy that is used.
//!
//! It does what anybody does with patients of his own: a cohort table, a study file, `sarx study run`,
//! `sarx predict --policy`. Said again, it goes on where it was.

mod clock;
mod next_patients;

use super::stop;
use super::study::Study;
use crate::args::{DemoArgs, StudyStage};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use clock::Clock;
use sarx_nn::DeviceChoice;
use sarx_phantom::{CohortSpec, MatrixSize, Series, write_cohort};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// The parts of the work and what they are called in the list of times.
const STAGES: [(&str, StudyStage); 4] = [
    ("data and plans", StudyStage::Prepare),
    ("training and validation", StudyStage::Train),
    ("prediction and scores", StudyStage::Predict),
    ("tables, policy and report", StudyStage::Report),
];

pub(super) fn run(args: &DemoArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    check_arguments(args)?;
    let stop = stop::on_ctrl_c()?;
    let mut clock = Clock::start();
    let file = clock.time("phantom cohort", || begin(args, console))?;
    let study = Study::open(&file, device, console, &stop)?;
    study.begin()?;
    let mut last = None;
    for (name, stage) in STAGES {
        let outcome = clock.time(name, || study.run_stage(&file, stage))?;
        if outcome.interrupted {
            return Ok(outcome);
        }
        if !outcome.failed.is_empty() {
            bail!("{name}: {}", outcome.failed.join("; "));
        }
        last = Some(outcome);
    }
    let mut outcome = last.context("the demo has stages")?;
    let segmented = clock.time("two patients by policy", || {
        next_patients::segment(&study, &args.out, device, console)
    })?;
    outcome.text.push_str(&format!("\n\n{}", segmented.text));
    outcome.json["next_patients"] = segmented.json;
    outcome.failed.extend(segmented.failed);
    Ok(with_times(outcome, &clock))
}

/// Finds out in the first second what would fail after minutes.
fn check_arguments(args: &DemoArgs) -> Result<()> {
    let DemoArgs {
        cases,
        held_out,
        epochs,
        iterations,
        ..
    } = *args;
    if held_out == 0 || cases < held_out + 6 {
        bail!(
            "the demo needs at least one held-out and six other patients; {cases} patients with {held_out} held \
             out were asked for"
        );
    }
    if epochs == 0 || iterations == 0 {
        bail!("epochs and iterations must be at least 1");
    }
    Ok(())
}

/// Makes cohort and study file, or finds those of the same demo. The study file is written last.
fn begin(args: &DemoArgs, console: &Console) -> Result<PathBuf> {
    let file = args.out.join("study.toml");
    let text = study_text(args);
    if file.exists() {
        let found = std::fs::read_to_string(&file)?;
        if found != text {
            bail!(
                "another demo is there, or its study file was changed; take another --out, or go on with it: sarx \
                 study run STUDY_FILE: {:?}",
                file.display().to_string()
            );
        }
        return Ok(file);
    }
    let spec = CohortSpec {
        n_patients: args.cases,
        seed: args.seed,
        matrix: MatrixSize::Small,
        held_out: args.held_out,
        series: Series::ALL.to_vec(),
    };
    write_cohort(&args.out.join("cohort"), &spec, console)?;
    sarx_io::write_atomic(&file, |out| out.write_all(text.as_bytes()))?;
    Ok(file)
}

/// The study file; it names the number of patients, so that another demo is told from this one.
fn study_text(args: &DemoArgs) -> String {
    let DemoArgs {
        cases,
        held_out,
        epochs,
        iterations,
        seed,
        ..
    } = *args;
    format!(
        include_str!("demo/study.toml"),
        cases = cases,
        held_out = held_out,
        epochs = epochs,
        iterations = iterations,
        seed = seed
    )
}

fn with_times(mut outcome: Outcome, clock: &Clock) -> Outcome {
    outcome.text.push('\n');
    for (stage, seconds) in clock.stages() {
        outcome
            .text
            .push_str(&format!("\n{stage:32} {seconds:>7.1} s"));
    }
    let total = clock.total_s();
    outcome
        .text
        .push_str(&format!("\n{:32} {total:>7.1} s", "all"));
    let stages: serde_json::Map<_, _> = clock
        .stages()
        .iter()
        .map(|(stage, seconds)| (stage.clone(), json!(seconds)))
        .collect();
    outcome.json["stages_s"] = stages.into();
    outcome.json["total_s"] = json!(total);
    outcome.json["peak_rss_mib"] = json!(clock::peak_rss_mib());
    outcome
}
