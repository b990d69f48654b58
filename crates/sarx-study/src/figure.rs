//! Figures for the pages: box plots, rain clouds, Bland-Altman plots and the training curve, as SVG.
//!
//! Colours of axes and text are CSS variables with a fallback, so a figure follows the light or
//! dark page it stands in and is readable as a file of its own.

mod bland_altman;
mod box_plot;
mod rain_cloud;
mod scale;
mod training_curve;

pub use bland_altman::{BlandAltmanPlot, bland_altman_svg};
pub use box_plot::{BoxGroup, box_plot_svg};
pub use rain_cloud::{RainCloud, rain_cloud_svg};
pub use training_curve::{TrainingCurve, training_curve_svg};

use kuva::render::render::Scene;
use kuva::render::theme::Theme;

/// Okabe and Ito's blue, vermilion and green: told apart by all kinds of colour vision.
const BLUE: &str = "#0072b2";
const VERMILION: &str = "#d55e00";
const GREEN: &str = "#009e73";
/// Colour of text and axes.
const INK: &str = "var(--ink,#222222)";

/// A figure that cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("there is nothing to draw in {figure:?}")]
    Empty {
        /// Name of the figure.
        figure: String,
    },
    /// The columns of a curve differ in length.
    #[error("{column} of the training curve has {found} values but there are {expected} epochs")]
    Length {
        /// Name of the column.
        column: &'static str,
        /// Number of epochs.
        expected: usize,
        /// Length of the column.
        found: usize,
    },
}

fn theme() -> Theme {
    Theme {
        background: "none".into(),
        axis_color: INK.into(),
        grid_color: "var(--grid,#dddddd)".into(),
        tick_color: INK.into(),
        text_color: INK.into(),
        legend_bg: "none".into(),
        legend_border: "none".into(),
        box_median: INK.into(),
        font_family: Some("inherit".into()),
        ..Theme::light()
    }
}

/// The drawing as an SVG element that scales with the page and says what it shows.
fn svg(scene: &Scene, alt: &str) -> String {
    let drawn = kuva::backend::svg::SvgBackend::new().render_scene(scene);
    // kuva writes a fixed width and height; a view box lets the page choose.
    let body = drawn.find('>').map_or("", |at| &drawn[at + 1..]);
    let alt = escape(alt);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{alt}\" fill=\"{INK}\" font-family=\"sans-serif\"><title>{alt}</title>{body}",
        scene.width, scene.height
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// kuva reads `$...$` as mathematics; names from files are plain text.
fn plain(text: &str) -> String {
    text.replace('$', "\\$")
}

#[cfg(test)]
mod tests;
