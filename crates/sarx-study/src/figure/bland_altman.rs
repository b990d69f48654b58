//! Bland-Altman plots: the difference of two volumes against their mean.

use super::scale::{nice_end, tick};
use super::{FigureError, escape};
use std::fmt::Write;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 62.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;

/// What is drawn: the pairs, their bias and the limits of agreement.
#[derive(Debug, Clone, PartialEq)]
pub struct BlandAltmanPlot<'a> {
    /// Heading.
    pub title: &'a str,
    /// Reference and prediction of each case, ml.
    pub volumes_ml: &'a [(f64, f64)],
    /// Mean of prediction minus reference, ml.
    pub bias_ml: f64,
    /// Lower and upper limit of agreement, ml.
    pub limits_ml: [f64; 2],
}

/// Draws prediction minus reference over the mean of both. The axis of the means has a square-root
/// scale, since volumes of tumours span three orders of magnitude and may be 0.
///
/// # Errors
///
/// [`FigureError::Empty`] if no pair has two volumes.
pub fn bland_altman_svg(plot: &BlandAltmanPlot<'_>) -> Result<String, FigureError> {
    let points: Vec<(f64, f64)> = plot
        .volumes_ml
        .iter()
        .filter(|(reference, predicted)| reference.is_finite() && predicted.is_finite())
        .map(|(reference, predicted)| ((reference + predicted) / 2.0, predicted - reference))
        .collect();
    if points.is_empty() {
        return Err(FigureError::Empty {
            figure: plot.title.to_owned(),
        });
    }
    let lines = [plot.bias_ml, plot.limits_ml[0], plot.limits_ml[1]];
    let reach = points
        .iter()
        .map(|(_, difference)| difference.abs())
        .chain(lines.map(f64::abs))
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max);
    let reach = if reach > 0.0 { nice_end(reach) } else { 1.0 };
    let largest = points.iter().map(|(mean, _)| *mean).fold(0.0, f64::max);
    let end = if largest > 0.0 {
        nice_end(largest)
    } else {
        1.0
    };
    let x = |mean: f64| LEFT + (WIDTH - LEFT - RIGHT) * (mean / end).sqrt();
    let y = |difference: f64| {
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (difference + reach) / (2.0 * reach))
    };
    let alt = escape(&format!(
        "Bland-Altman plot of {}: bias {:.1} ml, limits of agreement {:.1} to {:.1} ml",
        plot.title, plot.bias_ml, plot.limits_ml[0], plot.limits_ml[1]
    ));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{alt}\" fill=\"var(--ink,#222)\" font-family=\"sans-serif\" font-size=\"12\"><title>{alt}</title><text x=\"{LEFT}\" y=\"14\" font-weight=\"600\">{}</text>",
        escape(plot.title)
    );
    let add = |written: std::fmt::Result| debug_assert!(written.is_ok());
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for share in [0.0, 0.1, 0.25, 0.5, 1.0] {
        let (mean, x) = (end * share, x(end * share));
        add(write!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{:.1}\" stroke=\"var(--grid,#ddd)\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 3.0,
            bottom + 16.0,
            tick(mean, end)
        ));
    }
    for step in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let (value, y) = (reach * step, y(reach * step));
        let text = tick(value.abs(), reach);
        let sign = if value < 0.0 { "\u{2212}" } else { "" };
        add(write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right:.1}\" stroke=\"var(--grid,#ddd)\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{sign}{text}</text>",
            LEFT - 5.0,
            y + 4.0
        ));
    }
    for ((value, dashes), name) in
        lines
            .into_iter()
            .zip(["", "5 4", "5 4"])
            .zip(["bias", "\u{2212}1.96 SD", "+1.96 SD"])
    {
        if !value.is_finite() {
            continue;
        }
        let y = y(value);
        add(write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right:.1}\" stroke=\"var(--ink,#222)\" stroke-width=\"1.4\" stroke-dasharray=\"{dashes}\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10.5\">{name}</text>",
            right + 4.0,
            y + 4.0
        ));
    }
    let dots: String = points
        .iter()
        .map(|(mean, difference)| format!("M{:.1} {:.1}h0", x(*mean), y(*difference)))
        .collect();
    add(write!(
        svg,
        "<path d=\"{dots}\" stroke=\"var(--dot,#0072b2)\" stroke-width=\"4\" stroke-linecap=\"round\" stroke-opacity=\"0.55\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">mean of both volumes (ml)</text><text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">prediction \u{2212} reference (ml)</text></svg>",
        f64::midpoint(LEFT, right),
        HEIGHT - 8.0,
        f64::midpoint(TOP, bottom)
    ));
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_a_point_and_the_lines_have_names() {
        let plot = BlandAltmanPlot {
            title: "T1 <axial>",
            volumes_ml: &[(10.0, 12.0), (100.0, 90.0), (50.0, 0.0), (f64::NAN, 3.0)],
            bias_ml: -19.3,
            limits_ml: [-70.0, 31.4],
        };
        let svg = bland_altman_svg(&plot).unwrap();
        assert_eq!(svg.matches("h0").count(), 3);
        assert!(svg.contains(">bias<") && svg.contains("+1.96 SD"));
        assert!(svg.contains("T1 &lt;axial&gt;") && !svg.contains("NaN"));
        let nothing = BlandAltmanPlot {
            volumes_ml: &[(f64::NAN, 1.0)],
            ..plot
        };
        assert!(bland_altman_svg(&nothing).is_err());
    }
}
