//! What a paper prints: cohort, scores, volumes and detection.

use super::TableFile;
use super::latex::LatexTable;
use super::latex_tests::{best_models, model_pairs, model_tests, strata_tests};
use crate::number_text::{counted, number, percent};
use crate::results::scores::{ScoreGrid, StudySet};
use crate::results::tables::{
    CohortTable, Group, Population, Share, StudyMetric, StudyTables, SummaryCell, SummaryRow,
};

/// The metrics of tables with many rows.
pub(super) const HEADLINE: [StudyMetric; 4] = [
    StudyMetric::Dice,
    StudyMetric::F2,
    StudyMetric::AssdMm,
    StudyMetric::Hd95Mm,
];

/// What marks a cell of few cases.
pub(super) const FEW: &str = "*";

pub(super) fn latex_files(tables: &StudyTables) -> Vec<TableFile> {
    let mut files = Vec::new();
    for cohort in &tables.cohort {
        let set = cohort.set;
        files.push(cohort_table(cohort));
        for grid in ScoreGrid::ALL {
            for population in [Population::All, Population::WithoutBenign] {
                files.extend(summary(tables, set, grid, population));
            }
        }
        for (stem, by) in [("by_stratum", "stratum"), ("by_histology", "histology")] {
            files.extend(by_group(tables, set, stem, by));
        }
        files.push(model_tests(tables, set));
        files.push(model_pairs(tables, set));
        files.push(strata_tests(tables, set));
        files.push(best_models(tables, set));
        files.push(volumes(tables, set));
        files.extend(detection(tables, set));
    }
    files.iter().map(LatexTable::file).collect()
}

pub(super) fn few_note(tables: &StudyTables) -> String {
    format!("{FEW} fewer than {} cases.", tables.facts.few_cases)
}

/// `0.912 [0.880, 0.941]`, with a mark for few cases.
fn median_quartiles(cell: &SummaryCell) -> String {
    let text = |value| number(value, cell.metric.decimals());
    let mark = if cell.few { FEW } else { "" };
    if cell.n == 0 {
        return "n/a".to_owned();
    }
    format!(
        "{} [{}, {}]{mark}",
        text(cell.median.0),
        text(cell.q1.0),
        text(cell.q3.0)
    )
}

fn cohort_table(cohort: &CohortTable) -> LatexTable {
    let sites = cohort.sites.iter().map(|site| site.site.clone());
    let mut head = vec!["Histology".to_owned()];
    head.extend(sites);
    head.push("All".to_owned());
    let line = |name: String, by_site: &[usize], n: usize| {
        let mut line = vec![name];
        line.extend(by_site.iter().chain([&n]).map(usize::to_string));
        line
    };
    let rows = cohort.histologies.iter().map(|h| {
        let name = if h.benign {
            format!("{} (benign)", h.histology)
        } else {
            h.histology.clone()
        };
        line(name, &h.by_site, h.n)
    });
    let by_site: Vec<usize> = cohort.sites.iter().map(|site| site.n).collect();
    LatexTable {
        stem: format!("cohort_{}", cohort.set.name()),
        caption: format!("Patients by histology and site, {}.", cohort.set.title()),
        head,
        n_texts: 1,
        groups: vec![
            rows.collect(),
            vec![line("All".to_owned(), &by_site, cohort.n_patients)],
        ],
        notes: format!(
            "{} could not be predicted by at least one model and counted here.",
            counted(cohort.n_with_failure, "patient")
        ),
    }
}

/// Counts that stand before the scores of a row.
fn counts(row: &SummaryRow) -> [String; 4] {
    [
        row.n_cases - row.n_failed,
        row.n_failed,
        row.n_missing,
        row.n_missed,
    ]
    .map(|n| n.to_string())
}

const COUNTS: [&str; 4] = ["n", "failed", "missing", "missed"];

const COUNTS_NOTE: &str = "n: scored cases; failed: could not be predicted; missing: patients without this model; missed: empty predictions of a lesion. Cells: median [quartiles]; a missed lesion has infinite distances, which count as the worst.";

fn summary(
    tables: &StudyTables,
    set: StudySet,
    grid: ScoreGrid,
    population: Population,
) -> Option<LatexTable> {
    let wanted = |row: &&SummaryRow| {
        let cases = &row.cases;
        (cases.set, row.grid, cases.population) == (set, grid, population)
            && cases.group == Group::All
    };
    let rows: Vec<&SummaryRow> = tables.summaries.iter().filter(wanted).collect();
    let line = |row: &&SummaryRow| {
        let mut line = vec![tables.facts.title(&row.model).to_owned()];
        line.extend(counts(row));
        line.extend(row.cells.iter().map(median_quartiles));
        line
    };
    let head = std::iter::once("Model")
        .chain(COUNTS)
        .chain(StudyMetric::ALL.map(StudyMetric::title))
        .map(str::to_owned);
    (!rows.is_empty()).then(|| LatexTable {
        stem: format!(
            "summary_{}_{}_{}",
            set.name(),
            grid.name(),
            population.name()
        ),
        caption: format!(
            "Scores of all models, {}, {}, {}.",
            set.title(),
            grid.title(),
            population.title()
        ),
        head: head.collect(),
        n_texts: 1,
        groups: vec![rows.iter().map(line).collect()],
        notes: format!("{COUNTS_NOTE} {}", few_note(tables)),
    })
}

