//! New plans, before they have configurations.

use super::schema::PlansSchema;
use super::{Plans, PlansError};
use crate::fingerprint::IntensityProperties;
use serde_json::{Map, Number, Value};

/// What a planner knows about all configurations together; axes in plans order.
pub(crate) struct PlansDraft {
    pub(crate) dataset_name: String,
    pub(crate) plans_name: String,
    pub(crate) original_median_spacing_mm: [f64; 3],
    pub(crate) original_median_size: [usize; 3],
    pub(crate) image_reader_writer: String,
    pub(crate) transpose_forward: [usize; 3],
    pub(crate) transpose_backward: [usize; 3],
    pub(crate) planner: String,
    pub(crate) foreground_intensities: Vec<IntensityProperties>,
}

impl Plans {
    pub(crate) fn from_draft(draft: PlansDraft) -> Result<Self, PlansError> {
        let form = |source| PlansError::Form { source };
        let mut intensities = Map::new();
        for (channel, properties) in draft.foreground_intensities.iter().enumerate() {
            let value = serde_json::to_value(properties).map_err(form)?;
            intensities.insert(channel.to_string(), value);
        }
        let schema = PlansSchema {
            dataset_name: draft.dataset_name,
            plans_name: draft.plans_name,
            original_median_spacing_after_transp: draft.original_median_spacing_mm.to_vec(),
            original_median_shape_after_transp: draft
                .original_median_size
                .map(Number::from)
                .to_vec(),
            image_reader_writer: draft.image_reader_writer,
            transpose_forward: draft.transpose_forward.to_vec(),
            transpose_backward: draft.transpose_backward.to_vec(),
            configurations: Map::new(),
            experiment_planner_used: Some(draft.planner),
            label_manager: Some("LabelManager".to_owned()),
            foreground_intensity_properties_per_channel: intensities,
        };
        match serde_json::to_value(schema).map_err(form)? {
            Value::Object(document) => Self::from_json(document),
            other => serde_json::from_value(other)
                .map_err(form)
                .and_then(Self::from_json),
        }
    }
}
