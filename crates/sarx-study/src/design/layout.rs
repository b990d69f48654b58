//! A cohort table for images that have none: from the names of folders and files.
//!
//! Two layouts are known: nnU-Net's (`imagesTr`, `labelsTr`, `imagesTs`, `labelsTs`, in the folder or in one
//! folder per dataset), and one folder per patient with a file per series (`P1/t1.nii.gz`, its reference
//! `P1/t1_label.nii.gz`). Histology and site are not in names; they stand as `unknown` for a person to fill in.

use super::init::{InitError, study_text};
use sarx_io::strip_ending;
use sarx_plan::DatasetJson;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How references are called beside their images.
const LABEL_ENDINGS: [&str; 6] = ["_label", "_seg", "_mask", "-label", "-seg", "-mask"];

/// What stands where a name does not tell.
const UNKNOWN: &str = "unknown";

/// What was written for a study to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenStudy {
    /// The cohort table.
    pub cohort: PathBuf,
    /// Whether the table was made from the names of files; then histology and site are to be filled in.
    pub is_new_cohort: bool,
    /// Image files that fit no layout and are in no table, in order.
    pub ignored: Vec<PathBuf>,
}

/// Writes a study file for a cohort table, or for a folder of images, whose `cohort.csv` is written first unless
/// it is there.
///
/// - `from`: a cohort table, or a folder with `cohort.csv` or with images
/// - `study`: the file to write; names the table relative to itself where that lies beside or below it
///
/// # Errors
///
/// [`InitError`] if the study file is there already, no layout is known, a patient is in training in one
/// dataset and not in another, or files cannot be read or written.
pub fn write_study_file(from: &Path, study: &Path) -> Result<WrittenStudy, InitError> {
    let cohort = if from.is_dir() {
        from.join("cohort.csv")
    } else {
        from.to_owned()
    };
    if study.exists() {
        let path = study.to_owned();
        return Err(InitError::Exists { path });
    }
    let is_new_cohort = from.is_dir() && !cohort.exists();
    let mut found = Found::default();
    if is_new_cohort {
        found.look(from)?;
        found.write(&cohort)?;
    }
    let begin = || {
        let text = study_text(&cohort, &named_from(&cohort, study)?)?;
        Ok(sarx_io::write_atomic(study, |file| {
            file.write_all(text.as_bytes())
        })?)
    };
    begin().inspect_err(|_: &InitError| {
        // A table that nobody has seen would be taken for a person's the next time.
        if is_new_cohort {
            fs::remove_file(&cohort).ok();
        }
    })?;
    Ok(WrittenStudy {
        cohort,
        is_new_cohort,
        ignored: found.ignored,
    })
}

/// The table as the study file names it: relative where it lies beside or below, else absolute.
fn named_from(table: &Path, study: &Path) -> Result<String, InitError> {
    let absolute = |path: &Path| {
        path.canonicalize().map_err(|source| InitError::Place {
            source,
            path: path.to_owned(),
        })
    };
    let folder = study.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = absolute(folder.unwrap_or(Path::new(".")))?;
    let table = absolute(table)?;
    let shown = table.strip_prefix(&folder).unwrap_or(&table);
    Ok(shown.to_string_lossy().replace('\\', "/"))
}

/// Takes the file of a series; a second one is refused, since one of them would be lost.
fn only(place: &mut Option<PathBuf>, second: PathBuf) -> Result<(), InitError> {
    match place {
        None => *place = Some(second),
        Some(first) => {
            let first = first.clone();
            return Err(InitError::SameSeries { first, second });
        }
    }
    Ok(())
}

