//! Draws `progress.png` and `progress.svg` of a fold.

use crate::fold_folder::FoldFolder;
use crate::progress_figure::{FigurePoint, progress_figure};
use crate::{EpochRecord, TrainError};
use std::io::Write;

/// Draws and writes both files.
pub(crate) fn write(records: &[EpochRecord], folder: &FoldFolder) -> Result<(), TrainError> {
    let points: Vec<FigurePoint> = records
        .iter()
        .map(|r| FigurePoint {
            epoch: r.epoch,
            train_loss: r.train_loss,
            val_loss: r.val_loss,
            pseudo_dice: r.pseudo_dice.unwrap_or(f64::NAN),
            ema: r.ema.unwrap_or(f64::NAN),
            duration_s: r.duration_s,
            learning_rate: r.lr,
        })
        .collect();
    let figure = progress_figure(&points).map_err(|e| TrainError::Figure {
        what: e.to_string(),
    })?;
    sarx_io::write_atomic(&folder.figure("png"), |out| out.write_all(&figure.png))?;
    sarx_io::write_atomic(&folder.figure("svg"), |out| {
        out.write_all(figure.svg.as_bytes())
    })?;
    Ok(())
}
