//! From a design to nnU-Net's raw dataset of one model.
//!
//! Files that need no change are linked, or copied where links are not possible; a channel on another grid than the first is
//! brought there, by the headers or by registration ([`Alignment`]), and how good that was stands in `cases.csv`.
//! What is made stays; a case that failed is tried again next time.

mod alignment;
mod error;
mod table;
#[cfg(test)]
mod tests;

pub use alignment::{Alignment, AlignmentRecord};
pub use error::{AssembleError, AssembleFault};

use crate::design::{Design, ModelKind, ModelSpec, StudyCase, StudySet};
use rayon::prelude::*;
use sarx_core::{CaseId, Progress};
use sarx_plan::{Split, Splits};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Ending of all files of an assembled dataset.
pub const FILE_ENDING: &str = ".nii.gz";

/// What is assembled, and where.
#[derive(Debug, Clone, Copy)]
pub struct AssembleRequest<'a> {
    /// The study.
    pub design: &'a Design,
    /// One of its trained models.
    pub model: &'a ModelSpec,
    /// The dataset's folder.
    pub dataset: &'a Path,
    /// The table of cases, `cases.csv`.
    pub table: &'a Path,
    /// Becomes true when the work should stop.
    pub stop: &'a AtomicBool,
}

/// What came out.
#[derive(Debug)]
pub struct Assembled {
    /// Cases that are there.
    pub done: Vec<CaseId>,
    /// Cases that could not be made.
    pub failed: Vec<(CaseId, AssembleFault)>,
}

/// Makes the dataset of a model, with the study's split as `splits_final.json`.
///
/// # Errors
///
/// [`AssembleError`] if a folder or a document cannot be written, or the work was stopped. Cases fail one by
/// one.
pub fn assemble(
    request: &AssembleRequest<'_>,
    progress: &dyn Progress,
) -> Result<Assembled, AssembleError> {
    let cases = request.design.cases_of(request.model);
    for part in ["imagesTr", "labelsTr", "imagesTs", "labelsTs"] {
        let path = request.dataset.join(part);
        std::fs::create_dir_all(&path).map_err(|source| AssembleError::Folder { path, source })?;
    }
    let alignment = Alignment {
        method: request.design.file.alignment.method,
        seed: request.design.file.split.seed,
    };
    progress.begin("assemble", cases.len() as u64);
    let results: Vec<Option<Result<Vec<AlignmentRecord>, AssembleFault>>> = cases
        .par_iter()
        .map(|case| {
            if request.stop.load(Ordering::Relaxed) {
                return None;
            }
            let made = make_case(case, request.dataset, &alignment);
            progress.advance(1);
            Some(made)
        })
        .collect();
    progress.finish();
    let (mut done, mut failed, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (case, result) in cases.iter().zip(results) {
        match result {
            None => return Err(AssembleError::Stopped),
            Some(Ok(records)) => {
                rows.push((case, records));
                done.push(case);
            }
            Some(Err(fault)) => failed.push((case.id.clone(), fault)),
        }
    }
    table::write(request.table, &rows)?;
    write_document(request, &done)?;
    write_splits(request, &done)?;
    Ok(Assembled {
        done: done.into_iter().map(|case| case.id.clone()).collect(),
        failed,
    })
}

/// The files of a case; a channel that is there already is told from the record beside it.
fn make_case(
    case: &StudyCase,
    dataset: &Path,
    alignment: &Alignment,
) -> Result<Vec<AlignmentRecord>, AssembleFault> {
    let part = if case.set == StudySet::External {
        "Ts"
    } else {
        "Tr"
    };
    let target = |channel: usize| {
        let name = format!("{}_{channel:04}{FILE_ENDING}", case.id);
        dataset.join(format!("images{part}")).join(name)
    };
    let label = dataset
        .join(format!("labels{part}"))
        .join(format!("{}{FILE_ENDING}", case.id));
    let mut records = vec![AlignmentRecord::reference()];
    let Some((_, reference)) = case.channels.first() else {
        unreachable!("a case has a channel");
    };
    put(reference, &target(0), false)?;
    put(&case.label, &label, true)?;
    for (channel, (_, image)) in case.channels.iter().enumerate().skip(1) {
        records.push(put_aligned(reference, image, &target(channel), alignment)?);
    }
    Ok(records)
}

/// Links a file of our ending, else writes it anew.
fn put(source: &Path, target: &Path, labels: bool) -> Result<(), AssembleFault> {
    if newer(target, &[source]) {
        return Ok(());
    }
    let name = source
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if name.ends_with(FILE_ENDING) {
        return link(source, target);
    }
    if labels {
        let read = sarx_io::read_labels(source)?;
        sarx_io::write_labels(target, &read.labels, Some(&read.header))?;
    } else {
        let read = sarx_io::read_image(source)?;
        sarx_io::write_image(target, &read.volume, Some(&read.header))?;
    }
    Ok(())
}

fn link(source: &Path, target: &Path) -> Result<(), AssembleFault> {
    let failed = |source| AssembleFault::Link {
        path: target.to_owned(),
        source,
    };
    // A link cannot replace a file.
    if target.exists() {
        std::fs::remove_file(target).map_err(failed)?;
    }
    if std::fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    let mut file = std::fs::File::open(source).map_err(failed)?;
    sarx_io::write_atomic(target, |to| std::io::copy(&mut file, to).map(|_| ()))?;
    Ok(())
}

/// Whether a file is there and no source is younger.
fn newer(target: &Path, sources: &[&Path]) -> bool {
    let time = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    let made = time(target);
    made.is_some() && sources.iter().all(|source| time(source) <= made)
}

/// A further channel on the grid of the reference.
fn put_aligned(
    reference: &Path,
    image: &Path,
    target: &Path,
    alignment: &Alignment,
) -> Result<AlignmentRecord, AssembleFault> {
    let remembered = target.with_extension("alignment.json");
    if newer(target, &[reference, image])
        && let Some(record) = AlignmentRecord::read(&remembered)
        && record.is_of(alignment)
    {
        return Ok(record);
    }
    let fixed = sarx_io::read_image(reference)?;
    let moving = sarx_io::read_image(image)?;
    let (volume, record) = alignment.bring(&fixed.volume, &moving.volume)?;
    sarx_io::write_image(target, &volume, Some(&fixed.header))?;
    record.write(&remembered)?;
    Ok(record)
}

fn write_document(request: &AssembleRequest<'_>, done: &[&StudyCase]) -> Result<(), AssembleError> {
    let design = request.design;
    let labels = design
        .file
        .labels
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)));
    let labels: serde_json::Map<String, serde_json::Value> =
        std::iter::once(("background".to_owned(), json!(0)))
            .chain(labels)
            .collect();
    let names = channel_names(design, request.model);
    let channels = names
        .iter()
        .enumerate()
        .map(|(i, name)| (i.to_string(), json!(name)));
    let document = json!({
        "channel_names": channels.collect::<serde_json::Map<_, _>>(),
        "labels": labels,
        "numTraining": done.iter().filter(|case| case.set != StudySet::External).count(),
        "file_ending": FILE_ENDING,
        "name": request.model.name,
        "description": format!("Model {} of the study: {}", request.model.name, design.file.name),
    });
    sarx_io::write_atomic(&request.dataset.join("dataset.json"), |file| {
        serde_json::to_writer_pretty(&mut *file, &document)?;
        file.write_all(b"\n")
    })?;
    Ok(())
}

