//! The mean of the probabilities of several predictions.
//!
//! Source: nnU-Net v2 `ensembling/ensemble.py`. As there: sums in f32 in the order of the folders,
//! divided by their number, then the first largest label or the regions above one half.
//! Differences: the geometry comes from the label map beside the first member's probabilities and
//! not from a pickle, and members whose dataset.json, size or position differ are refused.

mod error;

pub use error::{EnsembleError, EnsembleFault};

use crate::output_folder::{claim, remove, write_record};
use crate::{ProbabilityFile, ProbabilityFormat};
use ndarray::Array4;
use rayon::prelude::*;
use sarx_core::{CaseId, Progress, Volume};
use sarx_model::heads;
use sarx_plan::DatasetJson;
use sarx_plan::label_files;
use sarx_preprocess::Heads;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What an ensemble says about itself, beside its segmentations.
const RECORD: &str = "ensemble";

/// How many cases are in memory at a time; each holds its probabilities once.
const CASES_AT_ONCE: usize = 2;

/// How far apart the label maps of members may be, mm: the rounding of headers.
const POSITION_TOLERANCE_MM: f64 = 0.1;

/// Folders to average.
#[derive(Debug, Clone, Copy)]
pub struct EnsembleRequest<'a> {
    /// Folders of predictions with probabilities; the first one gives geometry and dataset.json.
    pub inputs: &'a [PathBuf],
    /// Where segmentations are written.
    pub output: &'a Path,
    /// Also keep the mean probabilities.
    pub save: Option<ProbabilityFormat>,
    /// Becomes true when the work should stop after the current cases.
    pub stop: &'a AtomicBool,
}

/// One case of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsembleCase {
    /// The case.
    pub id: CaseId,
    /// Its probabilities, one file per member.
    pub members: Vec<ProbabilityFile>,
    /// Label maps of members, the first of which gives the geometry.
    pub label_maps: Vec<PathBuf>,
}

/// How the cases of an ensemble are averaged and written.
#[derive(Debug, Clone, Copy)]
pub struct EnsembleSpec<'a> {
    /// Labels and file ending.
    pub dataset: &'a DatasetJson,
    /// Where segmentations are written.
    pub output: &'a Path,
    /// Also keep the mean probabilities.
    pub save: Option<ProbabilityFormat>,
    /// Becomes true when the work should stop after the current cases.
    pub stop: &'a AtomicBool,
}

/// What became of the cases.
#[derive(Debug, Default)]
pub struct EnsembleReport {
    /// Averaged and written.
    pub done: Vec<CaseId>,
    /// Failed, with the reason.
    pub failed: Vec<(CaseId, EnsembleFault)>,
}

/// Averages folders of predictions, case by case, and writes `CASE.ENDING`, `dataset.json` and
/// `ensemble.json`.
///
/// # Errors
///
/// [`EnsembleError`] if fewer than two folders are given, they do not hold the same cases or labels, or
/// the output cannot be written; faults of single cases are in the result.
pub fn ensemble_folders(
    request: &EnsembleRequest<'_>,
    progress: &dyn Progress,
) -> Result<EnsembleReport, EnsembleError> {
    let dataset = common_dataset(request.inputs)?;
    let cases = common_cases(request.inputs, dataset.file_ending())?;
    let of_case = |case: &EnsembleCase| names_of(&case.id, &dataset, request.save);
    let names: Vec<String> = std::iter::once("dataset.json".to_owned())
        .chain(cases.iter().flat_map(of_case))
        .collect();
    claim(request.output, request.inputs, RECORD, &names)?;
    let spec = EnsembleSpec {
        dataset: &dataset,
        output: request.output,
        save: request.save,
        stop: request.stop,
    };
    let report = ensemble_cases(&cases, &spec, progress)?;
    dataset.write(&request.output.join("dataset.json"))?;
    // What an earlier run made of a case is not what this one would have made.
    for (case, _) in &report.failed {
        for name in names_of(case, &dataset, request.save) {
            remove(request.output, &name)?;
        }
    }
    let failed = report
        .failed
        .iter()
        .map(|(case, fault)| json!({"case": case.as_str(), "error": fault.to_string()}));
    let content = json!({
        "complete": true,
        "members": request.inputs,
        "done": report.done.iter().map(CaseId::as_str).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    });
    write_record(request.output, RECORD, &names, content)?;
    Ok(report)
}

/// The files of a case.
fn names_of(case: &CaseId, dataset: &DatasetJson, save: Option<ProbabilityFormat>) -> Vec<String> {
    let labels = format!("{case}{}", dataset.file_ending());
    let probabilities = save.map(|format| format!("{case}{}", format.ending()));
    std::iter::once(labels).chain(probabilities).collect()
}

