//! What a policy knows of a model: what a patient must have for it, and what a prediction needs.

use crate::design::ModelKind;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// A model, what it needs of a patient, and the networks that predict for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyModel {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub kind: ModelKind,
    /// The series that a patient must have, channels in their order. Of a pooled model, which takes one series, those
    /// that it may take, the preferred one first.
    pub series: Vec<String>,
    /// The networks that are asked: one, or the members of a late fusion, that of its grid first.
    pub networks: Vec<PolicyNetwork>,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyNetwork {
    /// Name of the model that was trained.
    pub name: String,
    /// Its series, as in [`PolicyModel::series`].
    pub series: Vec<String>,
    /// Its model folder, from the folder of `policy.json`, with `/` between names.
    pub folder: String,
    /// Configuration of its plans.
    pub configuration: String,
    /// Hash of its plans, as the manifest has it, so that the model of another study under the same name is told
    /// from it. Null if the folder was not there when the policy was written.
    pub plans_hash: Option<String>,
    /// Folds that are averaged.
    pub folds: Vec<usize>,
    /// Weight of its probabilities among those of the model; 1 if it is alone.
    pub weight: f32,
}

impl PolicyModel {
    /// The series that the model is given of a patient who has those in `available`, channels in their order; `None`
    /// if it cannot be used. A pooled model gets the first of its series that is there, any other needs all.
    #[must_use]
    pub fn given<S: AsRef<str>>(&self, available: &[S]) -> Option<Vec<&str>> {
        let has = |series: &&String| available.iter().any(|one| one.as_ref() == series.as_str());
        if self.kind == ModelKind::Pooled {
            return Some(vec![self.series.iter().find(has)?.as_str()]);
        }
        let all = self.series.iter().all(|series| has(&series));
        all.then(|| self.series.iter().map(String::as_str).collect())
    }

    /// How many series a patient needs for it.
    #[must_use]
    pub fn n_needed(&self) -> usize {
        match self.kind {
            ModelKind::Pooled => 1,
            _ => self.series.len(),
        }
    }

    /// Pairs of series (the fixed one first) that are brought together to use the model: channels of one network, and
    /// the grids of a late fusion's members.
    #[must_use]
    pub fn alignments(&self) -> Vec<(&str, &str)> {
        if self.kind == ModelKind::Pooled {
            return Vec::new();
        }
        let channels = self.networks.iter().flat_map(|network| {
            let first = network.series.first().map(String::as_str);
            let others = network.series.iter().skip(1);
            others.filter_map(move |other| Some((first?, other.as_str())))
        });
        let mut grids = self
            .networks
            .iter()
            .filter_map(|network| network.series.first().map(String::as_str));
        let first = grids.next();
        let grids = grids.filter_map(move |other| Some((first?, other)));
        channels.chain(grids).collect()
    }

    /// What contradicts itself, if anything does.
    pub(super) fn fault(&self) -> Option<String> {
        let name = &self.name;
        if self.series.is_empty() {
            return Some(format!("model {name:?} names no series"));
        }
        let late = self.kind == ModelKind::Late;
        if self.networks.is_empty() || (!late && self.networks.len() > 1) {
            return Some(format!(
                "model {name:?} is {} and has {} networks",
                self.kind.name(),
                self.networks.len()
            ));
        }
        let sum: f32 = self.networks.iter().map(|network| network.weight).sum();
        let bad = |weight: f32| !(weight.is_finite() && weight >= 0.0);
        if self.networks.iter().any(|network| bad(network.weight)) || sum <= 0.0 {
            return Some(format!(
                "the weights of model {name:?} are not finite numbers of which one is above zero"
            ));
        }
        self.networks
            .iter()
            .find_map(|network| network.fault(self, late))
    }
}

impl PolicyNetwork {
    /// The model folder, of a policy that lies in `root`.
    #[must_use]
    pub fn path(&self, root: &Path) -> PathBuf {
        self.folder
            .split('/')
            .fold(root.to_owned(), |path, part| path.join(part))
    }

    fn fault(&self, model: &PolicyModel, late: bool) -> Option<String> {
        let of = |what: &str| {
            Some(format!(
                "network {:?} of model {:?} {what}",
                self.name, model.name
            ))
        };
        if self.series.is_empty() || self.series.iter().any(|s| !model.series.contains(s)) {
            return of("has other series than the model");
        }
        if !late && self.series != model.series {
            return of("has other series than the model");
        }
        if self.folds.is_empty() {
            return of("has no folds");
        }
        // A policy says which files are read, and must not lead out of its own folder.
        let is_name = |part: &str| {
            let mut parts = Path::new(part).components();
            matches!(
                (parts.next(), parts.next()),
                (Some(Component::Normal(_)), None)
            ) && !part.contains('\\')
        };
        if !self.folder.split('/').all(is_name) {
            return of(&format!(
                "has the folder {:?}, which does not lie below the policy",
                self.folder
            ));
        }
        None
    }
}
