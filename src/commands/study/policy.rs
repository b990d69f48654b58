//! What the policy of a study is made with: its models with their networks as a new patient will meet them, and its
//! strata.

use super::Study;
use super::late::equal;
use anyhow::{Context, Result};
use sarx_model::read_manifest;
use sarx_study::assemble::Alignment;
use sarx_study::design::{ModelKind, ModelSpec};
use sarx_study::policy::{
    DEFAULT_SHRINKAGE_PATIENTS, PolicyModel, PolicyNetwork, PolicySpec, PolicyStratum,
};

impl Study<'_> {
    /// The models and strata of the study; weights of a late fusion from its `fusion.json`.
    pub(super) fn policy_spec(&self) -> Result<PolicySpec> {
        let file = &self.design.file;
        let models = self.design.models.iter();
        let strata = file.strata.iter().map(|(name, sites)| PolicyStratum {
            name: name.clone(),
            sites: sites.clone(),
        });
        Ok(PolicySpec {
            models: models
                .map(|model| self.policy_model(model))
                .collect::<Result<_>>()?,
            strata: strata.collect(),
            alignment: Alignment::of(&self.design),
            shrinkage_patients: DEFAULT_SHRINKAGE_PATIENTS,
        })
    }

    fn policy_model(&self, model: &ModelSpec) -> Result<PolicyModel> {
        let networks = if model.is_trained() {
            vec![self.network(model, 1.0)?]
        } else {
            // Without scores the model is not in the policy, and may have no weights yet.
            let weights = if self.folders.model(&model.name).scores().exists() {
                self.weights_to_come(model)
                    .with_context(|| format!("model {}", model.name))?
            } else {
                equal(model.members.len())
            };
            let members = model.members.iter().zip(weights);
            let networks = members.map(|(name, weight)| {
                let member = self.design.model(name).context("a member is a model")?;
                self.network(member, weight)
            });
            networks.collect::<Result<_>>()?
        };
        Ok(PolicyModel {
            name: model.name.clone(),
            kind: model.kind,
            series: self.in_order(model),
            networks,
        })
    }

    fn network(&self, model: &ModelSpec, weight: f32) -> Result<PolicyNetwork> {
        let folder = self.folders.model(&model.name).model();
        let manifest = folder.join("manifest.json");
        let plans_hash = if manifest.exists() {
            Some(read_manifest(&manifest)?.plans_hash)
        } else {
            None
        };
        let within = folder.strip_prefix(self.folders.out());
        let within = within.context("a model lies in the study's folder")?;
        let within: Vec<_> = within.iter().map(|part| part.to_string_lossy()).collect();
        Ok(PolicyNetwork {
            name: model.name.clone(),
            series: self.in_order(model),
            folder: within.join("/"),
            configuration: model.training.configuration.clone(),
            plans_hash,
            folds: model.training.folds.numbers(self.design.split.n_folds()),
            weight,
        })
    }

    /// The series of a model; of a pooled one those of the common grid first, since it was judged on the first of
    /// these that each patient had.
    fn in_order(&self, model: &ModelSpec) -> Vec<String> {
        let mut series = model.series.clone();
        if model.kind == ModelKind::Pooled {
            let common = &self.design.file.common.series;
            let rank = |name: &String| common.iter().position(|one| one == name);
            series.sort_by_key(|name| rank(name).unwrap_or(common.len()));
        }
        series
    }
}
