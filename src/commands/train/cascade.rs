//! The two stages of a cascade in training: what the first leaves for the second, and where the second
//! finds it.
//!
//! `MODEL_OF_THE_FIRST/predicted_next_stage/{second}/CASE.npy` is nnU-Net's place. Whoever trains the
//! second stage names the first one's model folder.

use super::JobSpec;
use anyhow::{Context, Result, bail};
use ndarray::ArrayView4;
use sarx_core::CaseId;
use sarx_model::{ModelFolder, heads, plans_hash, preprocess_spec};
use sarx_plan::{DatasetJson, Fold, Plans, Split, Splits};
use sarx_preprocess::{
    Properties, StageIdentity, StageStore, TargetSpacing, labels_for_next_stage,
};
use sarx_train::PreviousLabels;
use std::path::Path;

/// Folder of a model in which its predictions for next stages lie.
const FOLDER: &str = "predicted_next_stage";

/// One configuration that takes predictions of the trained one as input.
#[derive(Debug)]
pub(super) struct NextStage {
    store: StageStore,
    target_spacing_mm: TargetSpacing,
}

/// Where a model leaves its predictions for `next`.
fn stage_store(model: &ModelFolder, next: &str) -> StageStore {
    let identity = StageIdentity {
        plans_hash: model.manifest().plans_hash.clone(),
        configuration: model.manifest().configuration.clone(),
        next_configuration: next.to_owned(),
    };
    StageStore::new(&model.path().join(FOLDER).join(next), identity)
}

/// The next stages of a model, checked before anything is trained.
pub(super) fn next_stages(model: &ModelFolder) -> Result<Vec<NextStage>> {
    let names = model.configuration().next_stages.iter();
    names
        .map(|name| {
            let next = model.plans().configuration(name)?;
            let spec = preprocess_spec(model.plans(), &next, model.dataset())?;
            Ok(NextStage {
                store: stage_store(model, name),
                target_spacing_mm: spec.target_spacing_mm,
            })
        })
        .collect::<Result<_>>()
        .context("the next stage of the configuration cannot be used")
}

impl NextStage {
    /// Writes what a network predicts for a case on the grid of this stage.
    pub(super) fn write(
        &self,
        case: &CaseId,
        fold: Fold,
        logits: ArrayView4<'_, f32>,
        properties: &Properties,
        model: &ModelFolder,
    ) -> Result<()> {
        let (heads, spec) = (heads(model.dataset()), model.preprocess_spec());
        let labels =
            labels_for_next_stage(logits, &heads, properties, spec, self.target_spacing_mm)?;
        Ok(self.store.write(case, &fold.to_string(), labels.view())?)
    }
}

/// The predictions of the previous stage for all cases of a fold; none where there is no such stage.
pub(super) fn previous_labels(
    spec: &JobSpec<'_>,
    plans: &Plans,
    dataset: &DatasetJson,
    split: &Split,
) -> Result<Option<PreviousLabels>> {
    let configuration = plans.configuration(spec.configuration)?;
    let (previous, folder) = match (&configuration.previous_stage, spec.previous) {
        (None, None) => return Ok(None),
        (None, Some(_)) => bail!(
            "configuration \"{}\" is no second stage of a cascade; it takes no --previous",
            spec.configuration
        ),
        (Some(previous), None) => bail!(
            "configuration \"{}\" is the second stage of a cascade: train every fold of \
             \"{previous}\" first and name its model folder with --previous",
            spec.configuration
        ),
        (Some(previous), Some(folder)) => (previous, folder),
    };
    let model = ModelFolder::open(folder)?;
    let shown = folder.display().to_string();
    if model.manifest().configuration != *previous {
        bail!(
            "--previous is a model of \"{}\", \"{}\" needs \"{previous}\": {shown:?}",
            model.manifest().configuration,
            spec.configuration
        );
    }
    if model.manifest().plans_hash != plans_hash(plans, dataset) {
        bail!(
            "--previous was trained with other plans than {}.json: {shown:?}",
            spec.plans_name
        );
    }
    let splits = splits(spec.preprocessed)?;
    let store = stage_store(&model, spec.configuration);
    let labels = PreviousLabels::open(&store, previous, split, splits.as_ref())?;
    Ok(Some(labels))
}

fn splits(preprocessed: &Path) -> Result<Option<Splits>> {
    let path = preprocessed.join("splits_final.json");
    Ok(path.exists().then(|| Splits::read(&path)).transpose()?)
}
