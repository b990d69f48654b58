//! The verbs, one file each. A verb reads its arguments, calls the libraries, and says what came out.

mod best;
mod demo;
mod ensemble;
mod evaluate;
mod model;
mod phantom;
mod plan;
mod postprocess;
mod predict;
mod preprocess;
mod stop;
mod train;
mod verify;

use crate::args::{Verb, Weights};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_model::WeightsKind;

/// Runs one verb.
pub(crate) fn run(verb: &Verb, console: &Console) -> Result<Outcome> {
    match verb {
        Verb::Demo(args) => demo::run(args, console),
        Verb::Phantom(args) => phantom::run(args, console),
        Verb::Verify(args) => verify::run(args, console),
        Verb::Plan(args) => plan::run(args, console),
        Verb::Preprocess(args) => preprocess::run(args, console),
        Verb::Train(args) => train::run(args, console),
        Verb::Predict(args) => predict::run(args, console),
        Verb::Ensemble(args) => ensemble::run(args, console),
        Verb::Postprocess(args) => postprocess::run(args, console),
        Verb::Best(args) => best::run(args, console),
        Verb::Evaluate(args) => evaluate::run(args, console),
        Verb::Model(args) => model::run(args, console),
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
