//! `sarx preprocess`: every case of a dataset into the case store. Resumes where it was stopped;
//! a case whose files have changed is made anew.

pub(super) mod case_list;
mod sources;

use super::{open_dataset, stop};
use crate::args::PreprocessArgs;
use crate::console::Console;
use crate::outcome::{Outcome, error_text, of_case};
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use sarx_core::Progress;
use sarx_model::{preprocess_spec, store_identity};
use sarx_plan::{CaseFiles, CaseReader, Dataset, Plans};
use sarx_preprocess::{CaseStore, PreprocessSpec, preprocess};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn run(args: &PreprocessArgs, console: &Console) -> Result<Outcome> {
    let dataset = open_dataset(&args.dataset)?;
    let plans = Plans::read(&args.plans)?;
    let stop = stop::on_ctrl_c()?;
    preprocess_dataset(
        &dataset,
        &plans,
        &args.configuration,
        &args.out,
        &stop,
        console,
    )
}

/// Preprocesses all cases and copies their label maps to `gt_segmentations`.
pub(super) fn preprocess_dataset(
    dataset: &Dataset,
    plans: &Plans,
    configuration: &str,
    out: &Path,
    stop: &AtomicBool,
    console: &Console,
) -> Result<Outcome> {
    let cases = dataset.cases()?;
    let configuration = plans.configuration(configuration)?;
    let spec = preprocess_spec(plans, &configuration, dataset.json())?;
    let identity = store_identity(plans, &configuration, dataset.json())?;
    let folder = out.join(&configuration.data_identifier);
    std::fs::create_dir_all(&folder).with_context(|| cannot_make(&folder))?;
    let store = CaseStore::create(&folder, &identity)?;
    let references = out.join("gt_segmentations");
    std::fs::create_dir_all(&references).with_context(|| cannot_make(&references))?;
    case_list::write(out, cases)?;
    console.begin("preprocess", cases.len() as u64);
    let results: Vec<Result<bool>> = cases
        .par_iter()
        .map(|files| {
            if stop.load(Ordering::Relaxed) {
                bail!("stopped before it was preprocessed; run the same command to go on");
            }
            let done = one_case(dataset, files, &spec, &store, &references);
            console.advance(1);
            done
        })
        .collect();
    console.finish();
    Ok(outcome(cases, &results, &folder))
}

/// Returns whether the case was made now.
fn one_case(
    dataset: &Dataset,
    files: &CaseFiles,
    spec: &PreprocessSpec,
    store: &CaseStore,
    references: &Path,
) -> Result<bool> {
    let ending = dataset.json().file_ending();
    let sources = sources::hash(files)?;
    let remembered = store.folder().join(format!("{}.sources", files.id));
    let reference = references.join(format!("{}{ending}", files.id));
    let unchanged = sources.is_some() && sources::read(&remembered) == sources;
    if unchanged && store.contains(&files.id) && reference.exists() {
        return Ok(false);
    }
    copy_reference(files, &reference)?;
    let case = CaseReader::new(dataset.json()).read_case(files)?;
    let channels: Vec<_> = case.channels.iter().collect();
    store.write_case(
        &files.id,
        &preprocess(&channels, case.labels.as_ref(), spec)?,
    )?;
    sources::write(&remembered, sources.as_deref())?;
    Ok(true)
}

/// Validation scores against the label map on its own grid, wherever the dataset goes.
fn copy_reference(files: &CaseFiles, target: &Path) -> Result<()> {
    let Some(label) = &files.label else {
        return Ok(());
    };
    let image = sarx_io::read_labels(label)?;
    Ok(sarx_io::write_labels(
        target,
        &image.labels,
        Some(&image.header),
    )?)
}

fn outcome(cases: &[CaseFiles], results: &[Result<bool>], folder: &Path) -> Outcome {
    let mut failed = Vec::new();
    let (mut n_made, mut n_kept) = (0, 0);
    for (files, result) in cases.iter().zip(results) {
        match result {
            Ok(true) => n_made += 1,
            Ok(false) => n_kept += 1,
            Err(error) => {
                failed.push(of_case(files.id.as_str(), &error_text(error)));
            }
        }
    }
    let text = format!(
        "{n_made} cases preprocessed, {n_kept} kept, {} failed: {}",
        failed.len(),
        folder.display()
    );
    let json = json!({"store": folder, "made": n_made, "kept": n_kept});
    Outcome::with_failures(json, text, failed)
}

fn cannot_make(folder: &Path) -> String {
    format!("cannot make the folder: {:?}", folder.display().to_string())
}
