//! The segmentations of a cascade's previous stage, found beside each other like references.

use super::FolderRequest;
use crate::PredictError;
use crate::case::require_previous;
use sarx_plan::CaseFiles;

/// The cases of the request; in a cascade each with the segmentation of its previous stage
/// as its label file, so that it is read and checked like a reference.
pub(super) fn with_labels(request: &FolderRequest<'_>) -> Result<Vec<CaseFiles>, PredictError> {
    require_previous(request.model, request.previous.is_some())?;
    let own = request.cases.iter().cloned();
    let (Some(folder), Some(previous)) = (
        request.previous,
        &request.model.configuration().previous_stage,
    ) else {
        return Ok(own.collect());
    };
    let ending = request.model.dataset().file_ending();
    let with_label = |files: CaseFiles| CaseFiles {
        label: Some(folder.join(format!("{}{ending}", files.id))),
        ..files
    };
    let cases: Vec<CaseFiles> = own.map(with_label).collect();
    let lacks = |files: &&CaseFiles| !files.label.as_ref().is_some_and(|path| path.is_file());
    let missing: Vec<String> = cases
        .iter()
        .filter(lacks)
        .map(|files| files.id.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(cases);
    }
    Err(PredictError::MissingPreviousStage {
        previous: previous.clone(),
        n_cases: cases.len(),
        missing,
        path: folder.to_owned(),
    })
}
