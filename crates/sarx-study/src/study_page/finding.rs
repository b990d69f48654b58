//! The findings in sentences that the numbers make; nothing is said that the tables do not hold.

use crate::number_text::{counted, number, p_equals};
use crate::results::scores::StudySet;
use crate::results::tables::{
    BestModel, Group, ModelComparison, ModelLevel, Population, StudyMetric, StudyTables,
};

/// From this p-value on a difference is not called one.
const ALPHA: f64 = 0.05;

/// The sentences of one set: the best model over all, and the strata where another one leads.
pub(super) fn findings(tables: &StudyTables, set: StudySet) -> Vec<String> {
    let comparison = tables.between_models.iter().find(|c| {
        c.cases.set == set && c.cases.population == Population::All && c.cases.group == Group::All
    });
    let Some(comparison) = comparison else {
        return Vec::new();
    };
    let mut sentences = vec![key_finding(tables, comparison)];
    sentences.extend(leaders_of_strata(tables, set));
    sentences
}

/// The best model by median Dice over all patients of a set, if any patient is compared.
pub(super) fn best_overall(tables: &StudyTables, set: StudySet) -> Option<&ModelLevel> {
    best(tables, set, &Group::All).map(|(_, level)| level)
}

fn best<'a>(
    tables: &'a StudyTables,
    set: StudySet,
    group: &Group,
) -> Option<(&'a BestModel, &'a ModelLevel)> {
    let best = tables.best_models.iter().find(|b| {
        b.cases.set == set
            && b.cases.population == Population::All
            && b.cases.group == *group
            && b.metric == StudyMetric::Dice
    })?;
    Some((best, best.best()?))
}

fn key_finding(tables: &StudyTables, comparison: &ModelComparison) -> String {
    let set = comparison.cases.set;
    let place = match set {
        StudySet::CrossValidation => "In cross-validation",
        StudySet::External => "On the external test set",
    };
    let Some((best, level)) = best(tables, set, &Group::All) else {
        return format!(
            "{place} no patient has a score of all {}, so models are not compared ({} of {} lack a row, {} failed).",
            counted(comparison.models.len(), "model"),
            comparison.n_missing,
            counted(comparison.n_patients, "patient"),
            comparison.n_failed
        );
    };
    let title = |model| tables.facts.title(model);
    let dice = |level: &ModelLevel| number(level.median.0, 3);
    let patients = counted(best.n, "patient");
    let few = if best.few { ", which are few" } else { "" };
    let [_, second, ..] = &best.best_first[..] else {
        return format!(
            "{place} {} has a median Dice of {} in {patients}{few}.",
            title(&level.model),
            dice(level)
        );
    };
    let start = format!(
        "{place} {} has the highest median Dice of {} models ({} in the {patients} that all models have{few})",
        title(&level.model),
        best.best_first.len(),
        dice(level)
    );
    let p = best.p_holm_best_second.0;
    let pair = comparison
        .metric(StudyMetric::Dice)
        .and_then(|by| by.pair(&level.model, &second.model));
    // Differences are the first of the pair minus the second; here the best minus the next.
    let difference = pair.map_or(f64::NAN, |pair| {
        if pair.a == level.model {
            pair.difference.0
        } else {
            -pair.difference.0
        }
    });
    let next = format!("{} ({})", title(&second.model), dice(second));
    if p < ALPHA && difference > 0.0 {
        format!(
            "{start}, {} more than the next best, {next}, in the typical patient (Wilcoxon with Holm, {}).",
            number(difference, 3),
            p_equals(p)
        )
    } else if p < ALPHA {
        format!(
            "{start}, but patient by patient the next best, {next}, is the better one (Wilcoxon with Holm, {}).",
            p_equals(p)
        )
    } else {
        format!(
            "{start}; no difference from the next best, {next}, is shown (Wilcoxon with Holm, {}).",
            p_equals(p)
        )
    }
}

/// Strata of enough patients in which another model has the highest median.
fn leaders_of_strata(tables: &StudyTables, set: StudySet) -> Vec<String> {
    let Some(overall) = best_overall(tables, set) else {
        return Vec::new();
    };
    let strata = tables.facts.strata.iter();
    strata
        .filter_map(|stratum| {
            let (best, level) = best(tables, set, &Group::Stratum(stratum.clone()))?;
            let leads = level.model != overall.model && !best.few;
            leads.then(|| {
                let second = best.best_first.get(1);
                let p = second.map_or(f64::NAN, |_| best.p_holm_best_second.0);
                let second = second.map_or("the next", |s| tables.facts.title(&s.model));
                format!(
                    "In stratum {stratum} it is {} ({} in {}; against {second}, {}).",
                    tables.facts.title(&level.model),
                    number(level.median.0, 3),
                    counted(best.n, "patient"),
                    p_equals(p)
                )
            })
        })
        .collect()
}
