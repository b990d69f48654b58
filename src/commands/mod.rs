//! The verbs, one file each. A verb reads its arguments, calls the libraries, and says what came out.

mod bench;
mod best;
mod demo;
mod ensemble;
mod evaluate;
mod fusion;
mod model;
mod phantom;
mod plan;
mod postprocess;
mod predict;
mod preprocess;
mod stop;
mod study;
mod train;
mod verify;

use crate::args::{Verb, Weights};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_best::BestError;
use sarx_infer::{EnsembleError, PostprocessError, PredictError};
use sarx_model::WeightsKind;
use sarx_nn::DeviceChoice;

/// Runs one verb. Being asked to stop is no failure, whatever the verb was doing.
pub(crate) fn run(verb: &Verb, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    match run_to_the_end(verb, device, console) {
        Err(error) if was_stopped(&error) => Ok(Outcome {
            interrupted: true,
            ..Outcome::done(serde_json::json!({}), stopped_text(verb).to_owned())
        }),
        other => other,
    }
}

fn was_stopped(error: &anyhow::Error) -> bool {
    let is_stop = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(PredictError::Stopped))
            || matches!(cause.downcast_ref(), Some(EnsembleError::Stopped))
            || matches!(cause.downcast_ref(), Some(PostprocessError::Stopped))
            || matches!(cause.downcast_ref(), Some(BestError::Stopped))
    };
    error.chain().any(is_stop)
}

fn stopped_text(verb: &Verb) -> &'static str {
    match verb {
        Verb::Predict(args) if args.policy.is_some() => "stopped; say it again to begin anew",
        Verb::Predict(_) => "stopped; say --continue to go on",
        Verb::Train(_) => "stopped after training; say --resume to validate",
        _ => "stopped; say it again to go on",
    }
}

fn run_to_the_end(verb: &Verb, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    match verb {
        Verb::Demo(args) => demo::run(args, device, console),
        Verb::Phantom(args) => phantom::run(args, console),
        Verb::Verify(args) => verify::run(args, console),
        Verb::Plan(args) => plan::run(args, console),
        Verb::Preprocess(args) => preprocess::run(args, console),
        Verb::Train(args) => train::run(args, device, console),
        Verb::Predict(args) => predict::run(args, device, console),
        Verb::Ensemble(args) => ensemble::run(args, console),
        Verb::Postprocess(args) => postprocess::run(args, console),
        Verb::Best(args) => best::run(args, console),
        Verb::Evaluate(args) => evaluate::run(args, console),
        Verb::Model(args) => model::run(args, console),
        Verb::Study(args) => study::run(args, device, console),
        Verb::Bench(args) => bench::run(args, device, console),
    }
}

impl From<Weights> for WeightsKind {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::Best => Self::Best,
            Weights::Final => Self::Final,
        }
    }
}

/// Opens a dataset; paths in its explicit list may name environment variables.
fn open_dataset(folder: &std::path::Path) -> Result<sarx_plan::Dataset> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary is where the environment is read"
    )]
    let lookup = |name: &str| std::env::var(name).ok();
    Ok(sarx_plan::Dataset::open(folder, &lookup)?)
}
