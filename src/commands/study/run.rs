//! `sarx study run`: everything that is not done yet, or the part that is asked for.

use super::Study;
use super::slurm::Submission;
use super::units::{FoldState, FoldUnit, folds_of};
use crate::args::{StudyRunArgs, StudyStage};
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use sarx_study::design::ModelSpec;
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::Ordering;

impl Study<'_> {
    /// One part of the work for all models, in this process, once the study has [begun](Study::begin).
    pub(in crate::commands) fn run_stage(
        &self,
        study: &Path,
        stage: StudyStage,
    ) -> Result<Outcome> {
        let args = StudyRunArgs {
            study: study.to_owned(),
            only: Vec::new(),
            fold: Vec::new(),
            stage: Some(stage),
            parallel: NonZeroUsize::MIN,
            slurm: false,
            slurm_option: Vec::new(),
            slurm_at_once: None,
        };
        self.work(&args, &self.chosen(&args)?)
    }

    pub(super) fn run(&self, args: &StudyRunArgs) -> Result<Outcome> {
        let models = self.chosen(args)?;
        self.begin()?;
        if args.slurm {
            return self.submit(args, &models);
        }
        self.work(args, &models)
    }

    fn work(&self, args: &StudyRunArgs, models: &[&ModelSpec]) -> Result<Outcome> {
        let units = self.chosen_folds(args, models)?;
        let mut work = Work::default();
        let wants = |stage| args.stage.is_none_or(|asked| asked == stage);
        if wants(StudyStage::Prepare) {
            for model in models.iter().filter(|model| model.is_trained()) {
                work.failed.extend(self.prepare(model)?);
                if self.stopped() {
                    return Ok(work.interrupted("data"));
                }
            }
        }
        if wants(StudyStage::Train) && !self.train(args, &units, &mut work)? {
            return Ok(work.interrupted("folds"));
        }
        if wants(StudyStage::Predict) && args.fold.is_empty() {
            for model in models {
                self.predict_and_score(model, &mut work)?;
            }
        }
        let report = wants(StudyStage::Report) && args.only.is_empty();
        if report {
            (work.json, work.text) = self.report()?;
        }
        Ok(work.done(self.status().text))
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The models that are asked for, members of a late fusion before it.
    fn chosen(&self, args: &StudyRunArgs) -> Result<Vec<&ModelSpec>> {
        let named = |name: &String| {
            self.design.model(name).with_context(|| {
                let known: Vec<&str> = self
                    .design
                    .models
                    .iter()
                    .map(|model| model.name.as_str())
                    .collect();
                format!("there is no model {name:?}; there are {}", known.join(", "))
            })
        };
        let mut models = if args.only.is_empty() {
            self.design.models.iter().collect()
        } else {
            args.only.iter().map(named).collect::<Result<Vec<_>>>()?
        };
        models.sort_by_key(|model| !model.is_trained());
        Ok(models)
    }

    fn chosen_folds(&self, args: &StudyRunArgs, models: &[&ModelSpec]) -> Result<Vec<FoldUnit>> {
        let units = folds_of(&self.design, models);
        if args.fold.is_empty() {
            return Ok(units);
        }
        let mut chosen = Vec::new();
        for text in &args.fold {
            let fold: usize = text
                .parse()
                .with_context(|| format!("fold {text:?} is no number"))?;
            let found = units.iter().filter(|unit| unit.fold == fold);
            let before = chosen.len();
            chosen.extend(found.cloned());
            if chosen.len() == before {
                bail!(
                    "the study does not train fold {fold} of {}",
                    args.only.join(", ")
                );
            }
        }
        Ok(chosen)
    }

    /// Trains folds; false if that was interrupted.
    fn train(&self, args: &StudyRunArgs, units: &[FoldUnit], work: &mut Work) -> Result<bool> {
        let state = |unit: &FoldUnit| FoldState::of(&self.folders, &unit.model, unit.fold);
        let left: Vec<FoldUnit> = units
            .iter()
            .filter(|unit| state(unit) != FoldState::Done)
            .cloned()
            .collect();
        if args.parallel.get() > 1 && left.len() > 1 {
            work.failed
                .extend(self.folds_at_once(&args.study, &left, args.parallel.get())?);
            return Ok(!self.stopped());
        }
        for (at, unit) in left.iter().enumerate() {
            self.console.say(&format!(
                "training {} of {}: model {}, fold {}",
                at + 1,
                left.len(),
                unit.model,
                unit.fold
            ));
            let model = self
                .design
                .model(&unit.model)
                .context("a unit has a model")?;
            if !self.fold(model, unit.fold)? || self.stopped() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Predictions and scores of one model; one whose folds are not all there is left for later, and said.
    fn predict_and_score(&self, model: &ModelSpec, work: &mut Work) -> Result<()> {
        if self.folders.model(&model.name).scores().exists() {
            return Ok(());
        }
        let members = model
            .members
            .iter()
            .filter_map(|name| self.design.model(name));
        let networks: Vec<&ModelSpec> = std::iter::once(model).chain(members).collect();
        let open = folds_of(&self.design, &networks).into_iter();
        let open: Vec<String> = open
            .filter(|unit| FoldState::of(&self.folders, &unit.model, unit.fold) != FoldState::Done)
            .map(|unit| format!("{} of {}", unit.fold, unit.model))
            .collect();
        if !open.is_empty() {
            work.failed.push(format!(
                "model {}: fold {} is not done; no scores",
                model.name,
                open.join(", ")
            ));
            return Ok(());
        }
        let failed = if model.is_trained() {
            self.predict(model)?
        } else {
            self.fuse(model)?
        };
        work.failed.extend(failed);
        work.failed.extend(self.score(model)?);
        Ok(())
    }

    fn submit(&self, args: &StudyRunArgs, models: &[&ModelSpec]) -> Result<Outcome> {
        let trained = models.iter().filter(|model| model.is_trained());
        let names: Vec<String> = trained.map(|model| model.name.clone()).collect();
        let jobs = Submission {
            args,
            folder: &self.folders.slurm(),
            folds: &folds_of(&self.design, models),
            models: &names,
            general: &["--device".to_owned(), self.device_request.clone()],
        }
        .submit()?;
        let text: Vec<String> = jobs
            .0
            .iter()
            .map(|(name, id)| format!("{name} {id}"))
            .collect();
        let json: serde_json::Map<String, Value> = jobs
            .0
            .iter()
            .map(|(name, id)| ((*name).to_owned(), json!(id)))
            .collect();
        Ok(Outcome::done(
            json!({"jobs": json}),
            format!("jobs: {}", text.join(", ")),
        ))
    }
}

/// What came of the work so far.
#[derive(Default)]
struct Work {
    failed: Vec<String>,
    json: Value,
    text: String,
}

impl Work {
    fn interrupted(self, what: &str) -> Outcome {
        Outcome {
            interrupted: true,
            ..Outcome::with_failures(
                self.json,
                format!("stopped at the {what}; say it again to go on"),
                self.failed,
            )
        }
    }

    fn done(self, status: String) -> Outcome {
        let text = if self.text.is_empty() {
            status
        } else {
            format!("{status}\n{}", self.text)
        };
        Outcome::with_failures(self.json, text, self.failed)
    }
}
