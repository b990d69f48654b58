//! Models: which series each takes, and how it is trained.

use super::fault::{Fault, FaultKind};
use super::file::{FoldsKey, LateWeights, ModelKind, ModelTable, StudyFile, TrainingKeys};
use super::patient::Patient;
use super::place::Lines;
use sarx_plan::Preset;

/// A model of the study.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Name; its folder is called so.
    pub name: String,
    /// What it is made of.
    pub kind: ModelKind,
    /// Series that it needs: channels in their order, or of a pooled model those that it may take. Of a
    /// late fusion all series of its members, that of the first member's grid first.
    pub series: Vec<String>,
    /// Members of a late fusion.
    pub members: Vec<String>,
    /// Weights of a late fusion.
    pub weights: LateWeights,
    /// How it is trained; a late fusion is not.
    pub training: Training,
}

/// How a model is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Preset of the planner.
    pub preset: String,
    /// Configuration of the plans.
    pub configuration: String,
    /// Epochs.
    pub epochs: usize,
    /// Training iterations per epoch.
    pub iterations: usize,
    /// Validation iterations per epoch.
    pub val_iterations: usize,
    /// Learning rate of the first epoch.
    pub initial_lr: f64,
    /// Voxels of the plans, mm, `[z, y, x]`; the planner's if `None`.
    pub target_spacing_mm: Option<[f64; 3]>,
    /// Folds that are trained.
    pub folds: FoldChoice,
    /// Seed of weights, patches and augmentation.
    pub seed: u64,
}

/// Folds that are trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoldChoice {
    /// Every fold of the split.
    All,
    /// These.
    Some(Vec<usize>),
}

impl FoldChoice {
    /// The numbers of the folds, of a split of `n_folds`.
    #[must_use]
    pub fn numbers(&self, n_folds: usize) -> Vec<usize> {
        match self {
            Self::All => (0..n_folds).collect(),
            Self::Some(numbers) => numbers.clone(),
        }
    }
}

impl ModelSpec {
    /// Whether a network is trained for it.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        self.kind != ModelKind::Late
    }

    /// Whether a patient can have this model: has the images that it needs, and a reference.
    #[must_use]
    pub fn takes(&self, patient: &Patient) -> bool {
        match self.kind {
            ModelKind::Pooled => self
                .series
                .iter()
                .any(|name| patient.has(std::slice::from_ref(name))),
            _ => patient.has(&self.series),
        }
    }
}

/// Longest name of a series or a model; with the patient's it stays far below 255 bytes, the limit of file
/// names.
const LONGEST_NAME: usize = 64;

/// Configurations that can be trained, by nnU-Net's names.
const CONFIGURATIONS: [&str; 4] = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];

/// Marks a key that stands under `[training]` and not under the model.
const SHARED: &str = "shared ";

/// Checks every model; faults are gathered.
pub(super) fn resolve(
    file: &StudyFile,
    lines: &Lines,
    patients: &[Patient],
    faults: &mut Vec<Fault>,
) -> Vec<ModelSpec> {
    names("series", file.series.keys(), lines, faults);
    names("model", file.models.keys(), lines, faults);
    common(file, lines, faults);
    if file.models.is_empty() {
        let (model, what) = ("(none)".to_owned(), "the study has no model".to_owned());
        faults.push(Fault::in_study(
            lines.line("models"),
            FaultKind::Model { model, what },
        ));
    }
    let mut models = Vec::new();
    for (name, table) in &file.models {
        let mut fault = |key: &str, kind| {
            let line = match key.strip_prefix(SHARED) {
                Some(key) => lines.line(&format!("training.{key}")),
                None => lines.line(&format!("models.{name}.{key}")),
            };
            faults.push(Fault::in_study(line, kind));
        };
        let check = Check { file, name, table };
        check.parts(&mut fault);
        let training = check.training(&mut fault);
        let model = ModelSpec {
            name: name.clone(),
            kind: table.kind,
            series: check.series(),
            members: table.members.clone(),
            weights: table.weights.unwrap_or_default(),
            training,
        };
        let mut series = model.series.iter();
        let known = !model.series.is_empty() && series.all(|name| file.series.contains_key(name));
        // Faults of the split, of patients or of series say it already.
        let n_training = patients.iter().filter(|patient| !patient.external).count();
        if known && n_training >= file.split.folds {
            check.has_patients(&model, patients, &mut fault);
        }
        models.push(model);
    }
    models
}

/// Names become folders, parts of case names (`PATIENT__SERIES`) and words in tables and scripts.
fn names<'a>(
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
    lines: &Lines,
    faults: &mut Vec<Fault>,
) {
    let table = if what == "model" { "models" } else { what };
    let mut seen: Vec<(&String, u64)> = Vec::new();
    for name in names {
        let line = lines.line(&format!("{table}.{name}"));
        let same = |(before, _): &&(&String, u64)| before.eq_ignore_ascii_case(name);
        if !is_safe(name) {
            let name = name.clone();
            faults.push(Fault::in_study(line, FaultKind::Name { what, name }));
        } else if let Some((first, other)) = seen.iter().find(same) {
            let kind = FaultKind::NameCase {
                what,
                name: name.clone(),
                first: (*first).clone(),
                other: *other,
            };
            faults.push(Fault::in_study(line, kind));
        }
        seen.push((name, line));
    }
}

