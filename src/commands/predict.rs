//! `sarx predict`: a folder of images in, a folder of segmentations out.

use super::stop;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result, bail};
use sarx_infer::{FolderPrediction, FolderRequest, PredictOptions, Predictor, predict_folder};
use sarx_model::ModelFolder;
use sarx_nn::DeviceChoice;
use sarx_plan::discover_images;
use serde_json::json;

pub(super) fn run(args: &PredictArgs, console: &Console) -> Result<Outcome> {
    let model = ModelFolder::open(&args.model)?;
    let dataset = model.dataset();
    let cases = discover_images(&args.input, dataset.file_ending(), dataset.n_channels())?;
    if same_folder(&args.input, &args.output) {
        bail!("input and output are the same folder; segmentations would lie among the images");
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
    let predictor = Predictor::load(&model, &options, DeviceChoice::Cpu.inference())
        .context("cannot load the model")?;
    let stop = stop::on_ctrl_c()?;
    let request = FolderRequest {
        model: &model,
        cases: &cases,
        output: &args.output,
        options: &options,
        keep_existing: args.continue_,
        stop: &stop,
    };
    Ok(report(
        &predict_folder(&request, &predictor, console)?,
        args,
    ))
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

fn same_folder(a: &std::path::Path, b: &std::path::Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
