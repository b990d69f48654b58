//! `sarx study init`: a commented study file from a cohort table, or from a folder of images alone.

use crate::args::StudyInitArgs;
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_study::design::write_study_file;
use serde_json::json;

pub(super) fn run(args: &StudyInitArgs) -> Result<Outcome> {
    let written = write_study_file(&args.cohort, &args.out)?;
    let mut lines = Vec::new();
    if written.is_new_cohort {
        lines.push(format!(
            "cohort table: {}; fill in histology and site, then the strata of the study file",
            written.cohort.display()
        ));
    }
    if !written.ignored.is_empty() {
        let shown = written
            .ignored
            .iter()
            .map(|path| path.display().to_string());
        let shown: Vec<String> = shown.collect();
        lines.push(format!("in no series and left out: {}", shown.join(", ")));
    }
    lines.push(format!(
        "study file: {study}; read it, then: sarx study run {study}",
        study = args.out.display()
    ));
    let json = json!({
        "study": args.out,
        "cohort": written.cohort,
        "cohort_is_new": written.is_new_cohort,
        "ignored": written.ignored,
    });
    Ok(Outcome::done(json, lines.join("\n")))
}
