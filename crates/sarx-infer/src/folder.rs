//! All cases of a folder, or a part of them. A case that fails is named and does not stop the
//! others. The label map of a case is written last, so where it lies everything of the case does.

mod part;
mod previous;
mod record;

pub use part::{Part, PartError};

use crate::tiles::check_step;
use crate::{
    CasePrediction, NnunetProperties, PredictError, PredictOptions, Predictor, ProbabilityFormat,
    predict_case,
};
use sarx_core::{CaseId, Progress, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_plan::{CaseFiles, CaseReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of progress per case.
const STEPS: u64 = 1000;

/// What to do with a folder of cases.
#[derive(Debug, Clone, Copy)]
pub struct FolderRequest<'a> {
    /// The model.
    pub model: &'a ModelFolder,
    /// Cases to segment: those of the part.
    pub cases: &'a [CaseFiles],
    /// Where segmentations are written.
    pub output: &'a Path,
    /// Exactly for a cascade: the folder with what its previous stage predicted, `CASE.ENDING`.
    pub previous: Option<&'a Path>,
    /// How to predict; recorded beside the results.
    pub options: &'a PredictOptions,
    /// Also keep the probabilities of every head.
    pub probabilities: Option<ProbabilityFormat>,
    /// Which share of all cases these are; parts have records of their own.
    pub part: Part,
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

/// Segments every case of the part and writes `CASE.ENDING` with the geometry of its first channel.
///
/// Also writes `dataset.json`, `plans.json` (as nnU-Net) and `prediction.json`; the last comes
/// first, so that an interrupted prediction can be continued.
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
    let made_by = record::made_by(request, predictor)?;
    record::check_output(request, &made_by)?;
    std::fs::create_dir_all(request.output).map_err(|source| PredictError::Folder {
        path: request.output.to_owned(),
        source,
    })?;
    let mut result = FolderPrediction::default();
    record::write(request, &made_by, &result, false)?;
    write_documents(request)?;
    progress.begin("predict", cases.len() as u64 * STEPS);
    for files in &cases {
        if request.keep_existing && is_done(request, &files.id) {
            result.kept.push(files.id.clone());
            progress.advance(STEPS);
            continue;
        }
        match segment(request, predictor, files, progress) {
            Ok(()) => result.done.push(files.id.clone()),
            Err(PredictError::Stopped) => {
                record::write(request, &made_by, &result, false)?;
                return Err(PredictError::Stopped);
            }
            Err(error) => result.failed.push((files.id.clone(), error)),
        }
    }
    progress.finish();
    record::write(request, &made_by, &result, true)?;
    Ok(result)
}

/// Whether everything that is asked for lies there.
fn is_done(request: &FolderRequest<'_>, case: &CaseId) -> bool {
    output_path(request, case).exists()
        && request
            .probabilities
            .is_none_or(|format| format.path(request.output, case).exists())
}

fn segment(
    request: &FolderRequest<'_>,
    predictor: &Predictor,
    files: &CaseFiles,
    progress: &dyn Progress,
) -> Result<(), PredictError> {
    let model = request.model;
    let case = CaseReader::new(model.dataset()).read_case(files)?;
    warn_of_orientation(request, &case.channels[0], &files.id, progress);
    let (mut n_done, mut shown) = (0, 0);
    let with_probabilities = request.probabilities.is_some();
    let predicted = predict_case(
        model,
        predictor,
        &case.channels,
        case.labels.as_ref(),
        with_probabilities,
        |n_tiles| {
            n_done += 1;
            let now = STEPS * n_done / n_tiles as u64;
            progress.advance(now - shown);
            shown = now;
            !request.stop.load(Ordering::Relaxed)
        },
    );
    // A case that fails halfway still counts as looked at.
    progress.advance(STEPS - shown);
    write_case(request, &files.id, predicted?, &case.header)
}

fn write_case(
    request: &FolderRequest<'_>,
    case: &CaseId,
    predicted: CasePrediction,
    header: &sarx_io::Header,
) -> Result<(), PredictError> {
    if let (Some(format), Some(values)) = (request.probabilities, &predicted.probabilities) {
        let path = format.path(request.output, case);
        format.write(&path, values.view(), &heads(request.model.dataset()))?;
        NnunetProperties::new(header.grid(), &predicted.properties)
            .write_pickle(&request.output.join(format!("{case}.pkl")))?;
    }
    remove_old_probabilities(request, case);
    let path = output_path(request, case);
    // The grid of a 2D file has no thickness, that of the case has.
    let labels = Volume::new(predicted.labels.into_voxels(), *header.grid())?;
    sarx_io::write_labels(&path, &labels, Some(header))?;
    Ok(())
}

/// Probabilities that are not those of the segmentation beside them would enter an ensemble unseen.
fn remove_old_probabilities(request: &FolderRequest<'_>, case: &CaseId) {
    let kept = request.probabilities;
    let old = ProbabilityFormat::ALL
        .into_iter()
        .filter(|&format| Some(format) != kept)
        .map(|format| format.path(request.output, case));
    let pickle = kept
        .is_none()
        .then(|| request.output.join(format!("{case}.pkl")));
    for path in old.chain(pickle) {
        // Most often there is none.
        std::fs::remove_file(path).ok();
    }
}

/// A model that has only seen axial slices should not silently be given sagittal ones.
fn warn_of_orientation(
    request: &FolderRequest<'_>,
    image: &Volume<f32>,
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

fn write_documents(request: &FolderRequest<'_>) -> Result<(), PredictError> {
    let model = request.model;
    model
        .dataset()
        .write(&request.output.join("dataset.json"))?;
    model
        .plans()
        .write(&request.output.join("plans.json"))
        .map_err(sarx_model::ModelError::from)?;
    Ok(())
}
