//! `sarx postprocess`: which clean-up helps, and the clean-up itself.

use super::{evaluate, stop};
use crate::args::{ApplyArgs, FindArgs, PostprocessAct, PostprocessArgs};
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Result, bail};
use sarx_core::Progress;
use sarx_infer::{
    ApplyReport, ApplyRequest, FindRequest, FoundPostprocessing, PostprocessingRules,
    apply_postprocessing, find_postprocessing,
};
use sarx_plan::DatasetJson;
use sarx_study::EvaluateSpec;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Share of a case's foreground whose removal is pointed out.
const MUCH: f64 = 0.05;

pub(super) fn run(args: &PostprocessArgs, console: &Console) -> Result<Outcome> {
    let stop = stop::on_ctrl_c()?;
    match &args.act {
        PostprocessAct::Find(args) => find(args, &stop, console),
        PostprocessAct::Apply(args) => apply(args, &stop, console),
    }
}

fn find(args: &FindArgs, stop: &AtomicBool, console: &Console) -> Result<Outcome> {
    let dataset = DatasetJson::read(&evaluate::dataset_json(
        args.dataset_json.as_deref(),
        &args.prediction,
        &args.reference,
    )?)?;
    let mut spec = EvaluateSpec::from_dataset(&dataset);
    spec.cases_at_once = args.cases_at_once;
    let request = FindRequest {
        prediction: &args.prediction,
        reference: &args.reference,
        file_ending: dataset.file_ending(),
        labels_or_regions: &spec.score.labels_or_regions,
        foreground: dataset.labels().foreground_labels(),
        ignore: dataset.labels().ignore_label(),
        cases_at_once: args.cases_at_once,
        stop,
    };
    let found = find_postprocessing(&request, console)?;
    if !found.not_predicted.is_empty() {
        console.warn(&format!(
            "{} references have no prediction; rules should be found on the whole cross-validation",
            found.not_predicted.len()
        ));
    }
    let rules_file = args
        .out
        .clone()
        .unwrap_or_else(|| args.prediction.join("postprocessing.json"));
    found.write(&rules_file)?;
    let pickle = rules_file.with_extension("pkl");
    found.rules.write_pickle(&pickle)?;
    let mut outcome = Outcome::done(found_json(&found, &rules_file), found_text(&found));
    if !args.no_postprocessed {
        let output = args.prediction.join("postprocessed");
        let apply = ApplyRequest {
            input: &args.prediction,
            output: &output,
            dataset: &dataset,
            rules: &found.rules,
            stop,
        };
        let report = apply_postprocessing(&apply, console)?;
        let removed = removed(&report);
        outcome.text.push_str(&removed.text);
        outcome.json["removed"] = removed.json;
        outcome.failed = removed.failed;
        spec.only = Some(report.done.iter().map(|a| a.case.clone()).collect());
        let summary = output.join("summary.json");
        let scores = evaluate::score(&args.reference, &output, &spec, &summary, console)?;
        outcome.json["postprocessed"] = json!(output);
        outcome.failed.extend(scores.failed);
    }
    outcome
        .text
        .push_str(&format!("\nrules: {}", rules_file.display()));
    Ok(outcome)
}

fn found_json(found: &FoundPostprocessing, rules_file: &PathBuf) -> Value {
    let trials = found.trials.iter().map(|trial| {
        let names: Vec<String> = trial.rule.of.iter().map(ToString::to_string).collect();
        let finite = |value: f64| value.is_finite().then_some(value);
        json!({
            "keep_largest_component_of": names,
            "dice_before": finite(trial.dice_before),
            "dice_after": finite(trial.dice_after),
            "accepted": trial.accepted,
        })
    });
    json!({
        "rules": rules_file,
        "n_cases": found.n_cases,
        "tried": trials.collect::<Vec<_>>(),
        "n_rules": found.rules.steps.len(),
    })
}

/// A line per trial, as nnU-Net prints them.
pub(super) fn found_text(found: &FoundPostprocessing) -> String {
    let mut text = format!("postprocessing found on {} cases", found.n_cases);
    for trial in &found.trials {
        let names: Vec<String> = trial.rule.of.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "\n  largest component of {:20} mean Dice {:.5} -> {:.5}  {}",
            names.join(" + "),
            trial.dice_before,
            trial.dice_after,
            if trial.accepted { "accepted" } else { "no" }
        ));
    }
    text
}

fn apply(args: &ApplyArgs, stop: &AtomicBool, console: &Console) -> Result<Outcome> {
    let rules = PostprocessingRules::read(&args.rules)?;
    let beside = args.input.join("dataset.json");
    let dataset = match &args.dataset_json {
        Some(path) => DatasetJson::read(path)?,
        None if beside.exists() => DatasetJson::read(&beside)?,
        None => bail!("there is no dataset.json in the input folder; say --dataset-json FILE"),
    };
    let request = ApplyRequest {
        input: &args.input,
        output: &args.output,
        dataset: &dataset,
        rules: &rules,
        stop,
    };
    let report = apply_postprocessing(&request, console)?;
    let removed = removed(&report);
    let text = format!(
        "{} cases cleaned with {} rules, {} failed: {}{}",
        report.done.len(),
        rules.steps.len(),
        removed.failed.len(),
        args.output.display(),
        removed.text
    );
    let json = json!({
        "output": args.output,
        "n_rules": rules.steps.len(),
        "removed": removed.json,
    });
    Ok(Outcome::with_failures(json, text, removed.failed))
}

/// What a clean-up took away.
struct Removed {
    text: String,
    json: Value,
    failed: Vec<String>,
}

/// Names the cases that lost voxels; the tail of a sarcoma may be among them.
fn removed(report: &ApplyReport) -> Removed {
    let mut text = String::new();
    let mut json = serde_json::Map::new();
    for applied in report.done.iter().filter(|applied| applied.n_removed > 0) {
        let share = applied.removed_ml / applied.before_ml;
        let look = if share > MUCH {
            "  look at this one"
        } else {
            ""
        };
        text.push_str(&format!(
            "\n  case \"{}\": {:.2} of {:.2} ml removed ({:.1} %){look}",
            applied.case,
            applied.removed_ml,
            applied.before_ml,
            100.0 * share
        ));
        json.insert(applied.case.to_string(), applied.removed_json());
    }
    let failed = report
        .failed
        .iter()
        .map(|(case, error)| outcome::of_case(case.as_str(), &outcome::error_chain(error)))
        .collect();
    Removed {
        text,
        json: Value::Object(json),
        failed,
    }
}
