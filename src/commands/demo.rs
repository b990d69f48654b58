//! `sarx demo`: the whole way without any input, from a phantom cohort to a report.

mod clock;
mod page;

use super::{evaluate, plan, preprocess, stop, train};
use crate::args::DemoArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use clock::Clock;
use evaluate::FolderScores;
use sarx_infer::{FolderRequest, Part, PredictOptions, Predictor, predict_folder};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_phantom::{CohortSpec, MatrixSize, Series, write_cohort};
use sarx_plan::{CaseReader, Dataset, Fold, Plans, Preset, discover_images, verify};
use sarx_preprocess::augment::Augmentation;
use sarx_study::{CaseRow, Cohort, EvaluateSpec, StrataTable};
use sarx_train::{TrainConfig, TrainReport};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Validation iterations per epoch: the training cases are few and the epochs short.
const VAL_ITERATIONS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
/// Columns of the cohort that the report shows.
const COLUMNS: [&str; 7] = [
    "site",
    "histology",
    "laterality",
    "age",
    "sex",
    "scanner",
    "tumour_volume_ml",
];
/// Coarser in plane than the images, so that a patch shows most of the body and training takes
/// minutes on two cores; mm, `[z, y, x]`.
const TARGET_SPACING_MM: [f64; 3] = [6.4, 4.0, 4.0];
/// The fold that is held back for validation while training.
const FOLD: Fold = Fold::Index(0);

pub(super) fn run(args: &DemoArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    let stop = stop::on_ctrl_c()?;
    let demo = Demo {
        args,
        device,
        console,
        stop: &stop,
        files: Files::below(&args.out),
    };
    demo.run()
}

/// Where the demo puts what it makes.
#[derive(Debug)]
struct Files {
    cohort: PathBuf,
    dataset: PathBuf,
    preprocessed: PathBuf,
    model: PathBuf,
    predictions: PathBuf,
    summary: PathBuf,
    report: PathBuf,
}

impl Files {
    fn below(out: &Path) -> Self {
        let cohort = out.join("cohort");
        Self {
            dataset: cohort.join(Series::T1Axial.dataset_name()),
            cohort,
            preprocessed: out.join("preprocessed"),
            model: out.join("model"),
            predictions: out.join("predictions"),
            summary: out.join("summary.json"),
            report: out.join("report.html"),
        }
    }
}

struct Demo<'a> {
    args: &'a DemoArgs,
    device: DeviceChoice,
    console: &'a Console,
    stop: &'a AtomicBool,
    files: Files,
}

