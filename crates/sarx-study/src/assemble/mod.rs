//! From a design to nnU-Net's raw dataset of one model.
//!
//! Files that need no change are linked, or copied where links are not possible; a channel on another grid than the first is
//! brought there, by the headers or by registration ([`Alignment`]), and how good that was stands in `cases.csv`.
//! What is made stays; a case that failed leaves no file, stands in `cases.csv` with the reason, and is tried again
//! next time. A folder that was assembled from another design is refused.

mod alignment;
#[cfg(test)]
mod alignment_tests;
mod error;
mod identity;
mod placing;
#[cfg(test)]
mod resume_tests;
mod table;
#[cfg(test)]
mod tests;

pub use alignment::{Alignment, AlignmentRecord};
pub use error::{AssembleError, AssembleFault};
pub use placing::{place, put};

use crate::design::{Design, ModelKind, ModelSpec, StudyCase, StudySet};
use identity::AssemblyIdentity;
use placing::{is_younger, remove_if_there};
use rayon::prelude::*;
use sarx_core::{CaseId, Progress};
use sarx_plan::{Split, Splits};
use serde_json::json;
use std::collections::BTreeMap;
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
    let alignment = Alignment::of(request.design);
    let identity = AssemblyIdentity::of(request, &cases, &alignment);
    identity.claim(
        &request.table.with_file_name("assembly.json"),
        request.dataset,
    )?;
    progress.begin("assemble", cases.len() as u64);
    let results: Vec<Option<Result<Vec<AlignmentRecord>, AssembleFault>>> = cases
        .par_iter()
        .map(|case| {
            if request.stop.load(Ordering::Relaxed) {
                return None;
            }
            let made = make_case(case, request.dataset, &alignment);
            let made = made.or_else(|fault| {
                // Half a case would make the whole dataset one that cannot be opened.
                remove_case(case, request.dataset)?;
                Err(fault)
            });
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
            Some(Err(fault)) => failed.push((case, fault)),
        }
    }
    table::write(request.table, &rows, &failed)?;
    write_document(request, &done)?;
    write_splits(request, &done)?;
    Ok(Assembled {
        done: done.into_iter().map(|case| case.id.clone()).collect(),
        failed: failed
            .into_iter()
            .map(|(case, fault)| (case.id.clone(), fault))
            .collect(),
    })
}

/// The files of a case; a channel that is there already is told from the record beside it.
fn make_case(
    case: &StudyCase,
    dataset: &Path,
    alignment: &Alignment,
) -> Result<Vec<AlignmentRecord>, AssembleFault> {
    let mut records = vec![AlignmentRecord::reference()];
    let Some((_, reference)) = case.channels.first() else {
        unreachable!("a case has a channel");
    };
    put(reference, &image_path(case, dataset, 0), false)?;
    put(&case.label, &label_path(case, dataset), true)?;
    for (channel, (_, image)) in case.channels.iter().enumerate().skip(1) {
        let target = image_path(case, dataset, channel);
        records.push(put_aligned(reference, image, &target, alignment)?);
    }
    Ok(records)
}

/// Takes away what there is of a case.
fn remove_case(case: &StudyCase, dataset: &Path) -> Result<(), AssembleFault> {
    let images = (0..case.channels.len()).map(|channel| image_path(case, dataset, channel));
    for path in images.chain([label_path(case, dataset)]) {
        let removed = remove_if_there(&path);
        removed.map_err(|source| AssembleFault::Remove { path, source })?;
    }
    Ok(())
}

/// The ending of nnU-Net's folders for the set of a case.
fn part(case: &StudyCase) -> &'static str {
    match case.set {
        StudySet::External => "Ts",
        StudySet::Fold(_) => "Tr",
    }
}

fn image_path(case: &StudyCase, dataset: &Path, channel: usize) -> PathBuf {
    let name = format!("{}_{channel:04}{FILE_ENDING}", case.id);
    dataset.join(format!("images{}", part(case))).join(name)
}

fn label_path(case: &StudyCase, dataset: &Path) -> PathBuf {
    let name = format!("{}{FILE_ENDING}", case.id);
    dataset.join(format!("labels{}", part(case))).join(name)
}

/// Puts a further channel on the grid of the reference, by the headers or by registration, as a file that ends in
/// [`FILE_ENDING`]; one that is there and younger than both images stays.
///
/// # Errors
///
/// [`AssembleFault`] if a file cannot be read or written, or a registration is refused.
pub fn put_aligned(
    reference: &Path,
    image: &Path,
    target: &Path,
    alignment: &Alignment,
) -> Result<AlignmentRecord, AssembleFault> {
    let remembered = target.with_extension("alignment.json");
    if is_younger(target, &[reference, image])
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
    sarx_io::write_json(&request.dataset.join("dataset.json"), &document)?;
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
