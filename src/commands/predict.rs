//! `sarx predict`: a folder of images in, a folder of segmentations out.

use super::stop;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use sarx_infer::{FolderPrediction, FolderRequest, PredictOptions, Predictor, predict_folder};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, discover_images};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Folder of the first stage's segmentations in the output folder of a cascade.
const PREVIOUS_STAGE: &str = "previous_stage";

pub(super) fn run(args: &PredictArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.model)?;
    let dataset = model.dataset();
    let cases = discover_images(&args.input, dataset.file_ending(), dataset.n_channels())?;
    if same_folder(&args.input, &args.output) {
        bail!("input and output are the same folder; segmentations would lie among the images");
    }
    if let Some(previous) = &args.previous
        && same_folder(previous, &args.output)
    {
        bail!("--previous and --output are the same folder; the first stage would be written over");
    }
    let options = PredictOptions {
        folds: args
            .folds
            .iter()
            .map(|fold| fold.parse())
            .collect::<Result<_, _>>()?,
        weights: args.checkpoint.into(),
        mirroring: !args.no_mirroring,
        step: args.step,
    };
    let stop = stop::on_ctrl_c()?;
    let job = Job {
        args,
        options: &options,
        stop: &stop,
        console,
    };
    let mut failed = Vec::new();
    let (previous, cases) = match &args.previous_model {
        None => (args.previous.clone(), cases),
        Some(folder) => {
            let (folder, first) = job.previous_stage(&model, folder, &cases)?;
            let mut cases = cases;
            cases.retain(|case| first.failed.iter().all(|(failed, _)| *failed != case.id));
            failed = failures(&first);
            (Some(folder), cases)
        }
    };
    let result = job.segment(&model, &cases, previous.as_deref(), &args.output)?;
    failed.extend(failures(&result));
    Ok(report(&result, failed, args))
}

/// What both stages of a cascade have in common.
struct Job<'a> {
    args: &'a PredictArgs,
    options: &'a PredictOptions,
    stop: &'a AtomicBool,
    console: &'a Console,
}

impl Job<'_> {
    fn segment(
        &self,
        model: &ModelFolder,
        cases: &[CaseFiles],
        previous: Option<&Path>,
        output: &Path,
    ) -> Result<FolderPrediction> {
        let predictor = Predictor::load(model, self.options, DeviceChoice::Cpu.inference())
            .context("cannot load the model")?;
        let request = FolderRequest {
            model,
            cases,
            output,
            previous,
            options: self.options,
            keep_existing: self.args.continue_,
            stop: self.stop,
        };
        Ok(predict_folder(&request, &predictor, self.console)?)
    }

    /// Segments the cases with the first stage, beside where the second will write.
    fn previous_stage(
        &self,
        model: &ModelFolder,
        folder: &Path,
        cases: &[CaseFiles],
    ) -> Result<(PathBuf, FolderPrediction)> {
        let first = ModelFolder::open(folder)?;
        let (wanted, found) = (
            model.configuration().previous_stage.as_deref(),
            first.manifest().configuration.as_str(),
        );
        let shown = folder.display().to_string();
        match wanted {
            None => bail!(
                "configuration \"{}\" is no second stage of a cascade; it takes no previous model",
                model.configuration().name
            ),
            Some(wanted) if wanted != found => bail!(
                "--previous-model is of configuration \"{found}\", the cascade needs \"{wanted}\": \
                 {shown:?}"
            ),
            _ => {}
        }
        if first.manifest().plans_hash != model.manifest().plans_hash {
            bail!("--previous-model was trained with other plans than the cascade: {shown:?}");
        }
        let output = self.args.output.join(PREVIOUS_STAGE);
        let result = self.segment(&first, cases, None, &output)?;
        Ok((output, result))
    }
}

fn failures(result: &FolderPrediction) -> Vec<String> {
    let named = result.failed.iter();
    named
        .map(|(case, error)| outcome::of_case(case.as_str(), &outcome::error_chain(error)))
        .collect()
}

fn report(result: &FolderPrediction, failed: Vec<String>, args: &PredictArgs) -> Outcome {
    let names =
        |cases: &[sarx_core::CaseId]| cases.iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = format!(
        "{} cases segmented, {} kept, {} failed: {}",
        result.done.len(),
        result.kept.len(),
        failed.len(),
        args.output.display()
    );
    let mut json =
        json!({"output": args.output, "done": names(&result.done), "kept": names(&result.kept)});
    if args.previous_model.is_some() {
        json["previous_stage"] = json!(args.output.join(PREVIOUS_STAGE));
    }
    Outcome::with_failures(json, text, failed)
}

fn same_folder(a: &std::path::Path, b: &std::path::Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
