//! What a study found, in lines for the terminal: the main table in short, and the policy.

use sarx_study::policy::{Policy, PolicyCell, PolicyEvaluation};
use sarx_study::results::scores::{ScoreGrid, StudySet};
use sarx_study::results::tables::{Group, Population, StudyMetric, StudyTables, SummaryRow};
use serde_json::{Value, json};

/// The columns of the table; the files have all.
const COLUMNS: [StudyMetric; 4] = [
    StudyMetric::Dice,
    StudyMetric::F2,
    StudyMetric::Hd95Mm,
    StudyMetric::AssdMm,
];

/// Medians of every model over all patients on the common grid, a block per set.
pub(super) fn medians(tables: &StudyTables) -> String {
    let mut text = String::new();
    for set in StudySet::ALL {
        let rows = rows(tables, set);
        if rows.is_empty() {
            continue;
        }
        let heading = format!("{}, medians", set.title());
        text.push_str(&format!(
            "\n{heading:32} {:>4} {:>6} {:>6} {:>7} {:>7} {:>8} {:>8}\n",
            "n", "failed", "missed", "Dice", "F2", "HD95 mm", "ASSD mm"
        ));
        for row in rows {
            let counts = format!(
                "{:>4} {:>6} {:>6}",
                row.n_patients, row.n_failed, row.n_missed
            );
            let values = COLUMNS.map(|metric| value(row, metric));
            let [dice, f2, hd95, assd] = values;
            let few = if row.few { "  few cases" } else { "" };
            text.push_str(&format!(
                "{:32} {counts} {dice:>7.3} {f2:>7.3} {hd95:>8.1} {assd:>8.1}{few}\n",
                row.model
            ));
        }
    }
    text
}

/// The same numbers by set, model and metric; null where a median is not finite.
pub(super) fn medians_json(tables: &StudyTables) -> Value {
    let of_row = |row: &SummaryRow| {
        let finite = |metric| Some(value(row, metric)).filter(|value| value.is_finite());
        let cells = COLUMNS.map(|metric| (metric.name().to_owned(), json!(finite(metric))));
        (
            row.model.clone(),
            Value::Object(cells.into_iter().collect()),
        )
    };
    let of_set = |set: StudySet| {
        let models = rows(tables, set).into_iter().map(of_row).collect();
        (set.name().to_owned(), Value::Object(models))
    };
    Value::Object(StudySet::ALL.map(of_set).into_iter().collect())
}

/// Which model each stratum gets with all series there, and what that is worth.
pub(super) fn policy(policy: &Policy, worth: Option<&PolicyEvaluation>) -> String {
    let mut text = String::from("\npolicy, with all series there     (mean Dice, shrunk)\n");
    let most = policy.choices.iter().map(|cell| cell.available.len()).max();
    let whole = policy
        .choices
        .iter()
        .filter(|cell| Some(cell.available.len()) == most);
    for cell in whole {
        let PolicyCell {
            stratum, choice, ..
        } = cell;
        text.push_str(&format!(
            "{:32} {} ({:.3})\n",
            stratum.as_deref().unwrap_or("site not known"),
            choice.model,
            choice.shrunk_mean
        ));
    }
    if let Some(worth) = worth {
        text.push_str(&format!(
            "judged on {} patients that it was not made from: mean Dice {:.3}; the best single model {:.3}; \
             the best for each patient, which nobody knows before, {:.3}\n",
            worth.n_patients, worth.policy.mean.0, worth.single.mean.0, worth.oracle.mean.0
        ));
    }
    text
}

fn rows(tables: &StudyTables, set: StudySet) -> Vec<&SummaryRow> {
    let all = tables.summaries.iter();
    all.filter(|row| {
        row.cases.set == set
            && row.cases.population == Population::All
            && row.cases.group == Group::All
            && row.grid == ScoreGrid::Common
    })
    .collect()
}

fn value(row: &SummaryRow, metric: StudyMetric) -> f64 {
    row.cell(metric).map_or(f64::NAN, |cell| cell.median.0)
}
