//! The validation predictions of all folds of a model in one folder.

use super::{BestError, Candidate};
use sarx_core::CaseId;
use sarx_infer::ProbabilityFile;
use sarx_io::{Format, strip_ending};
use sarx_model::fold_folder_name;
use sarx_plan::Fold;
use sarx_plan::label_files;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Marks a folder that this verb made, and so may make anew.
const MARKER: &str = ".made_by_sarx_best";

/// Where the validation predictions of a model lie.
#[derive(Debug)]
pub(super) struct CrossValidation {
    /// Label map and folder of each case.
    label_maps: BTreeMap<CaseId, PathBuf>,
}

impl CrossValidation {
    pub(super) fn gather(model: &Candidate, folds: &[Fold]) -> Result<Self, BestError> {
        let mut label_maps: BTreeMap<CaseId, PathBuf> = BTreeMap::new();
        for &fold in folds {
            let folder = model.path.join(fold_folder_name(fold)).join("validation");
            if !folder.is_dir() {
                return Err(BestError::NotValidated { fold, path: folder });
            }
            for (case, path) in label_files(&folder, model.dataset.file_ending())? {
                if let Some(earlier) = label_maps.insert(case.clone(), path.clone()) {
                    return Err(BestError::InTwoFolds {
                        case,
                        paths: [earlier, path],
                    });
                }
            }
        }
        Ok(Self { label_maps })
    }

    pub(super) fn cases(&self) -> BTreeSet<CaseId> {
        self.label_maps.keys().cloned().collect()
    }

    pub(super) fn label_map(&self, case: &CaseId) -> Option<&PathBuf> {
        self.label_maps.get(case)
    }

    pub(super) fn probabilities(&self, case: &CaseId) -> Option<ProbabilityFile> {
        let folder = self.label_map(case)?.parent()?;
        ProbabilityFile::of_case(folder, case)
    }

    /// Copies the label maps into nnU-Net's `crossval_results_folds_0_1_..`.
    pub(super) fn write(&self, model: &Candidate, folds: &[Fold]) -> Result<PathBuf, BestError> {
        let name = format!("crossval_results_folds_{}", folds_text(folds));
        let folder = model.path.join(name);
        fresh_folder(&folder)?;
        for (case, path) in &self.label_maps {
            let target = folder.join(format!("{case}{}", model.dataset.file_ending()));
            copy(path, &target)?;
        }
        model.write_documents(&folder)?;
        Ok(folder)
    }
}

/// Models that were validated on different cases cannot be compared.
pub(super) fn require_same_cases(
    models: &[Candidate],
    gathered: &[CrossValidation],
) -> Result<(), BestError> {
    let all: BTreeSet<CaseId> = gathered.iter().flat_map(CrossValidation::cases).collect();
    let mut differences = Vec::new();
    for (model, gathered) in models.iter().zip(gathered) {
        let cases = gathered.cases();
        let missing: Vec<String> = all
            .difference(&cases)
            .map(|case| format!("\"{case}\""))
            .collect();
        if !missing.is_empty() {
            differences.push(format!("{} lacks {}", model.name, missing.join(", ")));
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(BestError::OtherCases { differences })
    }
}

/// `0_1_2`, as in nnU-Net's names.
pub(super) fn folds_text(folds: &[Fold]) -> String {
    let names: Vec<String> = folds.iter().map(Fold::to_string).collect();
    names.join("_")
}

/// An empty folder; an older one is removed if this verb made it.
pub(super) fn fresh_folder(folder: &Path) -> Result<(), BestError> {
    let failed = |source| BestError::Folder {
        path: folder.to_owned(),
        source,
    };
    if folder.exists() {
        let is_empty = std::fs::read_dir(folder).map_err(failed)?.next().is_none();
        if !is_empty && !folder.join(MARKER).exists() {
            return Err(BestError::Foreign {
                path: folder.to_owned(),
            });
        }
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    make_folder(folder)?;
    sarx_io::write_atomic(&folder.join(MARKER), |_| Ok(()))?;
    Ok(())
}

pub(super) fn make_folder(folder: &Path) -> Result<(), BestError> {
    std::fs::create_dir_all(folder).map_err(|source| BestError::Folder {
        path: folder.to_owned(),
        source,
    })
}

/// Copies a label map; one that keeps its voxels in another file is written anew.
fn copy(from: &Path, to: &Path) -> Result<(), BestError> {
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    if let Some((_, Format::NrrdHeader | Format::Mhd)) = strip_ending(&name) {
        let image = sarx_io::read_labels(from)?;
        sarx_io::write_labels(to, &image.labels, Some(&image.header))?;
        return Ok(());
    }
    let bytes = std::fs::read(from).map_err(|source| BestError::Folder {
        path: from.to_owned(),
        source,
    })?;
    sarx_io::write_atomic(to, |out| out.write_all(&bytes))?;
    Ok(())
}
