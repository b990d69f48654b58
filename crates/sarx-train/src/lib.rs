//! Training of one fold: batches, loop, schedule, checkpoints and what is told about them.
//!
//! [`train`] takes a [`TrainRequest`] and works until the last epoch or until it is asked to
//! stop. Everything random is a function of seed, epoch and batch, and a [`Checkpoint`] holds
//! the rest, so an interrupted run ends with the bytes of an undisturbed one.

mod batches;
mod checkpoint;
mod config;
mod error;
mod figure;
mod fold_folder;
mod observer;
mod online_validation;
mod previous;
mod progress_figure;
mod pseudo_dice;
mod request;
mod run;
mod training_log;

pub use checkpoint::{Checkpoint, Position, RunIdentity};
pub use config::TrainConfig;
pub use error::TrainError;
pub use observer::{TrainObserver, Unobserved};
pub use online_validation::{PseudoCounts, ema, mean_dice};
pub use previous::PreviousLabels;
pub use progress_figure::{FigurePoint, ProgressFigure, ProgressFigureError, progress_figure};
pub use request::{TrainEnd, TrainReport, TrainRequest};
pub use run::{check_pretrained, train};
pub use training_log::{EpochRecord, read_training_log};
