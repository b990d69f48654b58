//! What a folder of segmentations says about how it was made, and what it protects.
//!
//! Segmentations are written only into a folder that is empty, new, or has our record; they are kept
//! with `keep_existing` only if the same model made them in the same way. The record is written
//! before the first segmentation and again at the end. Parts have records of their own, because
//! they may be made at the same time.

use super::{FolderPrediction, FolderRequest};
use crate::{PredictError, Predictor, ProbabilityFormat};
use sarx_core::CaseId;
use sarx_model::ModelError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Records are named `prediction.json` or `prediction_part_0_of_2.json`.
const STEM: &str = "prediction";
/// Its version; others are refused.
const SCHEMA_VERSION: u64 = 1;

/// Everything that decides what a segmentation looks like.
pub(super) fn made_by(
    request: &FolderRequest<'_>,
    predictor: &Predictor,
) -> Result<Value, PredictError> {
    let manifest = request.model.manifest();
    let weights = |&fold| hash_of(&request.model.weights_path(fold, request.options.weights));
    let weights_sha256 = predictor.folds().iter().map(weights);
    let mut made_by = json!({
        "plans_hash": manifest.plans_hash,
        "configuration": manifest.configuration,
        "folds": predictor.folds().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "weights": format!("{:?}", request.options.weights).to_lowercase(),
        "weights_sha256": weights_sha256.collect::<Result<Vec<_>, _>>()?,
        "mirroring": request.options.mirroring,
        "step": request.options.step,
    });
    if let Some(folder) = request.previous {
        made_by["previous"] = json!(folder);
    }
    Ok(made_by)
}

/// SHA-256 of a file, hex.
fn hash_of(path: &Path) -> Result<String, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Read {
        what: "the weights",
        path: path.to_owned(),
        source,
    })?;
    Ok(sarx_core::hex(&Sha256::digest(&bytes)))
}

/// Refuses a folder with files of another origin, and clears what an interrupted run left.
pub(super) fn check_output(
    request: &FolderRequest<'_>,
    made_by: &Value,
) -> Result<(), PredictError> {
    let refuse = |reason: String| PredictError::OutputFolder {
        reason,
        path: request.output.to_owned(),
    };
    let names = names_in(request.output);
    let records = names
        .iter()
        .filter(|name| name.starts_with(STEM) && name.ends_with(".json"));
    let mut n_records = 0;
    for name in records {
        let text = std::fs::read(request.output.join(name));
        let text = text.map_err(|e| refuse(format!("its {name} cannot be read ({e})")))?;
        let found: Value = serde_json::from_slice(&text)
            .map_err(|e| refuse(format!("its {name} is damaged ({e})")))?;
        if found["schema_version"] != SCHEMA_VERSION {
            return Err(refuse(format!("its {name} has another schema version")));
        }
        if found["made_by"] != *made_by {
            return Err(refuse(
                "its segmentations were made by another model or in another way, and one folder \
                 holds one kind"
                    .to_owned(),
            ));
        }
        n_records += 1;
    }
    if n_records == 0 && !is_free(request) {
        return Err(refuse("it holds files that no prediction made".to_owned()));
    }
    remove_unfinished(request, &names);
    Ok(())
}

/// Names in a folder; none if it does not exist.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Whether nothing of another origin would be written over.
fn is_free(request: &FolderRequest<'_>) -> bool {
    let taken = |name: &str| request.output.join(name).exists();
    let case_endings = endings(request);
    !taken("dataset.json")
        && !taken("plans.json")
        && !request.cases.iter().any(|case| {
            let mut endings = case_endings.iter();
            endings.any(|ending| taken(&format!("{}{ending}", case.id)))
        })
}

/// Endings of all files that a case may have.
fn endings(request: &FolderRequest<'_>) -> Vec<String> {
    let probabilities = ProbabilityFormat::ALL.map(|format| format.ending().to_owned());
    let labels = request.model.dataset().file_ending().to_owned();
    let pickle = ".pkl".to_owned();
    probabilities.into_iter().chain([labels, pickle]).collect()
}

/// Removes temporary files of our own cases; a process that was killed leaves one behind.
fn remove_unfinished(request: &FolderRequest<'_>, names: &[String]) {
    let endings = endings(request);
    let is_ours = |name: &str| {
        let Some(stem) = name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp")) else {
            return false;
        };
        request.cases.iter().any(|case| {
            let rest = stem.strip_prefix(case.id.as_str());
            rest.is_some_and(|rest| {
                endings
                    .iter()
                    .any(|ending| rest.starts_with(ending.as_str()))
            })
        })
    };
    for name in names.iter().filter(|name| is_ours(name)) {
        // One that stays does no harm: it is hidden and nobody reads it.
        std::fs::remove_file(request.output.join(name)).ok();
    }
}

/// Writes the record of this part.
pub(super) fn write(
    request: &FolderRequest<'_>,
    made_by: &Value,
    result: &FolderPrediction,
    complete: bool,
) -> Result<(), PredictError> {
    let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect::<Vec<_>>();
    let failed = result
        .failed
        .iter()
        .map(|(case, error)| json!({"case": case.to_string(), "error": error.to_string()}));
    let probabilities = request.probabilities.map(ProbabilityFormat::ending);
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "complete": complete,
        "made_by": made_by,
        "probabilities": probabilities,
        "done": names(&result.done),
        "kept": names(&result.kept),
        "failed": failed.collect::<Vec<_>>(),
    });
    sarx_io::write_atomic(&path(request), |out| {
        serde_json::to_writer_pretty(&mut *out, &document)?;
        out.write_all(b"\n")
    })?;
    Ok(())
}

fn path(request: &FolderRequest<'_>) -> PathBuf {
    let suffix = request.part.suffix();
    request.output.join(format!("{STEM}{suffix}.json"))
}
