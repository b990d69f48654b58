//! Which model, or which two averaged, is best in cross-validation: nnU-Net's
//! `find_best_configuration`.
//!
//! Every model's validation predictions are gathered from its folds and scored together; where
//! probabilities were kept, every pair of models is averaged and scored as well. The best by mean
//! foreground Dice wins, the earliest on a tie (single models come first), and clean-up is
//! determined on the winner. Source: nnU-Net v2 `evaluation/find_best_configuration.py` and
//! `accumulate_cv_results.py`. Differences: models must have been validated on the same cases, or
//! their scores would not compare; pairs without probabilities are left out and named; the
//! instructions include the previous stage of a cascade.

mod candidate;
mod crossval;
mod error;
mod information;
mod instructions;

pub use candidate::Candidate;
pub use error::BestError;

use crossval::{CrossValidation, fresh_folder};
use sarx_core::{CaseId, Progress};
use sarx_infer::{
    ApplyRequest, EnsembleCase, EnsembleSpec, FindRequest, FoundPostprocessing, ProbabilityFile,
    apply_postprocessing, ensemble_cases, find_postprocessing,
};
use sarx_plan::{DatasetJson, Fold};
use sarx_study::{EvaluateSpec, evaluate_folders};
use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Models to compare.
#[derive(Debug, Clone, Copy)]
pub struct BestRequest<'a> {
    /// Model folders, in the order that decides ties.
    pub models: &'a [PathBuf],
    /// Folder of reference segmentations.
    pub reference: &'a Path,
    /// Where `ensembles/`, `inference_information.json` and `inference_instructions.txt` go.
    pub out: &'a Path,
    /// Folds to gather; empty for all numbered folds that the first model was validated on.
    pub folds: &'a [Fold],
    /// Whether to average pairs.
    pub ensembling: bool,
    /// How many cases are in memory at a time.
    pub cases_at_once: NonZeroUsize,
    /// Becomes true when the work should stop.
    pub stop: &'a AtomicBool,
}

/// A model or a pair with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// The model's folder name, or nnU-Net's name of an ensemble.
    pub name: String,
    /// Indices of the models.
    pub members: Vec<usize>,
    /// Folder of its cross-validated predictions.
    pub source: PathBuf,
    /// Mean foreground Dice; NaN if undefined.
    pub dice: f64,
}

/// What came out.
#[derive(Debug)]
pub struct BestReport {
    /// The models.
    pub models: Vec<Candidate>,
    /// The folds that were gathered.
    pub folds: Vec<Fold>,
    /// Number of cases.
    pub n_cases: usize,
    /// All contenders, single models first.
    pub contenders: Vec<Contender>,
    /// Index of the best.
    pub best: usize,
    /// Pairs without a score, with the reason.
    pub left_out: Vec<String>,
    /// Clean-up of the winner.
    pub postprocessing: FoundPostprocessing,
    /// Its rules.
    pub rules_file: PathBuf,
    /// Mean foreground Dice with them.
    pub dice_postprocessed: f64,
    /// `inference_information.json`.
    pub information_file: PathBuf,
    /// `inference_instructions.txt`.
    pub instructions_file: PathBuf,
    /// What stands there.
    pub instructions: String,
}

/// Compares models and finds the clean-up of the best.
///
/// # Errors
///
/// [`BestError`] if a model or fold is missing, the models do not belong together, a case cannot
/// be scored, or a file cannot be written.
pub fn find_best(
    request: &BestRequest<'_>,
    progress: &dyn Progress,
) -> Result<BestReport, BestError> {
    let models = candidate::open_all(request.models)?;
    let folds = folds(request.folds, &models[0])?;
    let gathered = models
        .iter()
        .map(|model| CrossValidation::gather(model, &folds))
        .collect::<Result<Vec<_>, _>>()?;
    crossval::require_same_cases(&models, &gathered)?;
    let scorer = Scorer {
        request,
        dataset: &models[0].dataset,
        cases: gathered[0].cases(),
        progress,
    };
    let mut contenders = Vec::new();
    for (index, (model, gathered)) in models.iter().zip(&gathered).enumerate() {
        let source = gathered.write(model, &folds)?;
        contenders.push(Contender {
            name: model.name.clone(),
            members: vec![index],
            dice: scorer.score(&source)?,
            source,
        });
    }
    let mut left_out = Vec::new();
    if request.ensembling {
        for i in 0..models.len() {
            for j in i + 1..models.len() {
                let pair = [(&models[i], &gathered[i]), (&models[j], &gathered[j])];
                match scorer.ensemble(pair, &folds)? {
                    Ok((name, source)) => contenders.push(Contender {
                        name,
                        members: vec![i, j],
                        dice: scorer.score(&source)?,
                        source,
                    }),
                    Err(reason) => left_out.push(reason),
                }
            }
        }
    }
    let best = best_of(&contenders).ok_or(BestError::NoScore)?;
    let (postprocessing, rules_file) = scorer.postprocess(&contenders[best].source)?;
    let report = BestReport {
        n_cases: scorer.cases.len(),
        dice_postprocessed: postprocessing.after.foreground.dice.0,
        information_file: request.out.join(information::FILE),
        instructions_file: request.out.join(instructions::FILE),
        instructions: instructions::text(
            &models,
            &folds,
            &contenders[best],
            &postprocessing,
            &rules_file,
        )?,
        models,
        folds,
        contenders,
        best,
        left_out,
        postprocessing,
        rules_file,
    };
    let information = information::document(&report, request.ensembling);
    crossval::make_folder(request.out)?;
    sarx_io::write_json(&report.information_file, &information)?;
    sarx_io::write_atomic(&report.instructions_file, |out| {
        out.write_all(report.instructions.as_bytes())
    })?;
    Ok(report)
}

