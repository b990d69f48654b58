//! What the template shows: numbers as text, figures as SVG, pictures as data.

use super::{CasePicture, ReportError, ReportInput};
use crate::figure::{BoxGroup, box_plot_svg, training_curve_svg};
use crate::number_text::number;
use crate::strata::stratum_value;
use crate::{
    CaseRow, FEW_CASES, Finding, Measure, PREDICTION_RGB, REFERENCE_RGB, StrataTable, Stratum,
    slice_pictures,
};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sarx_metrics::Spread;

/// The measures of the strata tables; the others are in the CSV.
const TABLE: [Measure; 8] = [
    Measure::Dice,
    Measure::F2,
    Measure::Precision,
    Measure::Recall,
    Measure::Hd95Mm,
    Measure::Hd95PooledMm,
    Measure::AssdMm,
    Measure::AssdMasdMm,
];

#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page<'a> {
    title: &'a str,
    facts: &'a [(String, String)],
    paragraphs: &'a [String],
    warnings: &'a [String],
    n_cases: usize,
    few: usize,
    headline: Vec<Headline>,
    findings: String,
    tables: Vec<Table>,
    definitions: Vec<Definition>,
    figures: Vec<FigureRow>,
    curve: Option<String>,
    pictures: Vec<Picture>,
    case_columns: Vec<&'a str>,
    cases: Vec<CaseLine>,
    reference_color: String,
    prediction_color: String,
}

/// What a column means, and what it is called in CSV and JSON.
struct Definition {
    title: &'static str,
    text: &'static str,
    name: &'static str,
}

struct Headline {
    name: &'static str,
    median: String,
    interval: String,
    quartiles: Option<String>,
}

struct Table {
    title: String,
    columns: Vec<String>,
    measures: Vec<&'static str>,
    lines: Vec<Line>,
}

struct Line {
    values: Vec<String>,
    n: usize,
    few: bool,
    missed: usize,
    no_overlap: usize,
    cells: Vec<Cell>,
}

struct Cell {
    median: String,
    /// Of two values or more.
    quartiles: Option<String>,
    interval: String,
    mean: String,
}

struct FigureRow {
    title: String,
    svgs: Vec<String>,
}

