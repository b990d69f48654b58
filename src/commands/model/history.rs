//! What is known of a training, in the terms of nnU-Net's checkpoint.

use anyhow::{Context, Result};
use sarx_model::nnunet::TrainingRecord;
use sarx_model::{ModelFolder, WeightsKind, fold_folder_name};
use sarx_nn::poly_lr;
use sarx_plan::Fold;
use sarx_train::{Checkpoint, EpochRecord, read_training_log};
use serde_json::{Map, Value, json};

/// The record of a fold's weights: nnU-Net's own, or made from ours.
pub(super) fn of_weights(
    model: &ModelFolder,
    fold: Fold,
    kind: WeightsKind,
) -> Result<TrainingRecord> {
    if let Some(record) = model.training_record(fold, kind)? {
        return Ok(record);
    }
    let checkpoint = Checkpoint::read(&model.weights_path(fold, kind))
        .context("the weights do not say how they were trained")?;
    let (identity, position) = (&checkpoint.identity, &checkpoint.position);
    let n_done = position.epoch;
    let log = model.path().join(fold_folder_name(fold)).join(LOG);
    let records = read_training_log(&log, n_done)?;
    let last = n_done.saturating_sub(1);
    Ok(TrainingRecord {
        n_epochs: Some(n_done as i64),
        best_ema: position.best_ema,
        learning_rate: Some(poly_lr(identity.initial_lr, last, identity.n_epochs)),
        logging: logging(&records),
    })
}

/// Name of the log in the folder of a fold.
const LOG: &str = "training_log.jsonl";

/// nnU-Net's lists. Its clock times are not in our log; durations are, and times that begin at
/// zero have the same differences.
fn logging(records: &[EpochRecord]) -> Map<String, Value> {
    let mut end_s = 0.0;
    let mut starts = Vec::with_capacity(records.len());
    let mut ends = Vec::with_capacity(records.len());
    for record in records {
        starts.push(json!(end_s));
        end_s += record.duration_s;
        ends.push(json!(end_s));
    }
    let list =
        |value: &dyn Fn(&EpochRecord) -> Value| -> Value { records.iter().map(value).collect() };
    let lists = [
        ("mean_fg_dice", list(&|r| json!(r.pseudo_dice))),
        ("ema_fg_dice", list(&|r| json!(r.ema))),
        (
            "dice_per_class_or_region",
            list(&|r| json!(r.dice_per_label)),
        ),
        ("train_losses", list(&|r| json!(r.train_loss))),
        ("val_losses", list(&|r| json!(r.val_loss))),
        ("lrs", list(&|r| json!(r.lr))),
        ("epoch_start_timestamps", Value::Array(starts)),
        ("epoch_end_timestamps", Value::Array(ends)),
    ];
    lists
        .into_iter()
        .map(|(name, list)| (name.to_owned(), list))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_one_entry_per_epoch_and_times_keep_durations() {
        let record = |epoch, dice| EpochRecord {
            epoch,
            lr: 0.01,
            train_loss: -0.25,
            val_loss: -0.5,
            dice_per_label: vec![dice],
            pseudo_dice: dice,
            ema: dice,
            duration_s: 2.5,
            waited_s: 0.0,
            loader_wait_share: 0.0,
        };
        let lists = logging(&[record(0, Some(0.5)), record(1, None)]);
        assert_eq!(lists.len(), 8);
        assert!(
            lists
                .values()
                .all(|l| l.as_array().is_some_and(|l| l.len() == 2))
        );
        assert_eq!(lists["mean_fg_dice"], json!([0.5, null]));
        assert_eq!(lists["dice_per_class_or_region"], json!([[0.5], [null]]));
        assert_eq!(lists["epoch_start_timestamps"], json!([0.0, 2.5]));
        assert_eq!(lists["epoch_end_timestamps"], json!([2.5, 5.0]));
    }
}
