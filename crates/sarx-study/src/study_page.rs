//! The report of a study: one HTML page that needs nothing else.
//!
//! It shows what the tables hold and computes no score: summary, main table, tests, distributions, the best model
//! by stratum, volumes, detection, cases, policy, cohort, learning curves, methods and the CLAIM checklist.
//! Styles, figures and pictures are inside the file; it loads nothing and runs no script, follows a light or
//! dark screen, prints on A4, and its tables scroll inside their boxes on a telephone. Everything
//! that comes from outside is escaped by the template.

mod checklist;
mod figures;
mod finding;
mod gallery;
mod methods;
mod policy_view;
mod score_tables;
mod test_tables;
mod view;

pub use checklist::{ChecklistItem, checklist};
pub use gallery::{GalleryCase, GalleryKind, gallery_cases};
pub use methods::{AlignmentCounts, MethodsFacts};

use crate::policy::{Policy, PolicyEvaluation};
use crate::results::scores::ScoreTable;
use crate::results::tables::StudyTables;
use crate::{FigureError, TrainingCurve};
use askama::Template;

/// What the page is made from.
#[derive(Debug, Clone, Copy)]
pub struct StudyPageInput<'a> {
    /// The tables.
    pub tables: &'a StudyTables,
    /// The scores that the tables were made from, for the figures.
    pub scores: &'a ScoreTable,
    /// The policy and what it would have been worth.
    pub policy: Option<(&'a Policy, &'a PolicyEvaluation)>,
    /// How the study was done.
    pub methods: &'a MethodsFacts,
    /// Learning curves, in the order in which they are shown.
    pub curves: &'a [ModelCurve],
    /// Cases with pictures; see [`gallery_cases`] for which.
    pub gallery: &'a [GalleryCase],
    /// What a reader must know before anything else.
    pub warnings: &'a [String],
}

/// The learning curve of one fold of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCurve {
    /// The model.
    pub model: String,
    /// The fold.
    pub fold: usize,
    /// The curve.
    pub curve: TrainingCurve,
}

/// A page that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyPageError {
    /// A figure cannot be drawn.
    #[error("{figure} of the report cannot be drawn")]
    Figure {
        /// Which one.
        figure: String,
        /// Why.
        source: FigureError,
    },
    /// A picture of a case without scores.
    #[error("case {case:?} of model {model:?} is to be shown but has no row in the scores")]
    UnknownCase {
        /// The model.
        model: String,
        /// The case.
        case: String,
    },
    /// The template failed.
    #[error("the page of the report cannot be written")]
    Template(#[from] askama::Error),
}

/// Writes the page.
///
/// # Errors
///
/// [`StudyPageError`] if a figure cannot be drawn or a picture has no scores.
pub fn render_study(input: &StudyPageInput<'_>) -> Result<String, StudyPageError> {
    Ok(view::Page::new(input)?.render()?)
}

#[cfg(test)]
mod tests;
