//! `sarx ensemble`: folders of probabilities in, one folder of segmentations out.

use super::stop;
use crate::args::EnsembleArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::Result;
use sarx_infer::{EnsembleRequest, ensemble_folders};
use serde_json::json;

pub(super) fn run(args: &EnsembleArgs, console: &Console) -> Result<Outcome> {
    let stop = stop::on_ctrl_c()?;
    let request = EnsembleRequest {
        inputs: &args.input,
        output: &args.output,
        save: args.save_probabilities.map(Into::into),
        stop: &stop,
    };
    let report = ensemble_folders(&request, console)?;
    let failed: Vec<String> = report
        .failed
        .iter()
        .map(|(case, fault)| outcome::of_case(case.as_str(), &outcome::error_chain(fault)))
        .collect();
    let text = format!(
        "{} cases averaged over {} predictions, {} failed: {}",
        report.done.len(),
        args.input.len(),
        failed.len(),
        args.output.display()
    );
    let done: Vec<&str> = report.done.iter().map(sarx_core::CaseId::as_str).collect();
    let json = json!({"output": args.output, "done": done});
    Ok(Outcome::with_failures(json, text, failed))
}
