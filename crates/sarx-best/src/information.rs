//! `inference_information.json`: nnU-Net's fields, with the folders of the models beside them.

use super::{BestReport, Candidate};
use serde_json::{Map, Value, json};

/// Name of the document.
pub(super) const FILE: &str = "inference_information.json";
/// Version of our fields.
const SCHEMA_VERSION: u64 = 1;

/// # Source
///
/// nnU-Net v2, `find_best_configuration.py`, `return_dict`.
pub(super) fn document(report: &BestReport, ensembling: bool) -> Value {
    let best = &report.contenders[report.best];
    let all: Map<String, Value> = report
        .contenders
        .iter()
        .map(|contender| (contender.name.clone(), number(contender.dice)))
        .collect();
    let selected = best.members.iter().map(|&index| {
        let model = &report.models[index];
        json!({
            "configuration": model.configuration,
            "trainer": model.trainer,
            "plans_identifier": model.plans.plans_name(),
            "model_folder": model.path,
        })
    });
    let considered = report.models.iter().map(considered);
    json!({
        "schema_version": SCHEMA_VERSION,
        "folds": report.folds.iter().map(fold).collect::<Vec<_>>(),
        "dataset_name_or_id": report.models[0].plans.dataset_name(),
        "considered_models": considered.collect::<Vec<_>>(),
        "ensembling_allowed": ensembling,
        "all_results": all,
        "not_scored": report.left_out,
        "best_model_or_ensemble": {
            "name": best.name,
            "result_on_crossval_pre_pp": number(best.dice),
            "result_on_crossval_post_pp": number(report.dice_postprocessed),
            "postprocessing_file": report.rules_file,
            "some_plans_file": best.source.join("plans.json"),
            "selected_model_or_models": selected.collect::<Vec<_>>(),
        },
    })
}

fn considered(model: &Candidate) -> Value {
    json!({
        "plans": model.plans.plans_name(),
        "configuration": model.configuration,
        "trainer": model.trainer,
        "model_folder": model.path,
    })
}

fn fold(fold: &sarx_plan::Fold) -> Value {
    match fold {
        sarx_plan::Fold::Index(index) => json!(index),
        sarx_plan::Fold::All => json!("all"),
    }
}

/// JSON has no NaN; an undefined score is null.
fn number(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}
