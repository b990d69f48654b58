//! `sarx verify`: every fault of every case.

use super::open_dataset;
use crate::args::VerifyArgs;
use crate::console::Console;
use crate::outcome::{Outcome, of_case};
use anyhow::Result;
use sarx_plan::{CaseReader, Finding, verify};

pub(super) fn run(args: &VerifyArgs, console: &Console) -> Result<Outcome> {
    let dataset = open_dataset(&args.dataset)?;
    let report = verify(&dataset, &CaseReader::new(dataset.json()), console);
    let failed: Vec<String> = report.faults.iter().map(finding_text).collect();
    let mut text = format!(
        "{} cases checked, {} faults",
        report.n_cases_read,
        failed.len()
    );
    for warning in &report.warnings {
        text.push_str(&format!("\nwarning: {}", finding_text(warning)));
    }
    Ok(Outcome::with_failures(
        serde_json::to_value(&report)?,
        text,
        failed,
    ))
}

fn finding_text<K>(finding: &Finding<K>) -> String {
    match &finding.case {
        Some(case) => of_case(case, &finding.message),
        None => finding.message.clone(),
    }
}
