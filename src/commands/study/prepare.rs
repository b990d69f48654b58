//! A model's data: dataset, plans, preprocessed cases. Made once; what is whole is not made again.

use super::Study;
use crate::args::PresetName;
use crate::commands::{open_dataset, plan, preprocess};
use crate::outcome::{error_chain, of_case};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use sarx_plan::{Plans, Preset};
use sarx_study::assemble::{AssembleRequest, assemble};
use sarx_study::design::{ModelSpec, Training};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// The version of `prepared.json`.
const VERSION: u32 = 2;

impl Study<'_> {
    /// Makes the data of a model; the cases that could not be made.
    pub(super) fn prepare(&self, model: &ModelSpec) -> Result<Vec<String>> {
        let folders = self.folders.model(&model.name);
        let lock = self.design.lock();
        let wanted = json!({"version": VERSION, "model": lock.model(&model.name)});
        if self.is_prepared(model, &wanted)? {
            return Ok(Vec::new());
        }
        let request = AssembleRequest {
            design: &self.design,
            model,
            dataset: &folders.dataset(),
            table: &folders.table(),
            stop: self.stop,
        };
        std::fs::create_dir_all(folders.root())?;
        let assembled = assemble(&request, self.console)?;
        let failed: Vec<String> = assembled
            .failed
            .iter()
            .map(|(case, fault)| of_case(case.as_str(), &error_chain(fault)))
            .collect();
        let plans = self.plan(model)?;
        let dataset = open_dataset(&folders.dataset())?;
        let out = folders.preprocessed();
        let configuration = &model.training.configuration;
        let done = preprocess::preprocess_dataset(
            &dataset,
            &plans,
            configuration,
            &out,
            self.stop,
            self.console,
        )?;
        if self.stop.load(Ordering::Relaxed) {
            return Ok(failed);
        }
        if !done.failed.is_empty() {
            bail!("model {}: {}", model.name, done.failed.join("; "));
        }
        if failed.is_empty() {
            sarx_io::write_json(&folders.prepared(), &wanted)?;
        }
        let in_model = |failure: String| format!("model {}: {failure}", model.name);
        Ok(failed.into_iter().map(in_model).collect())
    }

    /// Whether the data are whole. A model that was begun with other settings is refused: its folds would not
    /// be what the study file says. (`study.lock.json` forgets a model that is taken out; its folder stays.)
    fn is_prepared(&self, model: &ModelSpec, wanted: &Value) -> Result<bool> {
        let path = self.folders.model(&model.name).prepared();
        if !path.exists() {
            return Ok(false);
        }
        let found: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)
            .with_context(|| format!("cannot read: {:?}", path.display().to_string()))?;
        if found == *wanted {
            return Ok(true);
        }
        bail!(
            "model {} was begun with other settings; give the new one another name, or move its folder away: {:?}",
            model.name,
            self.folders.model(&model.name).root().display().to_string()
        );
    }

    fn plan(&self, model: &ModelSpec) -> Result<Plans> {
        let folders = self.folders.model(&model.name);
        let preset = preset_of(&model.training)?;
        let planned = plan::plan_dataset(
            &folders.dataset(),
            &folders.preprocessed(),
            &preset,
            self.console,
        )?;
        planned.2.configuration(&model.training.configuration)?;
        Ok(planned.2)
    }
}

/// The preset of a model, with its target spacing.
pub(super) fn preset_of(training: &Training) -> Result<Preset> {
    let name = PresetName::from_str(&training.preset, true).map_err(|_| {
        let known = PresetName::value_variants().iter();
        let known = known.filter_map(|name| Some(name.to_possible_value()?.get_name().to_owned()));
        anyhow::anyhow!(
            "preset {:?} is not known; there are {}",
            training.preset,
            known.collect::<Vec<_>>().join(", ")
        )
    })?;
    Ok(Preset {
        target_spacing_mm: training.target_spacing_mm,
        ..plan::preset(name)
    })
}
