//! Rules applied to a folder.

use super::{PostprocessError, PostprocessingRules};
use crate::output_folder::{claim, remove, write_record};
use rayon::prelude::*;
use sarx_core::{CaseId, Progress};
use sarx_plan::DatasetJson;
use sarx_plan::label_files;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a cleaned folder says about itself.
const RECORD: &str = "postprocessed";

/// Goes along, where the input has it.
const PLANS: &str = "plans.json";
/// Is written from the request: the input need not have it.
const DATASET: &str = "dataset.json";

/// A folder to clean.
#[derive(Debug, Clone, Copy)]
pub struct ApplyRequest<'a> {
    /// Folder of segmentations.
    pub input: &'a Path,
    /// Where cleaned ones are written.
    pub output: &'a Path,
    /// Says how segmentations end; is written beside the cleaned ones.
    pub dataset: &'a DatasetJson,
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

impl AppliedCase {
    /// What was removed, for records.
    #[must_use]
    pub fn removed_json(&self) -> Value {
        json!({
            "removed_voxels": self.n_removed,
            "removed_ml": self.removed_ml,
            "before_ml": self.before_ml,
        })
    }
}

/// Cleans every segmentation of a folder; geometry and header stay. Cases that an earlier run cleaned and
/// this one does not are removed from the output.
///
/// # Errors
///
/// [`PostprocessError`] if the input cannot be listed, the output cannot be written, or the work
/// is stopped; faults of single cases are in the result.
pub fn apply_postprocessing(
    request: &ApplyRequest<'_>,
    progress: &dyn Progress,
) -> Result<ApplyReport, PostprocessError> {
    let ending = request.dataset.file_ending();
    let files = label_files(request.input, ending)?;
    let input = [request.input.to_owned()];
    let with_plans = request.input.join(PLANS).exists();
    let names: Vec<String> = std::iter::once(DATASET.to_owned())
        .chain(with_plans.then(|| PLANS.to_owned()))
        .chain(files.keys().map(|case| format!("{case}{ending}")))
        .collect();
    claim(request.output, &input, RECORD, &names)?;
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
            Err(error) => {
                // What an earlier run made of it is not what this one would have made.
                remove(request.output, &format!("{case}{ending}"))?;
                report.failed.push((case, error));
            }
        }
    }
    request.dataset.write(&request.output.join(DATASET))?;
    if with_plans {
        copy_document(&request.input.join(PLANS), &request.output.join(PLANS))?;
    }
    let content = record(request, &report);
    write_record(request.output, RECORD, &names, content)?;
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
    let ending = request.dataset.file_ending();
    let target = request.output.join(format!("{case}{ending}"));
    sarx_io::write_labels(&target, &image.labels, Some(&image.header))?;
    Ok(AppliedCase {
        case: case.clone(),
        n_removed,
        removed_ml: n_removed as f64 * voxel_ml,
        before_ml: n_before as f64 * voxel_ml,
    })
}

fn copy_document(from: &Path, to: &Path) -> Result<(), PostprocessError> {
    let bytes = std::fs::read(from).map_err(|source| PostprocessError::Document {
        path: from.to_owned(),
        source,
    })?;
    Ok(sarx_io::write_atomic(to, |out| out.write_all(&bytes))?)
}

fn record(request: &ApplyRequest<'_>, report: &ApplyReport) -> Value {
    let done = report.done.iter().map(|applied| {
        let mut entry = applied.removed_json();
        entry["case"] = json!(applied.case.as_str());
        entry
    });
    let failed = report
        .failed
        .iter()
        .map(|(case, error)| json!({"case": case.as_str(), "error": error.to_string()}));
    json!({
        "complete": true,
        "input": request.input,
        "done": done.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}
