//! plans.json: how to preprocess, train and predict.
//!
//! A plans file is written by a planner (ours or nnU-Net's) and travels with every trained
//! model. [`Plans`] keeps the document whole and reads from it what is the same for all
//! configurations; [`Plans::configuration`] resolves inheritance, converts the form of older
//! releases and checks one configuration. On file, networks and functions are Python names;
//! inside they are closed enums, and a name outside them is an error that tells it.
//!
//! Source: nnU-Net v2 `utilities/plans_handling/plans_handler.py`.

mod architecture;
mod configuration;
mod draft;
mod error;
mod inherit;
mod legacy;
mod schema;
#[cfg(test)]
mod tests;

pub use architecture::{Architecture, Network};
pub use configuration::{Configuration, NormalizationScheme, Resampling};
pub(crate) use draft::PlansDraft;
pub use error::{ConfigurationError, PlansError};

use crate::document;
use crate::fingerprint::IntensityProperties;
use crate::reader::ImageReader;
use schema::PlansSchema;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A plans file: what holds for all configurations, and the configurations by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Plans {
    document: Map<String, Value>,
    dataset_name: String,
    plans_name: String,
    image_reader: ImageReader,
    planner: String,
    transpose_forward: [usize; 3],
    transpose_backward: [usize; 3],
    foreground_intensities: Vec<IntensityProperties>,
}

impl Plans {
    /// Reads a plans file. Configurations are checked when they are asked for, because a file
    /// may hold one that only its author's code can run.
    ///
    /// # Errors
    ///
    /// [`PlansError`] if the file is no JSON or a key that all configurations need is missing
    /// or wrong.
    pub fn read(path: &Path) -> Result<Self, PlansError> {
        let document: Map<String, Value> = document::read(path)?;
        Self::from_json(document).map_err(|source| PlansError::InFile {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Takes a document that is already parsed.
    ///
    /// # Errors
    ///
    /// [`PlansError`] if a key is missing or wrong.
    pub fn from_json(document: Map<String, Value>) -> Result<Self, PlansError> {
        let schema: PlansSchema = serde_json::from_value(Value::Object(document.clone()))
            .map_err(|source| PlansError::Form { source })?;
        let transpose_forward = permutation("transpose_forward", &schema.transpose_forward)?;
        let transpose_backward = permutation("transpose_backward", &schema.transpose_backward)?;
        if (0..3).any(|axis| transpose_backward[transpose_forward[axis]] != axis) {
            return Err(PlansError::NotInverse {
                forward: transpose_forward,
                backward: transpose_backward,
            });
        }
        if let Some(name) = schema.label_manager.filter(|name| name != "LabelManager") {
            return Err(PlansError::UnknownLabelManager { name });
        }
        let foreground_intensities =
            schema::by_channel(schema.foreground_intensity_properties_per_channel)
                .map_err(|found| PlansError::IntensityChannels { found })?;
        Ok(Self {
            dataset_name: schema.dataset_name,
            plans_name: schema.plans_name,
            image_reader: ImageReader::from_class(&schema.image_reader_writer)?,
            planner: schema.experiment_planner_used.unwrap_or_default(),
            transpose_forward,
            transpose_backward,
            foreground_intensities,
            document,
        })
    }

    /// Writes the document, keys in the order they have.
    ///
    /// # Errors
    ///
    /// [`PlansError`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlansError> {
        Ok(document::write(path, &self.document)?)
    }

    /// The whole document.
    #[must_use]
    pub fn to_json(&self) -> &Map<String, Value> {
        &self.document
    }

    /// Name of the dataset, as `Dataset701_T1ax`.
    #[must_use]
    pub fn dataset_name(&self) -> &str {
        &self.dataset_name
    }

    /// Name of the plans, as `nnUNetPlans`; also the stem of the file.
    #[must_use]
    pub fn plans_name(&self) -> &str {
        &self.plans_name
    }

    /// The reader that the training cases were read with.
    #[must_use]
    pub fn image_reader(&self) -> ImageReader {
        self.image_reader
    }

    /// Class name of the planner; empty if the file does not say.
    #[must_use]
    pub fn planner(&self) -> &str {
        &self.planner
    }

    /// Axis of the read array that becomes axis 0, 1, 2: `plans[a] = native[forward[a]]`.
    #[must_use]
    pub fn transpose_forward(&self) -> [usize; 3] {
        self.transpose_forward
    }

    /// Inverse of [`Plans::transpose_forward`].
    #[must_use]
    pub fn transpose_backward(&self) -> [usize; 3] {
        self.transpose_backward
    }

    /// Intensities of the foreground over the training cases, by channel.
    #[must_use]
    pub fn foreground_intensities(&self) -> &[IntensityProperties] {
        &self.foreground_intensities
    }

    /// Names of the configurations, in the order of the file.
    pub fn configuration_names(&self) -> impl Iterator<Item = &str> {
        self.configurations()
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
    }

    /// One configuration: inheritance resolved, older forms converted, everything checked.
    ///
    /// # Errors
    ///
    /// [`PlansError::Configuration`] names the configuration and what is wrong with it: it does
    /// not exist, inherits in a circle, lacks a key, or names something sarx does not have.
    pub fn configuration(&self, name: &str) -> Result<Configuration, PlansError> {
        let in_configuration = |source| PlansError::Configuration {
            name: name.to_owned(),
            source,
        };
        let mut resolved =
            inherit::resolve(self.configurations(), name).map_err(in_configuration)?;
        legacy::convert(&mut resolved).map_err(in_configuration)?;
        Configuration::from_map(name, resolved).map_err(in_configuration)
    }

    /// Adds a configuration or replaces the one of its name.
    ///
    /// # Errors
    ///
    /// [`PlansError::Form`] if `configurations` is no object, which no checked document has.
    pub fn insert(&mut self, configuration: &Configuration) -> Result<(), PlansError> {
        let map = configuration.to_map()?;
        self.configurations_mut()
            .insert(configuration.name.clone(), Value::Object(map));
        Ok(())
    }

    /// Adds a cascade stage: everything as `parent`, with predictions of `previous_stage`.
    pub(crate) fn insert_heir(&mut self, name: &str, parent: &str, previous_stage: &str) {
        let heir = json!({"inherits_from": parent, "previous_stage": previous_stage});
        self.configurations_mut().insert(name.to_owned(), heir);
    }

    /// Keeps the configurations of an older file whose names these plans do not have, so that
    /// planning again does not delete what a user wrote by hand.
    pub fn keep_custom_configurations(&mut self, older: &Self) {
        let Some(older) = older.configurations() else {
            return;
        };
        let configurations = self.configurations_mut();
        for (name, configuration) in older {
            if !configurations.contains_key(name) {
                configurations.insert(name.clone(), configuration.clone());
            }
        }
    }

    fn configurations(&self) -> Option<&Map<String, Value>> {
        self.document.get("configurations")?.as_object()
    }

    fn configurations_mut(&mut self) -> &mut Map<String, Value> {
        let entry = self.document.entry("configurations");
        let value = entry.or_insert_with(|| Value::Object(Map::new()));
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        value
            .as_object_mut()
            .expect("it was made an object in the line above")
    }
}

fn permutation(key: &'static str, found: &[usize]) -> Result<[usize; 3], PlansError> {
    let mut seen = [false; 3];
    for &axis in found {
        if let Some(seen) = seen.get_mut(axis) {
            *seen = true;
        }
    }
    match <[usize; 3]>::try_from(found) {
        Ok(axes) if seen == [true; 3] => Ok(axes),
        _ => Err(PlansError::NotPermutation {
            key,
            found: found.to_vec(),
        }),
    }
}
