//! Cases with pictures: the best, the median, the worst and the missed.

use super::{StudyPageError, StudyPageInput};
use crate::number_text::number;
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable, StudySet};
use crate::{Finding, Measure, NOT_GIVEN, SlicePictures};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a case stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GalleryKind {
    /// The highest Dice.
    Best,
    /// The middle one.
    Median,
    /// The lowest Dice of those that were found.
    Worst,
    /// No voxel of the lesion was found.
    Missed,
}

/// A case that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct GalleryCase {
    /// What it stands for.
    pub kind: GalleryKind,
    /// The model.
    pub model: String,
    /// The case, as in the scores.
    pub case: String,
    /// The grid that the pictures are on; scores beside them are of this grid.
    pub grid: ScoreGrid,
    /// Slices with the outlines of reference and prediction.
    pub pictures: SlicePictures,
}

impl GalleryKind {
    /// The words for readers.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Best => "Best",
            Self::Median => "Median",
            Self::Worst => "Worst",
            Self::Missed => "Missed",
        }
    }
}

/// Which cases of a model to show: up to `n_each` of the best, the median and the worst by Dice, and of the
/// missed, by name where Dice is equal. No case is taken twice; failed ones have no picture.
#[must_use]
pub fn gallery_cases<'a>(
    scores: &'a ScoreTable,
    model: &str,
    set: StudySet,
    grid: ScoreGrid,
    n_each: usize,
) -> Vec<(GalleryKind, &'a ScoreRow)> {
    let wanted = |row: &&ScoreRow| row.model == model && row.set == set && row.grid == grid;
    let mut rows: Vec<&ScoreRow> = scores.rows().iter().filter(wanted).collect();
    rows.sort_by(|a, b| a.case.cmp(&b.case));
    let is_missed =
        |row: &ScoreRow| matches!(row.finding(), Some(Finding::Missed | Finding::NoOverlap));
    let dice = |row: &ScoreRow| row.score(Measure::Dice);
    let (missed, mut found): (Vec<&ScoreRow>, Vec<&ScoreRow>) = rows
        .into_iter()
        .filter(|row| !dice(row).is_nan())
        .partition(|row| is_missed(row));
    found.sort_by(|a, b| dice(b).total_cmp(&dice(a)));
    let n = found.len();
    let n_missed = n_each;
    let n_each = n_each.min(n);
    let start = (n / 2).saturating_sub(n_each / 2);
    let places = (0..n_each).map(|at| (GalleryKind::Best, at));
    let places = places.chain((0..n_each).map(|at| (GalleryKind::Median, start + at)));
    let places = places.chain((0..n_each).map(|at| (GalleryKind::Worst, n - 1 - at)));
    let mut taken = vec![false; n];
    let mut cases = Vec::new();
    for (kind, at) in places {
        if at < n && !std::mem::replace(&mut taken[at], true) {
            cases.push((kind, found[at]));
        }
    }
    cases.extend(
        missed
            .into_iter()
            .take(n_missed)
            .map(|row| (GalleryKind::Missed, row)),
    );
    cases
}

/// The cases of one model.
pub(super) struct Gallery {
    pub(super) model: String,
    pub(super) cases: Vec<Picture>,
}

pub(super) struct Picture {
    pub(super) heading: String,
    pub(super) case: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) letters: [char; 4],
    pub(super) size_px: [usize; 2],
    pub(super) panels: Vec<Panel>,
}

pub(super) struct Panel {
    pub(super) caption: String,
    pub(super) outlined: String,
}

/// The cases by model, in the order of the study.
pub(super) fn galleries(input: &StudyPageInput<'_>) -> Result<Vec<Gallery>, StudyPageError> {
    for case in input.gallery {
        row_of(input.scores, case)?;
    }
    let mut galleries = Vec::new();
    for model in &input.tables.facts.models {
        let own = input.gallery.iter().filter(|case| case.model == model.name);
        let mut own: Vec<&GalleryCase> = own.collect();
        own.sort_by_key(|case| case.kind);
        if own.is_empty() {
            continue;
        }
        let pictures = own.into_iter().map(|case| picture(input.scores, case));
        galleries.push(Gallery {
            model: model.title.clone(),
            cases: pictures.collect::<Result<_, _>>()?,
        });
    }
    Ok(galleries)
}

fn row_of<'a>(scores: &'a ScoreTable, case: &GalleryCase) -> Result<&'a ScoreRow, StudyPageError> {
    let is_it =
        |row: &&ScoreRow| row.model == case.model && row.case == case.case && row.grid == case.grid;
    let row = scores.rows().iter().find(is_it);
    row.ok_or_else(|| StudyPageError::UnknownCase {
        model: case.model.clone(),
        case: case.case.clone(),
    })
}

fn picture(scores: &ScoreTable, case: &GalleryCase) -> Result<Picture, StudyPageError> {
    let row = row_of(scores, case)?;
    let given = |text: &str| if text.is_empty() { NOT_GIVEN } else { text }.to_owned();
    let mut facts = vec![
        ("site", given(&row.site)),
        ("histology", given(&row.histology)),
    ];
    if let Some(finding) = row.finding().filter(|f| *f != Finding::Overlap) {
        facts.push(("finding", finding.name().to_owned()));
    }
    let shown = [
        ("Dice", Measure::Dice),
        ("precision", Measure::Precision),
        ("recall", Measure::Recall),
        ("HD95 (mm)", Measure::Hd95Mm),
        ("ASSD (mm)", Measure::AssdMm),
        ("reference (ml)", Measure::VolumeRefMl),
        ("prediction (ml)", Measure::VolumePredMl),
    ];
    facts.extend(shown.map(|(name, m)| (name, number(row.score(m), m.decimals()))));
    let pictures = &case.pictures;
    let [width, height] = pictures.field_mm;
    facts.push(("field (mm)", format!("{width:.0} \u{d7} {height:.0}")));
    let panels = pictures.panels.iter().map(|panel| {
        let place = format!("slice {} of {}", panel.slice + 1, pictures.n_slices);
        let offset = number(panel.offset_mm, 1);
        Panel {
            caption: match panel.offset_mm {
                0.0 => format!("{place}, largest area"),
                mm if mm > 0.0 => format!("{place}, +{offset} mm"),
                _ => format!("{place}, {offset} mm"),
            },
            outlined: format!(
                "data:image/png;base64,{}",
                STANDARD.encode(&panel.outlined_png)
            ),
        }
    });
    Ok(Picture {
        heading: case.kind.title().to_owned(),
        case: case.case.clone(),
        facts,
        letters: pictures.letters,
        size_px: pictures.size_px,
        panels: panels.collect(),
    })
}
