//! nnU-Net's `progress.png`: three panels under one another, redrawn after every epoch.
//!
//! The panels are those of nnU-Net v2, `training/logging/nnunet_logger.py`,
//! `plot_progress_png`: both losses with the pseudo Dice and its moving average on a second
//! axis, the duration of the epochs, and the learning rate. Values that are not finite (a
//! pseudo Dice of 0/0) leave a gap in their line. This module stands alone: it needs kuva and
//! the standard library only.

use kuva::backend::raster::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::plot::{LinePlot, LineStyle};
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use std::fmt;
use std::sync::Arc;

/// Width of the figure, px.
const WIDTH: f64 = 900.0;
/// Height of the figure, px.
const HEIGHT: f64 = 1050.0;
/// More points than this are not visible on the width of the figure; longer runs are thinned.
const MAX_POINTS: usize = 1500;
/// Margins of every panel, px, so that the three epoch axes stand exactly under one another.
const SIDE_MARGIN: f64 = 80.0;

/// Width of the legend, px: kuva reserves too little for hand-made layouts.
const LEGEND_WIDTH: f64 = 250.0;

const BLUE: &str = "#0072b2";
const RED: &str = "#d55e00";
const GREEN: &str = "#009e73";

/// What one epoch left behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigurePoint {
    /// Index of the epoch, from 0.
    pub epoch: usize,
    /// Mean training loss.
    pub train_loss: f64,
    /// Mean validation loss.
    pub val_loss: f64,
    /// Mean foreground pseudo Dice of the validation patches.
    pub pseudo_dice: f64,
    /// Exponential moving average of the pseudo Dice.
    pub ema: f64,
    /// Wall time of the epoch, s.
    pub duration_s: f64,
    /// Learning rate of the epoch.
    pub learning_rate: f64,
}

/// The figure in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressFigure {
    /// The drawing as an SVG document; its fonts are the viewer's.
    pub svg: String,
    /// The drawing as the bytes of a PNG file.
    pub png: Vec<u8>,
}

/// A figure that could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressFigureError {
    /// There is no epoch to draw.
    NoEpoch,
    /// The drawing could not be turned into a PNG.
    Png {
        /// What the encoder said.
        reason: String,
    },
}

impl fmt::Display for ProgressFigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEpoch => f.write_str("no epoch is finished yet; there is no progress to draw"),
            Self::Png { reason } => {
                write!(
                    f,
                    "the progress figure could not be written as PNG: {reason}"
                )
            }
        }
    }
}

impl std::error::Error for ProgressFigureError {}

/// Draws the progress of a training run.
///
/// # Errors
///
/// - [`ProgressFigureError::NoEpoch`] if `epochs` is empty.
/// - [`ProgressFigureError::Png`] if the PNG encoder fails.
pub fn progress_figure(epochs: &[FigurePoint]) -> Result<ProgressFigure, ProgressFigureError> {
    if epochs.is_empty() {
        return Err(ProgressFigureError::NoEpoch);
    }
    let thinned: Vec<FigurePoint> = epochs
        .iter()
        .step_by(epochs.len().div_ceil(MAX_POINTS))
        .copied()
        .collect();
    let losses = [
        series(&thinned, |e| e.train_loss),
        series(&thinned, |e| e.val_loss),
    ];
    let dices = [
        series(&thinned, |e| e.pseudo_dice),
        series(&thinned, |e| e.ema),
    ];
    let durations = series(&thinned, |e| e.duration_s);
    let rates = series(&thinned, |e| e.learning_rate);

    let x = epoch_range(epochs);
    let panel = |y: (f64, f64), label: &str| {
        Layout::new(x, y)
            .with_y_label(label)
            .with_x_tick_format(TickFormat::Custom(Arc::new(whole_epochs)))
            .with_force_margins(SIDE_MARGIN, SIDE_MARGIN)
    };
    let losses_y = range(&losses, None);
    let mut top = panel(losses_y, "loss")
        .with_y2_range(0.0, 1.0)
        .with_y2_label("pseudo Dice")
        .with_legend_width(LEGEND_WIDTH)
        // Losses fall and Dice rises, so the middle on the right is the emptiest place.
        .with_legend_at_data(
            x.0 + 0.6 * (x.1 - x.0),
            losses_y.0 + 0.7 * (losses_y.1 - losses_y.0),
        );
    top.show_legend = true;
    let middle = panel(
        range(std::slice::from_ref(&durations), Some(0.0)),
        "epoch duration [s]",
    );
    let bottom = panel(
        range(std::slice::from_ref(&rates), Some(0.0)),
        "learning rate",
    )
    .with_y_tick_format(TickFormat::Custom(Arc::new(short_number)))
    .with_x_label("epoch");

    let [train, val] = &losses;
    let [dice, ema] = &dices;
    let primary = [
        lines(train, BLUE, LineStyle::Solid, "training loss"),
        lines(val, RED, LineStyle::Solid, "validation loss"),
    ];
    let secondary = [
        lines(dice, GREEN, LineStyle::Dotted, "pseudo Dice"),
        lines(ema, GREEN, LineStyle::Solid, "pseudo Dice (moving average)"),
    ];
    let scene = Figure::new(3, 1)
        .with_figure_size(WIDTH, HEIGHT)
        .with_plots(vec![
            Vec::new(),
            lines(&durations, BLUE, LineStyle::Solid, "epoch duration"),
            lines(&rates, BLUE, LineStyle::Solid, "learning rate"),
        ])
        .with_layouts(vec![top, middle, bottom])
        .with_twin_y_plots(
            0,
            primary.into_iter().flatten().collect(),
            secondary.into_iter().flatten().collect(),
        )
        .render();
    let svg = SvgBackend::new().render_scene(&scene);
    let png = RasterBackend::new()
        .with_scale(1.0)
        .render_scene(&scene)
        .map_err(|reason| ProgressFigureError::Png { reason })?;
    Ok(ProgressFigure { svg, png })
}

