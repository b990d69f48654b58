//! A folder of predictions against a folder of references.
//!
//! Files are paired by name. No case disappears: a reference without a prediction stops the
//! evaluation unless the caller allows it, and then is named in the result; a pair that cannot
//! be read or scored is named with its reason while the others are scored.

use crate::Scores;
use rayon::prelude::*;
use sarx_core::{CaseId, Progress};
use sarx_io::{ReadError, read_labels};
use sarx_metrics::{
    LabelOrRegion, ScoreError, ScoreSpec, ScoredCase, Summary, SummaryError, case_scores,
};
use sarx_plan::{DatasetJson, LabelValue};
use sarx_plan::{LabelFilesError, case_files};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluateSpec {
    /// Labels or regions, the ignore label, tolerances.
    pub score: ScoreSpec,
    /// Ending of the files of both folders, with its dot: `.nii.gz`.
    pub file_ending: String,
    /// Whether references without a prediction are left out (and named) instead of refused.
    pub allow_missing: bool,
    /// Score these references only; `None` scores all of the folder.
    pub only: Option<BTreeSet<CaseId>>,
    /// How many cases are in memory at a time.
    pub cases_at_once: NonZeroUsize,
}

/// Why one case has no scores.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// The reference cannot be read.
    #[error("the reference cannot be read")]
    Reference(#[source] ReadError),
    /// The prediction cannot be read.
    #[error("the prediction cannot be read")]
    Prediction(#[source] ReadError),
    /// The two cannot be compared.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// A case that could not be scored.
#[derive(Debug, thiserror::Error)]
#[error("case \"{case}\" was not scored")]
pub struct CaseFailure {
    /// The case.
    pub case: CaseId,
    /// Why.
    pub source: CaseError,
}

/// What came out: every reference is in exactly one of `scored`, `failed` and `missing`.
#[derive(Debug)]
pub struct Evaluation {
    /// Scored cases, by name.
    pub scored: Vec<ScoredCase>,
    /// Cases that could not be scored, by name.
    pub failed: Vec<CaseFailure>,
    /// References without a prediction, by name; only if they were allowed.
    pub missing: Vec<CaseId>,
    /// Predictions without a reference, by name; they are not scored.
    pub unmatched: Vec<CaseId>,
}

/// An evaluation that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The files of a folder cannot be listed.
    #[error("the folder of the {what} cannot be used")]
    Folder {
        /// `references` or `predictions`.
        what: &'static str,
        /// Why.
        source: LabelFilesError,
    },
    /// A file ending that every file has.
    #[error("the file ending is empty; give one such as \".nii.gz\"")]
    NoEnding,
    /// The folder of references holds none.
    #[error("the folder holds no reference of the cases asked for that ends in {ending:?}: \"{}\"", .path.display())]
    NoReference {
        /// The ending that was looked for.
        ending: String,
        /// The folder.
        path: PathBuf,
    },
    /// References without a prediction.
    #[error(
        "{} of {n_references} reference cases have no prediction: {}; nothing was scored (to score the rest say `--allow-missing`)",
        .missing.len(), named(.missing)
    )]
    MissingPredictions {
        /// Their cases.
        missing: Vec<CaseId>,
        /// Number of references.
        n_references: usize,
    },
}

