//! `sarx evaluate`: scores of a folder, by stratum where there is a cohort.

mod page;

use crate::args::EvaluateArgs;
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use sarx_plan::DatasetJson;
use sarx_study::{
    CaseRow, Cohort, EvaluateSpec, Evaluation, Measure, StrataTable, evaluate_folders,
};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &EvaluateArgs, console: &Console) -> Result<Outcome> {
    let dataset = DatasetJson::read(&dataset_json(
        args.dataset_json.as_deref(),
        &args.prediction,
        &args.reference,
    )?)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.prediction.join("summary.json"));
    let mut spec = EvaluateSpec::from_dataset(&dataset);
    spec.allow_missing = args.allow_missing;
    let cohort = args.cohort.as_deref().map(Cohort::read).transpose()?;
    if let Some(cohort) = &cohort {
        require_columns(cohort, &args.by)?;
    }
    let scores = score(&args.reference, &args.prediction, &spec, &out, console)?;
    let mut outcome = Outcome::with_failures(
        scores.json.clone(),
        scores.text.clone(),
        scores.failed.clone(),
    );
    let by: Vec<&str> = args.by.iter().map(String::as_str).collect();
    let joined = cohort.as_ref().map(|cohort| (cohort, by.as_slice()));
    let all = rows(&scores.evaluation, &spec, joined)?;
    for (label, rows) in &all {
        if cohort.is_some() {
            let tables = write_tables(rows, &args.by, label, &out)?;
            outcome.text.push_str(&tables.text);
            outcome.json["tables"][label] = tables.json;
        }
        if let Some(report) = &args.report {
            let path = match all.len() {
                1 => report.clone(),
                _ => beside(report, &format!("label_{label}"), "html"),
            };
            page::write(args, &dataset, &scores, label, rows, &path)?;
            outcome
                .text
                .push_str(&format!("\nreport: {}", path.display()));
            outcome.json["reports"][label] = json!(path);
        }
    }
    Ok(outcome)
}

/// A column that is not there is told before minutes of scoring.
fn require_columns(cohort: &Cohort, by: &[String]) -> Result<()> {
    match by.iter().find(|column| !cohort.columns().contains(column)) {
        None => Ok(()),
        Some(column) => bail!(
            "the cohort has no column {column:?}; it has: {}",
            cohort.columns().join(", ")
        ),
    }
}

/// dataset.json of the labels: given, in the prediction folder, or beside the references.
pub(super) fn dataset_json(
    given: Option<&Path>,
    prediction: &Path,
    reference: &Path,
) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let places = [
        prediction.join("dataset.json"),
        reference.join("../dataset.json"),
    ];
    match places.iter().find(|path| path.exists()) {
        Some(path) => Ok(path.clone()),
        None => bail!(
            "there is no dataset.json in the prediction folder nor beside the reference folder; say --dataset-json FILE"
        ),
    }
}

/// Scores of a folder, and what to say about them.
pub(super) struct FolderScores {
    pub(super) evaluation: Evaluation,
    pub(super) json: Value,
    pub(super) text: String,
    pub(super) failed: Vec<String>,
}

