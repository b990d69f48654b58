//! Everything a run must remember, in one file that is either whole or absent.
//!
//! A checkpoint holds weights under nnU-Net's names, the optimizer's momentum under the same
//! names behind `momentum.`, and one JSON text with the position of the run. Random numbers need
//! no state: they are derived from seed, epoch and batch. Nothing in the file depends on the
//! clock, so an interrupted and resumed run ends with the same bytes as an undisturbed one.

use crate::{TrainError, TrainObserver};
use sarx_nn::{NamedArray, WeightsFile};
use sarx_preprocess::augment::Augmentation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Version of the JSON text; other versions are refused.
const SCHEMA_VERSION: u32 = 1;
/// Key of the JSON text. One key only: the order of several is not defined in safetensors.
const METADATA_KEY: &str = "sarx_training";
const MOMENTUM: &str = "momentum.";

/// The choices that make a run what it is; a checkpoint continues only under the same ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// SHA-256 of the plans.
    pub plans_hash: String,
    /// Name of the configuration.
    pub configuration: String,
    /// Fold, as in the folder's name.
    pub fold: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Learning rate of the first epoch.
    pub initial_lr: f64,
    /// Number of epochs; the learning rate depends on it.
    pub n_epochs: usize,
    /// Training iterations per epoch.
    pub n_iterations: usize,
    /// Validation iterations per epoch.
    pub n_val_iterations: usize,
    /// Threads of the network; sums may depend on them.
    pub n_threads: usize,
    /// How samples are augmented. Left out where it is the default, as are the two that follow, so
    /// that checkpoints of runs without them stay as they were.
    #[serde(default = "default_augmentation", skip_serializing_if = "is_default")]
    pub augmentation: String,
    /// SHA-256 of the weights that the run began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<String>,
    /// SHA-256 over the predictions of a cascade's previous stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_labels: Option<String>,
    /// Training cases, in order.
    pub train_cases: Vec<String>,
    /// Validation cases, in order.
    pub val_cases: Vec<String>,
}

fn default_augmentation() -> String {
    Augmentation::Default.to_string()
}

fn is_default(augmentation: &str) -> bool {
    augmentation == default_augmentation()
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Index of the epoch that is under way or next.
    pub epoch: usize,
    /// Training iterations of this epoch that are done.
    pub iteration: usize,
    /// Their losses.
    pub losses: Vec<f32>,
    /// Moving average of the pseudo Dice.
    pub ema: Option<f64>,
    /// Best moving average so far.
    pub best_ema: Option<f64>,
}

/// A run at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What the run is.
    pub identity: RunIdentity,
    /// Where it stands.
    pub position: Position,
    /// Weights under nnU-Net's names.
    pub weights: Vec<NamedArray>,
    /// Momentum under the same names; empty before the first step and in weights for prediction.
    pub momentum: Vec<NamedArray>,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    schema_version: u32,
    identity: RunIdentity,
    position: Position,
}

impl Checkpoint {
    /// Writes the file under a temporary name and renames it.
    ///
    /// # Errors
    ///
    /// [`TrainError`] if it cannot be written; the old file then stays.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let metadata = Metadata {
            schema_version: SCHEMA_VERSION,
            identity: self.identity.clone(),
            position: self.position.clone(),
        };
        let text = serde_json::to_string(&metadata).map_err(TrainError::Serialize)?;
        let momentum = self.momentum.iter().map(|array| NamedArray {
            name: format!("{MOMENTUM}{}", array.name),
            ..array.clone()
        });
        let file = WeightsFile {
            arrays: self.weights.iter().cloned().chain(momentum).collect(),
            metadata: BTreeMap::from([(METADATA_KEY.to_owned(), text)]),
        };
        let bytes = file.to_bytes()?;
        sarx_io::write_atomic(path, |out| out.write_all(&bytes))?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`TrainError`] if it cannot be read, is no checkpoint, or is of another schema version.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |what: String| TrainError::Checkpoint {
            what,
            path: path.to_owned(),
        };
        let bytes = std::fs::read(path).map_err(|source| TrainError::ReadCheckpoint {
            path: path.to_owned(),
            source,
        })?;
        let file = WeightsFile::from_bytes(&bytes).map_err(|e| bad(e.to_string()))?;
        let text = file
            .metadata
            .get(METADATA_KEY)
            .ok_or_else(|| bad("it holds weights but no state of a training".to_owned()))?;
        let metadata: Metadata = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if metadata.schema_version != SCHEMA_VERSION {
            return Err(bad(format!(
                "schema version {}, this build reads {SCHEMA_VERSION}",
                metadata.schema_version
            )));
        }
        let (momentum, weights) = file
            .arrays
            .into_iter()
            .partition(|array| array.name.starts_with(MOMENTUM));
        Ok(Self {
            identity: metadata.identity,
            position: metadata.position,
            weights,
            momentum: strip_prefix(momentum),
        })
    }

    /// Refuses to continue a run under other choices than it was begun with.
    ///
    /// # Errors
    ///
    /// [`TrainError::OtherRun`] names the first choice that differs.
    pub fn require_same_run(&self, wanted: &RunIdentity, path: &Path) -> Result<(), TrainError> {
        let (old, new) = (&self.identity, wanted);
        let list = |cases: &[String]| cases.join(", ");
        let hash = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "none".to_owned());
        let choices = [
            ("plans", old.plans_hash.clone(), new.plans_hash.clone()),
            (
                "configuration",
                old.configuration.clone(),
                new.configuration.clone(),
            ),
            ("fold", old.fold.clone(), new.fold.clone()),
            ("seed", old.seed.to_string(), new.seed.to_string()),
            (
                "initial learning rate",
                old.initial_lr.to_string(),
                new.initial_lr.to_string(),
            ),
            ("epochs", old.n_epochs.to_string(), new.n_epochs.to_string()),
            (
                "iterations",
                old.n_iterations.to_string(),
                new.n_iterations.to_string(),
            ),
            (
                "validation iterations",
                old.n_val_iterations.to_string(),
                new.n_val_iterations.to_string(),
            ),
            (
                "augmentation",
                old.augmentation.clone(),
                new.augmentation.clone(),
            ),
            (
                "pretrained weights",
                hash(&old.pretrained),
                hash(&new.pretrained),
            ),
            (
                "predictions of the previous stage",
                hash(&old.previous_labels),
                hash(&new.previous_labels),
            ),
            (
                "training cases",
                list(&old.train_cases),
                list(&new.train_cases),
            ),
            (
                "validation cases",
                list(&old.val_cases),
                list(&new.val_cases),
            ),
        ];
        match choices.into_iter().find(|(_, old, new)| old != new) {
            Some((choice, expected, found)) => Err(TrainError::OtherRun {
                choice,
                expected,
                found,
                path: path.to_owned(),
            }),
            None => Ok(()),
        }
    }
}

