//! CLAIM, the Checklist for Artificial Intelligence in Medical Imaging, 2024 update.
//!
//! The 44 items by number, each in words of our own (Tejani and others, *Radiology: Artificial
//! Intelligence* 2024, 6(4):e240300, doi 10.1148/ryai.240300, has the official wording). An item is
//! filled only where the study itself knows the answer; all others are left to the authors.

use super::MethodsFacts;
use crate::number_text::{and_list, counted};
use crate::results::scores::StudySet;
use crate::results::tables::{StudyMetric, StudyTables};

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecklistItem {
    /// Its number in the checklist.
    pub number: usize,
    /// The part of the paper that it belongs to.
    pub part: &'static str,
    /// What is asked, in our words.
    pub asks: &'static str,
    /// What the study knows; `None` leaves it to the authors.
    pub filled: Option<String>,
}

const ITEMS: [(&str, &str); 44] = [
    (
        "Title and abstract",
        "Title or abstract names the kind of AI used",
    ),
    (
        "Title and abstract",
        "Abstract with design, methods, results and conclusion",
    ),
    ("Introduction", "Background, intended use and clinical role"),
    ("Introduction", "Aims and hypotheses"),
    ("Design", "Prospective or retrospective"),
    ("Design", "Goal of the study"),
    ("Data", "Where the data come from"),
    ("Data", "Who was included and excluded, where and when"),
    ("Data", "Preprocessing"),
    ("Data", "Selection of parts of the data"),
    ("Data", "De-identification"),
    ("Data", "Handling of missing data"),
    ("Data", "How images were acquired"),
    ("Reference standard", "Definition of the reference standard"),
    ("Reference standard", "Why this reference standard"),
    (
        "Reference standard",
        "Who annotated, with what qualification",
    ),
    ("Reference standard", "How the test set was annotated"),
    (
        "Reference standard",
        "Variability between and within readers",
    ),
    ("Partitions", "How cases were assigned to partitions"),
    ("Partitions", "At which level partitions are disjoint"),
    ("Test data", "Intended sample size and how it was found"),
    ("Model", "The model: inputs, outputs, architecture"),
    ("Model", "Software with versions"),
    ("Model", "Initial weights"),
    ("Training", "Training procedure and settings"),
    ("Training", "How the final model was chosen"),
    ("Training", "Ensembles"),
    ("Evaluation", "Measures of performance"),
    ("Evaluation", "Significance and uncertainty"),
    ("Evaluation", "Robustness or sensitivity"),
    ("Evaluation", "Explainability"),
    ("Evaluation", "Test on internal data"),
    ("Evaluation", "Test on external data"),
    ("Evaluation", "Registration of a clinical trial"),
    (
        "Results",
        "Numbers included and excluded, as a flow diagram",
    ),
    ("Results", "Characteristics of the cases of each partition"),
    ("Results", "Performance with uncertainty on all partitions"),
    ("Results", "Estimates with their precision"),
    ("Results", "Analysis of failures"),
    ("Discussion", "Limitations"),
    ("Discussion", "Meaning for practice and intended use"),
    ("Other", "Where protocol and further details are"),
    ("Other", "Availability of software, models and data"),
    ("Other", "Funding and the role of funders"),
];

/// All items; those that the tables and facts answer are filled.
#[must_use]
pub fn checklist(tables: &StudyTables, methods: &MethodsFacts) -> Vec<ChecklistItem> {
    ITEMS
        .into_iter()
        .zip(1..)
        .map(|((part, asks), number)| ChecklistItem {
            number,
            part,
            asks,
            filled: filled(number, tables, methods),
        })
        .collect()
}

