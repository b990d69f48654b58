//! All cases of a folder. A case that fails is named and does not stop the others.

mod previous;
mod record;

use crate::tiles::check_step;
use crate::{PredictError, PredictOptions, Predictor, predict_case};
use sarx_core::{CaseId, Progress};
use sarx_model::ModelFolder;
use sarx_plan::{CaseFiles, CaseReader};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of progress per case.
const STEPS: u64 = 1000;

/// What to do with a folder of cases.
#[derive(Debug, Clone, Copy)]
pub struct FolderRequest<'a> {
    /// The model.
    pub model: &'a ModelFolder,
    /// Cases to segment.
    pub cases: &'a [CaseFiles],
    /// Where segmentations are written.
    pub output: &'a Path,
    /// Exactly for a cascade: the folder with what its previous stage predicted, `CASE.ENDING`.
    pub previous: Option<&'a Path>,
    /// How to predict; recorded beside the results.
    pub options: &'a PredictOptions,
    /// Keep segmentations that exist, instead of making them again.
    pub keep_existing: bool,
    /// Becomes true when the work should stop after the current tile.
    pub stop: &'a AtomicBool,
}

/// What became of the cases.
#[derive(Debug, Default)]
pub struct FolderPrediction {
    /// Segmented now.
    pub done: Vec<CaseId>,
    /// Segmented before and kept.
    pub kept: Vec<CaseId>,
    /// Failed, with the reason.
    pub failed: Vec<(CaseId, PredictError)>,
}

/// Segments every case and writes `CASE.ENDING` with the geometry of its first channel.
///
/// Also writes `dataset.json`, `plans.json` (as nnU-Net) and `prediction.json`.
///
/// # Errors
///
/// [`PredictError`] if the output folder cannot be written or the work is stopped; faults of
/// single cases are in the result.
pub fn predict_folder(
    request: &FolderRequest<'_>,
    predictor: &Predictor,
    progress: &dyn Progress,
) -> Result<FolderPrediction, PredictError> {
    check_step(request.options.step)?;
    let cases = previous::with_labels(request)?;
    let made_by = record::made_by(request, predictor);
    record::check_output(request, &made_by)?;
    std::fs::create_dir_all(request.output).map_err(|source| PredictError::Folder {
        path: request.output.to_owned(),
        source,
    })?;
    let mut result = FolderPrediction::default();
    progress.begin("predict", request.cases.len() as u64 * STEPS);
    for files in cases.iter() {
        let path = output_path(request, &files.id);
        if request.keep_existing && path.exists() {
            result.kept.push(files.id.clone());
            progress.advance(STEPS);
            continue;
        }
        match segment(request, predictor, files, &path, progress) {
            Ok(()) => result.done.push(files.id.clone()),
            Err(PredictError::Stopped) => return Err(PredictError::Stopped),
            Err(error) => result.failed.push((files.id.clone(), error)),
        }
    }
    progress.finish();
    write_documents(request, made_by, &result)?;
    Ok(result)
}

fn segment(
    request: &FolderRequest<'_>,
    predictor: &Predictor,
    files: &CaseFiles,
    path: &Path,
    progress: &dyn Progress,
) -> Result<(), PredictError> {
    let model = request.model;
    let case = CaseReader::new(model.dataset()).read_case(files)?;
    warn_of_orientation(request, &case.channels[0], &files.id, progress);
    let (mut n_done, mut shown) = (0, 0);
    let previous = case.labels.as_ref();
    let labels = predict_case(model, predictor, &case.channels, previous, |n_tiles| {
        n_done += 1;
        let now = STEPS * n_done / n_tiles as u64;
        progress.advance(now - shown);
        shown = now;
        !request.stop.load(Ordering::Relaxed)
    });
    // A case that fails halfway still counts as looked at.
    progress.advance(STEPS - shown);
    sarx_io::write_labels(path, &labels?, Some(&case.header))?;
    Ok(())
}

/// A model that has only seen axial slices should not silently be given sagittal ones.
fn warn_of_orientation(
    request: &FolderRequest<'_>,
    image: &sarx_core::Volume<f32>,
    case: &CaseId,
    progress: &dyn Progress,
) {
    let found = image.grid().slice_axis().to_string();
    let manifest = request.model.manifest();
    if !manifest.slice_axes.is_empty() && !manifest.slice_axes.contains_key(&found) {
        let usual = manifest.usual_slice_axis().unwrap_or("other");
        progress.warn(&format!(
            "case \"{case}\" has {found} slices; the model was trained on {usual} ones only"
        ));
    }
}

fn output_path(request: &FolderRequest<'_>, case: &CaseId) -> PathBuf {
    request
        .output
        .join(format!("{case}{}", request.model.dataset().file_ending()))
}

fn write_documents(
    request: &FolderRequest<'_>,
    made_by: Value,
    result: &FolderPrediction,
) -> Result<(), PredictError> {
    let model = request.model;
    model
        .dataset()
        .write(&request.output.join("dataset.json"))?;
    model
        .plans()
        .write(&request.output.join("plans.json"))
        .map_err(sarx_model::ModelError::from)?;
    let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect::<Vec<_>>();
    let failed = result
        .failed
        .iter()
        .map(|(case, error)| json!({"case": case.to_string(), "error": error.to_string()}));
    let document = json!({
        "schema_version": record::SCHEMA_VERSION,
        "made_by": made_by,
        "done": names(&result.done),
        "kept": names(&result.kept),
        "failed": failed.collect::<Vec<_>>(),
    });
    sarx_io::write_atomic(&request.output.join(record::FILE), |out| {
        serde_json::to_writer_pretty(&mut *out, &document)?;
        out.write_all(b"\n")
    })?;
    Ok(())
}