/// One group of rows per stratum or histology, on the common grid if there is one.
fn by_group(tables: &StudyTables, set: StudySet, stem: &str, by: &str) -> Option<LatexTable> {
    let of = |grid: ScoreGrid| -> Vec<&SummaryRow> {
        let wanted = |row: &&SummaryRow| {
            let cases = &row.cases;
            (cases.set, row.grid, cases.population) == (set, grid, Population::All)
                && cases.group.by() == by
        };
        tables.summaries.iter().filter(wanted).collect()
    };
    let (grid, rows) = ScoreGrid::ALL
        .into_iter()
        .map(|grid| (grid, of(grid)))
        .find(|(_, rows)| !rows.is_empty())?;
    let groups = rows.chunk_by(|a, b| a.cases == b.cases).map(|rows| {
        let line = |(at, row): (usize, &&SummaryRow)| {
            let name = if at == 0 { row.cases.group.title() } else { "" };
            let mut line = vec![name.to_owned(), tables.facts.title(&row.model).to_owned()];
            line.extend(counts(row));
            let cells = HEADLINE.iter().filter_map(|metric| row.cell(*metric));
            line.extend(cells.map(median_quartiles));
            line
        };
        rows.iter().enumerate().map(line).collect()
    });
    let first = if by == "stratum" {
        "Stratum"
    } else {
        "Histology"
    };
    let head = [first, "Model"]
        .into_iter()
        .chain(COUNTS)
        .chain(HEADLINE.map(StudyMetric::title))
        .map(str::to_owned);
    Some(LatexTable {
        stem: format!("{stem}_{}", set.name()),
        caption: format!("Scores by {by}, {}, {}.", set.title(), grid.title()),
        head: head.collect(),
        n_texts: 2,
        groups: groups.collect(),
        notes: format!("{COUNTS_NOTE} {}", few_note(tables)),
    })
}

fn volumes(tables: &StudyTables, set: StudySet) -> LatexTable {
    let rows = tables.volumes.iter().filter(|v| v.set == set).map(|v| {
        let ml = |value: f64| number(value, 1);
        let both = |[low, high]: [sarx_metrics::ScoreFloat; 2], decimals| {
            format!(
                "[{}, {}]",
                number(low.0, decimals),
                number(high.0, decimals)
            )
        };
        let mark = if v.few { FEW } else { "" };
        vec![
            tables.facts.title(&v.model).to_owned(),
            format!("{}{mark}", v.n),
            (v.n_failed + v.n_missing).to_string(),
            format!("{} {}", ml(v.bias_ml.0), both(v.bias_interval_ml, 1)),
            format!("{} to {}", ml(v.limits_ml[0].0), ml(v.limits_ml[1].0)),
            format!("{} {}", number(v.icc.0, 3), both(v.icc_interval, 3)),
            number(v.dice_by_volume_rho.0, 2),
        ]
    });
    let head = [
        "Model",
        "n",
        "failed or missing",
        "Bias (ml)",
        "Limits of agreement (ml)",
        "ICC(2,1)",
        "Spearman of Dice and volume",
    ];
    LatexTable {
        stem: format!("volumes_{}", set.name()),
        caption: format!("Agreement of volumes, {}, common grid.", set.title()),
        head: head.map(str::to_owned).into(),
        n_texts: 1,
        groups: vec![rows.collect()],
        notes: format!(
            "Bias: prediction minus reference; limits: bias \u{b1} 1.96 standard deviations; brackets: 95% intervals. {}",
            few_note(tables)
        ),
    }
}

fn detection(tables: &StudyTables, set: StudySet) -> Option<LatexTable> {
    let of = |grid: ScoreGrid| -> Vec<Vec<String>> {
        let wanted = tables
            .detection
            .iter()
            .filter(|d| d.cases.set == set && d.grid == grid && d.cases.group == Group::All);
        let share = |share: &Share| {
            format!(
                "{}/{} ({}; {}\u{2013}{})",
                share.count,
                share.of,
                percent(share.share.0),
                percent(share.low.0),
                percent(share.high.0)
            )
        };
        let line = |d: &crate::results::tables::DetectionRow| {
            let mark = if d.few { FEW } else { "" };
            vec![
                tables.facts.title(&d.model).to_owned(),
                format!("{}{mark}", d.n_cases - d.n_failed),
                d.n_failed.to_string(),
                d.n_missing.to_string(),
                share(&d.found),
                share(&d.correct),
                d.lesions_false.to_string(),
                share(&d.complete_misses),
            ]
        };
        wanted.map(line).collect()
    };
    let (grid, rows) = ScoreGrid::ALL
        .into_iter()
        .map(|grid| (grid, of(grid)))
        .find(|(_, rows)| !rows.is_empty())?;
    let head = [
        "Model",
        "n",
        "failed",
        "missing",
        "Lesions found",
        "Predicted lesions that are one",
        "False lesions",
        "Patients missed",
    ];
    Some(LatexTable {
        stem: format!("detection_{}", set.name()),
        caption: format!("Detection, {}, {}.", set.title(), grid.title()),
        head: head.map(str::to_owned).into(),
        n_texts: 1,
        groups: vec![rows],
        notes: format!(
            "In brackets the share with Wilson's 95% interval, which takes lesions as independent. {}",
            few_note(tables)
        ),
    })
}
