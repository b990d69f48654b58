//! Weights of another training to begin from.

use crate::ModelError;
use crate::nnunet::Checkpoint;
use sarx_nn::{NamedArray, WeightsFile};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Files of a fold's folder, the first that exists is taken.
const CHECKPOINTS: [&str; 6] = [
    "checkpoint_final.safetensors",
    "checkpoint_best.safetensors",
    "checkpoint_latest.safetensors",
    "checkpoint_final.pth",
    "checkpoint_best.pth",
    "checkpoint_latest.pth",
];
/// Tensors of a training checkpoint that are no weights.
const MOMENTUM: &str = "momentum.";

/// Weights under nnU-Net's names and the hash of the file that they came from.
///
/// Which of them fit a network is for [`sarx_nn::Unet::with_pretrained`] to say.
#[derive(Debug, Clone, PartialEq)]
pub struct PretrainedWeights {
    /// The weights.
    pub arrays: Vec<NamedArray>,
    /// SHA-256 of the file, hex: part of what makes a run what it is.
    pub sha256: String,
    /// The file.
    pub path: PathBuf,
}

impl PretrainedWeights {
    /// Reads a weights file, or the final (else best, else latest) checkpoint of a fold's folder.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if there is no such file, or it cannot be read or holds no weights.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let file = if path.is_dir() {
            let mut found = CHECKPOINTS.map(|name| path.join(name)).into_iter();
            found
                .find(|file| file.exists())
                .ok_or_else(|| ModelError::NoPretrained {
                    expected: CHECKPOINTS.join(", "),
                    path: path.to_owned(),
                })?
        } else {
            path.to_owned()
        };
        let bytes = std::fs::read(&file).map_err(|source| ModelError::Read {
            what: "the weights to begin from",
            path: file.clone(),
            source,
        })?;
        let digest = Sha256::digest(&bytes);
        Ok(Self {
            arrays: parse(&file, &bytes)?,
            sha256: sarx_core::hex(&digest),
            path: file,
        })
    }
}

/// The one place that knows formats of weights: by the ending of the name.
fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, ModelError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors") => {
            let file = WeightsFile::from_bytes(bytes).map_err(|source| ModelError::Weights {
                path: path.to_owned(),
                source,
            })?;
            let mut arrays = file.arrays;
            arrays.retain(|array| !array.name.starts_with(MOMENTUM));
            Ok(arrays)
        }
        // Of nnU-Net: the numbers are read from the file itself.
        Some("pth") => Checkpoint::open(path)?.all_weights(bytes.len()),
        _ => Err(ModelError::PretrainedFormat {
            supported: ".safetensors and .pth",
            path: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn bytes() -> Vec<u8> {
        let array = |name: &str| NamedArray {
            name: name.to_owned(),
            shape: vec![1],
            values: vec![0.5],
        };
        let file = WeightsFile {
            arrays: vec![array("a.weight"), array("momentum.a.weight")],
            metadata: BTreeMap::new(),
        };
        file.to_bytes().unwrap()
    }

    #[test]
    fn a_folder_gives_its_final_checkpoint_without_momentum() {
        let folder = tempfile::tempdir().unwrap();
        let error = PretrainedWeights::read(folder.path()).unwrap_err();
        assert!(matches!(error, ModelError::NoPretrained { .. }), "{error}");
        std::fs::write(folder.path().join("checkpoint_best.safetensors"), b"bad").unwrap();
        let file = folder.path().join("checkpoint_final.safetensors");
        std::fs::write(&file, bytes()).unwrap();
        let found = PretrainedWeights::read(folder.path()).unwrap();
        assert_eq!(found, PretrainedWeights::read(&file).unwrap());
        assert_eq!(found.arrays.len(), 1);
        assert_eq!(found.sha256.len(), 64);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("weights.onnx");
        std::fs::write(&other, bytes()).unwrap();
        let error = PretrainedWeights::read(&other).unwrap_err().to_string();
        assert!(error.contains(".safetensors"), "{error}");
        let damaged = folder.path().join("weights.safetensors");
        std::fs::write(&damaged, &bytes()[..20]).unwrap();
        assert!(matches!(
            PretrainedWeights::read(&damaged),
            Err(ModelError::Weights { .. })
        ));
        assert!(PretrainedWeights::read(&folder.path().join("none.safetensors")).is_err());
    }
}
