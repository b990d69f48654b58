//! `sarx predict`: images in, a folder of segmentations out, with one model or with the one that a policy chooses.

mod by_policy;

use super::stop;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use sarx_core::CaseId;
use sarx_infer::{
    FolderPrediction, FolderRequest, Part, PredictOptions, Predictor, PreviousStage,
    check_cascade_folders, predict_folder,
};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, DatasetJson, discover_images, read_image_list};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Folder of the first stage's segmentations in the output folder of a cascade.
const PREVIOUS_STAGE: &str = "previous_stage";

pub(super) fn run(args: &PredictArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    let Some(model) = &args.model else {
        return by_policy::run(args, device, console);
    };
    let model = ModelFolder::open(model)?;
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
        skip_air: args.skip_air,
        precision: args.precision.into(),
    };
    let stop = stop::on_ctrl_c()?;
    let job = Job {
        args,
        device,
        options: &options,
        part,
        stop: &stop,
        console,
    };
    job.run(&model, &cases)
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
    device: DeviceChoice,
    options: &'a PredictOptions,
    part: Part,
    stop: &'a AtomicBool,
    console: &'a Console,
}

impl Job<'_> {
    /// Segments with the model, and before that with the first stage if its model is given.
    fn run(&self, model: &ModelFolder, cases: &[CaseFiles]) -> Result<Outcome> {
        let Some(first) = &self.args.previous_model else {
            let previous = self.args.previous.as_deref().map(|folder| PreviousStage {
                folder,
                failed: &[],
            });
            let request = self.request(model, cases, &self.args.output, previous);
            return Ok(report(&self.segment(&request)?, self.args));
        };
        let first = previous_model(model, first)?;
        let folder = self.args.output.join(PREVIOUS_STAGE);
        let of_first = FolderRequest {
            probabilities: None,
            ..self.request(&first, cases, &folder, None)
        };
        let before = PreviousStage {
            folder: &folder,
            failed: &[],
        };
        let of_second = self.request(model, cases, &self.args.output, Some(before));
        // Before hours are spent on the first stage.
        check_cascade_folders(&of_first, &of_second)?;
        let failed: Vec<(CaseId, String)> = self
            .segment(&of_first)?
            .failed
            .into_iter()
            .map(|(case, error)| (case, outcome::error_chain(&error)))
            .collect();
        let after = PreviousStage {
            failed: &failed,
            ..before
        };
        let of_second = FolderRequest {
            previous: Some(after),
            ..of_second
        };
        Ok(report(&self.segment(&of_second)?, self.args))
    }

    fn request<'b>(
        &'b self,
        model: &'b ModelFolder,
        cases: &'b [CaseFiles],
        output: &'b Path,
        previous: Option<PreviousStage<'b>>,
    ) -> FolderRequest<'b> {
        FolderRequest {
            model,
            cases,
            output,
            previous,
            options: self.options,
            probabilities: self.args.save_probabilities.map(Into::into),
            part: self.part,
            keep_existing: self.args.continue_,
            stop: self.stop,
        }
    }

    fn segment(&self, request: &FolderRequest<'_>) -> Result<FolderPrediction> {
        let device = self.device.inference();
        let predictor = Predictor::load(request.model, self.options, device)
            .context("cannot load the model")?;
        let result = predict_folder(request, &predictor, self.console)?;
        for (case, skipped_tiles) in &result.skipped_tiles {
            tracing::info!(case = case.as_str(), skipped_tiles, "air skipped");
        }
        Ok(result)
    }
}

/// Opens the first stage of a cascade, which must be the one that the model was trained behind.
fn previous_model(model: &ModelFolder, folder: &Path) -> Result<ModelFolder> {
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
    Ok(first)
}

fn failures(result: &FolderPrediction) -> Vec<String> {
    let named = result.failed.iter();
    named
        .map(|(case, error)| outcome::of_case(case.as_str(), &outcome::error_chain(error)))
        .collect()
}

fn report(result: &FolderPrediction, args: &PredictArgs) -> Outcome {
    let failed = failures(result);
    let names = |cases: &[CaseId]| cases.iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = format!(
        "{} cases segmented, {} kept, {} failed{}: {}",
        result.done.len(),
        result.kept.len(),
        failed.len(),
        skipped(result, args),
        args.output.display()
    );
    let mut json =
        json!({"output": args.output, "done": names(&result.done), "kept": names(&result.kept)});
    if args.previous_model.is_some() {
        json["previous_stage"] = json!(args.output.join(PREVIOUS_STAGE));
    }
    if args.skip_air {
        let counts = result.skipped_tiles.iter();
        json["skipped_tiles"] = counts
            .map(|(case, count)| (case.to_string(), json!(count)))
            .collect();
    }
    Outcome::with_failures(json, text, failed)
}

/// How much the network did not see.
fn skipped(result: &FolderPrediction, args: &PredictArgs) -> String {
    if !args.skip_air {
        return String::new();
    }
    let n_tiles: usize = result.skipped_tiles.iter().map(|(_, count)| count).sum();
    format!(", {n_tiles} tiles of air skipped")
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
