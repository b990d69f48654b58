//! The model folders behind a policy: all opened and checked before anything is predicted, then asked one after the
//! other, each for all patients that it is for.

use super::patients::PatientInput;
use super::prepared::{Prepared, PreparedNetwork};
use super::record::PolicyFile;
use crate::console::Console;
use crate::outcome::error_chain;
use anyhow::{Context, Result, bail};
use sarx_core::CaseId;
use sarx_infer::{
    FolderRequest, Part, PredictOptions, Predictor, ProbabilityFormat, predict_folder,
};
use sarx_model::{ModelFolder, WeightsKind};
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, Fold};
use sarx_study::design::ModelKind;
use sarx_study::policy::{PolicyModel, PolicyNetwork};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The networks that the patients may need, by folder.
#[derive(Debug)]
pub(super) struct Networks {
    opened: BTreeMap<String, ModelFolder>,
}

/// What the networks have said.
#[derive(Debug, Default)]
pub(super) struct Predictions {
    /// Where the segmentations of a network are, without and with probabilities.
    folders: BTreeMap<(String, bool), PathBuf>,
    failed: BTreeMap<CaseId, String>,
    skipped_tiles: BTreeMap<CaseId, usize>,
}

/// The patients of one network.
struct Group<'a> {
    network: &'a PolicyNetwork,
    cases: Vec<CaseFiles>,
}

impl Networks {
    /// Opens every network of every model that a patient may get, the next best ones included: a registration that is
    /// refused must not lead to a model that is not there.
    pub(super) fn open(file: &PolicyFile, patients: &[PatientInput]) -> Result<Self> {
        let policy = &file.policy;
        let mut names: BTreeSet<String> = BTreeSet::new();
        for patient in patients {
            let site = patient.site.as_deref();
            let choice = policy.choose(site, &patient.series.names())?;
            names.insert(choice.model);
            names.extend(choice.runners_up);
        }
        let (mut opened, mut faults) = (BTreeMap::new(), BTreeSet::new());
        let models = policy.models.iter();
        for model in models.filter(|model| names.contains(&model.name)) {
            for network in &model.networks {
                match open(model, network, &network.path(&file.root)) {
                    Ok(folder) => {
                        opened.insert(network.folder.clone(), folder);
                    }
                    Err(error) => {
                        faults.insert(format!("  {}: {}", network.name, error_chain(&*error)));
                    }
                }
            }
        }
        if faults.is_empty() {
            return Ok(Self { opened });
        }
        let lines: Vec<String> = faults.into_iter().collect();
        bail!(
            "models of the policy cannot be used; they lie beside policy.json as the study left them:\n{}",
            lines.join("\n")
        )
    }

    pub(super) fn model(&self, network: &PolicyNetwork) -> Result<&ModelFolder> {
        let found = self.opened.get(&network.folder);
        found.with_context(|| format!("network {} was not opened", network.name))
    }

    /// The folder for the work of a network.
    pub(super) fn place(&self, network: &PolicyNetwork, work: &Path) -> Result<PathBuf> {
        let at = self.opened.keys().position(|key| *key == network.folder);
        let at = at.with_context(|| format!("network {} was not opened", network.name))?;
        Ok(work.join(format!("network_{at}")))
    }

    /// Segments every patient with the networks of the chosen models; of a late fusion with probabilities.
    pub(super) fn predict(
        &self,
        ready: &[Prepared<'_>],
        options: &PredictOptions,
        work: &Path,
        device: DeviceChoice,
        stop: &AtomicBool,
        console: &Console,
    ) -> Result<Predictions> {
        let mut groups: BTreeMap<(String, bool), Group<'_>> = BTreeMap::new();
        for prepared in ready {
            for one in &prepared.networks {
                let key = (one.network.folder.clone(), prepared.is_fused());
                let group = groups.entry(key).or_insert_with(|| Group {
                    network: one.network,
                    cases: Vec::new(),
                });
                group.cases.push(one.files.clone());
            }
        }
        let mut predictions = Predictions::default();
        for ((folder, fused), group) in groups {
            let model = self.model(group.network)?;
            let part = if fused { "probabilities" } else { "labels" };
            let output = self.place(group.network, work)?.join(part);
            let options = PredictOptions {
                folds: folds(group.network),
                ..options.clone()
            };
            console.say(&format!("network {}", group.network.name));
            let request = FolderRequest {
                model,
                cases: &group.cases,
                output: &output,
                previous: None,
                options: &options,
                // As in the study.
                probabilities: fused.then_some(ProbabilityFormat::Compact),
                part: Part::WHOLE,
                keep_existing: false,
                stop,
            };
            let predictor = Predictor::load(model, &options, device.inference())
                .with_context(|| format!("cannot load the network {}", group.network.name))?;
            let result = predict_folder(&request, &predictor, console)?;
            for (case, error) in result.failed {
                let text = format!("network {}: {}", group.network.name, error_chain(&error));
                predictions.failed.insert(case, text);
            }
            for (case, n_tiles) in result.skipped_tiles {
                *predictions.skipped_tiles.entry(case).or_default() += n_tiles;
            }
            predictions.folders.insert((folder, fused), output);
        }
        Ok(predictions)
    }
}

impl Predictions {
    /// Refuses a case that a network failed on.
    pub(super) fn require(&self, case: &CaseId) -> Result<()> {
        match self.failed.get(case) {
            None => Ok(()),
            Some(reason) => bail!("{reason}"),
        }
    }

    /// Where a network has put its predictions.
    pub(super) fn folder(&self, of: &PreparedNetwork<'_>, fused: bool) -> Option<&Path> {
        let key = (of.network.folder.clone(), fused);
        self.folders.get(&key).map(PathBuf::as_path)
    }

    /// Tiles of air that no network was asked about, all networks together.
    pub(super) fn skipped_tiles(&self, case: &CaseId) -> usize {
        self.skipped_tiles.get(case).copied().unwrap_or(0)
    }
}

fn folds(network: &PolicyNetwork) -> Vec<Fold> {
    network.folds.iter().copied().map(Fold::Index).collect()
}

/// Opens a model folder, which must be the one that the policy was made with.
fn open(model: &PolicyModel, network: &PolicyNetwork, path: &Path) -> Result<ModelFolder> {
    let shown = path.display().to_string();
    if !path.is_dir() {
        bail!("its model folder is missing: {shown:?}");
    }
    let folder = ModelFolder::open(path)?;
    let manifest = folder.manifest();
    if manifest.configuration != network.configuration {
        bail!(
            "its configuration is {:?}, the policy was made with {:?}: {shown:?}",
            manifest.configuration,
            network.configuration
        );
    }
    let other_plans = |hash: &String| *hash != manifest.plans_hash;
    if network.plans_hash.as_ref().is_some_and(other_plans) {
        bail!(
            "its plans are not those that the policy was made with; it is a model of another study: {shown:?}"
        );
    }
    if let Some(stage) = &manifest.previous_stage {
        bail!(
            "it is the second stage of a cascade after {stage:?}, which a policy cannot use: {shown:?}"
        );
    }
    let (found, wanted) = match model.kind {
        ModelKind::Pooled => (folder.dataset().n_channels(), 1),
        _ => (folder.dataset().n_channels(), network.series.len()),
    };
    if found != wanted {
        bail!("it takes {found} channels, the policy gives it {wanted}: {shown:?}");
    }
    let there = folder.folds(WeightsKind::Final)?;
    if let Some(fold) = folds(network)
        .into_iter()
        .find(|fold| !there.contains(fold))
    {
        bail!("its fold {fold} has no weights: {shown:?}");
    }
    Ok(folder)
}