/// Sequences, with the plane where one sequence serves twice.
fn channel_names(design: &Design, model: &ModelSpec) -> Vec<String> {
    let series = &design.file.series;
    let of = |name: &String| &series[name];
    if model.kind == ModelKind::Pooled {
        let first = &of(&model.series[0]).sequence;
        let same = model.series.iter().all(|name| of(name).sequence == *first);
        return vec![if same { first.clone() } else { "MR".to_owned() }];
    }
    let twice = |sequence: &str| {
        model
            .series
            .iter()
            .filter(|name| of(name).sequence == sequence)
            .count()
            > 1
    };
    let name = |name: &String| {
        let columns = of(name);
        if twice(&columns.sequence) {
            format!("{} {}", columns.sequence, columns.plane)
        } else {
            columns.sequence.clone()
        }
    };
    model.series.iter().map(name).collect()
}

/// The study's split in nnU-Net's form, by cases.
fn write_splits(request: &AssembleRequest<'_>, done: &[&StudyCase]) -> Result<(), AssembleError> {
    let mut of_fold: BTreeMap<usize, Vec<CaseId>> = BTreeMap::new();
    for case in done {
        if let StudySet::Fold(fold) = case.set {
            of_fold.entry(fold).or_default().push(case.id.clone());
        }
    }
    let n_folds = request.design.split.n_folds();
    let splits = (0..n_folds).map(|fold| Split {
        train: of_fold
            .iter()
            .filter(|(other, _)| **other != fold)
            .flat_map(|(_, cases)| cases.clone())
            .collect(),
        val: of_fold.get(&fold).cloned().unwrap_or_default(),
    });
    let path: PathBuf = request.dataset.join("splits_final.json");
    Ok(Splits::new(splits.collect()).write(&path)?)
}
