//! Losses and pseudo Dice over the epochs.

use super::{BLUE, FigureError, GREEN, VERMILION, svg, theme};
use kuva::plot::{LegendPosition, LinePlot, LineStyle};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_twin_y;
use std::sync::Arc;

/// The columns of a training log; all of one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingCurve {
    /// Index of each epoch.
    pub epoch: Vec<usize>,
    /// Mean training loss.
    pub train_loss: Vec<f64>,
    /// Mean validation loss.
    pub val_loss: Vec<f64>,
    /// Mean foreground pseudo Dice of the validation patches.
    pub pseudo_dice: Vec<f64>,
    /// Exponential moving average of the pseudo Dice.
    pub ema: Vec<f64>,
}

/// Draws losses on the left axis and pseudo Dice on the right one. Values that are not finite
/// are left out.
///
/// # Errors
///
/// [`FigureError::Empty`] without epochs, [`FigureError::Length`] if the columns differ.
pub fn training_curve_svg(curve: &TrainingCurve) -> Result<String, FigureError> {
    let expected = curve.epoch.len();
    let (Some(first), Some(last)) = (curve.epoch.iter().min(), curve.epoch.iter().max()) else {
        return Err(FigureError::Empty {
            figure: "training curve".to_owned(),
        });
    };
    let columns = [
        ("train_loss", &curve.train_loss),
        ("val_loss", &curve.val_loss),
        ("pseudo_dice", &curve.pseudo_dice),
        ("ema", &curve.ema),
    ];
    if let Some((column, values)) = columns.into_iter().find(|(_, v)| v.len() != expected) {
        return Err(FigureError::Length {
            column,
            expected,
            found: values.len(),
        });
    }
    let line = |values: &[f64], color: &str, style: LineStyle, name: &str| {
        let points = curve
            .epoch
            .iter()
            .map(|&e| e as f64)
            .zip(values.iter().copied());
        Plot::Line(
            LinePlot::new()
                .with_data(points.filter(|p| p.1.is_finite()).collect::<Vec<_>>())
                .with_color(color)
                .with_stroke_width(1.6)
                .with_line_style(style)
                .with_legend(name),
        )
    };
    let losses = vec![
        line(&curve.train_loss, BLUE, LineStyle::Solid, "training loss"),
        line(
            &curve.val_loss,
            VERMILION,
            LineStyle::Solid,
            "validation loss",
        ),
    ];
    let dices = vec![
        line(&curve.pseudo_dice, GREEN, LineStyle::Dotted, "pseudo Dice"),
        line(&curve.ema, GREEN, LineStyle::Solid, "moving average"),
    ];
    let finite = curve
        .train_loss
        .iter()
        .chain(&curve.val_loss)
        .copied()
        .filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let margin = if high > low { 0.05 * (high - low) } else { 0.5 };
    let (first, last) = (*first as f64, (*last as f64).max(*first as f64 + 1.0));
    let mut layout = Layout::new((first, last), (low - margin, high + margin))
        .with_width(960.0)
        .with_height(340.0)
        .with_theme(theme())
        .with_x_label("epoch")
        .with_y_label("loss")
        .with_y2_range(0.0, 1.0)
        .with_y2_label("pseudo Dice")
        .with_x_tick_format(TickFormat::Custom(Arc::new(|epoch| {
            if epoch.fract() == 0.0 {
                format!("{epoch:.0}")
            } else {
                String::new()
            }
        })))
        .with_label_size(13)
        .with_tick_size(12)
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_legend_width(150.0);
    layout.show_legend = true;
    let alt = format!("Training curve over {expected} epochs: losses and pseudo Dice");
    Ok(svg(&render_twin_y(losses, dices, layout), &alt))
}
