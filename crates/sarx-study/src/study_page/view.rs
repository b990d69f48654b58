//! What the template of the page shows.

use super::figures::{Curves, curves, definitions, rain_clouds, stratum_boxes, volume_plots};
use super::finding::{best_overall, findings};
use super::gallery::{Gallery, galleries};
use super::policy_view::PolicyView;
use super::score_tables::{
    CohortView, DetectionLine, HEADLINE, ScoreView, VolumeLine, detection_lines, grouped_table,
    main_table, volume_lines,
};
use super::test_tables::{
    ComparisonView, HeatMap, StrataLine, comparisons, heat_maps, strata_lines,
};
use super::{ChecklistItem, StudyPageError, StudyPageInput, checklist};
use crate::number_text::{counted, number};
use crate::results::scores::{ScoreGrid, StudySet};
use crate::results::tables::{Group, Population, StudyMetric, StudyTables};
use crate::{PREDICTION_RGB, REFERENCE_RGB};
use askama::Template;

#[derive(Template)]
#[template(path = "study.html")]
pub(super) struct Page<'a> {
    title: &'a str,
    warnings: &'a [String],
    findings: Vec<String>,
    cards: Vec<Card>,
    few: usize,
    headline: Vec<&'static str>,
    sets: Vec<SetView>,
    galleries: Vec<Gallery>,
    policy: Option<PolicyView>,
    cohorts: Vec<CohortView>,
    curves: Vec<Curves>,
    methods: Vec<String>,
    checklist: Vec<ChecklistItem>,
    n_filled: usize,
    definitions: Vec<(&'static str, &'static str, &'static str)>,
    reference_color: String,
    prediction_color: String,
}

/// One number at the top.
struct Card {
    name: String,
    value: String,
    note: String,
}

/// Everything about one set of patients.
struct SetView {
    id: &'static str,
    title: &'static str,
    tables: Vec<ScoreView>,
    comparisons: Vec<ComparisonView>,
    strata: Vec<StrataLine>,
    clouds: Vec<String>,
    boxes: Vec<String>,
    heat_maps: Vec<HeatMap>,
    volumes: Vec<VolumeLine>,
    volume_plots: Vec<String>,
    detection: Vec<DetectionLine>,
}

impl<'a> Page<'a> {
    pub(super) fn new(input: &StudyPageInput<'a>) -> Result<Self, StudyPageError> {
        let tables = input.tables;
        let sets: Vec<StudySet> = tables.cohort.iter().map(|cohort| cohort.set).collect();
        let css = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        let checklist = checklist(tables, input.methods);
        Ok(Self {
            title: &tables.facts.name,
            warnings: input.warnings,
            findings: sets.iter().flat_map(|set| findings(tables, *set)).collect(),
            cards: cards(tables, &sets),
            few: tables.facts.few_cases,
            headline: HEADLINE.map(StudyMetric::title).into(),
            sets: sets
                .iter()
                .map(|set| SetView::new(input, *set))
                .collect::<Result<_, _>>()?,
            galleries: galleries(input)?,
            policy: input
                .policy
                .map(|(policy, tested)| PolicyView::new(policy, tested, &tables.facts)),
            cohorts: tables.cohort.iter().map(CohortView::new).collect(),
            curves: curves(input)?,
            methods: input.methods.paragraphs(tables),
            n_filled: checklist
                .iter()
                .filter(|item| item.filled.is_some())
                .count(),
            checklist,
            definitions: definitions(),
            reference_color: css(REFERENCE_RGB),
            prediction_color: css(PREDICTION_RGB),
        })
    }
}

impl SetView {
    fn new(input: &StudyPageInput<'_>, set: StudySet) -> Result<Self, StudyPageError> {
        let tables = input.tables;
        let has = |grid: &ScoreGrid| {
            let is_there = |row: &crate::results::tables::SummaryRow| {
                row.cases.set == set && row.grid == *grid
            };
            tables.summaries.iter().any(is_there)
        };
        // The common grid is listed first and taken where there is one.
        let grids: Vec<ScoreGrid> = ScoreGrid::ALL.into_iter().filter(has).collect();
        let grid = grids.first().copied().unwrap_or(ScoreGrid::Common);
        let mut views: Vec<ScoreView> = main_table(tables, set, grid).into_iter().collect();
        for by in ["stratum", "histology"] {
            views.extend(grouped_table(tables, set, grid, by));
        }
        for other in grids.iter().skip(1) {
            views.extend(main_table(tables, set, *other));
        }
        Ok(Self {
            id: set.name(),
            title: match set {
                StudySet::CrossValidation => "Cross-validation",
                StudySet::External => "External test set",
            },
            tables: views,
            comparisons: comparisons(tables, set),
            strata: strata_lines(tables, set),
            clouds: rain_clouds(input, set, grid)?,
            boxes: stratum_boxes(input, set, grid)?,
            heat_maps: heat_maps(tables, set),
            volumes: volume_lines(tables, set),
            volume_plots: volume_plots(input, tables, set)?,
            detection: detection_lines(tables, set, grid),
        })
    }
}

/// Patients, the best model of each set with its median Dice and misses, and failures.
fn cards(tables: &StudyTables, sets: &[StudySet]) -> Vec<Card> {
    let n: usize = tables.cohort.iter().map(|cohort| cohort.n_patients).sum();
    let parts: Vec<String> = tables
        .cohort
        .iter()
        .map(|cohort| format!("{} {}", cohort.n_patients, cohort.set.title()))
        .collect();
    let mut cards = vec![Card {
        name: "Patients".to_owned(),
        value: n.to_string(),
        note: format!("{}; {} models", parts.join(", "), tables.facts.models.len()),
    }];
    for &set in sets {
        let Some(best) = best_overall(tables, set) else {
            continue;
        };
        let on_compared = |metric: StudyMetric| {
            let wanted = tables.best_models.iter().find(|b| {
                (b.cases.set, b.cases.population, b.metric) == (set, Population::All, metric)
                    && b.cases.group == Group::All
            });
            let level = wanted.and_then(|b| b.best_first.iter().find(|l| l.model == best.model));
            let median = level.map_or(f64::NAN, |level| level.median.0);
            (number(median, metric.decimals()), wanted.map_or(0, |b| b.n))
        };
        let title = tables.facts.title(&best.model);
        let (dice, n) = on_compared(StudyMetric::Dice);
        cards.push(Card {
            name: format!("Best median Dice, {}", set.title()),
            value: dice,
            note: format!(
                "{title}, in the {} that all models have; F2 {}, HD95 {} mm, ASSD {} mm",
                counted(n, "patient"),
                on_compared(StudyMetric::F2).0,
                on_compared(StudyMetric::Hd95Mm).0,
                on_compared(StudyMetric::AssdMm).0
            ),
        });
        let row = tables.summaries.iter().find(|row| {
            row.cases.set == set
                && row.cases.population == Population::All
                && row.cases.group == Group::All
                && row.grid == ScoreGrid::Common
                && row.model == best.model
        });
        let Some(row) = row else {
            continue;
        };
        cards.push(Card {
            name: format!("Missed by it, {}", set.title()),
            value: row.n_missed.to_string(),
            note: format!(
                "empty predictions in {} of {title}; {} more share no voxel with the lesion",
                counted(row.n_cases - row.n_failed, "scored case"),
                row.n_no_overlap
            ),
        });
    }
    cards.push(Card {
        name: "Failed predictions".to_owned(),
        value: tables.n_failed.to_string(),
        note: format!("of {}, all models, sets and grids", tables.n_rows),
    });
    cards
}
