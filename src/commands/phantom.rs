//! `sarx phantom`: the phantom cohort alone.

use crate::args::{Matrix, PhantomArgs};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_phantom::{CohortSpec, MatrixSize, Series, write_cohort};
use serde_json::json;

pub(super) fn run(args: &PhantomArgs, console: &Console) -> Result<Outcome> {
    let spec = CohortSpec {
        n_patients: args.cases,
        seed: args.seed,
        matrix: match args.matrix {
            Matrix::Standard => MatrixSize::Standard,
            Matrix::Small => MatrixSize::Small,
        },
        held_out: args.held_out,
        series: Series::ALL.to_vec(),
    };
    let cohort = write_cohort(&args.out, &spec, console)?;
    let datasets: Vec<_> = cohort
        .datasets
        .iter()
        .map(|(_, folder)| folder.clone())
        .collect();
    let text = format!(
        "{} training and {} held-out patients, {} series each; table: {}",
        cohort.n_train,
        cohort.n_test,
        datasets.len(),
        cohort.table.display()
    );
    let json = json!({
        "cohort": cohort.table,
        "datasets": datasets,
        "n_train": cohort.n_train,
        "n_test": cohort.n_test,
        "seed": args.seed,
    });
    Ok(Outcome::done(json, text))
}
