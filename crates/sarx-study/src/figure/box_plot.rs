//! Box plots with every case as a point.

use super::scale::{nice_end, tick};
use super::{FigureError, INK, plain, svg, theme};
use crate::{Better, Measure};
use kuva::plot::{BoxPlot, ScatterPlot};
use kuva::render::annotations::ShadedRegion;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use sarx_metrics::quantile_sorted;
use std::sync::Arc;

/// Width of a figure, px.
const WIDTH: f64 = 460.0;
/// Height of one box with its gap, px.
const GROUP_HEIGHT: f64 = 34.0;
/// Height of what is not boxes, px: axis, its name, and a margin.
const FRAME_HEIGHT: f64 = 72.0;

/// Room above the boxes for the sign of infinity, in boxes.
const INFINITY_HEADROOM: f64 = 0.45;

/// The values of one box.
#[derive(Debug, Clone, PartialEq)]
pub struct BoxGroup {
    /// What stands beside the box.
    pub label: String,
    /// One value per case; NaN is left out, infinity is drawn in a band of its own.
    pub values: Vec<f64>,
}

/// Five numbers of a box, with infinity where it falls.
struct FiveNumbers([f64; 5]);

/// Draws one measure, a horizontal box per group, the first at the top.
///
/// A box spans the quartiles with a line at the median (NumPy's linear interpolation, infinity
/// kept as the worst), whiskers end at the last value within 1.5 interquartile ranges, and
/// every case is a point. Infinite distances (missed lesions) stand in a shaded band marked with
/// an infinity sign at the right, so the scale stays readable and no case vanishes.
///
/// # Errors
///
/// [`FigureError::Empty`] if no group has a value.
pub fn box_plot_svg(measure: Measure, groups: &[BoxGroup]) -> Result<String, FigureError> {
    let groups: Vec<(&str, Vec<f64>)> = groups
        .iter()
        .map(|g| {
            (
                g.label.as_str(),
                g.values.iter().copied().filter(|v| !v.is_nan()).collect(),
            )
        })
        .filter(|(_, values): &(&str, Vec<f64>)| !values.is_empty())
        .collect();
    if groups.is_empty() {
        return Err(FigureError::Empty {
            figure: measure.name().to_owned(),
        });
    }
    let values = || groups.iter().flat_map(|(_, values)| values.iter().copied());
    let largest = values().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let scale_end = if measure.better() == Better::Higher {
        1.0
    } else if largest > 0.0 {
        nice_end(largest)
    } else {
        1.0
    };
    let any_infinite = values().any(f64::is_infinite);
    let infinity_at = 1.06 * scale_end;
    let axis_end = if any_infinite {
        1.12 * scale_end
    } else {
        scale_end
    };
    let place = |v: f64| if v.is_infinite() { infinity_at } else { v };

    let mut boxes = BoxPlot::new()
        .with_horizontal(true)
        .with_color("var(--box,#8fbfdd)")
        .with_width(0.62);
    let mut points = Vec::new();
    // kuva counts categories from the bottom.
    for (at, (label, values)) in groups.iter().rev().enumerate() {
        let FiveNumbers(five) = FiveNumbers::of(values);
        boxes = boxes.with_group(plain(label), five.map(place));
        let middle = at as f64 + 1.0;
        // In ascending order, so that equal values lie apart.
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        points.extend(
            sorted
                .iter()
                .enumerate()
                .map(|(i, &v)| (place(v), middle + jitter(i))),
        );
    }
    let points = ScatterPlot::new()
        .with_data(points)
        .with_color("var(--dot,#0072b2)")
        .with_size(2.0)
        .with_marker_opacity(0.55);
    let plots = vec![Plot::Box(boxes), Plot::Scatter(points)];
    let labels: Vec<String> = groups.iter().rev().map(|(label, _)| plain(label)).collect();
    // The sign of infinity stands above the boxes.
    let headroom = if any_infinite { INFINITY_HEADROOM } else { 0.0 };
    let top = groups.len() as f64 + 0.5 + headroom;
    let height = FRAME_HEIGHT + GROUP_HEIGHT * (top - 0.5);
    // Points at 0 are whole only if the axis starts a little earlier.
    let axis_start = -0.015 * scale_end;
    let mut layout = Layout::new((axis_start, axis_end), (0.5, top))
        .with_width(WIDTH)
        .with_height(height)
        .with_theme(theme())
        .with_y_categories(labels)
        .with_x_label(measure.title())
        .with_x_tick_step(scale_end / 5.0)
        .with_x_tick_format(TickFormat::Custom(Arc::new(move |v| tick(v, scale_end))))
        .with_x_axis_min(axis_start)
        .with_x_axis_max(axis_end)
        .with_label_size(13)
        .with_tick_size(12);
    if any_infinite {
        layout = layout
            .with_shaded_region(
                ShadedRegion::vertical(1.005 * scale_end, axis_end)
                    .with_color(INK)
                    .with_opacity(0.1),
            )
            .with_annotation(
                kuva::render::annotations::TextAnnotation::new(
                    "\u{221e}",
                    infinity_at,
                    top - headroom - 0.1,
                )
                .with_color(INK)
                .with_font_size(14),
            );
    }
    let names: Vec<&str> = groups.iter().map(|(label, _)| *label).collect();
    let alt = format!("Box plot of {} for {}", measure.title(), names.join(", "));
    Ok(svg(&render_multiple(plots, layout), &alt))
}

impl FiveNumbers {
    /// Whisker, quartile, median, quartile, whisker of at least one value.
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |q| quantile_sorted(&sorted, q).unwrap_or(f64::NAN);
        let [q1, median, q3] = [0.25, 0.5, 0.75].map(quantile);
        let reach = 1.5 * (q3 - q1);
        // Infinite quartiles have no distance: the whiskers then end at the box.
        let within = |v: &&f64| !reach.is_nan() && **v >= q1 - reach && **v <= q3 + reach;
        let low = sorted.iter().find(within).copied().unwrap_or(q1).min(q1);
        let high = sorted.iter().rfind(within).copied().unwrap_or(q3).max(q3);
        Self([low, q1, median, q3, high])
    }
}

/// Where a point lies across its box: a fixed sequence that spreads evenly (golden ratio).
fn jitter(index: usize) -> f64 {
    ((index as f64 * 0.618_033_988_75).fract() - 0.5) * 0.44
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_numbers_keep_infinity_and_find_whiskers() {
        let inf = f64::INFINITY;
        // Quartiles 2 and 4, reach 3: 100 is beyond the whisker.
        assert_eq!(
            FiveNumbers::of(&[1.0, 2.0, 3.0, 4.0, 100.0]).0,
            [1.0, 2.0, 3.0, 4.0, 4.0]
        );
        assert_eq!(
            FiveNumbers::of(&[1.0, 2.0, inf, inf]).0,
            [1.0, 1.75, inf, inf, inf]
        );
        assert_eq!(FiveNumbers::of(&[inf, inf]).0, [inf; 5]);
        assert_eq!(FiveNumbers::of(&[7.0]).0, [7.0; 5]);
    }
}
