//! The scores, volumes and lesions of one set as the page shows them.

use crate::Better;
use crate::number_text::{number, p_value, percent};
use crate::results::scores::{ScoreGrid, StudySet};
use crate::results::tables::{
    CohortTable, DetectionRow, Group, Population, Share, StudyMetric, StudyTables, SummaryCell,
    SummaryRow,
};
use sarx_metrics::ScoreFloat;

/// The metrics of tables with many rows.
pub(super) const HEADLINE: [StudyMetric; 4] = [
    StudyMetric::Dice,
    StudyMetric::F2,
    StudyMetric::AssdMm,
    StudyMetric::Hd95Mm,
];

/// A table of scores.
pub(super) struct ScoreView {
    pub(super) title: String,
    pub(super) metrics: Vec<&'static str>,
    /// Whether cells show intervals and means.
    pub(super) full: bool,
    pub(super) groups: Vec<ScoreGroup>,
}

/// Rows under a heading.
pub(super) struct ScoreGroup {
    pub(super) title: String,
    pub(super) rows: Vec<ScoreLine>,
}

pub(super) struct ScoreLine {
    pub(super) model: String,
    pub(super) n: usize,
    pub(super) few: bool,
    pub(super) failed: usize,
    pub(super) missing: usize,
    pub(super) missed: usize,
    pub(super) cells: Vec<ScoreCellView>,
}

pub(super) struct ScoreCellView {
    pub(super) median: String,
    pub(super) quartiles: String,
    /// Empty without values.
    pub(super) interval: String,
    pub(super) mean: String,
    pub(super) mean_interval: String,
    /// How many infinite values the mean leaves out; empty if none.
    pub(super) left_out: String,
    pub(super) is_best: bool,
    pub(super) few: bool,
}

/// The main table: all cases, with and without benign lesions, every metric with intervals.
pub(super) fn main_table(
    tables: &StudyTables,
    set: StudySet,
    grid: ScoreGrid,
) -> Option<ScoreView> {
    let groups: Vec<ScoreGroup> = [Population::All, Population::WithoutBenign]
        .into_iter()
        .filter_map(|population| {
            let rows = rows(tables, set, grid, population, |group| *group == Group::All);
            group(tables, population.title(), &rows, &StudyMetric::ALL)
        })
        .collect();
    (!groups.is_empty()).then(|| ScoreView {
        title: format!("All models, {}", grid.title()),
        metrics: StudyMetric::ALL.map(StudyMetric::title).into(),
        full: true,
        groups,
    })
}

/// The headline metrics by stratum or histology, with benign lesions.
pub(super) fn grouped_table(
    tables: &StudyTables,
    set: StudySet,
    grid: ScoreGrid,
    by: &'static str,
) -> Option<ScoreView> {
    let all = rows(tables, set, grid, Population::All, |group| group.by() == by);
    let groups: Vec<ScoreGroup> = all
        .chunk_by(|a, b| a.cases == b.cases)
        .filter_map(|rows| group(tables, rows.first()?.cases.group.title(), rows, &HEADLINE))
        .collect();
    (!groups.is_empty()).then(|| ScoreView {
        title: format!("By {by}, {}", grid.title()),
        metrics: HEADLINE.map(StudyMetric::title).into(),
        full: false,
        groups,
    })
}

fn rows(
    tables: &StudyTables,
    set: StudySet,
    grid: ScoreGrid,
    population: Population,
    wanted: impl Fn(&Group) -> bool,
) -> Vec<&SummaryRow> {
    let is_one = |row: &&SummaryRow| {
        let cases = &row.cases;
        (cases.set, row.grid, cases.population) == (set, grid, population) && wanted(&cases.group)
    };
    tables.summaries.iter().filter(is_one).collect()
}

fn group(
    tables: &StudyTables,
    title: &str,
    rows: &[&SummaryRow],
    metrics: &[StudyMetric],
) -> Option<ScoreGroup> {
    let best: Vec<Option<f64>> = metrics
        .iter()
        .map(|metric| best_median(rows, *metric))
        .collect();
    let line = |row: &&SummaryRow| ScoreLine {
        model: tables.facts.title(&row.model).to_owned(),
        n: row.n_cases - row.n_failed,
        few: row.few,
        failed: row.n_failed,
        missing: row.n_missing,
        missed: row.n_missed,
        cells: metrics
            .iter()
            .zip(&best)
            .filter_map(|(metric, best)| Some(cell(row.cell(*metric)?, *best)))
            .collect(),
    };
    (!rows.is_empty()).then(|| ScoreGroup {
        title: title.to_owned(),
        rows: rows.iter().map(line).collect(),
    })
}

/// The best median of several models.
fn best_median(rows: &[&SummaryRow], metric: StudyMetric) -> Option<f64> {
    let cells = rows.iter().filter_map(|row| row.cell(metric));
    let medians = cells.map(|cell| cell.median.0).filter(|m| !m.is_nan());
    match metric.better() {
        Better::Higher => medians.max_by(f64::total_cmp),
        _ => medians.min_by(f64::total_cmp),
    }
}

/// `0.880–0.941`.
fn range(low: ScoreFloat, high: ScoreFloat, decimals: usize) -> String {
    if low.0.is_nan() || high.0.is_nan() {
        return "n/a".to_owned();
    }
    format!(
        "{}\u{2013}{}",
        number(low.0, decimals),
        number(high.0, decimals)
    )
}

