//! The folder of one fold: names of its files, and a lock so that two processes never share it.

use crate::TrainError;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Files of a fold. The lock is held as long as the value lives, and ends with the process.
#[derive(Debug)]
pub(crate) struct FoldFolder {
    path: PathBuf,
    _lock: File,
}

impl FoldFolder {
    /// Makes the folder if needed and locks it.
    pub(crate) fn lock(path: &Path) -> Result<Self, TrainError> {
        let failed = |source| TrainError::Folder {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock_path = path.join(".lock");
        let lock = File::create(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(TrainError::Locked { path: lock_path }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    pub(crate) fn latest(&self) -> PathBuf {
        self.path.join("checkpoint_latest.safetensors")
    }

    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("checkpoint_best.safetensors")
    }

    /// Named last: a fold with this file is finished.
    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("checkpoint_final.safetensors")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("training_log.jsonl")
    }

    pub(crate) fn figure(&self, ending: &str) -> PathBuf {
        self.path.join(format!("progress.{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_training_of_the_fold_is_refused_while_the_first_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fold_0");
        let first = FoldFolder::lock(&path).unwrap();
        assert!(matches!(
            FoldFolder::lock(&path),
            Err(TrainError::Locked { .. })
        ));
        drop(first);
        FoldFolder::lock(&path).unwrap();
    }
}
