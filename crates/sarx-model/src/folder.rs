//! The folder of a model: nnU-Net's own layout with safetensors in the folds.
//!
//! ```text
//! plans.json  dataset.json  manifest.json
//! fold_0/checkpoint_final.safetensors  fold_0/checkpoint_best.safetensors  ..
//! ```
//!
//! A folder that nnU-Net made has no manifest and `.pth` files in the folds; it is read in place.

mod weights;

pub(crate) use weights::folds_with;
pub use weights::{WeightsFormat, WeightsKind, fold_folder_name};

use crate::nnunet;
use crate::{
    Manifest, ModelError, TrainingFacts, network, plans_hash, preprocess_spec, previous_labels,
    read_manifest, unet_config,
};
use sarx_nn::UnetConfig;
use sarx_plan::{Configuration, DatasetJson, Plans};
use sarx_preprocess::PreprocessSpec;
use std::path::{Path, PathBuf};

/// A model folder whose plans, dataset.json and manifest are read and agree.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    path: PathBuf,
    plans: Plans,
    dataset: DatasetJson,
    configuration: Configuration,
    manifest: Manifest,
    unet: UnetConfig,
    spec: PreprocessSpec,
    previous_labels: Vec<i16>,
    format: WeightsFormat,
}

impl ModelFolder {
    /// Opens a model: a folder of ours, or, if it has no manifest, one that nnU-Net made. What a
    /// manifest would say is then in the checkpoint of the first fold.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if a document is missing, damaged, or does not fit the others.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let manifest_path = path.join("manifest.json");
        if !manifest_path.exists()
            && let Some(checkpoint) = nnunet::first_checkpoint(path)
        {
            let plans = Plans::read(&path.join("plans.json"))?;
            let dataset = DatasetJson::read(&path.join("dataset.json"))?;
            let manifest = nnunet::manifest(&checkpoint, &plans, &dataset)?;
            return Self::assemble(path, plans, dataset, manifest, WeightsFormat::Torch);
        }
        if !manifest_path.exists() {
            return Err(ModelError::NotAModel {
                models: models_below(path),
                path: path.to_owned(),
            });
        }
        let manifest = read_manifest(&manifest_path)?;
        let plans = Plans::read(&path.join("plans.json"))?;
        let dataset = DatasetJson::read(&path.join("dataset.json"))?;
        Self::assemble(path, plans, dataset, manifest, WeightsFormat::Safetensors)
    }

    /// Prepares a folder for training: writes the documents, or checks that those there are the
    /// same.
    ///
    /// # Errors
    ///
    /// [`ModelError::OtherModel`] if the folder holds a model of other plans; nothing is changed.
    pub fn create(
        path: &Path,
        plans: &Plans,
        dataset: &DatasetJson,
        configuration: &str,
        facts: TrainingFacts,
    ) -> Result<Self, ModelError> {
        let manifest = Manifest {
            schema_version: Manifest::SCHEMA_VERSION,
            sarx_version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: configuration.to_owned(),
            plans_name: plans.plans_name().to_owned(),
            plans_hash: plans_hash(plans, dataset),
            slice_axes: facts.slice_axes,
            previous_stage: plans.configuration(configuration)?.previous_stage,
            mirror_axes: facts.mirror_axes,
            origin: None,
        };
        let format = WeightsFormat::Safetensors;
        let model = Self::assemble(path, plans.clone(), dataset.clone(), manifest, format)?;
        if path.join("manifest.json").exists() {
            let existing = Self::open(path)?;
            model.require_same(&existing)?;
            return Ok(existing);
        }
        model.refuse_foreign_documents()?;
        model.write_documents()?;
        Ok(model)
    }

    fn assemble(
        path: &Path,
        plans: Plans,
        dataset: DatasetJson,
        manifest: Manifest,
        format: WeightsFormat,
    ) -> Result<Self, ModelError> {
        let configuration = plans.configuration(&manifest.configuration)?;
        if manifest.previous_stage != configuration.previous_stage {
            return Err(ModelError::Manifest {
                what: format!(
                    "it names {} as the previous stage, the plans name {}",
                    quoted(manifest.previous_stage.as_deref()),
                    quoted(configuration.previous_stage.as_deref())
                ),
                path: path.join("manifest.json"),
            });
        }
        check_mirror_axes(&manifest, path)?;
        let unet = unet_config(&configuration, &dataset)?;
        let spec = preprocess_spec(&plans, &configuration, &dataset)?;
        let previous_labels = previous_labels(&configuration, &dataset)?;
        let path = path.to_owned();
        Ok(Self {
            path,
            plans,
            dataset,
            configuration,
            manifest,
            unet,
            spec,
            previous_labels,
            format,
        })
    }

    fn require_same(&self, existing: &Self) -> Result<(), ModelError> {
        let (new, old) = (&self.manifest, &existing.manifest);
        let differs = |what, expected: &str, found: &str| ModelError::OtherModel {
            what,
            expected: expected.to_owned(),
            found: found.to_owned(),
            path: self.path.clone(),
        };
        if new.configuration != old.configuration {
            return Err(differs(
                "configuration",
                &new.configuration,
                &old.configuration,
            ));
        }
        if new.plans_hash != old.plans_hash {
            let short = |hash: &str| hash.chars().take(12).collect::<String>();
            let name = |m: &Manifest| format!("{} {}", m.plans_name, short(&m.plans_hash));
            return Err(differs("plans", &name(new), &name(old)));
        }
        // Written out or not, all axes are all axes.
        if self.mirror_axes() != existing.mirror_axes() {
            let axes = |m: &Manifest| match &m.mirror_axes {
                None => "all axes".to_owned(),
                Some(axes) => format!("axes {axes:?}"),
            };
            return Err(differs("mirroring", &axes(new), &axes(old)));
        }
        Ok(())
    }

    /// Documents without a manifest: ours, if writing them was interrupted, or a stranger's, and
    /// those are not ours to write over.
    fn refuse_foreign_documents(&self) -> Result<(), ModelError> {
        let plans = self.path.join("plans.json");
        let dataset = self.path.join("dataset.json");
        let foreign = if nnunet::first_checkpoint(&self.path).is_some() {
            "checkpoint of nnU-Net"
        } else if plans.exists() && !Plans::read(&plans).is_ok_and(|p| p == self.plans) {
            "plans.json"
        } else if dataset.exists()
            && !DatasetJson::read(&dataset).is_ok_and(|d| d == self.dataset && plans.exists())
        {
            "dataset.json"
        } else {
            return Ok(());
        };
        Err(ModelError::OtherModel {
            what: "origin",
            expected: "a model of sarx".to_owned(),
            found: format!("a {foreign} without a manifest"),
            path: self.path.clone(),
        })
    }

    fn write_documents(&self) -> Result<(), ModelError> {
        std::fs::create_dir_all(&self.path).map_err(|source| ModelError::Read {
            what: "the folder",
            path: self.path.clone(),
            source,
        })?;
        self.plans.write(&self.path.join("plans.json"))?;
        self.dataset.write(&self.path.join("dataset.json"))?;
        // Last: a folder with a manifest is whole.
        self.manifest.write(&self.path.join("manifest.json"))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plans.
    #[must_use]
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// What the dataset said about itself.
    #[must_use]
    pub fn dataset(&self) -> &DatasetJson {
        &self.dataset
    }

    /// The configuration of the plans that the weights belong to.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Edges of the network's input, voxels `[z, y, x]`.
    #[must_use]
    pub fn patch(&self) -> [usize; 3] {
        network::patch(&self.configuration)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network.
    #[must_use]
    pub fn unet_config(&self) -> &UnetConfig {
        &self.unet
    }

    /// The labels whose masks a cascade's network sees behind the image; empty without a cascade.
    #[must_use]
    pub fn previous_labels(&self) -> &[i16] {
        &self.previous_labels
    }

    /// Array axes of `z, y, x` along which prediction may mirror: those of training. A 2D network
    /// has no axis across slices.
    #[must_use]
    pub fn mirror_axes(&self) -> Vec<usize> {
        let first = 3 - self.configuration.n_axes();
        match &self.manifest.mirror_axes {
            None => (first..3).collect(),
            Some(axes) => axes.clone(),
        }
    }

    /// How images are preprocessed and logits are brought back.
    #[must_use]
    pub fn preprocess_spec(&self) -> &PreprocessSpec {
        &self.spec
    }
}

fn quoted(stage: Option<&str>) -> String {
    stage.map_or_else(|| "none".to_owned(), |name| format!("\"{name}\""))
}

fn check_mirror_axes(manifest: &Manifest, path: &Path) -> Result<(), ModelError> {
    let axes = manifest.mirror_axes.as_deref().unwrap_or_default();
    if axes.is_sorted_by(|a, b| a < b) && axes.iter().all(|&axis| axis < 3) {
        return Ok(());
    }
    Err(ModelError::Manifest {
        what: format!("mirror_axes is {axes:?}; it holds some of 0, 1, 2 (z, y, x) in order"),
        path: path.join("manifest.json"),
    })
}

/// Names of the folders that hold a model, for whoever named the folder above them.
fn models_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_model = |path: &Path| {
        path.join("manifest.json").exists() || nnunet::first_checkpoint(path).is_some()
    };
    let mut names: Vec<String> = entries
        .filter(|entry| is_model(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