fn strip_prefix(arrays: Vec<NamedArray>) -> Vec<NamedArray> {
    arrays
        .into_iter()
        .map(|array| NamedArray {
            name: array.name.replacen(MOMENTUM, "", 1),
            ..array
        })
        .collect()
}

/// Tells when a run resumes on another number of threads, which may change the last bits.
pub(crate) fn warn_of_other_threads(
    old: &RunIdentity,
    new: &RunIdentity,
    observer: &mut dyn TrainObserver,
) {
    if old.n_threads != new.n_threads {
        observer.warn(&format!(
            "begun with {} threads, resumed with {}; say --threads {} for the same bytes",
            old.n_threads, new.n_threads, old.n_threads
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let array = |name: &str, values: &[f32]| NamedArray {
            name: name.to_owned(),
            shape: vec![values.len()],
            values: values.to_vec(),
        };
        Checkpoint {
            identity: RunIdentity {
                plans_hash: "ab".into(),
                configuration: "3d_fullres".into(),
                fold: "fold_0".into(),
                seed: 7,
                initial_lr: 0.01,
                n_epochs: 3,
                n_iterations: 2,
                n_val_iterations: 1,
                n_threads: 2,
                augmentation: "default".into(),
                pretrained: None,
                previous_labels: None,
                train_cases: vec!["a".into()],
                val_cases: vec!["b".into()],
            },
            position: Position {
                epoch: 1,
                iteration: 1,
                losses: vec![0.1],
                ema: Some(0.1 + 0.2),
                best_ema: None,
            },
            weights: vec![
                array("a.bias", &[1.0, f32::MIN_POSITIVE]),
                array("a.weight", &[3.0]),
            ],
            momentum: vec![array("a.bias", &[0.5, -0.0]), array("a.weight", &[0.1])],
        }
    }

    #[test]
    fn a_checkpoint_survives_to_the_bit_and_the_same_state_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        checkpoint().write(&a).unwrap();
        checkpoint().write(&b).unwrap();
        assert_eq!(Checkpoint::read(&a).unwrap(), checkpoint());
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    }

    #[test]
    fn a_truncated_checkpoint_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint_latest.safetensors");
        checkpoint().write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 7, 100, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = Checkpoint::read(&path).unwrap_err();
            assert!(error.to_string().contains("checkpoint_latest"), "{error}");
        }
    }

    #[test]
    fn another_run_is_refused_by_name() {
        let refused = |other: &RunIdentity| {
            let refused = checkpoint().require_same_run(other, Path::new("x"));
            refused.unwrap_err().to_string()
        };
        let mut other = checkpoint().identity;
        other.augmentation = "none".into();
        assert!(refused(&other).contains("augmentation default"));
        let mut other = checkpoint().identity;
        other.pretrained = Some("abc".into());
        assert!(refused(&other).contains("pretrained weights none"));
        let mut other = checkpoint().identity;
        other.seed = 8;
        let error = refused(&other);
        assert!(
            error.contains("seed") && error.contains('7') && error.contains('8'),
            "{error}"
        );
    }
}
