//! `sarx predict`: images in, a folder of segmentations out.

use super::stop;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::nnunet_pickles::properties_writer;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use sarx_infer::{
    FolderPrediction, FolderRequest, Part, PredictError, PredictOptions, Predictor, predict_folder,
};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, DatasetJson, discover_images, read_image_list};
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &PredictArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.model)?;
    let cases = cases(args, model.dataset())?;
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
    let part = Part::new(args.part_id, args.num_parts)?;
    let predictor = Predictor::load(&model, &options, DeviceChoice::Cpu.inference())
        .context("cannot load the model")?;
    let stop = stop::on_ctrl_c()?;
    let request = FolderRequest {
        model: &model,
        cases: &cases,
        output: &args.output,
        options: &options,
        probabilities: args.save_probabilities.map(Into::into),
        properties_writer: properties_writer(),
        part,
        keep_existing: args.continue_,
        stop: &stop,
    };
    match predict_folder(&request, &predictor, console) {
        Ok(result) => Ok(report(&result, args)),
        Err(PredictError::Stopped) => Ok(Outcome {
            interrupted: true,
            ..Outcome::done(
                json!({"output": args.output}),
                format!(
                    "stopped; say --continue to go on: {}",
                    args.output.display()
                ),
            )
        }),
        Err(error) => Err(error.into()),
    }
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

fn report(result: &FolderPrediction, args: &PredictArgs) -> Outcome {
    let failed: Vec<String> = result
        .failed
        .iter()
        .map(|(case, error)| outcome::of_case(case.as_str(), &outcome::error_chain(error)))
        .collect();
    let names =
        |cases: &[sarx_core::CaseId]| cases.iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = format!(
        "{} cases segmented, {} kept, {} failed: {}",
        result.done.len(),
        result.kept.len(),
        failed.len(),
        args.output.display()
    );
    let json =
        json!({"output": args.output, "done": names(&result.done), "kept": names(&result.kept)});
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
