//! dataset.json: what a dataset says about itself.
//!
//! The file is kept whole, unknown keys included, so that a copy in a model folder is the file
//! that the user wrote; the known keys are checked once, on reading.
//!
//! Source of the fields: nnU-Net v2 `documentation/dataset_format.md` and the readers of each
//! key (`utilities/utils.py`, `experiment_planning/verify_dataset_integrity.py`).

use crate::document::{self, DocumentError};
use crate::labels::{LabelScheme, LabelValue, LabelsError};
use crate::reader::{ImageReader, ImageReaderError};
use sarx_core::{CaseId, CaseIdError, Label};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// A checked dataset.json.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetJson {
    channel_names: Vec<String>,
    labels: LabelScheme,
    n_training: usize,
    file_ending: String,
    image_reader: ImageReader,
    listed_cases: Option<Vec<ListedCase>>,
    document: Value,
}

/// A case of the explicit list `dataset`; paths as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCase {
    /// Name of the case.
    pub id: CaseId,
    /// Image files by channel.
    pub images: Vec<String>,
    /// Label file.
    pub label: String,
}

/// A dataset.json that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetJsonError {
    /// The file is missing or no such JSON.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A key that must be there is not.
    #[error("key {key:?} is missing: {path:?}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Channel indices are not "0", "1", ...
    #[error("channel_names has the indices {found:?}; they must be \"0\" to \"n-1\": {path:?}")]
    ChannelIndices {
        /// The keys found.
        found: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The labels break a rule.
    #[error("{source}: {path:?}")]
    Labels {
        /// Which rule.
        source: LabelsError,
        /// The file.
        path: PathBuf,
    },
    /// The file ending does not start with a dot.
    #[error("file_ending is {found:?}; it must start with a dot, as \".nii.gz\": {path:?}")]
    FileEnding {
        /// What was found.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Images in a format, or for a reader, that sarx does not have.
    #[error("{source}: {path:?}")]
    Reader {
        /// Which.
        source: ImageReaderError,
        /// The file.
        path: PathBuf,
    },
    /// A case of the explicit list has a bad name.
    #[error("{source}: {path:?}")]
    CaseName {
        /// What is wrong with the name.
        source: CaseIdError,
        /// The file.
        path: PathBuf,
    },
    /// A case is listed twice.
    #[error("case \"{case}\" is listed twice in \"dataset\": {path:?}")]
    DuplicateCase {
        /// The case.
        case: CaseId,
        /// The file.
        path: PathBuf,
    },
}

impl DatasetJson {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`DatasetJsonError`] with the path and what must be changed.
    pub fn read(path: &Path) -> Result<Self, DatasetJsonError> {
        let schema: Schema = document::read(path)?;
        let document: Value = document::read(path)?;
        Self::check(schema, document, path)
    }

    /// Writes the document as it was read.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DocumentError> {
        document::write(path, &self.document)
    }

    /// The whole document, keys in the order of the file.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Names of the channels, by channel index. The name selects the normalization.
    #[must_use]
    pub fn channel_names(&self) -> &[String] {
        &self.channel_names
    }

    /// Number of channels of a case.
    #[must_use]
    pub fn n_channels(&self) -> usize {
        self.channel_names.len()
    }

    /// Labels, regions and ignore label.
    #[must_use]
    pub fn labels(&self) -> &LabelScheme {
        &self.labels
    }

    /// `numTraining`: how many training cases there should be.
    #[must_use]
    pub fn n_training(&self) -> usize {
        self.n_training
    }

    /// Ending of all image and label files, with its leading dot.
    #[must_use]
    pub fn file_ending(&self) -> &str {
        &self.file_ending
    }

    /// The reader that nnU-Net takes for these files: by the file ending, or what
    /// `overwrite_image_reader_writer` says unless it is the word "None".
    #[must_use]
    pub fn image_reader(&self) -> ImageReader {
        self.image_reader
    }

    /// The explicit list of cases, where there is one; then folders are not scanned.
    #[must_use]
    pub fn listed_cases(&self) -> Option<&[ListedCase]> {
        self.listed_cases.as_deref()
    }

    fn check(schema: Schema, document: Value, path: &Path) -> Result<Self, DatasetJsonError> {
        let at = || path.to_owned();
        let missing = |key| DatasetJsonError::MissingKey { key, path: at() };
        let channels = schema.channel_names.or(schema.modality);
        let channels = channels.ok_or_else(|| missing("channel_names"))?;
        let entries = schema.labels.ok_or_else(|| missing("labels"))?;
        let entries = entries
            .0
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        let labels = LabelScheme::new(entries, schema.regions_class_order)
            .map_err(|source| DatasetJsonError::Labels { source, path: at() })?;
        let file_ending = schema.file_ending.ok_or_else(|| missing("file_ending"))?;
        if !file_ending.starts_with('.') || file_ending.contains(['/', '\\']) {
            return Err(DatasetJsonError::FileEnding {
                found: file_ending,
                path: at(),
            });
        }
        let asked = schema.reader_writer.filter(|name| name != "None");
        let image_reader = ImageReader::choose(&file_ending, asked.as_deref())
            .map_err(|source| DatasetJsonError::Reader { source, path: at() })?;
        let listed_cases = match schema.dataset {
            Some(listed) => Some(checked_cases(listed, path)?),
            None => None,
        };
        Ok(Self {
            channel_names: checked_channels(channels, path)?,
            labels,
            n_training: schema.n_training.ok_or_else(|| missing("numTraining"))?,
            file_ending,
            image_reader,
            listed_cases,
            document,
        })
    }
}

