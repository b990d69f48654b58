//! `sarx study init`: a commented study file from a cohort table.

use crate::args::StudyInitArgs;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use sarx_study::design::study_text;
use serde_json::json;
use std::io::Write;
use std::path::Path;

pub(super) fn run(args: &StudyInitArgs) -> Result<Outcome> {
    let table = if args.cohort.is_dir() {
        args.cohort.join("cohort.csv")
    } else {
        args.cohort.clone()
    };
    if !table.is_file() {
        bail!(
            "there is no cohort table; write one line per patient, with columns patient, histology, site, and \
             NAME, NAME_label for the files of every series: {:?}",
            table.display().to_string()
        );
    }
    if args.out.exists() {
        bail!(
            "the study file is there already; move it away: {:?}",
            args.out.display().to_string()
        );
    }
    let text = study_text(&table, &relative(&table, &args.out)?)?;
    sarx_io::write_atomic(&args.out, |file| file.write_all(text.as_bytes()))?;
    let said = format!(
        "study file: {}; read it, then: sarx study run {}",
        args.out.display(),
        args.out.display()
    );
    Ok(Outcome::done(
        json!({"study": args.out, "cohort": table}),
        said,
    ))
}

/// The table as the study file names it: relative where it lies beside or below, else absolute.
fn relative(table: &Path, study: &Path) -> Result<String> {
    let table = table
        .canonicalize()
        .context("cannot find the cohort table")?;
    let folder = study
        .parent()
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = folder
        .canonicalize()
        .context("the folder of the study file is not there")?;
    let shown = table.strip_prefix(&folder).unwrap_or(&table);
    shown
        .to_str()
        .map(str::to_owned)
        .context("the cohort's path is not UTF-8")
}
