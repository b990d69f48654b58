//! The validation cases of a fold: segmented with its final weights and scored on their own grids;
//! in the first stage of a cascade also brought to the grid of the next.

use super::TrainJob;
use crate::commands::evaluate;
use crate::console::Console;
use anyhow::{Context, Result};
use ndarray::{CowArray, Ix4};
use sarx_core::{CaseId, Progress};
use sarx_infer::{CaseOutput, PredictOptions, Predictor, ProbabilityFormat, predict_logits};
use sarx_model::{fold_folder_name, heads};
use sarx_plan::Fold;
use sarx_preprocess::augment::with_previous_stage;
use sarx_preprocess::{labels_from_logits, probabilities_to_native};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the validation cases scored.
#[derive(Debug)]
pub(in crate::commands) struct Validation {
    pub(in crate::commands) text: String,
    pub(in crate::commands) json: serde_json::Value,
    pub(in crate::commands) failed: Vec<String>,
}

impl TrainJob {
    /// Segments the validation cases with the final weights and scores them on the native grid.
    pub(in crate::commands) fn validate(
        &self,
        probabilities: Option<ProbabilityFormat>,
        stop: &AtomicBool,
        console: &Console,
    ) -> Result<Validation> {
        let folder = self
            .model
            .path()
            .join(fold_folder_name(self.fold))
            .join("validation");
        std::fs::create_dir_all(&folder).with_context(|| {
            format!("cannot make the folder: {:?}", folder.display().to_string())
        })?;
        let options = PredictOptions {
            folds: vec![self.fold],
            ..PredictOptions::default()
        };
        let predictor = Predictor::load(&self.model, &options, self.device.inference())?;
        if self.fold == Fold::All && !self.next_stages.is_empty() {
            console.warn(
                "fold all is validated on its own training cases, so it predicts nothing for the \
                 next stage; train the numbered folds for that",
            );
        }
        let heads = heads(self.model.dataset());
        let output = CaseOutput {
            folder: &folder,
            file_ending: self.model.dataset().file_ending(),
            probabilities,
            heads: &heads,
        };
        console.begin("validate", self.split.val.len() as u64);
        for id in &self.split.val {
            self.validate_case(id, &predictor, output, stop, console)
                .with_context(|| format!("case \"{id}\" of the validation"))?;
            console.advance(1);
        }
        console.finish();
        let scores = evaluate::score(
            &self.references,
            &folder,
            &self.spec(),
            &folder.join("summary.json"),
            console,
        )?;
        Ok(Validation {
            text: scores.text,
            json: scores.json,
            failed: scores.failed,
        })
    }

    /// Segments a case and writes it with the header of its reference.
    fn validate_case(
        &self,
        id: &CaseId,
        predictor: &Predictor,
        output: CaseOutput<'_>,
        stop: &AtomicBool,
        console: &Console,
    ) -> Result<()> {
        let case = self.store.case(id)?;
        let image: CowArray<'_, f32, Ix4> = match &self.previous {
            None => case.image().into(),
            Some(previous) => {
                let previous = previous.of(id, &case)?;
                let labels = self.model.previous_labels();
                with_previous_stage(case.image(), previous.labels(), labels).into()
            }
        };
        let logits = predict_logits(predictor, image.view(), |_| !stop.load(Ordering::Relaxed));
        for notice in predictor.take_notices() {
            console.warn(&notice);
        }
        let logits = logits?;
        if self.fold != Fold::All {
            for next in &self.next_stages {
                next.write(id, self.fold, logits.view(), case.properties(), &self.model)?;
            }
        }
        let (heads, spec) = (output.heads, self.model.preprocess_spec());
        let header = sarx_io::read_header(&self.reference(id))?;
        if output.probabilities.is_none() {
            let labels = labels_from_logits(logits.view(), heads, case.properties(), spec)?;
            return Ok(output.write(id, labels, None, case.properties(), &header)?);
        }
        let native = probabilities_to_native(logits.view(), heads, case.properties(), spec)?;
        let probabilities = Some(native.probabilities.view());
        Ok(output.write(id, native.labels, probabilities, case.properties(), &header)?)
    }

    fn reference(&self, id: &CaseId) -> PathBuf {
        let ending = self.model.dataset().file_ending();
        self.references.join(format!("{id}{ending}"))
    }

    fn spec(&self) -> sarx_study::EvaluateSpec {
        let mut spec = sarx_study::EvaluateSpec::from_dataset(self.model.dataset());
        spec.only = Some(self.split.val.iter().cloned().collect());
        spec
    }
}