fn cell(cell: &SummaryCell, best: Option<f64>) -> ScoreCellView {
    let decimals = cell.metric.decimals();
    ScoreCellView {
        median: number(cell.median.0, decimals),
        quartiles: if cell.n > 1 {
            range(cell.q1, cell.q3, decimals)
        } else {
            String::new()
        },
        interval: if cell.n > 0 {
            range(cell.median_low, cell.median_high, decimals)
        } else {
            String::new()
        },
        left_out: match cell.n_infinite {
            0 => String::new(),
            n => format!("{n} \u{221e} left out"),
        },
        mean: format!("mean {}", number(cell.mean.0, decimals)),
        mean_interval: format!("({})", range(cell.mean_low, cell.mean_high, decimals)),
        is_best: best == Some(cell.median.0),
        few: cell.few,
    }
}

/// Volumes of one model.
pub(super) struct VolumeLine {
    pub(super) model: String,
    pub(super) n: usize,
    pub(super) few: bool,
    pub(super) failed: usize,
    pub(super) missing: usize,
    pub(super) bias: String,
    pub(super) limits: String,
    pub(super) icc: String,
    pub(super) rho: String,
    pub(super) rho_p: String,
}

pub(super) fn volume_lines(tables: &StudyTables, set: StudySet) -> Vec<VolumeLine> {
    let both = |[low, high]: [ScoreFloat; 2], decimals| {
        if low.0.is_nan() {
            "n/a".to_owned()
        } else {
            format!(
                "{} to {}",
                number(low.0, decimals),
                number(high.0, decimals)
            )
        }
    };
    let of_set = tables.volumes.iter().filter(|v| v.set == set);
    of_set
        .map(|v| VolumeLine {
            model: tables.facts.title(&v.model).to_owned(),
            n: v.n,
            few: v.few,
            failed: v.n_failed,
            missing: v.n_missing,
            bias: format!(
                "{} ({})",
                number(v.bias_ml.0, 1),
                both(v.bias_interval_ml, 1)
            ),
            limits: both(v.limits_ml, 1),
            icc: format!("{} ({})", number(v.icc.0, 3), both(v.icc_interval, 3)),
            rho: number(v.dice_by_volume_rho.0, 2),
            rho_p: p_value(v.dice_by_volume_p.0),
        })
        .collect()
}

/// Lesions of one model.
pub(super) struct DetectionLine {
    pub(super) model: String,
    pub(super) n: usize,
    pub(super) few: bool,
    pub(super) failed: usize,
    pub(super) missing: usize,
    pub(super) found: ShareView,
    pub(super) lesions_missed: usize,
    pub(super) correct: ShareView,
    pub(super) lesions_false: usize,
    pub(super) complete_misses: ShareView,
}

pub(super) struct ShareView {
    pub(super) counts: String,
    pub(super) share: String,
}

/// On the common grid, else on the native ones.
pub(super) fn detection_lines(
    tables: &StudyTables,
    set: StudySet,
    grid: ScoreGrid,
) -> Vec<DetectionLine> {
    let share = |share: &Share| ShareView {
        counts: format!("{} of {}", share.count, share.of),
        share: if share.of == 0 {
            "n/a".to_owned()
        } else {
            format!(
                "{} ({}\u{2013}{})",
                percent(share.share.0),
                percent(share.low.0),
                percent(share.high.0)
            )
        },
    };
    let line = |d: &DetectionRow| DetectionLine {
        model: tables.facts.title(&d.model).to_owned(),
        n: d.n_cases - d.n_failed,
        few: d.few,
        failed: d.n_failed,
        missing: d.n_missing,
        found: share(&d.found),
        lesions_missed: d.lesions_missed,
        correct: share(&d.correct),
        lesions_false: d.lesions_false,
        complete_misses: share(&d.complete_misses),
    };
    tables
        .detection
        .iter()
        .filter(|d| d.cases.set == set && d.grid == grid && d.cases.group == Group::All)
        .map(line)
        .collect()
}

/// Patients by histology and site.
pub(super) struct CohortView {
    pub(super) title: String,
    pub(super) sites: Vec<(String, String)>,
    pub(super) lines: Vec<(String, Vec<usize>, usize)>,
    pub(super) totals: Vec<usize>,
    pub(super) n: usize,
    pub(super) note: String,
}

impl CohortView {
    pub(super) fn new(cohort: &CohortTable) -> Self {
        let folds = cohort.folds.iter().map(|f| format!("{} ({})", f.fold, f.n));
        let folds: Vec<String> = folds.collect();
        let mut note = format!(
            "{} with a benign lesion; {} not predicted by at least one model.",
            cohort.n_benign, cohort.n_with_failure
        );
        if !folds.is_empty() {
            note.push_str(&format!(
                " Folds with their patients: {}.",
                folds.join(", ")
            ));
        }
        let name = |line: &crate::results::tables::CohortLine| {
            if line.benign {
                format!("{} (benign)", line.histology)
            } else {
                line.histology.clone()
            }
        };
        let mut title = cohort.set.title().to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            title,
            sites: cohort
                .sites
                .iter()
                .map(|site| (site.site.clone(), site.stratum.clone()))
                .collect(),
            lines: cohort
                .histologies
                .iter()
                .map(|line| (name(line), line.by_site.clone(), line.n))
                .collect(),
            totals: cohort.sites.iter().map(|site| site.n).collect(),
            n: cohort.n_patients,
            note,
        }
    }
}
