//! A model that takes part, known by its documents alone: it need not run here.

use super::BestError;
use sarx_model::read_manifest;
use sarx_plan::{DatasetJson, Fold, Plans};
use std::path::{Path, PathBuf};

/// nnU-Net's separator in the names of model folders.
const SEPARATOR: &str = "__";

/// A trained model.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Name of its folder.
    pub name: String,
    /// Its folder, absolute.
    pub path: PathBuf,
    /// What the dataset said about itself.
    pub dataset: DatasetJson,
    /// Its plans.
    pub plans: Plans,
    /// The configuration of the plans.
    pub configuration: String,
    /// nnU-Net's trainer by the folder's name; `sarx` for folders of sarx.
    pub trainer: String,
}

impl Candidate {
    /// Reads the documents of a model folder of sarx, or of nnU-Net (whose folder name holds the
    /// configuration).
    ///
    /// # Errors
    ///
    /// [`BestError`] if a document is missing or damaged, or the configuration cannot be told.
    pub fn open(folder: &Path) -> Result<Self, BestError> {
        let unreadable = |source| BestError::Model {
            path: folder.to_owned(),
            source,
        };
        let path = folder.canonicalize().map_err(unreadable)?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let plans = Plans::read(&path.join("plans.json"))?;
        let dataset = DatasetJson::read(&path.join("dataset.json"))?;
        let manifest = path.join("manifest.json");
        let (configuration, trainer) = if manifest.exists() {
            (read_manifest(&manifest)?.configuration, "sarx".to_owned())
        } else {
            match name.split(SEPARATOR).collect::<Vec<_>>().as_slice() {
                [trainer, _, configuration] => ((*configuration).to_owned(), (*trainer).to_owned()),
                _ => return Err(BestError::Configuration { path }),
            }
        };
        Ok(Self {
            name,
            path,
            dataset,
            plans,
            configuration,
            trainer,
        })
    }

    /// Numbered folds with a folder of validation predictions, ascending.
    pub(super) fn validated_folds(&self) -> Result<Vec<Fold>, BestError> {
        let unreadable = |source| BestError::Model {
            path: self.path.clone(),
            source,
        };
        let mut folds = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let fold = name
                .to_str()
                .and_then(|name| name.strip_prefix("fold_")?.parse::<Fold>().ok());
            let validated = entry.path().join("validation").is_dir();
            folds.extend(fold.filter(|&fold| fold != Fold::All && validated));
        }
        folds.sort_unstable();
        Ok(folds)
    }

    /// Copies plans and dataset.json beside predictions, as nnU-Net does.
    pub(super) fn write_documents(&self, folder: &Path) -> Result<(), BestError> {
        self.plans.write(&folder.join("plans.json"))?;
        self.dataset.write(&folder.join("dataset.json"))?;
        Ok(())
    }

    /// The configuration whose predictions this one takes as input.
    pub(super) fn previous_stage(&self) -> Result<Option<String>, BestError> {
        Ok(self
            .plans
            .configuration(&self.configuration)?
            .previous_stage)
    }
}

/// Opens the models; a folder that is none is taken for a folder of models.
pub(super) fn open_all(folders: &[PathBuf]) -> Result<Vec<Candidate>, BestError> {
    let mut models: Vec<Candidate> = Vec::new();
    for folder in folders {
        for path in model_folders(folder)? {
            let model = Candidate::open(&path)?;
            // A model may be named itself and lie in a folder that is named.
            if models.iter().any(|other| other.path == model.path) {
                continue;
            }
            if let Some(other) = models.iter().find(|other| other.name == model.name) {
                return Err(BestError::SameName {
                    name: model.name,
                    paths: [other.path.clone(), model.path],
                });
            }
            models.push(model);
        }
    }
    let Some(first) = models.first() else {
        return Err(BestError::NoModels);
    };
    let same = |model: &&Candidate| {
        model.dataset.labels() == first.dataset.labels()
            && model.dataset.file_ending() == first.dataset.file_ending()
    };
    match models.iter().find(|model| !same(model)) {
        None => Ok(models),
        Some(other) => Err(BestError::OtherLabels {
            first: first.path.clone(),
            path: other.path.clone(),
        }),
    }
}

fn model_folders(folder: &Path) -> Result<Vec<PathBuf>, BestError> {
    let is_model = |path: &Path| path.join("plans.json").is_file();
    if is_model(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |source| BestError::Model {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_model(&path) {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(BestError::NoModel {
            path: folder.to_owned(),
        });
    }
    found.sort();
    Ok(found)
}