fn filled(number: usize, tables: &StudyTables, methods: &MethodsFacts) -> Option<String> {
    let facts = &tables.facts;
    let external = tables.cohort.iter().find(|c| c.set == StudySet::External);
    let internal = tables
        .cohort
        .iter()
        .find(|c| c.set == StudySet::CrossValidation);
    match number {
        1 => Some("Deep learning: convolutional networks configured by the rules of nnU-Net.".to_owned()),
        9 => Some(format!(
            "Resampling and intensity normalization by the plans (configuration {}).",
            methods.configuration
        )),
        12 => Some(format!(
            "Patients are compared only where all compared models have a score; those without are counted. {} of {} predictions failed and are counted in every table.",
            tables.n_failed, tables.n_rows
        )),
        19 => Some(partitions(tables, methods)),
        20 => Some("By patient.".to_owned()),
        22 => {
            let models: Vec<String> = facts
                .models
                .iter()
                .map(|model| format!("{} ({})", model.title, model.series.join(" + ")))
                .collect();
            Some(format!(
                "U-Net, preset {}, configuration {}. Inputs: {}.",
                methods.preset,
                methods.configuration,
                models.join("; ")
            ))
        }
        23 => {
            let one = |(name, version): &(String, String)| format!("{name} {version}");
            let versions: Vec<String> = methods.versions.iter().map(one).collect();
            (!versions.is_empty()).then(|| format!("{}.", versions.join(", ")))
        }
        24 => methods.initial_weights.as_ref().map(|start| format!("From {start} weights.")),
        25 => Some(format!(
            "{} of {} per fold; see Methods.",
            counted(methods.epochs, "epoch"),
            counted(methods.iterations_per_epoch, "iteration")
        )),
        26 => methods
            .checkpoint
            .as_ref()
            .map(|checkpoint| format!("The {checkpoint} weights of each training.")),
        27 => {
            let late = facts.models.iter().filter(|model| model.kind == "late");
            let late: Vec<String> = late.map(|model| model.title.clone()).collect();
            Some(if late.is_empty() {
                "No model averages other models.".to_owned()
            } else {
                format!("Probabilities are averaged in {}.", and_list(&late))
            })
        }
        28 => {
            let titles: Vec<String> = StudyMetric::ALL.iter().map(|m| m.title().to_owned()).collect();
            Some(format!("{}; definitions at the end of the page.", and_list(&titles)))
        }
        29 => Some(
            "Order-statistic and BCa intervals, Friedman, Wilcoxon and Dunn with Holm; see Methods.".to_owned(),
        ),
        30 => Some(format!(
            "Results by stratum ({}), by histology, and with and without benign lesions.",
            and_list(&facts.strata)
        )),
        32 => internal.map(|cohort| {
            format!(
                "{}-fold cross-validation of {}.",
                methods.folds,
                counted(cohort.n_patients, "patient")
            )
        }),
        33 => external.map(|cohort| {
            format!("Held-out set of {}.", counted(cohort.n_patients, "patient"))
        }),
        35 => {
            let included: usize = tables.cohort.iter().map(|cohort| cohort.n_patients).sum();
            let excluded: usize = methods.excluded.iter().map(|(n, _)| n).sum();
            (!methods.excluded.is_empty()).then(|| {
                format!("{included} included, {excluded} excluded; the diagram is for the authors.")
            })
        }
        36 => Some("Histology and site of every set: see Cohort. Age and sex are for the authors.".to_owned()),
        37 => Some("See Results.".to_owned()),
        38 => Some("See Detection and Volume.".to_owned()),
        39 => Some("Worst and missed cases with pictures, failed predictions, complete misses.".to_owned()),
        _ => None,
    }
}

fn partitions(tables: &StudyTables, methods: &MethodsFacts) -> String {
    let seed = methods.seeds.iter().find(|(name, _)| name == "split");
    let seed = seed.map_or_else(String::new, |(_, seed)| format!(", seed {seed}"));
    let mut text = format!("{} folds at random{seed}.", methods.folds);
    let has_external = tables.cohort.iter().any(|c| c.set == StudySet::External);
    if let Some(rule) = methods.external_rule.as_ref().filter(|_| has_external) {
        text.push_str(&format!(" External set: {rule}."));
    }
    text
}
