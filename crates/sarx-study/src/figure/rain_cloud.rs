//! Rain clouds: the density of a score above its box, and every case as a drop below.

use super::scale::{nice_end, tick};
use super::{BoxGroup, FigureError, escape};
use crate::Better;
use sarx_metrics::quantile_sorted;
use std::fmt::Write;

/// Width of the drawing; small, so that it is readable on a telephone.
const WIDTH: f64 = 400.0;
/// Left and right of the axis.
const MARGIN: f64 = 14.0;
/// One group: its name, the cloud, the box and the rain.
const ROW: f64 = 68.0;
const NAME: f64 = 14.0;
const CLOUD: f64 = 26.0;
const BOX: f64 = 8.0;
const RAIN: f64 = 12.0;
/// The axis with its numbers and its name.
const AXIS: f64 = 40.0;
/// Width of the band of infinite values.
const BAND: f64 = 36.0;
/// Points of a density.
const STEPS: usize = 120;

/// What is drawn: the name of the score, which end is good, and one group per line.
#[derive(Debug, Clone, PartialEq)]
pub struct RainCloud<'a> {
    /// Name of the score with its unit.
    pub title: &'a str,
    /// Scores of which more is better end at 1.
    pub better: Better,
    /// The groups, the first at the top.
    pub groups: &'a [BoxGroup],
}

/// From values to the drawing.
struct Scale {
    end: f64,
    /// Width of the axis without the band.
    width: f64,
    any_infinite: bool,
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        if value.is_infinite() {
            MARGIN + self.width + BAND / 2.0
        } else {
            MARGIN + self.width * (value / self.end).clamp(0.0, 1.0)
        }
    }
}

/// Draws one score, one cloud per group.
///
/// The cloud is a Gaussian kernel density of the finite values (bandwidth after Silverman, *Density
/// Estimation*, 1986, eq. 3.31), mirrored at the ends of the scale and drawn to one height. The
/// box spans the quartiles, its line is the median, and infinite values count as the worst; they
/// stand in a band of their own. NaN is left out and not counted in the name.
///
/// # Errors
///
/// [`FigureError::Empty`] if no group has a value.
pub fn rain_cloud_svg(cloud: &RainCloud<'_>) -> Result<String, FigureError> {
    let groups: Vec<(&str, Vec<f64>)> = cloud
        .groups
        .iter()
        .map(|group| {
            let mut values: Vec<f64> = group.values.clone();
            values.retain(|value| !value.is_nan());
            values.sort_unstable_by(f64::total_cmp);
            (group.label.as_str(), values)
        })
        .filter(|(_, values)| !values.is_empty())
        .collect();
    if groups.is_empty() {
        return Err(FigureError::Empty {
            figure: cloud.title.to_owned(),
        });
    }
    let all = || groups.iter().flat_map(|(_, values)| values.iter().copied());
    let any_infinite = all().any(f64::is_infinite);
    let largest = all().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let scale = Scale {
        end: match cloud.better {
            Better::Higher => 1.0,
            _ if largest > 0.0 => nice_end(largest),
            _ => 1.0,
        },
        width: WIDTH - 2.0 * MARGIN - if any_infinite { BAND } else { 0.0 },
        any_infinite,
    };
    let height = ROW * groups.len() as f64 + AXIS;
    let names: Vec<&str> = groups.iter().map(|(label, _)| *label).collect();
    let alt = escape(&format!(
        "Rain clouds of {} for {}",
        cloud.title,
        names.join(", ")
    ));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{alt}\" fill=\"var(--ink,#222)\" font-family=\"sans-serif\" font-size=\"12\"><title>{alt}</title>"
    );
    axis(&mut svg, &scale, height, cloud.title);
    for (at, (label, values)) in groups.iter().enumerate() {
        row(&mut svg, &scale, ROW * at as f64, label, values);
    }
    svg.push_str("</svg>");
    Ok(svg)
}

/// Writing into a string cannot fail.
macro_rules! draw {
    ($svg:expr, $($argument:tt)*) => {{
        let written = write!($svg, $($argument)*);
        debug_assert!(written.is_ok());
    }};
}

fn axis(svg: &mut String, scale: &Scale, height: f64, title: &str) {
    let bottom = height - AXIS;
    if scale.any_infinite {
        let x = MARGIN + scale.width;
        draw!(
            svg,
            "<rect x=\"{:.1}\" y=\"0\" width=\"{:.1}\" height=\"{bottom:.1}\" opacity=\"0.1\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"14\">\u{221e}</text>",
            x + 1.0,
            BAND - 1.0,
            scale.x(f64::INFINITY),
            bottom + 15.0
        );
    }
    for step in 0..=5_u8 {
        let value = scale.end * f64::from(step) / 5.0;
        let x = scale.x(value);
        draw!(
            svg,
            "<path d=\"M{x:.1} 0V{:.1}\" stroke=\"var(--grid,#ddd)\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 3.0,
            bottom + 15.0,
            tick(value, scale.end)
        );
    }
    draw!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        MARGIN + scale.width / 2.0,
        height - 8.0,
        escape(title)
    );
}