/// Scores a folder and writes `summary.json`.
pub(super) fn score(
    reference: &Path,
    prediction: &Path,
    spec: &EvaluateSpec,
    out: &Path,
    console: &Console,
) -> Result<FolderScores> {
    let evaluation = evaluate_folders(reference, prediction, spec, console)?;
    let failed = failures(&evaluation);
    let summary = evaluation
        .summary()
        .with_context(|| format!("no case could be scored: {}", failed.join("; ")))?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| {
            format!("cannot make the folder: {:?}", folder.display().to_string())
        })?;
    }
    let document = summary.to_json()?;
    sarx_io::write_atomic(out, |file| file.write_all(document.as_bytes()))?;
    let mut headline = Vec::new();
    let mut medians = serde_json::Map::new();
    for (label, rows) in rows(&evaluation, spec, None)? {
        let overall = StrataTable::new(&rows, &[])?;
        let median = |measure| overall.strata[0].spread(measure).median;
        headline.push(format!(
            "label {label}: median Dice {:.3}, F2 {:.3}, HD95 (larger directed) {:.1} mm, ASSD (pooled) {:.1} mm",
            median(Measure::Dice),
            median(Measure::F2),
            median(Measure::Hd95Mm),
            median(Measure::AssdMm)
        ));
        let finite = |value: f64| value.is_finite().then_some(value);
        medians.insert(
            label,
            json!({
                "dice": finite(median(Measure::Dice)),
                "f2": finite(median(Measure::F2)),
                "hd95_mm": finite(median(Measure::Hd95Mm)),
                "assd_mm": finite(median(Measure::AssdMm)),
            }),
        );
    }
    let json = json!({
        "summary": out,
        "n_cases": evaluation.scored.len(),
        "median": medians,
        "unmatched": evaluation.unmatched.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    let text = format!("{} cases, {}", evaluation.scored.len(), headline.join("; "));
    Ok(FolderScores {
        evaluation,
        json,
        text,
        failed,
    })
}

/// Every case without scores, with the reason.
fn failures(evaluation: &Evaluation) -> Vec<String> {
    let missing = evaluation.missing.iter();
    evaluation
        .failed
        .iter()
        .map(|failure| crate::outcome::error_chain(failure))
        .chain(missing.map(|case| format!("case \"{case}\" has no prediction")))
        .collect()
}

/// The scored cases per label or region, with some columns of the cohort.
fn rows(
    evaluation: &Evaluation,
    spec: &EvaluateSpec,
    cohort: Option<(&Cohort, &[&str])>,
) -> Result<Vec<(String, Vec<CaseRow>)>> {
    spec.score
        .labels_or_regions
        .iter()
        .map(|what| {
            let scored = evaluation.scores_of(what);
            let rows = match cohort {
                Some((cohort, columns)) => {
                    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                    cohort.join(&scored, &columns)?
                }
                None => scored
                    .into_iter()
                    .map(|(case, scores)| CaseRow {
                        case: case.to_string(),
                        strata: Vec::new(),
                        scores,
                    })
                    .collect(),
            };
            Ok((what.to_string(), rows))
        })
        .collect()
}

/// Tables by stratum as text, JSON and files.
struct Tables {
    text: String,
    json: Value,
}

/// Overall, by each column, and by all together; one CSV file each beside the summary.
fn write_tables(rows: &[CaseRow], by: &[String], label: &str, out: &Path) -> Result<Tables> {
    let mut groupings: Vec<Vec<String>> = vec![Vec::new()];
    groupings.extend(by.iter().map(|column| vec![column.clone()]));
    if by.len() > 1 {
        groupings.push(by.to_vec());
    }
    let mut tables = Tables {
        text: String::new(),
        json: json!({}),
    };
    for columns in groupings {
        let table = StrataTable::new(rows, &columns)?;
        let name = if columns.is_empty() {
            "overall".to_owned()
        } else {
            columns.join("_")
        };
        let path = beside(out, &format!("label_{label}_by_{name}"), "csv");
        let csv = table.to_csv();
        sarx_io::write_atomic(&path, |file| file.write_all(csv.as_bytes()))?;
        tables.text.push_str(&table_text(&name, &table));
        tables.json[&name] = serde_json::from_str(&table.to_json()?)?;
    }
    Ok(tables)
}

/// A file next to another, named after it, with nothing odd in its name.
fn beside(out: &Path, what: &str, ending: &str) -> PathBuf {
    let stem = out.file_stem().map(|stem| stem.to_string_lossy());
    let name = format!("{}_{what}", stem.unwrap_or_default());
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let safe: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    out.with_file_name(format!("{safe}.{ending}"))
}

/// A few columns for the terminal; the files have all.
fn table_text(name: &str, table: &StrataTable) -> String {
    let mut text = format!(
        "\n\n{name:28} {:>4} {:>7} {:>7} {:>12} {:>12}\n",
        "n", "Dice", "F2", "hd95_mm", "assd_mm"
    );
    for stratum in &table.strata {
        let label = if stratum.values.is_empty() {
            "all".to_owned()
        } else {
            stratum.values.join(" / ")
        };
        let median = |measure| stratum.spread(measure).median;
        text.push_str(&format!(
            "{label:28} {:>4} {:>7.3} {:>7.3} {:>12.1} {:>12.1}{}\n",
            stratum.n_cases,
            median(Measure::Dice),
            median(Measure::F2),
            median(Measure::Hd95Mm),
            median(Measure::AssdMm),
            if stratum.is_few() { "  few cases" } else { "" }
        ));
    }
    text
}