struct Picture {
    heading: String,
    case: String,
    strata: Vec<(String, String)>,
    scores: Vec<(&'static str, String)>,
    letters: [char; 4],
    field: String,
    size_px: [usize; 2],
    panels: Vec<Panel>,
}

struct Panel {
    caption: String,
    plain: String,
    outlined: String,
}

struct CaseLine {
    case: String,
    strata: Vec<String>,
    finding: &'static str,
    scores: Vec<String>,
}

impl<'a> Page<'a> {
    pub(super) fn new(input: &'a ReportInput) -> Result<Self, ReportError> {
        let overall = StrataTable::new(&input.cases, &[])?;
        let all = &overall.strata[0];
        let mut tables = vec![Table::new("All cases".to_owned(), &overall)];
        let mut figures = Vec::new();
        for column in &input.by {
            let table = StrataTable::new(&input.cases, std::slice::from_ref(column))?;
            tables.push(Table::new(format!("By {column}"), &table));
            figures.push(FigureRow::new(
                format!("By {column}"),
                &input.cases,
                Some(column),
            )?);
        }
        if let [first, second, ..] = &input.by[..] {
            let table = StrataTable::new(&input.cases, &[first.clone(), second.clone()])?;
            tables.push(Table::new(format!("By {first} and {second}"), &table));
        }
        figures.insert(
            0,
            FigureRow::new("All cases".to_owned(), &input.cases, None)?,
        );
        let mut case_columns: Vec<&str> = Vec::new();
        for (column, _) in input.cases.iter().flat_map(|case| &case.strata) {
            if !case_columns.contains(&column.as_str()) {
                case_columns.push(column);
            }
        }
        let mut cases: Vec<&CaseRow> = input.cases.iter().collect();
        cases.sort_by(|a, b| a.case.cmp(&b.case));
        Ok(Self {
            title: &input.title,
            facts: &input.facts,
            paragraphs: &input.paragraphs,
            warnings: &input.warnings,
            n_cases: all.n_cases,
            few: FEW_CASES,
            headline: Measure::HEADLINE
                .map(|m| Headline::new(m, all.spread(m)))
                .into(),
            findings: findings(all, &input.cases),
            tables,
            definitions: Measure::ALL
                .iter()
                .map(|m| Definition {
                    title: m.title(),
                    text: m.definition(),
                    name: m.name(),
                })
                .collect(),
            figures,
            curve: input
                .training_curve
                .as_ref()
                .map(training_curve_svg)
                .transpose()?,
            pictures: input
                .pictures
                .iter()
                .map(|picture| Picture::new(picture, &input.cases))
                .collect::<Result<_, _>>()?,
            cases: cases
                .into_iter()
                .map(|case| CaseLine::new(case, &case_columns))
                .collect(),
            case_columns,
            reference_color: css(REFERENCE_RGB),
            prediction_color: css(PREDICTION_RGB),
        })
    }
}

/// Below this Dice a prediction that touches the lesion has still not found it.
const HARDLY_FOUND: f64 = 0.1;

/// How many lesions were missed, in one sentence.
fn findings(all: &Stratum, cases: &[CaseRow]) -> String {
    let n = all.n_cases;
    let hardly_found = cases
        .iter()
        .filter(|case| case.scores.finding == Finding::Overlap)
        .filter(|case| case.scores.get(Measure::Dice) < HARDLY_FOUND)
        .count();
    format!(
        "{} of {n} lesions were missed (empty prediction), {} more were predicted in the wrong place (no shared voxel), {hardly_found} more were hardly found (Dice below {HARDLY_FOUND}), {} predictions had no lesion to find.",
        all.n_missed, all.n_no_overlap, all.n_false_alarm
    )
}

fn css([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

impl Cell {
    fn new(measure: Measure, spread: &Spread) -> Self {
        let text = |value| number(value, measure.decimals());
        Self {
            median: text(spread.median),
            quartiles: (spread.n > 1)
                .then(|| format!("{}\u{2013}{}", text(spread.q1), text(spread.q3))),
            interval: spread.median_interval.map_or_else(
                || "n/a".to_owned(),
                |i| format!("{}\u{2013}{}", text(i.low), text(i.high)),
            ),
            mean: text(spread.mean),
        }
    }
}

impl Headline {
    fn new(measure: Measure, spread: &Spread) -> Self {
        let Cell {
            median,
            quartiles,
            interval,
            ..
        } = Cell::new(measure, spread);
        Self {
            name: measure.title(),
            median,
            interval,
            quartiles,
        }
    }
}

impl Table {
    fn new(title: String, table: &StrataTable) -> Self {
        let line = |stratum: &Stratum| Line {
            values: stratum.values.clone(),
            n: stratum.n_cases,
            few: stratum.is_few(),
            missed: stratum.n_missed,
            no_overlap: stratum.n_no_overlap,
            cells: TABLE.map(|m| Cell::new(m, stratum.spread(m))).into(),
        };
        Self {
            title,
            columns: table.columns.clone(),
            measures: TABLE.map(Measure::title).into(),
            lines: table.strata.iter().map(line).collect(),
        }
    }
}

impl FigureRow {
    /// The four headline measures as box plots; measures without any value are left out.
    fn new(title: String, cases: &[CaseRow], column: Option<&str>) -> Result<Self, ReportError> {
        let groups = sarx_metrics::group_by(cases, |case| {
            column.map_or_else(
                || "all".to_owned(),
                |column| stratum_value(case, column).to_owned(),
            )
        });
        let mut svgs = Vec::new();
        for measure in Measure::HEADLINE {
            if cases.iter().all(|case| case.scores.get(measure).is_nan()) {
                continue;
            }
            let boxes: Vec<BoxGroup> = groups
                .iter()
                .map(|(label, cases)| BoxGroup {
                    label: format!("{label} (n={})", cases.len()),
                    values: cases.iter().map(|case| case.scores.get(measure)).collect(),
                })
                .collect();
            svgs.push(box_plot_svg(measure, &boxes)?);
        }
        Ok(Self { title, svgs })
    }
}

impl Picture {
    fn new(picture: &CasePicture, cases: &[CaseRow]) -> Result<Self, ReportError> {
        let name = &picture.case;
        let row = cases
            .iter()
            .find(|row| row.case == *name)
            .ok_or_else(|| ReportError::UnknownCase { case: name.clone() })?;
        let slices = slice_pictures(&picture.image, &picture.reference, &picture.prediction)
            .map_err(|source| ReportError::Picture {
                case: name.clone(),
                source,
            })?;
        let data = |png: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(png));
        let panel = |panel: &crate::SlicePanel| Panel {
            caption: match panel.offset_mm {
                0.0 => format!(
                    "slice {} of {}: largest reference area",
                    panel.slice + 1,
                    slices.n_slices
                ),
                mm => format!(
                    "slice {} of {}: {:+.1} mm",
                    panel.slice + 1,
                    slices.n_slices,
                    mm
                )
                .replace('-', "\u{2212}"),
            },
            plain: data(&panel.plain_png),
            outlined: data(&panel.outlined_png),
        };
        let shown = |m: &Measure| (m.title(), number(row.scores.get(*m), m.decimals()));
        let mut strata = row.strata.clone();
        if row.scores.finding != Finding::Overlap {
            strata.push(("finding".to_owned(), row.scores.finding.name().to_owned()));
        }
        Ok(Self {
            heading: picture.heading.clone(),
            case: name.clone(),
            strata,
            scores: Measure::ALL.iter().map(shown).collect(),
            letters: slices.letters,
            field: format!(
                "{:.0} \u{d7} {:.0} mm",
                slices.field_mm[0], slices.field_mm[1]
            ),
            size_px: slices.size_px,
            panels: slices.panels.iter().map(panel).collect(),
        })
    }
}

impl CaseLine {
    fn new(case: &CaseRow, columns: &[&str]) -> Self {
        Self {
            case: case.case.clone(),
            strata: columns
                .iter()
                .map(|c| stratum_value(case, c).to_owned())
                .collect(),
            finding: case.scores.finding.name(),
            scores: Measure::ALL
                .map(|m| number(case.scores.get(m), m.decimals()))
                .into(),
        }
    }
}
