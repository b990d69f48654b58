//! `sarx bench scores`: a folder of segmentations, from files to `scores.csv`, by the calls of a study.

use super::made_up_cases::MadeUpCases;
use super::{Stopwatch, report, three};
use crate::args::BenchScoresArgs;
use crate::commands::study::score::{outcome, spec};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Result, bail};
use sarx_core::CaseId;
use sarx_metrics::LabelOrRegion;
use sarx_study::results::scores::{ScoreGrid, ScoreRow, ScoreTable, StudySet};
use sarx_study::{Finding, Measure, evaluate_folders};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is scored: the only label of the masks.
const TUMOUR: LabelOrRegion = LabelOrRegion::Label(1);
/// Folds over which the cases are dealt.
const N_FOLDS: usize = 5;

pub(super) fn run(args: &BenchScoresArgs, console: &Console) -> Result<Outcome> {
    let volume_ml = match *args.volume_ml {
        [least, largest] if 0.0 < least && least <= largest => [least, largest],
        _ => bail!("--volume-ml takes two volumes, the lesser first"),
    };
    let made_up = MadeUpCases {
        n_cases: args.cases.get(),
        size: three("--size", &args.size)?,
        spacing_mm: three("--spacing", &args.spacing)?,
        volume_ml,
    };
    let was_there = made_up.write_or_check(&args.folder, console)?;
    let n_scored = args
        .first
        .map_or(made_up.n_cases, |first| first.get().min(made_up.n_cases));
    let names = (0..n_scored).map(|case| CaseId::new(MadeUpCases::name(case)));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let [references, predictions] =
        ["references", "predictions"].map(|part| args.folder.join(part));
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let (timing, table) = watch.time("files to scores.csv", || {
        let only: BTreeSet<CaseId> = names.iter().cloned().collect();
        let evaluation = evaluate_folders(&references, &predictions, &spec(TUMOUR, only), console)?;
        let rows = names.iter().enumerate().map(|(at, case)| ScoreRow {
            outcome: outcome(&evaluation, case, &TUMOUR),
            ..row(at, case)
        });
        let table = ScoreTable::new(rows.collect())?;
        table.write(&args.folder.join("scores.csv"))?;
        Ok(table)
    })?;
    let details = json!({
        "folder": args.folder,
        "was_there": was_there,
        "size": made_up.size,
        "spacing_mm": made_up.spacing_mm,
        "seconds_per_case": timing.median_s() / n_scored as f64,
        "scores": found(&table),
    });
    Ok(report("scores", args.rounds, &[timing], details))
}

/// A row without its scores.
fn row(at: usize, case: &CaseId) -> ScoreRow {
    ScoreRow {
        model: "made_up".to_owned(),
        patient: case.to_string(),
        case: case.to_string(),
        set: StudySet::CrossValidation,
        fold: Some(at % N_FOLDS),
        grid: ScoreGrid::Native,
        site: String::new(),
        stratum: String::new(),
        histology: String::new(),
        benign: false,
        outcome: sarx_study::results::scores::Outcome::Failed,
    }
}

/// Counts, and means over the cases whose distances are finite: what other programs are compared by.
fn found(table: &ScoreTable) -> Value {
    let rows = table.rows();
    let finite: Vec<&ScoreRow> = rows
        .iter()
        .filter(|row| row.score(Measure::AssdMm).is_finite())
        .collect();
    let mean =
        |measure| finite.iter().map(|row| row.score(measure)).sum::<f64>() / finite.len() as f64;
    let count = |finding| {
        rows.iter()
            .filter(|row| row.finding() == Some(finding))
            .count()
    };
    json!({
        "cases": rows.len(),
        "without_prediction": table.n_failed(),
        "missed": count(Finding::Missed),
        "finite": finite.len(),
        "mean_dice": mean(Measure::Dice),
        "mean_assd_mm": mean(Measure::AssdMm),
        "mean_hd95_pooled_mm": mean(Measure::Hd95PooledMm),
        "mean_volume_ref_ml": mean(Measure::VolumeRefMl),
    })
}
