//! What a paper prints of tests: between models, between strata, and the best model.

use super::latex::LatexTable;
use super::latex_files::{FEW, HEADLINE, few_note};
use crate::number_text::{number, p_value};
use crate::results::scores::StudySet;
use crate::results::tables::{Group, ModelComparison, Population, StudyMetric, StudyTables};

fn comparisons(tables: &StudyTables, set: StudySet) -> impl Iterator<Item = &ModelComparison> {
    tables
        .between_models
        .iter()
        .filter(move |c| c.cases.set == set)
}

/// `All`, `pelvis`, `All, without benign lesions`.
fn name(comparison: &ModelComparison) -> String {
    let group = comparison.cases.group.title();
    match comparison.cases.population {
        Population::All => group.to_owned(),
        Population::WithoutBenign => format!("{group}, {}", Population::WithoutBenign.title()),
    }
}

fn mark(few: bool) -> &'static str {
    if few { FEW } else { "" }
}

pub(super) fn model_tests(tables: &StudyTables, set: StudySet) -> LatexTable {
    let rows = comparisons(tables, set).map(|comparison| {
        let mut line = vec![
            name(comparison),
            comparison.models.len().to_string(),
            format!("{}{}", comparison.n_compared, mark(comparison.few)),
            comparison.n_missing.to_string(),
            comparison.n_failed.to_string(),
        ];
        line.extend(HEADLINE.iter().map(|&metric| {
            let test = comparison.metric(metric).and_then(|by| by.friedman);
            test.map_or_else(
                || "n/a".to_owned(),
                |test| format!("{}, {}", number(test.f.0, 2), p_value(test.p.0)),
            )
        }));
        line
    });
    let head = ["Patients", "models", "n", "missing", "failed"]
        .into_iter()
        .chain(HEADLINE.map(StudyMetric::title))
        .map(str::to_owned);
    LatexTable {
        stem: format!("model_tests_{}", set.name()),
        caption: format!("Whether models differ, {}, common grid.", set.title()),
        head: head.collect(),
        n_texts: 1,
        groups: vec![rows.collect()],
        notes: format!(
            "Friedman's test with the correction of Iman and Davenport: F, p. n: patients that all models have; missing: patients without at least one model; failed: patients whom at least one model could not predict. {}",
            few_note(tables)
        ),
    }
}

pub(super) fn model_pairs(tables: &StudyTables, set: StudySet) -> LatexTable {
    let of = |comparison: &ModelComparison| {
        let Some(first) = comparison.metrics.first() else {
            return Vec::new();
        };
        let pairs = first.pairs.iter().enumerate();
        let line = |(at, pair): (usize, &crate::results::tables::PairTest)| {
            let group = if at == 0 {
                name(comparison)
            } else {
                String::new()
            };
            let title = |model| tables.facts.title(model);
            let mut line = vec![
                group,
                format!("{} \u{2212} {}", title(&pair.a), title(&pair.b)),
                format!("{}{}", pair.n, mark(comparison.few)),
            ];
            for metric in HEADLINE {
                let pair = comparison.metric(metric).and_then(|by| by.pairs.get(at));
                line.push(pair.map_or_else(
                    || "n/a".to_owned(),
                    |pair| {
                        format!(
                            "{}, {}, {}",
                            number(pair.difference.0, metric.decimals()),
                            number(pair.rank_biserial.0, 2),
                            p_value(pair.p_holm.0)
                        )
                    },
                ));
            }
            line
        };
        pairs.map(line).collect::<Vec<_>>()
    };
    let groups = comparisons(tables, set)
        .map(of)
        .filter(|rows| !rows.is_empty());
    let head = ["Patients", "Models", "n"]
        .into_iter()
        .chain(HEADLINE.map(StudyMetric::title))
        .map(str::to_owned);
    LatexTable {
        stem: format!("model_pairs_{}", set.name()),
        caption: format!("Models in pairs, {}, common grid.", set.title()),
        head: head.collect(),
        n_texts: 2,
        groups: groups.collect(),
        notes: format!(
            "Hodges-Lehmann difference, matched-pairs rank-biserial correlation, p of Wilcoxon's signed-rank test (Pratt) adjusted by Holm over the pairs of a score. {}",
            few_note(tables)
        ),
    }
}

