//! Which rows a line of a table stands for.

use super::StudyFacts;
use crate::NOT_GIVEN;
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable, StudySet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether benign lesions are among the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Every case.
    All,
    /// Without the benign histologies.
    WithoutBenign,
}

/// The cases that share a property.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", content = "value", rename_all = "snake_case")]
pub enum Group {
    /// Every case.
    All,
    /// Those of a stratum; [`NOT_GIVEN`] for those in none.
    Stratum(String),
    /// Those of a histology; [`NOT_GIVEN`] for those without.
    Histology(String),
}

/// A set of patients under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cases {
    /// Cross-validation or external set.
    pub set: StudySet,
    /// With or without benign lesions.
    pub population: Population,
    /// Which of them.
    pub group: Group,
}

impl Population {
    /// The word in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::WithoutBenign => "without_benign",
        }
    }

    /// The words for readers.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::All => "all lesions",
            Self::WithoutBenign => "without benign lesions",
        }
    }
}

impl Group {
    /// The property in files: `all`, `stratum` or `histology`.
    #[must_use]
    pub fn by(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Stratum(_) => "stratum",
            Self::Histology(_) => "histology",
        }
    }

    /// Its value; nothing for all cases.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::All => "",
            Self::Stratum(value) | Self::Histology(value) => value,
        }
    }

    /// The words for readers.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::All => "All",
            _ => self.value(),
        }
    }
}

impl Cases {
    /// Whether a row is one of them, on whatever grid.
    #[must_use]
    pub fn hold(&self, row: &ScoreRow) -> bool {
        let value = |text: &str, value: &str| given(text) == value;
        let grouped = match &self.group {
            Group::All => true,
            Group::Stratum(stratum) => value(&row.stratum, stratum),
            Group::Histology(histology) => value(&row.histology, histology),
        };
        let counted = self.population == Population::All || !row.benign;
        row.set == self.set && counted && grouped
    }

    /// The patients, by name.
    pub(super) fn patients<'a>(&self, scores: &'a ScoreTable) -> BTreeSet<&'a str> {
        let rows = scores.rows().iter().filter(|row| self.hold(row));
        rows.map(|row| row.patient.as_str()).collect()
    }

    /// The rows of a model on a grid.
    pub(super) fn rows<'a>(
        &self,
        scores: &'a ScoreTable,
        model: &str,
        grid: ScoreGrid,
    ) -> Vec<&'a ScoreRow> {
        let wanted = |row: &&ScoreRow| row.grid == grid && row.model == model && self.hold(row);
        scores.rows().iter().filter(wanted).collect()
    }
}

/// A value, or the word for none.
pub(super) fn given(text: &str) -> &str {
    if text.is_empty() { NOT_GIVEN } else { text }
}

/// The sets that hold patients.
pub(super) fn sets(scores: &ScoreTable) -> Vec<StudySet> {
    let held = |set: &StudySet| scores.rows().iter().any(|row| row.set == *set);
    StudySet::ALL.into_iter().filter(held).collect()
}

/// With benign lesions, and without them if a set has any.
pub(super) fn populations(scores: &ScoreTable, set: StudySet) -> Vec<Population> {
    let benign = |row: &ScoreRow| row.set == set && row.benign;
    if scores.rows().iter().any(benign) {
        vec![Population::All, Population::WithoutBenign]
    } else {
        vec![Population::All]
    }
}

/// The strata of the study in its order; patients of a set in none make one more.
pub(super) fn strata(scores: &ScoreTable, facts: &StudyFacts, set: StudySet) -> Vec<Group> {
    let without = |row: &ScoreRow| row.set == set && row.stratum.is_empty();
    let more = scores.rows().iter().any(without);
    let named = facts.strata.iter().cloned();
    named
        .chain(more.then(|| NOT_GIVEN.to_owned()))
        .map(Group::Stratum)
        .collect()
}

/// The histologies that a set has, by name; the one without a name last.
pub(super) fn histologies(scores: &ScoreTable, cases: &Cases) -> Vec<Group> {
    let rows = scores.rows().iter().filter(|row| cases.hold(row));
    let mut names: Vec<&str> = rows
        .map(|row| given(&row.histology))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    names.sort_by_key(|name| *name == NOT_GIVEN);
    let owned = names.into_iter().map(str::to_owned);
    owned.map(Group::Histology).collect()
}
