//! Where a study puts what it makes.

use sarx_study::results::scores::StudySet;
use std::path::{Path, PathBuf};

/// The study's folder.
#[derive(Debug, Clone)]
pub(super) struct StudyFolders {
    out: PathBuf,
}

/// The folder of one model.
#[derive(Debug, Clone)]
pub(super) struct ModelFolders {
    root: PathBuf,
}

impl StudyFolders {
    pub(super) fn new(out: PathBuf) -> Self {
        Self { out }
    }

    pub(super) fn out(&self) -> &Path {
        &self.out
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.out.join("study.lock.json")
    }

    pub(super) fn splits(&self) -> PathBuf {
        self.out.join("splits.json")
    }

    pub(super) fn model(&self, name: &str) -> ModelFolders {
        ModelFolders {
            root: self.out.join("models").join(name),
        }
    }

    pub(super) fn scores(&self) -> PathBuf {
        self.out.join("scores.csv")
    }

    pub(super) fn tables(&self) -> PathBuf {
        self.out.join("tables")
    }

    pub(super) fn policy(&self) -> PathBuf {
        self.out.join("policy.json")
    }

    pub(super) fn policy_evaluation(&self) -> PathBuf {
        self.out.join("policy_evaluation.json")
    }

    pub(super) fn report(&self) -> PathBuf {
        self.out.join("report.html")
    }

    pub(super) fn slurm(&self) -> PathBuf {
        self.out.join("slurm")
    }
}

impl ModelFolders {
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What the model is, and that its data are whole.
    pub(super) fn prepared(&self) -> PathBuf {
        self.root.join("prepared.json")
    }

    pub(super) fn dataset(&self) -> PathBuf {
        self.root.join("dataset")
    }

    pub(super) fn table(&self) -> PathBuf {
        self.root.join("cases.csv")
    }

    pub(super) fn preprocessed(&self) -> PathBuf {
        self.root.join("preprocessed")
    }

    pub(super) fn model(&self) -> PathBuf {
        self.root.join("model")
    }

    pub(super) fn fold(&self, fold: usize) -> PathBuf {
        self.model().join(format!("fold_{fold}"))
    }

    /// Segmentations on the grids of the model's own cases.
    pub(super) fn predictions(&self, set: StudySet) -> PathBuf {
        self.root.join("predictions").join(set.name())
    }

    /// The same on the grids where all models meet, one per patient.
    pub(super) fn common(&self, set: StudySet) -> PathBuf {
        self.root.join("common").join(set.name())
    }

    /// Members and weights of a late fusion.
    pub(super) fn fusion(&self) -> PathBuf {
        self.root.join("fusion.json")
    }

    /// Written last, so that it means "done".
    pub(super) fn scores(&self) -> PathBuf {
        self.root.join("scores.csv")
    }
}