fn named(cases: &[CaseId]) -> String {
    cases
        .iter()
        .map(|case| format!("\"{case}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

impl EvaluateSpec {
    /// Scores the foreground of a dataset: its regions if it has any, else its labels, without
    /// the voxels of its ignore label. Missing predictions are refused; four cases at once.
    #[must_use]
    pub fn from_dataset(dataset: &DatasetJson) -> Self {
        let scheme = dataset.labels();
        let scored = scheme
            .foreground()
            .into_iter()
            .map(|region| match region.value {
                LabelValue::One(label) => LabelOrRegion::Label(label),
                LabelValue::Union(labels) => LabelOrRegion::Region(labels),
            })
            .collect();
        Self::new(
            ScoreSpec::new(scored).with_ignore(scheme.ignore_label()),
            dataset.file_ending(),
        )
    }

    /// Scores what `score` says in files of one ending. Missing predictions are refused; four
    /// cases at once.
    #[must_use]
    pub fn new(score: ScoreSpec, file_ending: impl Into<String>) -> Self {
        Self {
            score,
            file_ending: file_ending.into(),
            allow_missing: false,
            only: None,
            cases_at_once: const { NonZeroUsize::new(4).expect("four is not zero") },
        }
    }
}

impl Evaluation {
    /// Whether every reference was scored.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.missing.is_empty()
    }

    /// The document `summary.json` of the scored cases.
    ///
    /// # Errors
    ///
    /// [`SummaryError::NoCases`] if no case was scored.
    pub fn summary(&self) -> Result<Summary, SummaryError> {
        Summary::of(&self.scored)
    }

    /// The scores of one label or region, by case; empty if it was not scored.
    #[must_use]
    pub fn scores_of(&self, what: &LabelOrRegion) -> Vec<(CaseId, Scores)> {
        let of_case = |case: &ScoredCase| {
            let (_, scores) = case
                .scores
                .labels
                .iter()
                .find(|(scored, _)| scored == what)?;
            Some((case.case.clone(), Scores::from(scores)))
        };
        self.scored.iter().filter_map(of_case).collect()
    }
}

/// Scores every prediction of a folder against the reference of the same name.
///
/// References and predictions are files ending in `spec.file_ending`; other files are ignored.
///
/// # Errors
///
/// [`EvaluateError`] if the folders cannot be read, hold no reference, or lack predictions that
/// are not allowed to be missing. Cases that fail alone are in [`Evaluation::failed`].
///
/// # Determinism
///
/// The result does not depend on the number of threads.
pub fn evaluate_folders(
    reference_dir: &Path,
    prediction_dir: &Path,
    spec: &EvaluateSpec,
    progress: &dyn Progress,
) -> Result<Evaluation, EvaluateError> {
    let mut references = files(reference_dir, "references", &spec.file_ending)?;
    let predictions = files(prediction_dir, "predictions", &spec.file_ending)?;
    if let Some(only) = &spec.only {
        references.retain(|case, _| only.contains(case));
    }
    if references.is_empty() {
        let (ending, path) = (spec.file_ending.clone(), reference_dir.to_owned());
        return Err(EvaluateError::NoReference { ending, path });
    }
    let missing: Vec<CaseId> = references
        .keys()
        .filter(|case| !predictions.contains_key(case))
        .cloned()
        .collect();
    if !missing.is_empty() && !spec.allow_missing {
        return Err(EvaluateError::MissingPredictions {
            missing,
            n_references: references.len(),
        });
    }
    let unmatched = predictions
        .keys()
        .filter(|case| !references.contains_key(case))
        .cloned()
        .collect();
    let pairs: Vec<(&CaseId, &PathBuf, &PathBuf)> = references
        .iter()
        .filter_map(|(case, reference)| Some((case, reference, predictions.get(case)?)))
        .collect();
    progress.begin("evaluate", pairs.len() as u64);
    // A lane holds one case at a time, so memory is bounded by the number of lanes.
    let lanes = spec.cases_at_once.get();
    let mut results: Vec<(usize, Result<ScoredCase, CaseFailure>)> = (0..lanes)
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|lane| {
            (lane..pairs.len()).step_by(lanes).map(|at| {
                let result = score_pair(pairs[at], &spec.score);
                progress.advance(1);
                (at, result)
            })
        })
        .collect();
    progress.finish();
    results.sort_by_key(|(at, _)| *at);
    let mut evaluation = Evaluation {
        scored: Vec::new(),
        failed: Vec::new(),
        missing,
        unmatched,
    };
    for (_, result) in results {
        match result {
            Ok(scored) => evaluation.scored.push(scored),
            Err(failure) => evaluation.failed.push(failure),
        }
    }
    Ok(evaluation)
}

fn score_pair(
    (case, reference_file, prediction_file): (&CaseId, &PathBuf, &PathBuf),
    score: &ScoreSpec,
) -> Result<ScoredCase, CaseFailure> {
    let scores = || {
        let reference = read_labels(reference_file).map_err(CaseError::Reference)?;
        let prediction = read_labels(prediction_file).map_err(CaseError::Prediction)?;
        Ok(case_scores(&reference.labels, &prediction.labels, score)?)
    };
    Ok(ScoredCase {
        case: case.clone(),
        prediction_file: prediction_file.display().to_string(),
        reference_file: reference_file.display().to_string(),
        scores: scores().map_err(|source| CaseFailure {
            case: case.clone(),
            source,
        })?,
    })
}

/// The files of a folder with one ending, by case.
fn files(
    folder: &Path,
    what: &'static str,
    ending: &str,
) -> Result<BTreeMap<CaseId, PathBuf>, EvaluateError> {
    if ending.is_empty() {
        return Err(EvaluateError::NoEnding);
    }
    case_files(folder, |name| name.strip_suffix(ending))
        .map_err(|source| EvaluateError::Folder { what, source })
}

#[cfg(test)]
mod tests;