/// Sorts channels by their index. (nnU-Net takes normalizations in the order of the file and
/// images in the order of the index; they are the same in every sound file.)
fn checked_channels(channels: Pairs<String>, path: &Path) -> Result<Vec<String>, DatasetJsonError> {
    let mut channels = channels.0;
    let index_of = |key: &str| key.parse::<usize>().ok().filter(|n| n.to_string() == key);
    channels.sort_by_key(|(key, _)| index_of(key));
    let consecutive = channels
        .iter()
        .enumerate()
        .all(|(at, (key, _))| index_of(key) == Some(at));
    if channels.is_empty() || !consecutive {
        let found = channels.into_iter().map(|(key, _)| key).collect();
        return Err(DatasetJsonError::ChannelIndices {
            found,
            path: path.to_owned(),
        });
    }
    Ok(channels.into_iter().map(|(_, name)| name).collect())
}

fn checked_cases(
    listed: Pairs<CaseSchema>,
    path: &Path,
) -> Result<Vec<ListedCase>, DatasetJsonError> {
    let mut cases = Vec::with_capacity(listed.0.len());
    for (name, CaseSchema { images, label }) in listed.0 {
        let id = CaseId::new(name).map_err(|source| DatasetJsonError::CaseName {
            source,
            path: path.to_owned(),
        })?;
        cases.push(ListedCase { id, images, label });
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    match cases.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(DatasetJsonError::DuplicateCase {
            case: pair[0].id.clone(),
            path: path.to_owned(),
        }),
        None => Ok(cases),
    }
}

/// The keys that are read; others are kept in the document only.
#[derive(serde::Deserialize)]
struct Schema {
    channel_names: Option<Pairs<String>>,
    modality: Option<Pairs<String>>,
    labels: Option<Pairs<LabelSchema>>,
    regions_class_order: Option<Vec<Label>>,
    #[serde(rename = "numTraining")]
    n_training: Option<usize>,
    file_ending: Option<String>,
    #[serde(rename = "overwrite_image_reader_writer")]
    reader_writer: Option<String>,
    dataset: Option<Pairs<CaseSchema>>,
}

#[derive(serde::Deserialize)]
struct CaseSchema {
    images: Vec<String>,
    label: String,
}

#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "a label must be a whole number from 0 to 65535 or a list of them"
)]
enum LabelSchema {
    One(Label),
    Union(Vec<Label>),
}

impl From<LabelSchema> for LabelValue {
    fn from(value: LabelSchema) -> Self {
        match value {
            LabelSchema::One(label) => Self::One(label),
            LabelSchema::Union(labels) => Self::Union(labels),
        }
    }
}

/// A JSON object as a list of pairs: keeps the order, and keys that stand there twice.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests;