/// The points of one line; gaps are kept as values that are not finite.
fn series(epochs: &[FigurePoint], value: impl Fn(&FigurePoint) -> f64) -> Vec<(f64, f64)> {
    epochs.iter().map(|e| (e.epoch as f64, value(e))).collect()
}

/// First to last epoch; one epoch alone still needs an axis with a length.
fn epoch_range(epochs: &[FigurePoint]) -> (f64, f64) {
    let first = epochs.iter().map(|e| e.epoch).min().unwrap_or(0) as f64;
    let last = epochs.iter().map(|e| e.epoch).max().unwrap_or(0) as f64;
    (first, last.max(first + 1.0))
}

/// Ticks between two epochs (on the axis of a run of few epochs) carry no number.
fn whole_epochs(epoch: f64) -> String {
    if (epoch - epoch.round()).abs() < 1e-6 {
        format!("{epoch:.0}")
    } else {
        String::new()
    }
}

/// Up to five decimals: kuva's scientific notation would run into the name of the axis.
fn short_number(value: f64) -> String {
    format!("{value:.5}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// An axis that holds all finite values of some lines with a margin of 5 %.
fn range(lines: &[Vec<(f64, f64)>], floor: Option<f64>) -> (f64, f64) {
    let finite = lines
        .iter()
        .flatten()
        .map(|p| p.1)
        .filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let low = floor.map_or(low, |floor| floor.min(low));
    let span = high - low;
    let margin = if span > 0.0 {
        0.05 * span
    } else {
        0.05 * high.abs().max(1e-6)
    };
    (
        if floor == Some(low) {
            low
        } else {
            low - margin
        },
        high + margin,
    )
}

/// One line per run of finite values, so that a gap stays a gap; the first carries the name.
fn lines(points: &[(f64, f64)], color: &str, style: LineStyle, name: &str) -> Vec<Plot> {
    let runs: Vec<&[(f64, f64)]> = points
        .split(|p| !p.1.is_finite())
        .filter(|run| !run.is_empty())
        .collect();
    let line = |run: &[(f64, f64)]| {
        // A single epoch has no line; a short stroke makes it visible.
        let stroke = if let [(x, y)] = run {
            vec![(x - 0.02, *y), (x + 0.02, *y)]
        } else {
            run.to_vec()
        };
        LinePlot::new()
            .with_data(stroke)
            .with_color(color)
            .with_stroke_width(if run.len() == 1 { 4.0 } else { 2.0 })
            .with_line_style(style.clone())
    };
    runs.iter()
        .enumerate()
        .map(|(at, run)| {
            Plot::Line(if at == 0 {
                line(run).with_legend(name)
            } else {
                line(run)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
