//! All cases of a folder, or a part of them. A case that fails is named and does not stop the
//! others. The label map of a case is written last, so where it lies everything of the case does.
//! While the network sees one case, the next is read and the one before is written.

mod part;
mod previous;
mod record;
mod stages;
mod writer;

pub use part::{Part, PartError};
pub use previous::PreviousStage;
pub use record::check_cascade_folders;

use crate::case::require_previous;
use crate::output_folder;
use crate::tiles::check_step;
use crate::{PredictError, PredictOptions, Predictor, ProbabilityFormat};
use previous::Seen;
use sarx_core::{CaseId, Progress};
use sarx_model::{ModelFolder, heads};
use sarx_plan::CaseFiles;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use writer::Writer;

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
    /// Of the cases segmented now, if air is skipped: tiles that the network was not asked about, of
    /// all folds together.
    pub skipped_tiles: Vec<(CaseId, usize)>,
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
    let mut writer = Writer {
        request,
        heads: heads(request.model.dataset()),
        made_by,
        seen: Seen::of_records(&records),
        result: FolderPrediction::default(),
    };
    writer.write_record(false)?;
    write_documents(request)?;
    progress.begin("predict", request.cases.len() as u64 * STEPS);
    match stages::run(&mut writer, predictor, progress) {
        Err(PredictError::Stopped) => {
            writer.write_record(false)?;
            return Err(PredictError::Stopped);
        }
        other => other?,
    }
    progress.finish();
    writer.write_record(true)?;
    Ok(writer.result)
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