/// Whether a name can stand in file names of all systems, and behind a patient's and `__`.
fn is_safe(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let at_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.chars().all(inside)
        && at_end(name.chars().next())
        && at_end(name.chars().next_back())
        && name.len() <= LONGEST_NAME
        && !name.contains("__")
}

fn common(file: &StudyFile, lines: &Lines, faults: &mut Vec<Fault>) {
    let line = lines.line("common.series");
    let mut seen: Vec<&String> = Vec::new();
    for series in &file.common.series {
        if let Some(kind) = unknown(file, series) {
            faults.push(Fault::in_study(line, kind));
        } else if file.series[series].label.is_none() {
            let what = format!(
                "series {series:?} has no column of references, so no model can be judged on its grid"
            );
            faults.push(Fault::in_study(line, FaultKind::Toml { what }));
        }
        if seen.contains(&series) {
            let series = series.clone();
            faults.push(Fault::in_study(line, FaultKind::SeriesTwice { series }));
        } else {
            seen.push(series);
        }
    }
    if file.common.series.is_empty() {
        let what = "name at least one series on whose grid all models meet".to_owned();
        faults.push(Fault::in_study(line, FaultKind::Toml { what }));
    }
}

fn unknown(file: &StudyFile, series: &str) -> Option<FaultKind> {
    (!file.series.contains_key(series)).then(|| FaultKind::NoSeries {
        series: series.to_owned(),
        known: file.series.keys().cloned().collect(),
    })
}

struct Check<'a> {
    file: &'a StudyFile,
    name: &'a str,
    table: &'a ModelTable,
}