/// Averages cases into a folder that exists.
///
/// # Errors
///
/// [`EnsembleError::Stopped`]; faults of single cases are in the result.
pub fn ensemble_cases(
    cases: &[EnsembleCase],
    spec: &EnsembleSpec<'_>,
    progress: &dyn Progress,
) -> Result<EnsembleReport, EnsembleError> {
    let heads = heads(spec.dataset);
    progress.begin("ensemble", cases.len() as u64);
    let one = |case: &EnsembleCase| {
        if spec.stop.load(Ordering::Relaxed) {
            return None;
        }
        let result = one_case(case, &heads, spec);
        progress.advance(1);
        Some(result)
    };
    let mut results: Vec<(usize, Option<Result<(), EnsembleFault>>)> = (0..CASES_AT_ONCE)
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|lane| {
            let lane = (lane..cases.len()).step_by(CASES_AT_ONCE);
            lane.map(|at| (at, one(&cases[at])))
        })
        .collect();
    progress.finish();
    results.sort_by_key(|(at, _)| *at);
    let mut report = EnsembleReport::default();
    for (at, result) in results {
        let id = cases[at].id.clone();
        match result {
            None => return Err(EnsembleError::Stopped),
            Some(Ok(())) => report.done.push(id),
            Some(Err(fault)) => report.failed.push((id, fault)),
        }
    }
    Ok(report)
}

fn one_case(
    case: &EnsembleCase,
    heads: &Heads,
    spec: &EnsembleSpec<'_>,
) -> Result<(), EnsembleFault> {
    let Some(first) = case.label_maps.first() else {
        return Err(EnsembleFault::NoGeometry);
    };
    // Read whole: a header alone would not justify what is allocated for its size.
    let header = sarx_io::read_labels(first)?.header;
    for path in &case.label_maps[1..] {
        let other = sarx_io::read_header(path)?;
        header
            .grid()
            .require_same(other.grid(), POSITION_TOLERANCE_MM)
            .map_err(|source| EnsembleFault::Grid {
                source,
                path: path.clone(),
            })?;
    }
    let probabilities = mean_probabilities(&case.members, heads, header.grid().size.zyx())?;
    let labels = heads.labels_of_probabilities(probabilities.view())?;
    if let Some(format) = spec.save {
        let path = format.path(spec.output, &case.id);
        format.write(&path, probabilities.view(), heads)?;
    }
    drop(probabilities);
    let labels = Volume::new(labels, *header.grid())?;
    let name = format!("{}{}", case.id, spec.dataset.file_ending());
    sarx_io::write_labels(&spec.output.join(name), &labels, Some(&header))?;
    Ok(())
}

/// The mean of files of probabilities, `[heads, z, y, x]`.
///
/// # Errors
///
/// [`EnsembleFault`] if a file is damaged or does not hold these heads at this size.
pub fn mean_probabilities(
    members: &[ProbabilityFile],
    heads: &Heads,
    [z, y, x]: [usize; 3],
) -> Result<Array4<f32>, EnsembleFault> {
    let mut sum = Array4::zeros((heads.count(), z, y, x));
    for member in members {
        member.add_to(&mut sum, heads)?;
    }
    sum /= members.len() as f32;
    Ok(sum)
}

/// dataset.json of the first folder; others must declare the same labels.
fn common_dataset(inputs: &[PathBuf]) -> Result<DatasetJson, EnsembleError> {
    let [first, others @ ..] = inputs else {
        return Err(EnsembleError::TooFew { found: 0 });
    };
    if others.is_empty() {
        return Err(EnsembleError::TooFew { found: 1 });
    }
    let dataset = DatasetJson::read(&first.join("dataset.json"))?;
    for folder in others {
        let path = folder.join("dataset.json");
        if path.exists() && DatasetJson::read(&path)?.labels() != dataset.labels() {
            return Err(EnsembleError::OtherLabels {
                first: first.clone(),
                path: folder.clone(),
            });
        }
    }
    Ok(dataset)
}

/// The cases of all folders, which must be the same.
fn common_cases(inputs: &[PathBuf], ending: &str) -> Result<Vec<EnsembleCase>, EnsembleError> {
    let mut folders = Vec::with_capacity(inputs.len());
    for folder in inputs {
        let files = ProbabilityFile::of_folder(folder)?;
        if files.is_empty() {
            return Err(EnsembleError::NoProbabilities {
                path: folder.clone(),
            });
        }
        folders.push((folder, files));
    }
    require_same_cases(&folders)?;
    let labels = label_files(&inputs[0], ending)?;
    let mut cases = Vec::new();
    for id in folders[0].1.keys() {
        let Some(first) = labels.get(id) else {
            return Err(EnsembleError::NoLabelMap {
                case: id.clone(),
                path: inputs[0].join(format!("{id}{ending}")),
            });
        };
        let beside = inputs[1..].iter().map(|i| i.join(format!("{id}{ending}")));
        cases.push(EnsembleCase {
            id: id.clone(),
            members: folders.iter().map(|(_, files)| files[id].clone()).collect(),
            label_maps: std::iter::once(first.clone())
                .chain(beside.filter(|path| path.exists()))
                .collect(),
        });
    }
    Ok(cases)
}

fn require_same_cases(
    folders: &[(&PathBuf, BTreeMap<CaseId, ProbabilityFile>)],
) -> Result<(), EnsembleError> {
    let mut differences = Vec::new();
    for (folder, files) in folders {
        let all = folders.iter().flat_map(|(_, files)| files.keys());
        let mut missing: Vec<&CaseId> = all.filter(|case| !files.contains_key(case)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|case| format!("\"{case}\"")).collect();
            let folder = folder.display().to_string();
            differences.push(format!("{folder:?} lacks {}", names.join(", ")));
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(EnsembleError::OtherCases { differences })
    }
}
