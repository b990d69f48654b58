//! All cases of a folder, or a part of them. A case that fails is named and does not stop the
//! others. The label map of a case is written last, so where it lies everything of the case does.

mod part;
mod previous;
mod record;

pub use part::{Part, PartError};
pub use previous::PreviousStage;
pub use record::check_cascade_folders;

use crate::case::require_previous;
use crate::output_folder;
use crate::tiles::check_step;
use crate::{CaseOutput, PredictError, PredictOptions, Predictor, ProbabilityFormat, predict_case};
use previous::{Input, Seen};
use sarx_core::{CaseId, Progress, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_plan::{CaseFiles, CaseReader};
use sarx_preprocess::Heads;
use serde_json::Value;
use std::path::Path;
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
    /// Exactly for a cascade: what its previous stage predicted.
    pub previous: Option<PreviousStage<'a>>,
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
    require_previous(request.model, request.previous.is_some())?;
    previous::require_some(request)?;
    let origin = request
        .previous
        .map(|stage| record::origin_of(stage.folder));
    let made_by = record::made_by(request, origin.transpose()?.as_ref())?;
    let records = record::check_output(request, &made_by)?;
    record::remove_unfinished(request);
    output_folder::make(request.output)?;
    let mut job = Job {
        request,
        predictor,
        progress,
        heads: heads(request.model.dataset()),
        made_by,
        seen: Seen::of_records(&records),
        result: FolderPrediction::default(),
    };
    job.write_record(false)?;
    write_documents(request)?;
    progress.begin("predict", request.cases.len() as u64 * STEPS);
    for files in request.cases {
        job.case(files)?;
    }
    progress.finish();
    job.write_record(true)?;
    Ok(job.result)
}

/// The state of a folder that is being segmented.
struct Job<'a> {
    request: &'a FolderRequest<'a>,
    predictor: &'a Predictor,
    progress: &'a dyn Progress,
    heads: Heads,
    made_by: Value,
    seen: Seen,
    result: FolderPrediction,
}

impl Job<'_> {
    /// Segments or keeps one case; only a stop and a record that cannot be written are errors.
    fn case(&mut self, files: &CaseFiles) -> Result<(), PredictError> {
        let id = &files.id;
        let input = match previous::input(self.request, files) {
            Ok(input) => input,
            Err(error) => {
                self.progress.advance(STEPS);
                self.result.failed.push((id.clone(), error));
                return Ok(());
            }
        };
        let keep = self.request.keep_existing && self.seen.is_unchanged(&input);
        if keep && self.output().is_done(id) {
            self.progress.advance(STEPS);
            self.result.kept.push(id.clone());
            return Ok(());
        }
        if self.seen.forget(id) {
            self.write_record(false)?;
        }
        match self.segment(&input) {
            Ok(()) => self.result.done.push(id.clone()),
            Err(PredictError::Stopped) => {
                self.write_record(false)?;
                return Err(PredictError::Stopped);
            }
            Err(error) => {
                self.result.failed.push((id.clone(), error));
                return Ok(());
            }
        }
        // At once, so that a killed run knows what its cases were made of.
        if self.seen.keep(input) {
            self.write_record(false)?;
        }
        Ok(())
    }

    fn segment(&self, input: &Input) -> Result<(), PredictError> {
        let request = self.request;
        let (model, id) = (request.model, &input.files.id);
        let case = CaseReader::new(model.dataset()).read_case(&input.files)?;
        warn_of_orientation(request, &case.channels[0], id, self.progress);
        let (mut n_done, mut shown) = (0, 0);
        let predicted = predict_case(
            model,
            self.predictor,
            &case.channels,
            case.labels.as_ref(),
            request.probabilities.is_some(),
            |n_tiles| {
                n_done += 1;
                let now = STEPS * n_done / n_tiles as u64;
                self.progress.advance(now - shown);
                shown = now;
                !request.stop.load(Ordering::Relaxed)
            },
        );
        // A case that fails halfway still counts as looked at.
        self.progress.advance(STEPS - shown);
        for notice in self.predictor.take_notices() {
            self.progress.warn(&notice);
        }
        let predicted = predicted?;
        let probabilities = predicted.probabilities.as_ref();
        self.output().write(
            id,
            predicted.labels.into_voxels(),
            probabilities.map(|values| values.view()),
            &predicted.properties,
            &case.header,
        )
    }

    fn output(&self) -> CaseOutput<'_> {
        CaseOutput {
            folder: self.request.output,
            file_ending: self.request.model.dataset().file_ending(),
            probabilities: self.request.probabilities,
            heads: &self.heads,
        }
    }

    fn write_record(&self, complete: bool) -> Result<(), PredictError> {
        let (made_by, result) = (&self.made_by, &self.result);
        record::write(self.request, made_by, result, &self.seen, complete)
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