impl Demo<'_> {
    fn run(&self) -> Result<Outcome> {
        self.check_arguments()?;
        let mut clock = Clock::start();
        let dataset = clock.time("phantom cohort", || self.make_cohort())?;
        self.go_on()?;
        clock.time("verify", || self.verify(&dataset))?;
        let plans = clock.time("fingerprint and plans", || self.plan())?;
        clock.time("preprocess", || self.preprocess(&dataset, &plans))?;
        let job = self.open_training(&plans)?;
        let trained = clock.time("train", || self.train(&job))?;
        let validation = clock.time("validate", || job.validate(None, self.stop, self.console))?;
        let model = ModelFolder::open(&self.files.model)?;
        clock.time("predict", || self.predict(&model))?;
        let spec = EvaluateSpec::from_dataset(model.dataset());
        let scores = clock.time("evaluate", || self.evaluate(&spec))?;
        let cohort = Cohort::read(&self.files.cohort.join("cohort.csv"))?;
        let rows = evaluate::rows(&scores.evaluation, &spec, Some((&cohort, &COLUMNS)))?
            .into_iter()
            .next()
            .map(|(_, rows)| rows)
            .context("the phantom has one label")?;
        let story = page::Story {
            args: self.args,
            n_train: dataset.cases()?.len(),
            model: &model,
            trained: &trained,
            validation: &validation,
            rows: &rows,
            images: self.files.dataset.join("imagesTs"),
            references: self.files.dataset.join("labelsTs"),
            predictions: &self.files.predictions,
        };
        let so_far = clock.lines();
        clock.time("report", || {
            page::write(&story, &so_far, &self.files.report)
        })?;
        self.outcome(&clock, &scores, &rows, &validation)
    }

    /// Finds out in the first second what would fail after minutes.
    fn check_arguments(&self) -> Result<()> {
        let DemoArgs {
            cases, held_out, ..
        } = *self.args;
        if held_out == 0 || cases < held_out + 5 {
            bail!(
                "the demo needs at least one held-out and five other patients; {cases} patients \
                 with {held_out} held out were asked for"
            );
        }
        Ok(())
    }

    fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            bail!(
                "the demo was stopped; what it made so far stays, begin again with another --out: {:?}",
                self.args.out.display().to_string()
            );
        }
        Ok(())
    }

    fn make_cohort(&self) -> Result<Dataset> {
        let spec = CohortSpec {
            n_patients: self.args.cases,
            seed: self.args.seed,
            matrix: MatrixSize::Small,
            held_out: self.args.held_out,
            // A series looks the same whichever others are taken; this one is trained on.
            series: vec![Series::T1Axial],
        };
        write_cohort(&self.files.cohort, &spec, self.console)?;
        super::open_dataset(&self.files.dataset)
    }

    fn verify(&self, dataset: &Dataset) -> Result<()> {
        let report = verify(dataset, &CaseReader::new(dataset.json()), self.console);
        match report.faults.first() {
            Some(fault) => bail!(
                "the phantom cohort has {} faults, first: {fault}",
                report.faults.len(),
                fault = fault.message
            ),
            None => Ok(()),
        }
    }

    fn plan(&self) -> Result<Plans> {
        let preset = Preset {
            target_spacing_mm: Some(TARGET_SPACING_MM),
            ..Preset::small()
        };
        Ok(plan::plan_dataset(
            &self.files.dataset,
            &self.files.preprocessed,
            &preset,
            self.console,
        )?
        .2)
    }

    fn preprocess(&self, dataset: &Dataset, plans: &Plans) -> Result<()> {
        let out = &self.files.preprocessed;
        let done = preprocess::preprocess_dataset(
            dataset,
            plans,
            "3d_fullres",
            out,
            self.stop,
            self.console,
        )?;
        self.go_on()?;
        match done.failed.first() {
            Some(failure) => bail!("preprocessing failed: {failure}"),
            None => Ok(()),
        }
    }

    fn open_training(&self, plans: &Plans) -> Result<train::TrainJob> {
        train::TrainJob::open(&train::JobSpec {
            preprocessed: &self.files.preprocessed,
            plans_name: plans.plans_name(),
            configuration: "3d_fullres",
            fold: FOLD,
            out: &self.files.model,
            device: self.device,
            augmentation: Augmentation::Default,
            previous: None,
            pretrained: None,
        })
    }

    fn train(&self, job: &train::TrainJob) -> Result<TrainReport> {
        let count =
            |n: usize| NonZeroUsize::new(n).context("epochs and iterations must be at least 1");
        let config = TrainConfig {
            n_epochs: count(self.args.epochs)?,
            n_iterations: count(self.args.iterations)?,
            n_val_iterations: VAL_ITERATIONS,
            seed: self.args.seed,
            n_workers: train::workers(),
            ..TrainConfig::default()
        };
        let report = job.train(&config, false, self.stop, self.console)?;
        self.go_on()?;
        Ok(report)
    }

    fn predict(&self, model: &ModelFolder) -> Result<()> {
        let dataset = model.dataset();
        let images = self.files.dataset.join("imagesTs");
        let cases = discover_images(&images, dataset.file_ending(), dataset.n_channels())?;
        let options = PredictOptions::default();
        let predictor = Predictor::load(model, &options, self.device.inference())?;
        let request = FolderRequest {
            model,
            cases: &cases,
            output: &self.files.predictions,
            previous: None,
            options: &options,
            probabilities: None,
            part: Part::WHOLE,
            keep_existing: false,
            stop: self.stop,
        };
        match predict_folder(&request, &predictor, self.console)?
            .failed
            .first()
        {
            Some((case, error)) => {
                bail!(
                    "{}",
                    outcome::of_case(case.as_str(), &outcome::error_chain(error))
                )
            }
            None => Ok(()),
        }
    }

    fn evaluate(&self, spec: &EvaluateSpec) -> Result<FolderScores> {
        let references = self.files.dataset.join("labelsTs");
        evaluate::score(
            &references,
            &self.files.predictions,
            spec,
            &self.files.summary,
            self.console,
        )
    }

    fn outcome(
        &self,
        clock: &Clock,
        scores: &FolderScores,
        rows: &[CaseRow],
        validation: &train::Validation,
    ) -> Result<Outcome> {
        let mut text = String::new();
        let mut tables = json!({});
        for column in ["all", "site", "histology"] {
            let columns: Vec<String> = if column == "all" {
                Vec::new()
            } else {
                vec![column.to_owned()]
            };
            let table = StrataTable::new(rows, &columns)?;
            text.push_str(&evaluate::table_text(column, &table));
            tables[column] = serde_json::from_str(&table.to_json()?)?;
        }
        for (stage, seconds) in clock.stages() {
            text.push_str(&format!("\n{stage:28} {seconds:>7.1} s"));
        }
        text.push_str(&format!(
            "\n\nvalidation of fold {FOLD}: {}\nheld out: {}\nreport: {}",
            validation.text,
            scores.text,
            self.files.report.display()
        ));
        let stages: serde_json::Map<_, _> = clock
            .stages()
            .iter()
            .map(|(stage, s)| (stage.clone(), json!(s)))
            .collect();
        let json = json!({
            "report": self.files.report,
            "median": scores.json["median"],
            "tables": tables,
            "stages_s": stages,
            "total_s": clock.total_s(),
            "peak_rss_mib": clock::peak_rss_mib(),
            "validation": {"fold": FOLD.to_string(), "scores": validation.json},
        });
        let failed = [&validation.failed[..], &scores.failed[..]].concat();
        Ok(Outcome::with_failures(json, text, failed))
    }
}