/// The earliest of the highest; an undefined score never wins.
fn best_of(contenders: &[Contender]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (index, contender) in contenders.iter().enumerate() {
        let better = best.is_none_or(|best| contender.dice > contenders[best].dice);
        if !contender.dice.is_nan() && better {
            best = Some(index);
        }
    }
    best
}

fn folds(asked: &[Fold], first: &Candidate) -> Result<Vec<Fold>, BestError> {
    let mut folds = if asked.is_empty() {
        first.validated_folds()?
    } else {
        asked.to_vec()
    };
    folds.sort_unstable();
    folds.dedup();
    if folds.is_empty() {
        return Err(BestError::NoFolds {
            path: first.path.clone(),
        });
    }
    Ok(folds)
}

/// What all contenders are scored on.
struct Scorer<'a> {
    request: &'a BestRequest<'a>,
    dataset: &'a DatasetJson,
    cases: BTreeSet<CaseId>,
    progress: &'a dyn Progress,
}

impl Scorer<'_> {
    /// Scores a folder, writes its `summary.json` and returns the mean foreground Dice.
    fn score(&self, folder: &Path) -> Result<f64, BestError> {
        if self.request.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(BestError::Stopped);
        }
        let mut spec = EvaluateSpec::from_dataset(self.dataset);
        spec.only = Some(self.cases.clone());
        spec.cases_at_once = self.request.cases_at_once;
        let found = evaluate_folders(self.request.reference, folder, &spec, self.progress)?;
        if !found.unmatched.is_empty() {
            return Err(BestError::NoReference {
                missing: found.unmatched,
                path: self.request.reference.to_owned(),
            });
        }
        if let Some(failure) = found.failed.into_iter().next() {
            return Err(failure.into());
        }
        let summary = sarx_metrics::Summary::of(&found.scored)?;
        let document = summary.to_json()?;
        sarx_io::write_atomic(&folder.join("summary.json"), |out| {
            out.write_all(document.as_bytes())
        })?;
        Ok(summary.foreground_mean.dice.0)
    }

    /// Averages a pair into `ensembles/`, or says why it cannot.
    fn ensemble(
        &self,
        pair: [(&Candidate, &CrossValidation); 2],
        folds: &[Fold],
    ) -> Result<Result<(String, PathBuf), String>, BestError> {
        let [(first, _), (second, _)] = pair;
        let mut cases = Vec::with_capacity(self.cases.len());
        for id in &self.cases {
            let mut members: Vec<ProbabilityFile> = Vec::new();
            for (model, gathered) in pair {
                let Some(file) = gathered.probabilities(id) else {
                    return Ok(Err(format!(
                        "{} and {} were not averaged: {} has no probabilities of case \"{id}\" \
                         (train or validate with `--save-probabilities`)",
                        first.name, second.name, model.name
                    )));
                };
                members.push(file);
            }
            let maps = pair
                .iter()
                .filter_map(|(_, gathered)| gathered.label_map(id));
            cases.push(EnsembleCase {
                id: id.clone(),
                members,
                label_maps: maps.cloned().collect(),
            });
        }
        let name = format!(
            "ensemble___{}___{}___{}",
            first.name,
            second.name,
            crossval::folds_text(folds)
        );
        let output = self.request.out.join("ensembles").join(&name);
        fresh_folder(&output)?;
        let spec = EnsembleSpec {
            dataset: self.dataset,
            output: &output,
            save: None,
            stop: self.request.stop,
        };
        let report = ensemble_cases(&cases, &spec, self.progress)?;
        if let Some((case, source)) = report.failed.into_iter().next() {
            let source = Box::new(source);
            return Err(BestError::Ensemble { name, case, source });
        }
        first.write_documents(&output)?;
        Ok(Ok((name, output)))
    }

    /// Finds the clean-up, and cleans and scores the winner's predictions with it.
    fn postprocess(&self, source: &Path) -> Result<(FoundPostprocessing, PathBuf), BestError> {
        let labels = self.dataset.labels();
        let spec = EvaluateSpec::from_dataset(self.dataset);
        let request = FindRequest {
            prediction: source,
            reference: self.request.reference,
            file_ending: self.dataset.file_ending(),
            labels_or_regions: &spec.score.labels_or_regions,
            foreground: labels.foreground_labels(),
            ignore: labels.ignore_label(),
            cases_at_once: self.request.cases_at_once,
            stop: self.request.stop,
        };
        let found = find_postprocessing(&request, self.progress)?;
        let rules_file = source.join("postprocessing.json");
        found.write(&rules_file)?;
        let output = source.join("postprocessed");
        let apply = ApplyRequest {
            input: source,
            output: &output,
            dataset: self.dataset,
            rules: &found.rules,
            stop: self.request.stop,
        };
        let applied = apply_postprocessing(&apply, self.progress)?;
        if let Some((_, error)) = applied.failed.into_iter().next() {
            return Err(error.into());
        }
        self.score(&output)?;
        Ok((found, rules_file))
    }
}

#[cfg(test)]
mod tests;