pub(super) fn strata_tests(tables: &StudyTables, set: StudySet) -> LatexTable {
    let of_set = tables.between_strata.iter().filter(|c| c.set == set);
    let groups = of_set.map(|comparison| {
        let sizes: Vec<String> = comparison
            .strata
            .iter()
            .map(|s| format!("{} {}{}", s.stratum, s.n, mark(s.few)))
            .collect();
        let title = tables.facts.title(&comparison.model).to_owned();
        let mut whole = vec![title, format!("all strata: {}", sizes.join(", "))];
        let mut pairs: Vec<Vec<String>> = Vec::new();
        for (at, metric) in HEADLINE.into_iter().enumerate() {
            let by = comparison.metric(metric);
            let test = by.and_then(|by| by.kruskal_wallis);
            whole.push(test.map_or_else(
                || "n/a".to_owned(),
                |test| format!("{}, {}", number(test.h.0, 2), p_value(test.p.0)),
            ));
            for pair in by.map(|by| &by.pairs[..]).unwrap_or_default() {
                let text = format!(
                    "{}, {}",
                    number(pair.cliffs_delta.0, 2),
                    p_value(pair.p_holm.0)
                );
                let named = format!("{} and {}", pair.a, pair.b);
                let known = pairs.iter().position(|line| line[1] == named);
                let line = known.unwrap_or_else(|| {
                    let mut line = vec![String::new(), named];
                    line.resize(2 + HEADLINE.len(), "n/a".to_owned());
                    pairs.push(line);
                    pairs.len() - 1
                });
                pairs[line][2 + at] = text;
            }
        }
        pairs.insert(0, whole);
        pairs
    });
    let head = ["Model", "Strata"]
        .into_iter()
        .chain(HEADLINE.map(StudyMetric::title))
        .map(str::to_owned);
    LatexTable {
        stem: format!("strata_tests_{}", set.name()),
        caption: format!("Whether strata differ, {}, common grid.", set.title()),
        head: head.collect(),
        n_texts: 2,
        groups: groups.collect(),
        notes: format!(
            "All strata, with the scored patients of each: Kruskal-Wallis H, p. Pairs: Cliff's delta, p of Dunn's test adjusted by Holm. {}",
            few_note(tables)
        ),
    }
}

pub(super) fn best_models(tables: &StudyTables, set: StudySet) -> LatexTable {
    let groups: Vec<&Group> = comparisons(tables, set)
        .filter(|c| c.cases.population == Population::All)
        .map(|c| &c.cases.group)
        .collect();
    let rows = groups.iter().map(|group| {
        let mut line = vec![group.title().to_owned()];
        for metric in HEADLINE {
            let best = tables.best_models.iter().find(|b| {
                b.cases.set == set
                    && b.cases.population == Population::All
                    && b.cases.group == **group
                    && b.metric == metric
            });
            line.push(match best.and_then(|b| Some((b, b.best()?))) {
                None => "n/a".to_owned(),
                Some((best, level)) => format!(
                    "{} {} (n = {}{}, {})",
                    tables.facts.title(&level.model),
                    number(level.median.0, metric.decimals()),
                    best.n,
                    mark(best.few),
                    p_value(best.p_holm_best_second.0)
                ),
            });
        }
        line
    });
    let head = std::iter::once("Patients")
        .chain(HEADLINE.map(StudyMetric::title))
        .map(str::to_owned);
    LatexTable {
        stem: format!("best_models_{}", set.name()),
        caption: format!("The best model by stratum, {}, common grid.", set.title()),
        head: head.collect(),
        n_texts: 1 + HEADLINE.len(),
        groups: vec![rows.collect()],
        notes: format!(
            "Median of the best model on the n patients that all models have, and p (Holm) against the second. {}",
            few_note(tables)
        ),
    }
}
