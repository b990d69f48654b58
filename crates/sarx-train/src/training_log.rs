//! The log of a training run: one JSON object per epoch and line.
//!
//! It is the history from which the progress figure is drawn. A crash between the log and the
//! checkpoint can leave one line too many; resuming drops lines of epochs that will be repeated.

use crate::TrainError;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What one epoch gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Index, from 0.
    pub epoch: usize,
    /// Learning rate.
    pub lr: f64,
    /// Mean loss of the training iterations.
    pub train_loss: f64,
    /// Mean loss of the validation iterations.
    pub val_loss: f64,
    /// Pseudo Dice per foreground label or region; `null` where it occurred nowhere.
    pub dice_per_label: Vec<Option<f64>>,
    /// Mean of the pseudo Dice that are defined.
    pub pseudo_dice: Option<f64>,
    /// Exponential moving average of the pseudo Dice.
    pub ema: Option<f64>,
    /// Wall time, seconds.
    pub duration_s: f64,
    /// Time in which the network waited for batches, seconds.
    pub waited_s: f64,
    /// The same as a share of the epoch, 0 to 1; logs of older runs do not have it.
    #[serde(default)]
    pub loader_wait_share: f64,
}

/// The log file of one fold.
#[derive(Debug)]
pub(crate) struct TrainingLog {
    path: PathBuf,
    records: Vec<EpochRecord>,
}

impl TrainingLog {
    /// Opens the log and keeps the epochs before `next_epoch`.
    pub(crate) fn open(path: &Path, next_epoch: usize) -> Result<Self, TrainError> {
        let text = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.map_err(unreadable(path))?,
        };
        let log = Self {
            path: path.to_owned(),
            records: records_before(&text, next_epoch),
        };
        sarx_io::write_atomic(path, |out| {
            log.records.iter().try_for_each(|r| write_line(out, r))
        })?;
        Ok(log)
    }

    /// Appends one epoch.
    pub(crate) fn push(&mut self, record: EpochRecord) -> Result<(), TrainError> {
        let failed = |source| TrainError::WriteLog {
            path: self.path.clone(),
            source,
        };
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&self.path)
            .map_err(failed)?;
        write_line(&mut file, &record).map_err(failed)?;
        self.records.push(record);
        Ok(())
    }

    /// All epochs so far.
    pub(crate) fn records(&self) -> &[EpochRecord] {
        &self.records
    }
}

/// Reads the log of a training: its epochs before `next_epoch`.
///
/// # Errors
///
/// [`TrainError::ReadLog`] if the file cannot be read.
pub fn read_training_log(path: &Path, next_epoch: usize) -> Result<Vec<EpochRecord>, TrainError> {
    let text = std::fs::read_to_string(path).map_err(unreadable(path))?;
    Ok(records_before(&text, next_epoch))
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    move |source| TrainError::ReadLog {
        path: path.to_owned(),
        source,
    }
}

/// A line cut off by a crash belongs to an epoch that is repeated, and ends the list.
fn records_before(text: &str, next_epoch: usize) -> Vec<EpochRecord> {
    text.lines()
        .map_while(|line| serde_json::from_str::<EpochRecord>(line).ok())
        .take_while(|record| record.epoch < next_epoch)
        .collect()
}

fn write_line(out: &mut impl Write, record: &EpochRecord) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    out.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: usize) -> EpochRecord {
        EpochRecord {
            epoch,
            lr: 0.01,
            train_loss: 0.1,
            val_loss: -0.2,
            dice_per_label: vec![Some(0.5), None],
            pseudo_dice: Some(0.5),
            ema: Some(0.5),
            duration_s: 1.0,
            waited_s: 0.25,
            loader_wait_share: 0.25,
        }
    }

    #[test]
    fn lines_of_repeated_epochs_and_torn_lines_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("training_log.jsonl");
        let mut log = TrainingLog::open(&path, 0).unwrap();
        for epoch in 0..3 {
            log.push(record(epoch)).unwrap();
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"epoch\": 3, \"lr\"")
            .unwrap();
        let log = TrainingLog::open(&path, 2).unwrap();
        assert_eq!(log.records(), [record(0), record(1)]);
        assert_eq!(TrainingLog::open(&path, 9).unwrap().records().len(), 2);
    }
}
