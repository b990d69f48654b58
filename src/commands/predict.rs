//! `sarx predict`: images in, a folder of segmentations out.

use super::stop;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use sarx_infer::{
    FolderPrediction, FolderRequest, Part, PredictOptions, Predictor, ProbabilityFormat,
    predict_folder,
};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, DatasetJson, discover_images, read_image_list};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Folder of the first stage's segmentations in the output folder of a cascade.
const PREVIOUS_STAGE: &str = "previous_stage";

pub(super) fn run(args: &PredictArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.model)?;
    let part = Part::new(args.part_id, args.num_parts)?;
    // Once, before cases drop out: parts that several processes predict must not overlap.
    let cases = part.of(cases(args, model.dataset())?);
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
        part,
        stop: &stop,
        console,
    };
    job.run(&model, cases)
}

/// The cases of a folder or of a list.
fn cases(args: &PredictArgs, dataset: &DatasetJson) -> Result<Vec<CaseFiles>> {
    let (ending, n_channels) = (dataset.file_ending(), dataset.n_channels());
    let cases = match (&args.input, &args.input_list) {
        (Some(folder), _) => discover_images(folder, ending, n_channels)?,
        (None, Some(list)) => read_image_list(list, ending, n_channels)?,
        (None, None) => bail!("say --input FOLDER or --input-list FILE"),
    };
    let lies_in_output = |path: &Path| path.parent().is_some_and(|p| same_folder(p, &args.output));
    if cases
        .iter()
        .flat_map(|case| &case.channels)
        .any(|path| lies_in_output(path))
    {
        bail!("input and output are the same folder; segmentations would lie among the images");
    }
    Ok(cases)
}

/// What both stages of a cascade have in common.
struct Job<'a> {
    args: &'a PredictArgs,
    options: &'a PredictOptions,
    part: Part,
    stop: &'a AtomicBool,
    console: &'a Console,
}

/// What a stage takes from the one before it, and what it leaves.
struct Target<'a> {
    previous: Option<&'a Path>,
    probabilities: Option<ProbabilityFormat>,
    output: &'a Path,
}

impl Job<'_> {
    /// Segments with the model, and before that with the first stage if its model is given.
    fn run(&self, model: &ModelFolder, mut cases: Vec<CaseFiles>) -> Result<Outcome> {
        let mut failed = Vec::new();
        let previous = match &self.args.previous_model {
            None => self.args.previous.clone(),
            Some(folder) => {
                let (folder, first) = self.previous_stage(model, folder, &cases)?;
                cases.retain(|case| first.failed.iter().all(|(failed, _)| *failed != case.id));
                failed = failures(&first);
                Some(folder)
            }
        };
        let probabilities = self.args.save_probabilities.map(Into::into);
        let target = Target {
            previous: previous.as_deref(),
            probabilities,
            output: &self.args.output,
        };
        let result = self.segment(model, &cases, target)?;
        failed.extend(failures(&result));
        Ok(report(&result, failed, self.args))
    }

    fn segment(
        &self,
        model: &ModelFolder,
        cases: &[CaseFiles],
        target: Target<'_>,
    ) -> Result<FolderPrediction> {
        let predictor = Predictor::load(model, self.options, DeviceChoice::Cpu.inference())
            .context("cannot load the model")?;
        let request = FolderRequest {
            model,
            cases,
            output: target.output,
            previous: target.previous,
            options: self.options,
            probabilities: target.probabilities,
            part: self.part,
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
        let target = Target {
            previous: None,
            probabilities: None,
            output: &output,
        };
        let result = self.segment(&first, cases, target)?;
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

/// A path without a folder in it lies in the working directory.
fn same_folder(a: &Path, b: &Path) -> bool {
    let here = |path: &Path| {
        if path.as_os_str().is_empty() {
            Path::new(".").canonicalize()
        } else {
            path.canonicalize()
        }
    };
    matches!((here(a), here(b)), (Ok(a), Ok(b)) if a == b)
}
