//! `sarx evaluate --report`: one page about a folder of predictions, with pictures where the images are given.

use super::FolderScores;
use crate::args::EvaluateArgs;
use anyhow::{Context, Result};
use sarx_plan::DatasetJson;
use sarx_study::{CasePicture, CaseRank, CaseRow, ReportInput, case_at_rank, render};
use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// What of `prediction.json` a reader wants to know, and what it is called there.
const FACTS: [(&str, &str); 6] = [
    ("Configuration", "configuration"),
    ("Folds", "folds"),
    ("Weights", "weights"),
    ("Mirroring", "mirroring"),
    ("Step", "step"),
    ("Plans hash", "plans_hash"),
];

/// Writes the page of one label or region.
pub(super) fn write(
    args: &EvaluateArgs,
    dataset: &DatasetJson,
    scores: &FolderScores,
    label: &str,
    rows: &[CaseRow],
    path: &Path,
) -> Result<()> {
    let input = ReportInput {
        title: format!("Scores of {} cases, label {label}", rows.len()),
        facts: facts(args)?,
        paragraphs: vec![
            "Every prediction is compared with the reference of the same name, on the reference's grid."
                .to_owned(),
        ],
        cases: rows.to_vec(),
        by: args.by.clone(),
        training_curve: None,
        pictures: pictures(args, dataset, rows)?,
        warnings: scores.failed.clone(),
    };
    let page = render(&input)?;
    sarx_io::write_atomic(path, |out| out.write_all(page.as_bytes()))?;
    Ok(())
}

/// What is known about the predictions: from their `prediction.json`, if they have one.
fn facts(args: &EvaluateArgs) -> Result<Vec<(String, String)>> {
    let mut facts = vec![(
        "Version".to_owned(),
        format!("sarx {}", env!("CARGO_PKG_VERSION")),
    )];
    let path = args.prediction.join("prediction.json");
    if !path.exists() {
        return Ok(facts);
    }
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)
        .with_context(|| format!("cannot read: {:?}", path.display().to_string()))?;
    for (name, key) in FACTS {
        let text = match &record["made_by"][key] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(values) => {
                let words = values
                    .iter()
                    .map(|value| value.as_str().unwrap_or_default());
                words.collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        facts.push((name.to_owned(), text));
    }
    Ok(facts)
}

/// The best, the median and the worst case on the first channel of their images.
fn pictures(
    args: &EvaluateArgs,
    dataset: &DatasetJson,
    rows: &[CaseRow],
) -> Result<Vec<CasePicture>> {
    let Some(images) = &args.images else {
        return Ok(Vec::new());
    };
    let ranks = [
        (CaseRank::Best, "Best Dice"),
        (CaseRank::Median, "Median Dice"),
        (CaseRank::Worst, "Worst Dice"),
    ];
    let ending = dataset.file_ending();
    let picture = |(rank, heading): (CaseRank, &str)| {
        let row = case_at_rank(rows, rank)?;
        let labels = format!("{}{ending}", row.case);
        let image = format!("{}_0000{ending}", row.case);
        let read = || -> Result<CasePicture> {
            Ok(CasePicture {
                heading: heading.to_owned(),
                case: row.case.clone(),
                image: sarx_io::read_image(&images.join(image))?.volume,
                reference: sarx_io::read_labels(&args.reference.join(&labels))?.labels,
                prediction: sarx_io::read_labels(&args.prediction.join(&labels))?.labels,
            })
        };
        Some(read())
    };
    ranks.into_iter().filter_map(picture).collect()
}
