//! The figures of one set, and the learning curves.

use super::score_tables::HEADLINE;
use super::{ModelCurve, StudyPageError, StudyPageInput};
use crate::figure::{
    BlandAltmanPlot, BoxGroup, FigureError, RainCloud, bland_altman_svg, box_plot_svg,
    rain_cloud_svg, training_curve_svg,
};
use crate::results::scores::{ScoreGrid, ScoreRow, StudySet};
use crate::results::tables::{StudyMetric, StudyTables};
use crate::{Measure, NOT_GIVEN};
use std::collections::BTreeSet;

fn fault(figure: &str) -> impl FnOnce(FigureError) -> StudyPageError {
    let figure = figure.to_owned();
    move |source| StudyPageError::Figure { figure, source }
}

/// The scored rows of a model; failed ones have no score to draw and are counted in the tables.
fn rows<'a>(
    input: &StudyPageInput<'a>,
    model: &str,
    set: StudySet,
    grid: ScoreGrid,
) -> Vec<&'a ScoreRow> {
    let wanted = |row: &&ScoreRow| {
        row.model == model && row.set == set && row.grid == grid && !row.is_failed()
    };
    input.scores.rows().iter().filter(wanted).collect()
}

/// A rain cloud per headline metric, one line per model. Metrics without any value are left out.
pub(super) fn rain_clouds(
    input: &StudyPageInput<'_>,
    set: StudySet,
    grid: ScoreGrid,
) -> Result<Vec<String>, StudyPageError> {
    let mut svgs = Vec::new();
    for metric in HEADLINE {
        let groups: Vec<BoxGroup> = input
            .tables
            .facts
            .models
            .iter()
            .map(|model| {
                let rows = rows(input, &model.name, set, grid);
                let values: Vec<f64> = rows.iter().map(|row| metric.of(row)).collect();
                let n = values.iter().filter(|v| !v.is_nan()).count();
                BoxGroup {
                    label: format!("{} (n = {n})", model.title),
                    values,
                }
            })
            .collect();
        if !has_values(&groups) {
            continue;
        }
        let cloud = RainCloud {
            title: metric.title(),
            better: metric.better(),
            groups: &groups,
        };
        svgs.push(rain_cloud_svg(&cloud).map_err(fault("a rain cloud"))?);
    }
    Ok(svgs)
}

fn has_values(groups: &[BoxGroup]) -> bool {
    groups.iter().flat_map(|g| &g.values).any(|v| !v.is_nan())
}

/// Box plots of Dice and HD95: every model in every stratum that it has patients in.
pub(super) fn stratum_boxes(
    input: &StudyPageInput<'_>,
    set: StudySet,
    grid: ScoreGrid,
) -> Result<Vec<String>, StudyPageError> {
    let facts = &input.tables.facts;
    let strata = facts.strata.iter().map(String::as_str).chain([""]);
    let strata: Vec<&str> = strata.collect();
    let mut svgs = Vec::new();
    for measure in [Measure::Dice, Measure::Hd95Mm] {
        let mut groups = Vec::new();
        for stratum in &strata {
            let name = if stratum.is_empty() {
                NOT_GIVEN
            } else {
                stratum
            };
            for model in &facts.models {
                let rows = rows(input, &model.name, set, grid);
                let own = rows.iter().filter(|row| row.stratum == *stratum);
                let values: Vec<f64> = own.map(|row| row.score(measure)).collect();
                if values.iter().any(|v| !v.is_nan()) {
                    groups.push(BoxGroup {
                        label: format!("{name}: {} ({})", model.title, values.len()),
                        values,
                    });
                }
            }
        }
        if !groups.is_empty() {
            svgs.push(box_plot_svg(measure, &groups).map_err(fault("a box plot"))?);
        }
    }
    Ok(svgs)
}

/// A Bland-Altman plot per model with volumes.
pub(super) fn volume_plots(
    input: &StudyPageInput<'_>,
    tables: &StudyTables,
    set: StudySet,
) -> Result<Vec<String>, StudyPageError> {
    let mut svgs = Vec::new();
    for agreement in tables.volumes.iter().filter(|v| v.set == set && v.n > 0) {
        let rows = rows(input, &agreement.model, set, ScoreGrid::Common);
        let volumes_ml: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| {
                (
                    row.score(Measure::VolumeRefMl),
                    row.score(Measure::VolumePredMl),
                )
            })
            .collect();
        let plot = BlandAltmanPlot {
            title: tables.facts.title(&agreement.model),
            volumes_ml: &volumes_ml,
            bias_ml: agreement.bias_ml.0,
            limits_ml: agreement.limits_ml.map(|limit| limit.0),
        };
        svgs.push(bland_altman_svg(&plot).map_err(fault("a Bland-Altman plot"))?);
    }
    Ok(svgs)
}

/// The learning curves of one model.
pub(super) struct Curves {
    pub(super) model: String,
    pub(super) folds: Vec<(usize, String)>,
}

/// By model, in the order of the study; curves of other models come last under their names.
pub(super) fn curves(input: &StudyPageInput<'_>) -> Result<Vec<Curves>, StudyPageError> {
    let facts = &input.tables.facts;
    let known = facts.models.iter().map(|model| model.name.as_str());
    let others: BTreeSet<&str> = input.curves.iter().map(|c| c.model.as_str()).collect();
    let is_known = |name: &&str| facts.models.iter().any(|model| model.name == **name);
    let names: Vec<&str> = known
        .chain(others.into_iter().filter(|name| !is_known(name)))
        .collect();
    let mut curves = Vec::new();
    for name in names {
        let own: Vec<&ModelCurve> = input.curves.iter().filter(|c| c.model == name).collect();
        let mut folds = Vec::new();
        for curve in own {
            let what = format!("the learning curve of {name}, fold {},", curve.fold);
            folds.push((
                curve.fold,
                training_curve_svg(&curve.curve).map_err(fault(&what))?,
            ));
        }
        if !folds.is_empty() {
            curves.push(Curves {
                model: facts.title(name).to_owned(),
                folds,
            });
        }
    }
    Ok(curves)
}

/// The metrics that the page defines.
pub(super) fn definitions() -> Vec<(&'static str, &'static str, &'static str)> {
    StudyMetric::ALL
        .iter()
        .map(|metric| (metric.title(), metric.definition(), metric.name()))
        .collect()
}