/// What a folder holds.
#[derive(Debug, Default)]
struct Found {
    /// Set, and image and reference by series, from the folder; by patient.
    patients: BTreeMap<String, (Option<&'static str>, BTreeMap<String, Files>)>,
    ignored: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Files {
    image: Option<PathBuf>,
    label: Option<PathBuf>,
}

impl Found {
    fn look(&mut self, root: &Path) -> Result<(), InitError> {
        let folders = subfolders(root)?;
        if root.join("imagesTr").is_dir() {
            self.dataset(root, None)?;
        } else if folders
            .iter()
            .any(|folder| folder.join("imagesTr").is_dir())
        {
            for folder in folders {
                if folder.join("imagesTr").is_dir() {
                    self.dataset(&folder, Some(&series_name(&name_of(&folder))))?;
                } else {
                    self.ignored.extend(images(&folder)?);
                }
            }
        } else {
            for folder in folders {
                self.patient(&folder)?;
            }
        }
        if self.patients.is_empty() {
            return Err(InitError::NoLayout {
                path: root.to_owned(),
            });
        }
        Ok(())
    }

    /// A dataset of nnU-Net; `series` names its only channel, or stands before the names of several.
    fn dataset(&mut self, folder: &Path, series: Option<&str>) -> Result<(), InitError> {
        let channels = DatasetJson::read(&folder.join("dataset.json"))
            .map(|json| json.channel_names().to_vec())
            .unwrap_or_default();
        let series_of = |channel: usize| {
            let known = channels.get(channel).map(|name| series_name(name));
            // Names such as `noNorm` say how a channel is normalized, and may stand twice.
            let is_own = |name: &String| {
                let all = channels.iter().map(|other| series_name(other));
                all.filter(|other| other == name).count() == 1
            };
            let known = known
                .filter(is_own)
                .unwrap_or_else(|| format!("channel_{channel}"));
            match series {
                Some(series) if channels.len() < 2 && channel == 0 => series.to_owned(),
                Some(series) => format!("{series}_{known}"),
                None => known,
            }
        };
        for (part, set) in [("Tr", "train"), ("Ts", "test")] {
            let labels: BTreeMap<String, PathBuf> = images(&folder.join(format!("labels{part}")))?
                .into_iter()
                .filter_map(|path| Some((stem_of(&path)?, path)))
                .collect();
            for image in images(&folder.join(format!("images{part}")))? {
                let Some((case, channel)) = stem_of(&image).as_deref().and_then(case_of) else {
                    self.ignored.push(image);
                    continue;
                };
                // All channels share the first one's grid and its reference.
                let label = labels.get(&case).filter(|_| channel == 0).cloned();
                let files = self.files(&case, Some(set), series_of(channel))?;
                only(&mut files.image, image)?;
                files.label = label;
            }
        }
        Ok(())
    }

    /// A folder of one patient.
    fn patient(&mut self, folder: &Path) -> Result<(), InitError> {
        let (patient, files) = (name_of(folder), images(folder)?);
        let stems: BTreeSet<String> = files.iter().filter_map(|path| stem_of(path)).collect();
        for path in files {
            let Some(stem) = stem_of(&path) else {
                continue;
            };
            match image_of(&stem) {
                Some(image) if stems.contains(image) => {
                    let files = self.files(&patient, None, series_name(image))?;
                    only(&mut files.label, path)?;
                }
                Some(_) => self.ignored.push(path),
                None => {
                    let files = self.files(&patient, None, series_name(&stem))?;
                    only(&mut files.image, path)?;
                }
            }
        }
        Ok(())
    }

    fn files(
        &mut self,
        patient: &str,
        set: Option<&'static str>,
        series: String,
    ) -> Result<&mut Files, InitError> {
        let (known, of_patient) = self
            .patients
            .entry(patient.to_owned())
            .or_insert_with(|| (set, BTreeMap::new()));
        if *known != set {
            return Err(InitError::TwoSets {
                patient: patient.to_owned(),
            });
        }
        Ok(of_patient.entry(series).or_default())
    }

    fn write(&self, path: &Path) -> Result<(), InitError> {
        let root = path.parent().unwrap_or(Path::new(""));
        let of_all = self.patients.values().flat_map(|(_, files)| files);
        let mut series: BTreeMap<&String, bool> = BTreeMap::new();
        for (name, files) in of_all {
            *series.entry(name).or_default() |= files.label.is_some();
        }
        let has_sets = self.patients.values().any(|(set, _)| *set == Some("test"));
        let mut header = vec!["patient", "histology", "site"];
        header.extend(has_sets.then_some("set"));
        let mut header: Vec<String> = header.into_iter().map(str::to_owned).collect();
        for (name, has_label) in &series {
            header.push((*name).clone());
            header.extend(has_label.then(|| format!("{name}_label")));
        }
        let within = |path: Option<&PathBuf>| {
            let path = path.map(|path| path.strip_prefix(root).unwrap_or(path));
            path.map_or_else(String::new, |path| {
                path.to_string_lossy().replace('\\', "/")
            })
        };
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(&header)?;
        for (patient, (set, files)) in &self.patients {
            let mut row = vec![patient.clone(), UNKNOWN.to_owned(), UNKNOWN.to_owned()];
            row.extend(set.filter(|_| has_sets).map(str::to_owned));
            for (name, has_label) in &series {
                let files = files.get(*name);
                row.push(within(files.and_then(|files| files.image.as_ref())));
                let label = within(files.and_then(|files| files.label.as_ref()));
                row.extend(has_label.then_some(label));
            }
            table.write_record(&row)?;
        }
        let bytes = table
            .into_inner()
            .map_err(|error| csv::Error::from(error.into_error()))?;
        sarx_io::write_atomic(path, |file| file.write_all(&bytes))?;
        Ok(())
    }
}

/// The image whose reference a file is by its name.
pub(crate) fn image_of(stem: &str) -> Option<&str> {
    LABEL_ENDINGS.iter().find_map(|end| stem.strip_suffix(end))
}

/// `sts_001_0000` is channel 0 of `sts_001`.
fn case_of(stem: &str) -> Option<(String, usize)> {
    let (case, channel) = stem.rsplit_once('_')?;
    let is_channel = channel.len() == 4 && channel.bytes().all(|byte| byte.is_ascii_digit());
    is_channel.then(|| Some((case.to_owned(), channel.parse().ok()?)))?
}

pub(crate) fn stem_of(path: &Path) -> Option<String> {
    let (stem, _) = strip_ending(path.file_name()?.to_str()?)?;
    Some(stem.to_owned())
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A name of a series from that of a folder, a channel or a file: `Dataset101_T1Axial` is `t1_axial`.
pub(crate) fn series_name(name: &str) -> String {
    let number = |rest: &str| rest.len() > 3 && rest.bytes().take(3).all(|b| b.is_ascii_digit());
    let name = match name.strip_prefix("Dataset") {
        Some(rest) if number(rest) => rest[3..].trim_start_matches('_'),
        _ => name,
    };
    // `T1Axial` is two words: the second begins with a capital behind a digit or a small letter.
    let mut spaced = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    let words = spaced.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        "series".to_owned()
    } else {
        words.join("_").to_lowercase()
    }
}

/// Folders in a folder, in order; hidden ones are none of ours.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, InitError> {
    entries(folder, |path| path.is_dir())
}

/// Images in a folder by their names, in order; none if there is no folder.
fn images(folder: &Path) -> Result<Vec<PathBuf>, InitError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    entries(folder, |path| path.is_file() && stem_of(path).is_some())
}

pub(crate) fn entries(
    folder: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, InitError> {
    let failed = |source| InitError::Folder {
        source,
        path: folder.to_owned(),
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !name_of(&path).starts_with('.') && wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
