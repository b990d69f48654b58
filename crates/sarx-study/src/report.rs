//! The report: one HTML page that needs nothing else.
//!
//! Styles, figures and pictures are inside the file; it loads nothing, runs no script, follows
//! a light or dark screen, and prints on A4. Everything that comes from outside (names of cases,
//! facts, warnings) is escaped by the template.

mod view;

use crate::{CaseRow, FigureError, SlicePictureError, StrataError, TrainingCurve};
use askama::Template;
use sarx_core::{LabelMap, Volume};

/// What the report is built from.
#[derive(Debug, Clone)]
pub struct ReportInput {
    /// Heading of the page.
    pub title: String,
    /// What was done, as name and value: cohort, held-out cases, plans, network, epochs, seed,
    /// device, versions, times.
    pub facts: Vec<(String, String)>,
    /// Paragraphs before the numbers, as the statement that no test case was seen in training.
    pub paragraphs: Vec<String>,
    /// The scored cases with their strata.
    pub cases: Vec<CaseRow>,
    /// Columns to stratify by; the first two are also crossed.
    pub by: Vec<String>,
    /// The training log, if there is one.
    pub training_curve: Option<TrainingCurve>,
    /// Cases to show, as best, median and worst; see [`case_at_rank`].
    pub pictures: Vec<CasePicture>,
    /// What the reader must know: missing predictions, failed cases.
    pub warnings: Vec<String>,
}

/// A case that is shown.
#[derive(Debug, Clone)]
pub struct CasePicture {
    /// What the case stands for: `best Dice`.
    pub heading: String,
    /// Name of the case; its row in [`ReportInput::cases`] gives strata and scores.
    pub case: String,
    /// The image, `[z, y, x]`.
    pub image: Volume<f32>,
    /// The reference; every label above 0 is outlined.
    pub reference: LabelMap,
    /// The prediction; every label above 0 is outlined.
    pub prediction: LabelMap,
}

/// Which case of an ordering is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRank {
    /// The highest Dice.
    Best,
    /// The lower middle one.
    Median,
    /// The lowest Dice.
    Worst,
}

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The tables cannot be made, for example without cases.
    #[error("the tables of the report cannot be made")]
    Strata(#[from] StrataError),
    /// A figure cannot be drawn.
    #[error("a figure of the report cannot be drawn")]
    Figure(#[from] FigureError),
    /// The pictures of a case cannot be made.
    #[error("the pictures of case {case:?} cannot be made")]
    Picture {
        /// The case.
        case: String,
        /// Why.
        source: SlicePictureError,
    },
    /// A picture of a case that is not scored.
    #[error("case {case:?} is to be shown but is not among the scored cases")]
    UnknownCase {
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
/// [`ReportError`] if there is no case, a column of `by` is unknown, or a picture cannot be made.
pub fn render(input: &ReportInput) -> Result<String, ReportError> {
    Ok(view::Page::new(input)?.render()?)
}

/// The case of a rank by Dice; equal cases and cases without a Dice in the order of their names,
/// the latter last. `None` only without cases.
#[must_use]
pub fn case_at_rank(cases: &[CaseRow], rank: CaseRank) -> Option<&CaseRow> {
    let dice = |case: &CaseRow| case.scores.get(crate::Measure::Dice);
    let mut order: Vec<&CaseRow> = cases.iter().filter(|case| !dice(case).is_nan()).collect();
    if order.is_empty() {
        return cases.iter().min_by_key(|case| &case.case);
    }
    order.sort_by(|a, b| {
        dice(b)
            .total_cmp(&dice(a))
            .then_with(|| a.case.cmp(&b.case))
    });
    match rank {
        CaseRank::Best => order.first().copied(),
        CaseRank::Median => order.get(order.len() / 2).copied(),
        CaseRank::Worst => order.last().copied(),
    }
}

#[cfg(test)]
mod tests;
