//! The work of a study in pieces: what is done, and what is not.

use super::folders::StudyFolders;
use sarx_study::design::{Design, ModelSpec};

/// One fold of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoldUnit {
    pub(super) model: String,
    pub(super) fold: usize,
}

/// How far one fold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldState {
    /// Nothing is there.
    Waiting,
    /// There is a log or a checkpoint.
    Begun,
    /// The weights are there, the validation is not.
    Trained,
    /// Trained and validated.
    Done,
}

impl FoldState {
    pub(super) fn of(folders: &StudyFolders, model: &str, fold: usize) -> Self {
        let folder = folders.model(model).fold(fold);
        if folder.join("validation/summary.json").exists() {
            Self::Done
        } else if folder.join("checkpoint_final.safetensors").exists() {
            Self::Trained
        } else if folder.exists() {
            Self::Begun
        } else {
            Self::Waiting
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Trained => "trained",
            Self::Done => "done",
        }
    }
}

/// The folds of some models, in order.
pub(super) fn folds_of(design: &Design, models: &[&ModelSpec]) -> Vec<FoldUnit> {
    let n_folds = design.split.n_folds();
    let trained = models.iter().filter(|model| model.is_trained());
    let units = trained.flat_map(|model| {
        let folds = model.training.folds.numbers(n_folds).into_iter();
        folds.map(|fold| FoldUnit {
            model: model.name.clone(),
            fold,
        })
    });
    units.collect()
}
