//! How far a training was: what a checkpoint of nnU-Net says beside the weights.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Key of the record in the metadata of a safetensors file.
const METADATA_KEY: &str = "nnunet_training";
/// Version of the record; others are refused.
const SCHEMA_VERSION: u32 = 1;

/// Position and history of a training, in nnU-Net's terms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Epochs that were finished (`current_epoch`), if known.
    pub n_epochs: Option<i64>,
    /// Best moving average of the pseudo Dice (`_best_ema`), if there is one.
    pub best_ema: Option<f64>,
    /// Learning rate of the last epoch, if known.
    pub learning_rate: Option<f64>,
    /// One list per quantity, one entry per epoch, under nnU-Net's names (`train_losses`, ..).
    pub logging: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct TrainingRecordSchema {
    schema_version: u32,
    #[serde(flatten)]
    record: TrainingRecord,
}

impl TrainingRecord {
    /// As an entry of the metadata of a safetensors file.
    pub(crate) fn to_metadata(&self) -> Result<(String, String), serde_json::Error> {
        let schema = TrainingRecordSchema {
            schema_version: SCHEMA_VERSION,
            record: self.clone(),
        };
        Ok((METADATA_KEY.to_owned(), serde_json::to_string(&schema)?))
    }

    /// From the metadata of a safetensors file; `None` if it has no such record.
    ///
    /// # Errors
    ///
    /// What is wrong with the record, in words.
    pub fn from_metadata(
        metadata: &std::collections::BTreeMap<String, String>,
    ) -> Result<Option<Self>, String> {
        let Some(text) = metadata.get(METADATA_KEY) else {
            return Ok(None);
        };
        let schema: TrainingRecordSchema =
            serde_json::from_str(text).map_err(|e| format!("its record of the training: {e}"))?;
        if schema.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "its record of the training has schema version {}, this build reads {SCHEMA_VERSION}",
                schema.schema_version
            ));
        }
        Ok(Some(schema.record))
    }
}
