//! What a folder of segmentations says about how it was made, and what it protects.
//!
//! Segmentations of one kind lie in one folder: a record holds all that decides what they look like, and
//! another model or other options are refused. It is written before the first segmentation and again at
//! the end. Parts have records of their own, because they may be made at the same time.

use super::previous::{self, Seen};
use super::{FolderPrediction, FolderRequest};
use crate::output_folder::{self, SCHEMA_VERSION, foreign, names_in, require_ours};
use crate::{PredictError, Predictor, ProbabilityFormat};
use sarx_core::CaseId;
use sarx_model::ModelError;
use sarx_nn::Precision;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Records are named `prediction.json` or `prediction_part_0_of_2.json`.
pub(super) const STEM: &str = "prediction";

/// Everything that decides what a segmentation looks like, apart from the files of the case.
///
/// - `previous`: the same of a cascade's first stage
pub(super) fn made_by(
    request: &FolderRequest<'_>,
    previous: Option<&Value>,
) -> Result<Value, PredictError> {
    let manifest = request.model.manifest();
    let folds = Predictor::folds_of(request.model, request.options)?;
    let weights = |&fold| hash_of(&request.model.weights_path(fold, request.options.weights));
    let weights_sha256 = folds.iter().map(weights);
    let mut made_by = json!({
        "plans_hash": manifest.plans_hash,
        "configuration": manifest.configuration,
        "folds": folds.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "weights": format!("{:?}", request.options.weights).to_lowercase(),
        "weights_sha256": weights_sha256.collect::<Result<Vec<_>, _>>()?,
        "mirroring": request.options.mirroring,
        "step": request.options.step,
    });
    if request.options.skip_air {
        made_by["skip_air"] = json!(true);
    }
    if request.options.precision == Precision::Bf16 {
        made_by["precision"] = json!("bf16");
    }
    if let Some(previous) = previous {
        made_by["previous"] = previous.clone();
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

/// Refuses a folder with files of another origin; the records of earlier runs.
pub(super) fn check_output(
    request: &FolderRequest<'_>,
    made_by: &Value,
) -> Result<Vec<Value>, PredictError> {
    let records = require_ours(request.output, STEM, &names(request))?;
    if records.iter().any(|record| record["made_by"] != *made_by) {
        let reason = "its segmentations were made by another model or in another way, and one folder \
                      holds one kind";
        return Err(foreign(request.output, reason.to_owned()).into());
    }
    Ok(records)
}

/// Refuses the output folders of both stages of a cascade before either is predicted; nothing is changed.
///
/// # Errors
///
/// [`PredictError`] if one of them cannot be used, or weights cannot be read.
pub fn check_cascade_folders(
    first: &FolderRequest<'_>,
    second: &FolderRequest<'_>,
) -> Result<(), PredictError> {
    let first_made_by = made_by(first, None)?;
    check_output(first, &first_made_by)?;
    let second_made_by = made_by(second, Some(&first_made_by))?;
    check_output(second, &second_made_by)?;
    Ok(())
}

/// How the segmentations of a folder were made, if they are ours.
pub(super) fn origin_of(folder: &Path) -> Result<Value, PredictError> {
    let records = output_folder::read_records(folder, STEM);
    let records = records.map_err(|reason| previous::unusable(folder, reason))?;
    let mut origins = records.iter().map(|record| &record["made_by"]);
    // All records of a folder say the same.
    Ok(origins.next().cloned().unwrap_or(Value::Null))
}

/// Names of all files that may be written.
fn names(request: &FolderRequest<'_>) -> Vec<String> {
    let endings = endings(request);
    let of_case = |case: &CaseId| {
        let named = endings.iter().map(|ending| format!("{case}{ending}"));
        named.collect::<Vec<_>>()
    };
    let documents = ["dataset.json", "plans.json"].map(str::to_owned);
    let cases = request.cases.iter().flat_map(|files| of_case(&files.id));
    documents.into_iter().chain(cases).collect()
}

/// Endings of all files that a case may have.
fn endings(request: &FolderRequest<'_>) -> Vec<String> {
    let probabilities = ProbabilityFormat::ALL.map(|format| format.ending().to_owned());
    let labels = request.model.dataset().file_ending().to_owned();
    let pickle = ".pkl".to_owned();
    probabilities.into_iter().chain([labels, pickle]).collect()
}

/// Removes temporary files of our own cases; a process that was killed leaves one behind.
pub(super) fn remove_unfinished(request: &FolderRequest<'_>) {
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
    for name in names_in(request.output).iter().filter(|name| is_ours(name)) {
        // One that stays does no harm: it is hidden and nobody reads it.
        std::fs::remove_file(request.output.join(name)).ok();
    }
}

/// Writes the record of this part.
pub(super) fn write(
    request: &FolderRequest<'_>,
    made_by: &Value,
    result: &FolderPrediction,
    seen: &Seen,
    complete: bool,
) -> Result<(), PredictError> {
    let names = |cases: &[CaseId]| cases.iter().map(CaseId::to_string).collect::<Vec<_>>();
    let failed = result
        .failed
        .iter()
        .map(|(case, error)| json!({"case": case.to_string(), "error": error.to_string()}));
    let probabilities = request.probabilities.map(ProbabilityFormat::ending);
    let mut document = json!({
        "schema_version": SCHEMA_VERSION,
        "complete": complete,
        "made_by": made_by,
        "probabilities": probabilities,
        "done": names(&result.done),
        "kept": names(&result.kept),
        "failed": failed.collect::<Vec<_>>(),
    });
    if request.options.skip_air {
        let counts = result.skipped_tiles.iter();
        let counts = counts.map(|(case, count)| (case.to_string(), json!(count)));
        document["skipped_tiles"] = Value::Object(counts.collect());
    }
    if request.previous.is_some() {
        document[previous::FIELD] = seen.document();
    }
    Ok(output_folder::write_json(&path(request), &document)?)
}

fn path(request: &FolderRequest<'_>) -> PathBuf {
    let suffix = request.part.suffix();
    request.output.join(format!("{STEM}{suffix}.json"))
}
