//! `sarx best`: the best model or pair in cross-validation, its clean-up, and how to use it.

use super::{postprocess, stop};
use crate::args::BestArgs;
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result};
use sarx_best::{BestReport, BestRequest, find_best};
use sarx_core::Progress;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(super) fn run(args: &BestArgs, console: &Console) -> Result<Outcome> {
    let stop = stop::on_ctrl_c()?;
    let folds = args
        .folds
        .iter()
        .map(|fold| fold.parse())
        .collect::<Result<Vec<_>, _>>()?;
    let out = out(args)?;
    let report = find_best(
        &BestRequest {
            models: &args.results,
            reference: &args.reference,
            out: &out,
            folds: &folds,
            ensembling: !args.no_ensembling,
            cases_at_once: args.cases_at_once,
            stop: &stop,
        },
        console,
    )?;
    for reason in &report.left_out {
        console.warn(reason);
    }
    let not_validated = &report.postprocessing.not_predicted;
    if !not_validated.is_empty() {
        console.warn(&format!(
            "{} references are in no validated fold: the choice rests on {} cases, part of the \
             cross-validation",
            not_validated.len(),
            report.n_cases
        ));
    }
    let pickle = report.rules_file.with_extension("pkl");
    report.postprocessing.rules.write_pickle(&pickle)?;
    Ok(Outcome::done(json(&report), text(&report)))
}

/// Results of several models lie beside them.
fn out(args: &BestArgs) -> Result<PathBuf> {
    if let Some(out) = &args.out {
        return Ok(out.clone());
    }
    let first = &args.results[0];
    let path = first
        .canonicalize()
        .with_context(|| format!("cannot read the folder: {:?}", first.display().to_string()))?;
    let is_model = path.join("plans.json").is_file();
    let parent = path.parent().filter(|_| is_model).map(Path::to_path_buf);
    Ok(parent.unwrap_or(path))
}

fn text(report: &BestReport) -> String {
    let mut text = format!(
        "mean foreground Dice of {} cases in cross-validation\n",
        report.n_cases
    );
    for (index, contender) in report.contenders.iter().enumerate() {
        let best = if index == report.best { "  best" } else { "" };
        text.push_str(&format!(
            "  {:.5}  {}{best}\n",
            contender.dice, contender.name
        ));
    }
    text.push_str(&postprocess::found_text(&report.postprocessing));
    text.push_str(&format!(
        "\nafter postprocessing {:.5}\n\n{}\n{}",
        report.dice_postprocessed,
        report.instructions,
        report.instructions_file.display()
    ));
    text
}

fn json(report: &BestReport) -> Value {
    let finite = |value: f64| value.is_finite().then_some(value);
    let results: serde_json::Map<String, Value> = report
        .contenders
        .iter()
        .map(|contender| (contender.name.clone(), json!(finite(contender.dice))))
        .collect();
    json!({
        "best": report.contenders[report.best].name,
        "results": results,
        "not_scored": report.left_out,
        "n_cases": report.n_cases,
        "result_after_postprocessing": finite(report.dice_postprocessed),
        "rules": report.rules_file,
        "information": report.information_file,
        "instructions": report.instructions_file,
    })
}
