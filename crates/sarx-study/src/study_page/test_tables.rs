//! Tests and the best model by stratum as the page shows them.

use super::score_tables::HEADLINE;
use crate::Better;
use crate::number_text::{number, p_value};
use crate::results::scores::StudySet;
use crate::results::tables::{
    BestModel, ModelComparison, Population, StrataComparison, StudyMetric, StudyTables,
};

/// A p-value below this is set in bold.
const ALPHA: f64 = 0.05;

/// The comparison of models in one group of patients.
pub(super) struct ComparisonView {
    pub(super) title: String,
    pub(super) counts: String,
    pub(super) few: bool,
    /// Friedman's test per metric.
    pub(super) whole: Vec<TestCell>,
    pub(super) pairs: Vec<PairLine>,
}

pub(super) struct TestCell {
    pub(super) text: String,
    pub(super) p: String,
    pub(super) is_significant: bool,
}

pub(super) struct PairLine {
    pub(super) a: String,
    pub(super) b: String,
    pub(super) cells: Vec<TestCell>,
}

/// By group, those with benign lesions first; groups in which no two models are compared are told too.
pub(super) fn comparisons(tables: &StudyTables, set: StudySet) -> Vec<ComparisonView> {
    let of_set = tables.between_models.iter().filter(|c| c.cases.set == set);
    of_set
        .filter(|c| c.cases.population == Population::All || c.cases.group.by() == "all")
        .map(|c| comparison(tables, c))
        .collect()
}

fn comparison(tables: &StudyTables, comparison: &ModelComparison) -> ComparisonView {
    let group = match comparison.cases.group.by() {
        "all" => "All patients",
        _ => comparison.cases.group.title(),
    };
    let title = match comparison.cases.population {
        Population::All => group.to_owned(),
        Population::WithoutBenign => format!("{group}, {}", Population::WithoutBenign.title()),
    };
    let mut counts = format!(
        "{} of {} patients have a score of all {} models; {} lack a row, {} failed.",
        comparison.n_compared,
        comparison.n_patients,
        comparison.models.len(),
        comparison.n_missing,
        comparison.n_failed
    );
    if !comparison.left_out.is_empty() {
        let titles: Vec<&str> = comparison
            .left_out
            .iter()
            .map(|model| tables.facts.title(model))
            .collect();
        counts.push_str(&format!(
            " Not compared, since no patient here has a score: {}.",
            titles.join(", ")
        ));
    }
    let whole = HEADLINE.iter().map(|&metric| {
        let test = comparison.metric(metric).and_then(|by| by.friedman);
        test.map_or_else(TestCell::none, |test| TestCell {
            text: format!("F = {}", number(test.f.0, 2)),
            p: p_value(test.p.0),
            is_significant: test.p.0 < ALPHA,
        })
    });
    let first = comparison.metrics.first();
    let pairs = first.map(|by| &by.pairs[..]).unwrap_or_default();
    let pairs = pairs.iter().enumerate().map(|(at, pair)| PairLine {
        a: tables.facts.title(&pair.a).to_owned(),
        b: tables.facts.title(&pair.b).to_owned(),
        cells: HEADLINE
            .iter()
            .map(|&metric| {
                let pair = comparison.metric(metric).and_then(|by| by.pairs.get(at));
                pair.map_or_else(TestCell::none, |pair| TestCell {
                    text: format!(
                        "{} (r = {})",
                        signed(pair.difference.0, metric.decimals()),
                        number(pair.rank_biserial.0, 2)
                    ),
                    p: p_value(pair.p_holm.0),
                    is_significant: pair.p_holm.0 < ALPHA,
                })
            })
            .collect(),
    });
    ComparisonView {
        title,
        counts,
        few: comparison.few,
        whole: whole.collect(),
        pairs: if comparison.n_compared == 0 {
            Vec::new()
        } else {
            pairs.collect()
        },
    }
}

impl TestCell {
    fn none() -> Self {
        Self {
            text: "n/a".to_owned(),
            p: "n/a".to_owned(),
            is_significant: false,
        }
    }
}

/// A difference with its sign.
fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    let is_positive = value > 0.0 && text.chars().any(|c| ('1'..='9').contains(&c));
    if is_positive {
        format!("+{text}")
    } else {
        text
    }
}

/// One model, stratum against stratum.
pub(super) struct StrataLine {
    pub(super) model: String,
    /// Stratum with its size, whether that is few, and one median per metric.
    pub(super) strata: Vec<(String, bool, Vec<String>)>,
    /// Kruskal-Wallis per metric.
    pub(super) whole: Vec<TestCell>,
    /// Significant pairs in words, per metric.
    pub(super) pairs: Vec<String>,
}

pub(super) fn strata_lines(tables: &StudyTables, set: StudySet) -> Vec<StrataLine> {
    let of_set = tables.between_strata.iter().filter(|c| c.set == set);
    of_set.map(|c| strata_line(tables, c)).collect()
}

