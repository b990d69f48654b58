//! `sarx model`: models in from nnU-Net, out to nnU-Net, and what is in one.

mod history;
mod show;

use crate::args::{ModelAct, ModelArgs, ModelExportArgs, ModelImportArgs};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Result, bail};
use sarx_model::nnunet::{
    DEFAULT_TRAINER, ExportRequest, ExportedFold, export_model, import_model,
};
use sarx_model::{ModelFolder, WeightsFormat, WeightsKind};
use sarx_plan::Fold;
use serde_json::{Value, json};

pub(super) fn run(args: &ModelArgs, console: &Console) -> Result<Outcome> {
    match &args.act {
        ModelAct::Import(args) => import(args, console),
        ModelAct::Export(args) => export(args, console),
        ModelAct::Show(args) => show::run(args),
    }
}

fn import(args: &ModelImportArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.folder)?;
    if model.weights_format() == WeightsFormat::Safetensors {
        bail!(
            "the folder is a model of sarx already, there is nothing to import: {:?}",
            args.folder
        );
    }
    let imported = import_model(&model, &args.out, console)?;
    let text = format!(
        "imported {}: {}",
        named(&imported.weights),
        args.out.display()
    );
    let json = json!({
        "model": args.out,
        "configuration": model.configuration().name,
        "weights": weights_json(&imported.weights),
    });
    Ok(Outcome::done(json, text))
}

fn export(args: &ModelExportArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.folder)?;
    let weights = model.all_weights()?;
    let exported = |&(fold, kind): &(Fold, WeightsKind)| {
        Ok(ExportedFold {
            fold,
            kind,
            record: history::of_weights(&model, fold, kind)?,
        })
    };
    let folds: Vec<ExportedFold> = weights.iter().map(exported).collect::<Result<_>>()?;
    let origin = model.manifest().origin.as_ref();
    let trainer_name = match (&args.trainer_name, origin) {
        (Some(name), _) => name.as_str(),
        (None, Some(origin)) => &origin.trainer_name,
        (None, None) => DEFAULT_TRAINER,
    };
    let request = ExportRequest {
        model: &model,
        folds: &folds,
        trainer_name,
        out: &args.out,
    };
    export_model(&request, console)?;
    let text = format!(
        "exported {} for {trainer_name}: {}",
        named(&weights),
        args.out.display()
    );
    let json = json!({
        "model": args.out,
        "configuration": model.configuration().name,
        "trainer_name": trainer_name,
        "weights": weights_json(&weights),
    });
    Ok(Outcome::done(json, text))
}

/// For people: `fold 0 (final, best), fold 1 (final)`.
fn named(weights: &[(Fold, WeightsKind)]) -> String {
    by_fold(weights)
        .into_iter()
        .map(|(fold, kinds)| format!("fold {fold} ({})", kinds.join(", ")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn weights_json(weights: &[(Fold, WeightsKind)]) -> Value {
    by_fold(weights)
        .into_iter()
        .map(|(fold, kinds)| json!({"fold": fold.to_string(), "checkpoints": kinds}))
        .collect()
}

/// Names of the weights of each fold; the list is sorted by fold.
fn by_fold(weights: &[(Fold, WeightsKind)]) -> Vec<(Fold, Vec<&'static str>)> {
    let mut folds: Vec<(Fold, Vec<&'static str>)> = Vec::new();
    for &(fold, kind) in weights {
        let name = match kind {
            WeightsKind::Final => "final",
            WeightsKind::Best => "best",
        };
        match folds.last_mut() {
            Some((last, kinds)) if *last == fold => kinds.push(name),
            _ => folds.push((fold, vec![name])),
        }
    }
    folds
}
