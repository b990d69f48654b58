//! `sarx study status`: what is done and what is not.

use super::Study;
use super::units::FoldState;
use crate::outcome::Outcome;
use sarx_study::design::ModelSpec;
use serde_json::{Value, json};

impl Study<'_> {
    /// A table of the models.
    pub(super) fn status(&self) -> Outcome {
        let models: Vec<Value> = self
            .design
            .models
            .iter()
            .map(|model| self.status_of(model))
            .collect();
        let width = self
            .design
            .models
            .iter()
            .map(|model| model.name.len())
            .max()
            .unwrap_or(0);
        let mut text = format!("{:width$}  data      folds                scores", "model");
        for model in &models {
            let folds = model["folds"].as_object().into_iter().flatten();
            let folds: Vec<String> = folds
                .map(|(fold, state)| format!("{fold} {}", state.as_str().unwrap_or("")))
                .collect();
            text.push_str(&format!(
                "\n{:width$}  {:8}  {:19}  {}",
                model["model"].as_str().unwrap_or(""),
                if model["prepared"] == true {
                    "whole"
                } else if model["trained"] == true {
                    "waiting"
                } else {
                    "members'"
                },
                folds.join(", "),
                if model["scored"] == true {
                    "done"
                } else {
                    "waiting"
                },
            ));
        }
        Outcome::done(json!({"models": models}), text)
    }

    fn status_of(&self, model: &ModelSpec) -> Value {
        let folders = self.folders.model(&model.name);
        let folds = if model.is_trained() {
            model.training.folds.numbers(self.design.split.n_folds())
        } else {
            Vec::new()
        };
        let state = |fold: usize| FoldState::of(&self.folders, &model.name, fold).name();
        let folds: serde_json::Map<String, Value> = folds
            .into_iter()
            .map(|fold| (fold.to_string(), json!(state(fold))))
            .collect();
        json!({
            "model": model.name,
            "trained": model.is_trained(),
            "prepared": folders.prepared().exists(),
            "folds": folds,
            "scored": folders.scores().exists(),
        })
    }
}