fn strata_line(tables: &StudyTables, comparison: &StrataComparison) -> StrataLine {
    let level = |at: usize, metric: StudyMetric| {
        let by = comparison.metric(metric)?;
        Some(number(by.levels.get(at)?.median.0, metric.decimals()))
    };
    let stratum = |(at, size): (usize, &crate::results::tables::StratumSize)| {
        let lost = size.n_failed + size.n_missing;
        let lost = if lost > 0 {
            format!(", {lost} failed or missing")
        } else {
            String::new()
        };
        let medians = HEADLINE
            .iter()
            .map(|metric| level(at, *metric).unwrap_or_default());
        let name = format!("{} (n = {}{lost})", size.stratum, size.n);
        (name, size.few, medians.collect())
    };
    let whole = HEADLINE.iter().map(|&metric| {
        let test = comparison.metric(metric).and_then(|by| by.kruskal_wallis);
        test.map_or_else(TestCell::none, |test| TestCell {
            text: format!("H = {}", number(test.h.0, 2)),
            p: p_value(test.p.0),
            is_significant: test.p.0 < ALPHA,
        })
    });
    let pairs = HEADLINE.iter().map(|&metric| {
        let pairs = comparison.metric(metric).map(|by| &by.pairs[..]);
        let significant = pairs
            .unwrap_or_default()
            .iter()
            .filter(|p| p.p_holm.0 < ALPHA);
        let texts: Vec<String> = significant
            .map(|p| format!("{} and {}: {}", p.a, p.b, p_value(p.p_holm.0)))
            .collect();
        if texts.is_empty() {
            "none".to_owned()
        } else {
            texts.join("; ")
        }
    });
    StrataLine {
        model: tables.facts.title(&comparison.model).to_owned(),
        strata: comparison.strata.iter().enumerate().map(stratum).collect(),
        whole: whole.collect(),
        pairs: pairs.collect(),
    }
}

/// The best model by stratum for one metric.
pub(super) struct HeatMap {
    pub(super) metric: &'static str,
    pub(super) models: Vec<String>,
    pub(super) lines: Vec<HeatLine>,
}

pub(super) struct HeatLine {
    pub(super) group: String,
    pub(super) n: usize,
    pub(super) left_out: usize,
    pub(super) few: bool,
    pub(super) p: String,
    pub(super) cells: Vec<HeatCell>,
}

pub(super) struct HeatCell {
    pub(super) median: String,
    /// Strength of the colour, 0 to 1: from the worst model of the line to the best.
    pub(super) strength: String,
    pub(super) is_best: bool,
}

pub(super) fn heat_maps(tables: &StudyTables, set: StudySet) -> Vec<HeatMap> {
    let map = |&metric: &StudyMetric| {
        let wanted = |b: &&BestModel| {
            (b.cases.set, b.cases.population, b.metric) == (set, Population::All, metric)
        };
        let of_metric: Vec<&BestModel> = tables.best_models.iter().filter(wanted).collect();
        HeatMap {
            metric: metric.title(),
            models: tables
                .facts
                .models
                .iter()
                .map(|m| m.title.clone())
                .collect(),
            lines: of_metric
                .iter()
                .map(|best| heat_line(tables, best))
                .collect(),
        }
    };
    HEADLINE.iter().map(map).collect()
}

fn heat_line(tables: &StudyTables, best: &BestModel) -> HeatLine {
    let medians = || best.best_first.iter().map(|level| level.median.0);
    let finite = || medians().filter(|m| m.is_finite());
    let (least, most) = (
        finite().fold(f64::INFINITY, f64::min),
        finite().fold(f64::NEG_INFINITY, f64::max),
    );
    let strength = |median: f64| {
        let share = (median - least) / (most - least);
        match best.metric.better() {
            // Equal medians share the full colour; an infinite one has none.
            _ if !median.is_finite() => 0.0,
            _ if share.is_nan() => 1.0,
            Better::Higher => share,
            _ => 1.0 - share,
        }
    };
    let leader = best.best().map(|level| level.model.as_str());
    let cell = |model: &crate::results::tables::ModelFacts| {
        let level = best
            .best_first
            .iter()
            .find(|level| level.model == model.name);
        let level = level.filter(|_| best.n > 0);
        HeatCell {
            median: level.map_or("n/a".to_owned(), |level| {
                number(level.median.0, best.metric.decimals())
            }),
            strength: level.map_or("0".to_owned(), |level| {
                format!("{:.2}", strength(level.median.0))
            }),
            is_best: leader == Some(model.name.as_str()),
        }
    };
    HeatLine {
        group: best.cases.group.title().to_owned(),
        n: best.n,
        left_out: best.n_left_out,
        few: best.few,
        p: p_value(best.p_holm_best_second.0),
        cells: tables.facts.models.iter().map(cell).collect(),
    }
}
