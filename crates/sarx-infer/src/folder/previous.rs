//! The segmentations of a cascade's previous stage, found beside each other like references.
//!
//! A case whose first stage is missing or failed is a failed case; the others are done. The record keeps
//! the hash of what each case was given, so that a case is made anew when its first stage has changed.

use super::FolderRequest;
use crate::PredictError;
use sarx_core::CaseId;
use sarx_plan::CaseFiles;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Field of the record: SHA-256 of the previous stage's file, by case.
pub(super) const FIELD: &str = "previous_sha256";

/// What the previous stage of a cascade left.
#[derive(Debug, Clone, Copy)]
pub struct PreviousStage<'a> {
    /// Its segmentations, `CASE.ENDING`.
    pub folder: &'a Path,
    /// Cases that it could not segment, with the reason.
    pub failed: &'a [(CaseId, String)],
}

/// The files of a case as the model takes them.
#[derive(Debug)]
pub(super) struct Input {
    /// In a cascade the segmentation of the previous stage is the label file, so that it is read and
    /// checked like a reference.
    pub(super) files: CaseFiles,
    /// SHA-256 of that file.
    pub(super) previous_sha256: Option<String>,
}

/// The files of one case.
pub(super) fn input(request: &FolderRequest<'_>, files: &CaseFiles) -> Result<Input, PredictError> {
    let Some((stage, previous)) = stage(request) else {
        return Ok(Input {
            files: files.clone(),
            previous_sha256: None,
        });
    };
    if let Some((_, reason)) = stage.failed.iter().find(|(case, _)| *case == files.id) {
        return Err(PredictError::PreviousStageFailed {
            previous: previous.to_owned(),
            reason: reason.clone(),
        });
    }
    let path = path(request, stage, &files.id);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(PredictError::MissingPreviousStage {
                previous: previous.to_owned(),
                path,
            });
        }
        Err(source) => return Err(PredictError::ReadPreviousStage { source, path }),
    };
    Ok(Input {
        files: CaseFiles {
            label: Some(path),
            ..files.clone()
        },
        previous_sha256: Some(sarx_core::hex(&Sha256::digest(&bytes))),
    })
}

/// Refuses a folder in which no case at all has a segmentation: it is another folder than was meant.
pub(super) fn require_some(request: &FolderRequest<'_>) -> Result<(), PredictError> {
    let Some((stage, previous)) = stage(request) else {
        return Ok(());
    };
    let is_known = |files: &CaseFiles| {
        stage.failed.iter().any(|(case, _)| *case == files.id)
            || path(request, stage, &files.id).is_file()
    };
    if request.cases.is_empty() || request.cases.iter().any(is_known) {
        return Ok(());
    }
    Err(PredictError::NothingOfPreviousStage {
        previous: previous.to_owned(),
        n_cases: request.cases.len(),
        ending: request.model.dataset().file_ending().to_owned(),
        path: stage.folder.to_owned(),
    })
}

/// The stage and its name, where there is one.
fn stage<'a>(request: &FolderRequest<'a>) -> Option<(PreviousStage<'a>, &'a str)> {
    let name = request.model.configuration().previous_stage.as_deref();
    request.previous.zip(name)
}

fn path(request: &FolderRequest<'_>, stage: PreviousStage<'_>, case: &CaseId) -> PathBuf {
    let ending = request.model.dataset().file_ending();
    stage.folder.join(format!("{case}{ending}"))
}

pub(super) fn unusable(folder: &Path, reason: String) -> PredictError {
    PredictError::PreviousFolder {
        reason,
        path: folder.to_owned(),
    }
}

/// Hashes of what the cases of a folder were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(BTreeMap<String, String>);

impl Seen {
    /// What earlier runs wrote down.
    pub(super) fn of_records(records: &[Value]) -> Self {
        let fields = records
            .iter()
            .filter_map(|record| record[FIELD].as_object());
        let text =
            |(case, hash): (&String, &Value)| Some((case.clone(), hash.as_str()?.to_owned()));
        Self(fields.flatten().filter_map(text).collect())
    }

    /// Whether a segmentation that lies there was made of the same; true without a previous stage.
    pub(super) fn is_unchanged(&self, input: &Input) -> bool {
        input.previous_sha256.is_none()
            || self.0.get(input.files.id.as_str()) == input.previous_sha256.as_ref()
    }

    /// Forgets a case that is about to be made anew; whether it was there.
    pub(super) fn forget(&mut self, case: &CaseId) -> bool {
        self.0.remove(case.as_str()).is_some()
    }

    /// Keeps what a case was given; whether there was anything.
    pub(super) fn keep(&mut self, input: Input) -> bool {
        let Some(hash) = input.previous_sha256 else {
            return false;
        };
        self.0.insert(input.files.id.to_string(), hash);
        true
    }

    pub(super) fn document(&self) -> Value {
        json!(self.0)
    }
}