fn row(svg: &mut String, scale: &Scale, top: f64, label: &str, sorted: &[f64]) {
    draw!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{:.1}\">{}</text>",
        top + 12.0,
        escape(label)
    );
    let base = top + NAME + CLOUD;
    let finite: Vec<f64> = sorted.iter().copied().filter(|v| v.is_finite()).collect();
    if let Some(density) = density(&finite, scale.end) {
        let mut path = format!("M{:.1} {base:.1}", scale.x(0.0));
        for (value, share) in density {
            draw!(path, "L{:.1} {:.1}", scale.x(value), base - CLOUD * share);
        }
        draw!(path, "L{:.1} {base:.1}Z", scale.x(scale.end));
        draw!(
            svg,
            "<path d=\"{path}\" fill=\"var(--box,#8fbfdd)\" stroke=\"none\"/>"
        );
    }
    let quantile = |q| scale.x(quantile_sorted(sorted, q).unwrap_or(0.0));
    let [q1, median, q3] = [0.25, 0.5, 0.75].map(quantile);
    let y = base + 2.0;
    draw!(
        svg,
        "<rect x=\"{q1:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BOX}\" fill=\"none\" stroke=\"var(--ink,#222)\"/><path d=\"M{median:.1} {:.1}v{:.1}\" stroke=\"var(--ink,#222)\" stroke-width=\"2.5\"/>",
        (q3 - q1).max(0.5),
        y - 1.5,
        BOX + 3.0
    );
    // A line of no length with round ends is a dot: the shortest way to write hundreds.
    let mut path = String::new();
    for (at, value) in sorted.iter().enumerate() {
        let y = base + BOX + 5.0 + RAIN * spread(at);
        draw!(path, "M{:.1} {y:.1}h0", scale.x(*value));
    }
    draw!(
        svg,
        "<path d=\"{path}\" stroke=\"var(--dot,#0072b2)\" stroke-width=\"3\" stroke-linecap=\"round\" stroke-opacity=\"0.55\"/>"
    );
}

/// A fixed sequence in [0, 1) that spreads evenly (golden ratio).
fn spread(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_75).fract()
}

/// The density at evenly spaced values from 0 to `end`, its maximum 1. `None` for fewer than three
/// values or without spread, which have no density.
fn density(sorted: &[f64], end: f64) -> Option<Vec<(f64, f64)>> {
    let n = sorted.len() as f64;
    if sorted.len() < 3 {
        return None;
    }
    let mean = sorted.iter().sum::<f64>() / n;
    let sd = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let iqr = quantile_sorted(sorted, 0.75)? - quantile_sorted(sorted, 0.25)?;
    let spread = if iqr > 0.0 { sd.min(iqr / 1.34) } else { sd };
    let width = 0.9 * spread * n.powf(-0.2);
    if !(width > 0.0 && width.is_finite()) {
        return None;
    }
    let kernel = |at: f64| (-0.5 * (at / width).powi(2)).exp();
    let at = |value: f64| -> f64 {
        // What would leak over an end is mirrored back.
        sorted
            .iter()
            .map(|v| kernel(value - v) + kernel(value + v) + kernel(2.0 * end - value - v))
            .sum()
    };
    let values = (0..=STEPS).map(|step| end * step as f64 / STEPS as f64);
    let density: Vec<(f64, f64)> = values.map(|value| (value, at(value))).collect();
    let most = density.iter().map(|(_, d)| *d).fold(0.0, f64::max);
    (most > 0.0).then(|| density.iter().map(|(v, d)| (*v, d / most)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(groups: &[BoxGroup]) -> Result<String, FigureError> {
        rain_cloud_svg(&RainCloud {
            title: "HD95 (mm)",
            better: Better::Lower,
            groups,
        })
    }

    fn group(values: &[f64]) -> BoxGroup {
        BoxGroup {
            label: "<t1> & \"t2\"".to_owned(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn the_density_peaks_at_the_heap_and_is_mirrored_at_the_ends() {
        let heap = [0.9, 0.91, 0.92, 0.9, 0.89, 0.2];
        let mut sorted = heap;
        sorted.sort_unstable_by(f64::total_cmp);
        let found = density(&sorted, 1.0).unwrap();
        let (peak, _) = found
            .iter()
            .copied()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap();
        assert!((peak - 0.9).abs() < 0.03, "{peak}");
        // Symmetric values at an end: the density there is not halved.
        let ends = density(&[0.0, 0.0, 0.01, 0.01, 0.02], 1.0).unwrap();
        assert!(ends[0].1 > 0.9);
        assert_eq!(density(&[0.5, 0.5, 0.5], 1.0), None);
        assert_eq!(density(&[0.4, 0.5], 1.0), None);
    }

    #[test]
    fn every_case_is_a_drop_and_infinity_has_a_band() {
        let svg = cloud(&[group(&[1.0, 2.0, 3.0, f64::INFINITY, f64::NAN])]).unwrap();
        assert_eq!(svg.matches("h0").count(), 4);
        assert!(svg.contains('\u{221e}') && !svg.contains("NaN") && !svg.contains("inf\""));
        assert!(svg.contains("&lt;t1&gt; &amp; &quot;t2&quot;") && !svg.contains("<t1>"));
        let finite = cloud(&[group(&[1.0, 2.0])]).unwrap();
        assert!(!finite.contains('\u{221e}'));
        assert!(cloud(&[group(&[f64::NAN])]).is_err());
        assert!(cloud(&[group(&[f64::INFINITY; 5])]).is_ok());
    }
}
