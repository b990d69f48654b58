//! What a folder of segmentations says about how it was made, and what it protects.
//!
//! Segmentations are written only into a folder that is empty, new, or has our record; they are kept
//! with `keep_existing` only if the same model made them in the same way.

use super::FolderRequest;
use crate::{PredictError, Predictor};
use serde_json::{Value, json};

/// Name of the record.
pub(super) const FILE: &str = "prediction.json";
/// Its version; others are refused.
pub(super) const SCHEMA_VERSION: u64 = 1;

/// Everything that decides what a segmentation looks like.
pub(super) fn made_by(request: &FolderRequest<'_>, predictor: &Predictor) -> Value {
    let manifest = request.model.manifest();
    let mut made_by = json!({
        "plans_hash": manifest.plans_hash,
        "configuration": manifest.configuration,
        "folds": predictor.folds().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "weights": format!("{:?}", request.options.weights).to_lowercase(),
        "mirroring": request.options.mirroring,
        "step": request.options.step,
    });
    if let Some(folder) = request.previous {
        made_by["previous"] = json!(folder);
    }
    made_by
}

/// Refuses a folder with files of another origin.
pub(super) fn check_output(
    request: &FolderRequest<'_>,
    made_by: &Value,
) -> Result<(), PredictError> {
    let path = request.output.join(FILE);
    let refuse = |reason: String| PredictError::OutputFolder {
        reason,
        path: request.output.to_owned(),
    };
    match std::fs::read(&path) {
        Ok(text) => {
            let found: Value = serde_json::from_slice(&text)
                .map_err(|e| refuse(format!("its {FILE} is damaged ({e})")))?;
            if found["schema_version"] != SCHEMA_VERSION {
                return Err(refuse(format!("its {FILE} has another schema version")));
            }
            if request.keep_existing && found["made_by"] != *made_by {
                return Err(refuse(
                    "its segmentations were made by another model or in another way, so they \
                     cannot be kept"
                        .to_owned(),
                ));
            }
            Ok(())
        }
        Err(_) if is_free(request) => Ok(()),
        Err(_) => Err(refuse("it holds files that no prediction made".to_owned())),
    }
}

/// Whether nothing of another origin would be written over: no documents, and no segmentations
/// unless they are to be kept (an interrupted prediction has no record yet).
fn is_free(request: &FolderRequest<'_>) -> bool {
    let taken = |name: &str| request.output.join(name).exists();
    let ending = request.model.dataset().file_ending();
    !taken("dataset.json")
        && !taken("plans.json")
        && (request.keep_existing
            || !request
                .cases
                .iter()
                .any(|case| taken(&format!("{}{ending}", case.id))))
}
