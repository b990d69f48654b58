//! Rules applied to a folder.

use super::{PostprocessError, PostprocessingRules};
use crate::label_files;
use crate::output_folder::{claim, write_record};
use rayon::prelude::*;
use sarx_core::{CaseId, Progress};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a cleaned folder says about itself.
const RECORD: &str = "postprocessed.json";

/// Documents that go along, where the input has them.
const DOCUMENTS: [&str; 2] = ["dataset.json", "plans.json"];

/// A folder to clean.
#[derive(Debug, Clone, Copy)]
pub struct ApplyRequest<'a> {
    /// Folder of segmentations.
    pub input: &'a Path,
    /// Where cleaned ones are written.
    pub output: &'a Path,
    /// Ending of segmentations, with its dot.
    pub file_ending: &'a str,
    /// What to do.
    pub rules: &'a PostprocessingRules,
    /// Becomes true when the work should stop after the current cases.
    pub stop: &'a AtomicBool,
}

/// A cleaned case.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedCase {
    /// The case.
    pub case: CaseId,
    /// Voxels that became background.
    pub n_removed: usize,
    /// Their volume, ml.
    pub removed_ml: f64,
    /// Volume of all foreground before, ml.
    pub before_ml: f64,
}

/// What became of the cases.
#[derive(Debug, Default)]
pub struct ApplyReport {
    /// Cleaned and written, by name.
    pub done: Vec<AppliedCase>,
    /// Failed, with the reason.
    pub failed: Vec<(CaseId, PostprocessError)>,
}

/// Cleans every segmentation of a folder; geometry and header stay.
///
/// # Errors
///
/// [`PostprocessError`] if the input cannot be listed, the output cannot be written, or the work
/// is stopped; faults of single cases are in the result.
pub fn apply_postprocessing(
    request: &ApplyRequest<'_>,
    progress: &dyn Progress,
) -> Result<ApplyReport, PostprocessError> {
    let files = label_files(request.input, request.file_ending)?;
    let input = [request.input.to_owned()];
    let name = |path: &'_ PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let names: Vec<String> = files.values().filter_map(name).collect();
    let names = names.iter().map(String::as_str);
    claim(request.output, &input, RECORD, names.chain(DOCUMENTS))?;
    progress.begin("postprocess", files.len() as u64);
    let results: Vec<(CaseId, Result<AppliedCase, PostprocessError>)> = files
        .into_par_iter()
        .map(|(case, path)| {
            let result = one_case(&case, &path, request);
            progress.advance(1);
            (case, result)
        })
        .collect();
    progress.finish();
    let mut report = ApplyReport::default();
    for (case, result) in results {
        match result {
            Ok(applied) => report.done.push(applied),
            Err(PostprocessError::Stopped) => return Err(PostprocessError::Stopped),
            Err(error) => report.failed.push((case, error)),
        }
    }
    for document in DOCUMENTS {
        copy_document(
            &request.input.join(document),
            &request.output.join(document),
        )?;
    }
    write_record(request.output, RECORD, &record(request, &report))?;
    Ok(report)
}

fn one_case(
    case: &CaseId,
    path: &Path,
    request: &ApplyRequest<'_>,
) -> Result<AppliedCase, PostprocessError> {
    if request.stop.load(Ordering::Relaxed) {
        return Err(PostprocessError::Stopped);
    }
    let mut image = sarx_io::read_labels(path).map_err(|source| PostprocessError::Read {
        case: case.clone(),
        source,
    })?;
    let voxel_ml = image.labels.grid().spacing.voxel_ml();
    let n_before = image.labels.voxels().iter().filter(|&&l| l != 0).count();
    let n_removed = request.rules.apply(&mut image.labels);
    let target = request
        .output
        .join(format!("{case}{}", request.file_ending));
    sarx_io::write_labels(&target, &image.labels, Some(&image.header))?;
    Ok(AppliedCase {
        case: case.clone(),
        n_removed,
        removed_ml: n_removed as f64 * voxel_ml,
        before_ml: n_before as f64 * voxel_ml,
    })
}

fn copy_document(from: &Path, to: &Path) -> Result<(), PostprocessError> {
    if !from.exists() {
        return Ok(());
    }
    let bytes = std::fs::read(from).map_err(|source| PostprocessError::Document {
        path: from.to_owned(),
        source,
    })?;
    Ok(sarx_io::write_atomic(to, |out| out.write_all(&bytes))?)
}

fn record(request: &ApplyRequest<'_>, report: &ApplyReport) -> serde_json::Value {
    let done = report.done.iter().map(|applied| {
        json!({
            "case": applied.case.as_str(),
            "removed_voxels": applied.n_removed,
            "removed_ml": applied.removed_ml,
            "before_ml": applied.before_ml,
        })
    });
    let failed = report
        .failed
        .iter()
        .map(|(case, error)| json!({"case": case.as_str(), "error": error.to_string()}));
    json!({
        "input": request.input,
        "done": done.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}
