//! How many patients there are, by histology and site.

use super::group::{given, sets};
use crate::results::scores::{ScoreRow, ScoreTable, StudySet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The patients of one set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortTable {
    /// Cross-validation or external set.
    pub set: StudySet,
    /// The sites, in the order of their strata and then of their names.
    pub sites: Vec<CohortSite>,
    /// One line per histology, by name.
    pub histologies: Vec<CohortLine>,
    /// Patients.
    pub n_patients: usize,
    /// Patients with a benign lesion.
    pub n_benign: usize,
    /// Patients who could not be predicted by at least one model.
    pub n_with_failure: usize,
    /// Patients by fold; empty for the external set.
    pub folds: Vec<FoldSize>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortSite {
    /// The site.
    pub site: String,
    /// Its stratum.
    pub stratum: String,
    /// Patients.
    pub n: usize,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortLine {
    /// The histology.
    pub histology: String,
    /// Whether it is benign.
    pub benign: bool,
    /// Patients by site, in the order of [`CohortTable::sites`].
    pub by_site: Vec<usize>,
    /// Patients.
    pub n: usize,
}

/// One fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldSize {
    /// Its number.
    pub fold: usize,
    /// Patients.
    pub n: usize,
}

/// One table per set that has patients.
pub(super) fn cohort_tables(scores: &ScoreTable, strata: &[String]) -> Vec<CohortTable> {
    let table = |set| cohort_table(scores, strata, set);
    sets(scores).into_iter().map(table).collect()
}

fn cohort_table(scores: &ScoreTable, strata: &[String], set: StudySet) -> CohortTable {
    // Rows of one patient agree: the table of scores was checked.
    let mut patients: BTreeMap<&str, &ScoreRow> = BTreeMap::new();
    let mut with_failure = BTreeSet::new();
    for row in scores.rows().iter().filter(|row| row.set == set) {
        patients.insert(&row.patient, row);
        if row.is_failed() {
            with_failure.insert(row.patient.as_str());
        }
    }
    let count =
        |wanted: &dyn Fn(&ScoreRow) -> bool| patients.values().filter(|row| wanted(row)).count();
    let mut sites: Vec<(&str, &str)> = patients
        .values()
        .map(|row| (given(&row.site), given(&row.stratum)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let position = |stratum: &str| strata.iter().position(|s| s == stratum);
    sites.sort_by_key(|(site, stratum)| (position(stratum).unwrap_or(strata.len()), *site));
    let is_at = |row: &ScoreRow, (site, stratum): (&str, &str)| {
        given(&row.site) == site && given(&row.stratum) == stratum
    };
    let histologies: BTreeMap<&str, bool> = patients
        .values()
        .map(|row| (given(&row.histology), row.benign))
        .collect();
    let folds: BTreeSet<usize> = patients.values().filter_map(|row| row.fold).collect();
    CohortTable {
        set,
        histologies: histologies
            .iter()
            .map(|(&histology, &benign)| CohortLine {
                histology: histology.to_owned(),
                benign,
                by_site: sites
                    .iter()
                    .map(|&at| count(&|r| given(&r.histology) == histology && is_at(r, at)))
                    .collect(),
                n: count(&|row| given(&row.histology) == histology),
            })
            .collect(),
        sites: sites
            .iter()
            .map(|&(site, stratum)| CohortSite {
                site: site.to_owned(),
                stratum: stratum.to_owned(),
                n: count(&|row| is_at(row, (site, stratum))),
            })
            .collect(),
        n_patients: patients.len(),
        n_benign: count(&|row| row.benign),
        n_with_failure: with_failure.len(),
        folds: folds
            .into_iter()
            .map(|fold| FoldSize {
                fold,
                n: count(&|row| row.fold == Some(fold)),
            })
            .collect(),
    }
}