impl Check<'_> {
    fn fault(&self, what: impl Into<String>) -> FaultKind {
        FaultKind::Model {
            model: self.name.to_owned(),
            what: what.into(),
        }
    }

    /// Series or members: as many as the kind needs, all declared, none twice.
    fn parts(&self, fault: &mut impl FnMut(&str, FaultKind)) {
        let table = self.table;
        let late = table.kind == ModelKind::Late;
        let (key, parts, other) = if late {
            ("members", &table.members, &table.series)
        } else {
            ("series", &table.series, &table.members)
        };
        if !other.is_empty() {
            let text = if late {
                "a late fusion takes its series from its members; leave `series` out"
            } else {
                "only a late fusion has members"
            };
            fault(key, self.fault(text));
        }
        let (least, most) = match table.kind {
            ModelKind::Single => (1, 1),
            _ => (2, usize::MAX),
        };
        if parts.len() < least || parts.len() > most {
            let wanted = if most == 1 {
                "exactly one".to_owned()
            } else {
                format!("at least {least}")
            };
            fault(
                key,
                self.fault(format!(
                    "this kind takes {wanted} of `{key}`, {} are given",
                    parts.len()
                )),
            );
        }
        for (at, part) in parts.iter().enumerate() {
            let here = format!("{key}.{at}");
            if parts[..at].contains(part) {
                let what = format!("{part:?} stands twice under `{key}`");
                fault(&here, self.fault(what));
            }
            if late {
                self.member(&here, part, fault);
            } else if let Some(kind) = unknown(self.file, part) {
                fault(&here, kind);
            }
        }
        if table.weights.is_some() && !late {
            fault("weights", self.fault("only a late fusion has weights"));
        }
    }

    fn member(&self, key: &str, member: &str, fault: &mut impl FnMut(&str, FaultKind)) {
        match self.file.models.get(member) {
            None => {
                let known: Vec<&str> = self.file.models.keys().map(String::as_str).collect();
                let known = known.join(", ");
                fault(
                    key,
                    self.fault(format!("member {member:?} is no model; there are {known}")),
                );
            }
            Some(table) if matches!(table.kind, ModelKind::Late | ModelKind::Pooled) => {
                let text = format!(
                    "member {member:?} is {}; members are models of one set of series each",
                    if table.kind == ModelKind::Late {
                        "a late fusion itself"
                    } else {
                        "pooled"
                    }
                );
                fault(key, self.fault(text));
            }
            Some(_) => {}
        }
    }

    /// Every series that is needed, each once.
    fn series(&self) -> Vec<String> {
        let of_members = self
            .table
            .members
            .iter()
            .filter_map(|name| self.file.models.get(name));
        let all = self
            .table
            .series
            .iter()
            .chain(of_members.flat_map(|table| &table.series));
        let mut series: Vec<String> = Vec::new();
        for name in all {
            if !series.contains(name) {
                series.push(name.clone());
            }
        }
        series
    }

    fn has_patients(
        &self,
        model: &ModelSpec,
        patients: &[Patient],
        fault: &mut impl FnMut(&str, FaultKind),
    ) {
        let n_folds = self.file.split.folds;
        let n = patients
            .iter()
            .filter(|patient| !patient.external && model.takes(patient))
            .count();
        if n < n_folds {
            let all = if model.kind == ModelKind::Pooled {
                "any"
            } else {
                "all"
            };
            fault("series", self.fault(format!(
                "{n} training patients have {all} of {} (and a reference of the first); at least {n_folds}, one per fold, are needed",
                model.series.join(", ")
            )));
        }
    }

    fn training(&self, fault: &mut impl FnMut(&str, FaultKind)) -> Training {
        let (own, shared) = (&self.table.training, &self.file.training);
        let training = merged(own, shared);
        if self.table.kind == ModelKind::Late {
            if *own != TrainingKeys::default() {
                let what = "a late fusion is not trained; leave `training` out";
                fault("training", self.fault(what));
            }
            return training;
        }
        // A key that all models share stands under [training].
        let mut fault = |key: &str, is_own: bool, what: String| {
            let key = if is_own {
                format!("training.{key}")
            } else {
                SHARED.to_owned() + key
            };
            fault(&key, self.fault(what));
        };
        for (key, is_own, value) in [
            ("epochs", own.epochs.is_some(), training.epochs),
            ("iterations", own.iterations.is_some(), training.iterations),
            (
                "val_iterations",
                own.val_iterations.is_some(),
                training.val_iterations,
            ),
        ] {
            if value == 0 {
                fault(key, is_own, format!("{key} must be at least 1"));
            }
        }
        let presets = Preset::all().map(|preset| preset.name);
        for (key, is_own, value, known) in [
            (
                "preset",
                own.preset.is_some(),
                &training.preset,
                &presets[..],
            ),
            (
                "configuration",
                own.configuration.is_some(),
                &training.configuration,
                &CONFIGURATIONS[..],
            ),
        ] {
            if !known.contains(&value.as_str()) {
                let what = format!("{key} is {value:?}; there are {}", known.join(", "));
                fault(key, is_own, what);
            }
        }
        let lr = training.initial_lr;
        if !(lr.is_finite() && lr > 0.0) {
            let what = format!("initial_lr must be a positive number, not {lr}");
            fault("initial_lr", own.initial_lr.is_some(), what);
        }
        let positive = |mm: [f64; 3]| mm.iter().all(|v| v.is_finite() && *v > 0.0);
        if !training.target_spacing_mm.is_none_or(positive) {
            let what = "target_spacing_mm takes three positive numbers, z y x".to_owned();
            fault("target_spacing_mm", own.target_spacing_mm.is_some(), what);
        }
        let folds = own.folds.as_ref().or(shared.folds.as_ref());
        let n_folds = self.file.split.folds;
        let chosen = match folds {
            None => FoldChoice::All,
            Some(FoldsKey::Word(word)) if word == "all" => FoldChoice::All,
            Some(FoldsKey::Word(word)) => {
                let what = format!("folds are \"all\" or a list of numbers, not {word:?}");
                fault("folds", own.folds.is_some(), what);
                FoldChoice::All
            }
            Some(FoldsKey::Some(numbers)) => {
                let bad = numbers.iter().find(|&&number| number >= n_folds);
                if numbers.is_empty() || bad.is_some() {
                    let last = n_folds.saturating_sub(1);
                    let what = format!("folds {numbers:?} of a split with folds 0 to {last}");
                    fault("folds", own.folds.is_some(), what);
                }
                let mut numbers = numbers.clone();
                numbers.sort_unstable();
                numbers.dedup();
                FoldChoice::Some(numbers)
            }
        };
        Training {
            folds: chosen,
            ..training
        }
    }
}

/// The model's own keys, then those of `[training]`, then nnU-Net's defaults.
fn merged(own: &TrainingKeys, shared: &TrainingKeys) -> Training {
    let text = |own: &Option<String>, shared: &Option<String>, otherwise: &str| {
        own.clone()
            .or_else(|| shared.clone())
            .unwrap_or_else(|| otherwise.to_owned())
    };
    Training {
        preset: text(&own.preset, &shared.preset, "plain"),
        configuration: text(&own.configuration, &shared.configuration, "3d_fullres"),
        epochs: own.epochs.or(shared.epochs).unwrap_or(1000),
        iterations: own.iterations.or(shared.iterations).unwrap_or(250),
        val_iterations: own.val_iterations.or(shared.val_iterations).unwrap_or(50),
        initial_lr: own.initial_lr.or(shared.initial_lr).unwrap_or(0.01),
        target_spacing_mm: own.target_spacing_mm.or(shared.target_spacing_mm),
        folds: FoldChoice::All,
        seed: own.seed.or(shared.seed).unwrap_or(12345),
    }
}
