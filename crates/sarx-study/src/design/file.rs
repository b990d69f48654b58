//! `study.toml` as it is written, before it is checked against the cohort.

use super::fault::{DesignError, Fault, FaultKind};
use super::place::Lines;
use super::text_faults::text_faults;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the study file that is read.
const VERSION: u32 = 1;

/// The study file. Names and orders are the file's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Version of the format: 1.
    pub version: u32,
    /// Title of the study.
    pub name: String,
    /// The cohort table, relative to the study file.
    pub cohort: String,
    /// Folder for what is made, relative to the study file.
    #[serde(default = "default_out")]
    pub out: String,
    /// Names of the cohort's columns.
    #[serde(default)]
    pub columns: Columns,
    /// Values of the site column by stratum.
    pub strata: IndexMap<String, Vec<String>>,
    /// What is known of histologies.
    #[serde(default)]
    pub histology: HistologyRules,
    /// How patients are split.
    #[serde(default)]
    pub split: SplitRules,
    /// Names of the labels in reference segmentations; the first is scored.
    #[serde(default = "default_labels")]
    pub labels: IndexMap<String, u16>,
    /// Columns of files by series.
    pub series: IndexMap<String, SeriesColumns>,
    /// Where all models meet.
    pub common: CommonGrid,
    /// How series are related in space.
    #[serde(default)]
    pub alignment: AlignmentRules,
    /// How models are trained, unless they say otherwise.
    #[serde(default)]
    pub training: TrainingKeys,
    /// The models.
    pub models: IndexMap<String, ModelTable>,
}

fn default_out() -> String {
    "study-out".to_owned()
}

fn default_labels() -> IndexMap<String, u16> {
    IndexMap::from([("tumour".to_owned(), 1)])
}

/// Names of the cohort's columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// Name of the patient.
    pub patient: String,
    /// Histology.
    pub histology: String,
    /// Site.
    pub site: String,
    /// Date of the examination, `YYYY-MM-DD`.
    pub date: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            patient: "patient".to_owned(),
            histology: "histology".to_owned(),
            site: "site".to_owned(),
            date: None,
        }
    }
}

/// What is known of histologies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistologyRules {
    /// Results are given with and without these.
    pub benign: Vec<String>,
    /// The name to use, and other ways in which the table writes it.
    pub spellings: IndexMap<String, Vec<String>>,
}

/// How patients are split.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitRules {
    /// Number of folds.
    pub folds: usize,
    /// Seed of the split.
    pub seed: u64,
    /// External test set by the value of a column.
    pub external: Option<ExternalRule>,
    /// External test set by date.
    pub temporal: Option<TemporalRule>,
}

impl Default for SplitRules {
    fn default() -> Self {
        Self {
            folds: 5,
            seed: 12345,
            external: None,
            temporal: None,
        }
    }
}

/// Patients with this value in this column are the external test set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalRule {
    /// The column.
    pub column: String,
    /// Its value.
    pub value: String,
}

/// Patients from a day on are the external test set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalRule {
    /// The column with the date.
    pub column: String,
    /// The first day of the external test set.
    pub from: String,
}

/// Columns of files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesColumns {
    /// Column with the image.
    pub image: String,
    /// Column with the reference segmentation.
    pub label: Option<String>,
    /// Sequence, such as `T1`: the name of the channel.
    pub sequence: String,
    /// Plane: axial, sagittal or coronal.
    pub plane: String,
}

/// Where all models meet: the grid of the first of these series that a patient has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonGrid {
    /// Series in order of preference.
    pub series: Vec<String>,
}

/// How series of a patient are related in space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlignmentRules {
    /// The method.
    pub method: AlignmentMethod,
}

/// How series of a patient are related in space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlignmentMethod {
    /// By their headers alone.
    Header,
    /// By rigid registration.
    Register,
    /// By their headers where the images overlap in space, else by registration.
    #[default]
    Auto,
}

/// How a model is trained; what is not said is as nnU-Net.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingKeys {
    /// Preset of the planner: plain, resenc-m, small, ..
    pub preset: Option<String>,
    /// Configuration: `3d_fullres`, `2d`, ..
    pub configuration: Option<String>,
    /// Epochs.
    pub epochs: Option<usize>,
    /// Training iterations per epoch.
    pub iterations: Option<usize>,
    /// Validation iterations per epoch.
    pub val_iterations: Option<usize>,
    /// Learning rate of the first epoch.
    pub initial_lr: Option<f64>,
    /// Voxels of the plans, mm, `[z, y, x]`.
    pub target_spacing_mm: Option<[f64; 3]>,
    /// Folds to train: `"all"`, or a list such as `[0]`.
    pub folds: Option<FoldsKey>,
    /// Seed of weights, patches and augmentation.
    pub seed: Option<u64>,
}

/// Folds as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "folds are \"all\" or a list of numbers such as [0]"
)]
pub enum FoldsKey {
    /// A word: `"all"`.
    Word(String),
    /// Numbers.
    Some(Vec<usize>),
}

/// What a model is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// One series.
    Single,
    /// Several sequences as channels on the grid of the first.
    Channels,
    /// Several planes as channels on the grid of the first.
    Early,
    /// One network for the cases of several series.
    Pooled,
    /// Probabilities of several models on one grid, averaged.
    Late,
}

/// How the members of a late fusion are weighted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LateWeights {
    /// All alike.
    #[default]
    Equal,
    /// Chosen on the patients outside the fold that is judged.
    Inner,
}

/// A model as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelTable {
    /// What it is made of.
    pub kind: ModelKind,
    /// Its series; of a late fusion its members say that.
    #[serde(default)]
    pub series: Vec<String>,
    /// Members of a late fusion.
    #[serde(default)]
    pub members: Vec<String>,
    /// Weights of a late fusion.
    pub weights: Option<LateWeights>,
    /// What differs from `[training]`.
    #[serde(default)]
    pub training: TrainingKeys,
}

impl AlignmentMethod {
    /// The word in study files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Register => "register",
            Self::Auto => "auto",
        }
    }
}

impl ModelKind {
    /// The word in study files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Channels => "channels",
            Self::Early => "early",
            Self::Pooled => "pooled",
            Self::Late => "late",
        }
    }
}

impl LateWeights {
    /// The word in study files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Inner => "inner",
        }
    }
}

impl StudyFile {
    /// Reads a study file by itself, without its cohort.
    ///
    /// # Errors
    ///
    /// [`DesignError`] with every fault that its text has: what is no TOML, values of another kind, keys that
    /// are not known or missing. Faults of names and numbers are told by [`Design::open`](super::Design::open).
    pub fn read(path: &Path) -> Result<Self, DesignError> {
        let text = std::fs::read_to_string(path).map_err(|source| DesignError::File {
            path: path.to_owned(),
            source,
        })?;
        let parsed = Self::parse(&text);
        parsed
            .map(|(file, _)| file)
            .map_err(|faults| DesignError::faults(path, faults))
    }

    /// Reads the text of a study file.
    pub(super) fn parse(text: &str) -> Result<(Self, Lines), Vec<Fault>> {
        let file: Self = toml::from_str(text).map_err(|_| text_faults(text))?;
        let lines = Lines::of(text);
        if file.version != VERSION {
            let found = file.version;
            let line = lines.line("version");
            return Err(vec![Fault::in_study(line, FaultKind::Version { found })]);
        }
        Ok((file, lines))
    }
}
