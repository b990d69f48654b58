//! Which series lie in a patient's folder.
//!
//! A patient is a folder with one image per series. A file is told by its name as `sarx study init` tells it
//! ([`series_name`]): `t1_axial.nii.gz`, `T1Axial.nrrd` and `T1 axial.mha` are all series `t1_axial`. What is no series
//! that the policy knows is listed, never guessed at.
//!
//! Texts of errors hold names of files and no paths: a folder is called like its patient, and errors are logged.

use super::Policy;
use crate::design::{CohortTable, InitError, entries, image_of, name_of, series_name, stem_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// The images of a patient by series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientSeries {
    /// Image of each series.
    pub images: BTreeMap<String, PathBuf>,
    /// What else lies in the folder, in order.
    pub ignored: Vec<IgnoredFile>,
}

/// A file that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredFile {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Patients in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatientFolders {
    /// The folder holds the images of one patient.
    One(PathBuf),
    /// The folder holds folders with images, one per patient.
    Several(Vec<PathBuf>),
}

/// A patient whose series cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatientSeriesError {
    /// A folder cannot be listed.
    #[error("cannot list the folder of a patient")]
    Folder(#[source] io::Error),
    /// There is no image.
    #[error(
        "the folder holds no image and no folder with images; it takes one file per series, called like the series (such as {}.nii.gz); known are {}",
        .known.first().map_or("t1_axial", String::as_str), .known.join(", ")
    )]
    NoImages {
        /// Series that the policy knows.
        known: Vec<String>,
    },
    /// Two files of one series.
    #[error(
        "two files are series {series:?}: {first:?} and {second:?}; take one away, or say which with --series {series}=FILE"
    )]
    SeriesTwice {
        /// The series.
        series: String,
        /// Name of the first file.
        first: String,
        /// Name of the second.
        second: String,
    },
    /// A file that fits two series.
    #[error("the name of {file:?} fits the series {}; say which with --series NAME=FILE", .series.join(" and "))]
    Ambiguous {
        /// Name of the file.
        file: String,
        /// The series that it fits.
        series: Vec<String>,
    },
    /// A series that no model of the policy takes.
    #[error("the policy knows no series {series:?}; it knows {}", .known.join(", "))]
    UnknownSeries {
        /// What was given.
        series: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The table of sites cannot be read.
    #[error("{0}")]
    Table(String),
    /// A patient on two lines of the table.
    #[error(
        "a patient stands on lines {first} and {second} of the table; keep one line per patient"
    )]
    PatientTwice {
        /// The first line.
        first: u64,
        /// The second.
        second: u64,
    },
}

impl Policy {
    /// Every series that a model takes, sorted.
    #[must_use]
    pub fn series(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.models.iter().flat_map(|model| &model.series).collect();
        all.into_iter().cloned().collect()
    }
}

impl IgnoredFile {
    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.path)
    }
}

impl PatientSeries {
    /// Looks for the series in `known` among the files of a folder. Hidden files are none of ours.
    ///
    /// # Errors
    ///
    /// [`PatientSeriesError`] if the folder cannot be listed, or two files are one series, or a file is two.
    pub fn of_folder(folder: &Path, known: &[String]) -> Result<Self, PatientSeriesError> {
        let paths = listed(folder, |_| true)?;
        let stems: BTreeSet<String> = paths.iter().filter_map(|path| stem_of(path)).collect();
        let mut found = Self::default();
        for path in paths {
            match recognize(&path, known, &stems)? {
                Recognized::Series(series) => found.add(series, path)?,
                Recognized::Other(reason) => found.ignored.push(IgnoredFile { path, reason }),
            }
        }
        Ok(found)
    }

    /// Takes a file for a series, whatever its name; a file that was found for it in the folder is no longer used.
    ///
    /// # Errors
    ///
    /// [`PatientSeriesError::UnknownSeries`] if the series is not in `known`.
    pub fn set(
        &mut self,
        series: &str,
        image: PathBuf,
        known: &[String],
    ) -> Result<(), PatientSeriesError> {
        if !known.iter().any(|one| one == series) {
            return Err(PatientSeriesError::UnknownSeries {
                series: series.to_owned(),
                known: known.to_vec(),
            });
        }
        let same = |path: &Path| matches!((path.canonicalize(), image.canonicalize()), (Ok(a), Ok(b)) if a == b);
        // The file may lie in the folder under a name that said nothing.
        self.ignored.retain(|ignored| !same(&ignored.path));
        if let Some(before) = self.images.insert(series.to_owned(), image.clone())
            && !same(&before)
        {
            self.ignored.push(IgnoredFile {
                path: before,
                reason: format!("series {series} was given explicitly"),
            });
        }
        Ok(())
    }

    /// Names of the series, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.images.keys().map(String::as_str).collect()
    }

    fn add(&mut self, series: String, path: PathBuf) -> Result<(), PatientSeriesError> {
        let second = name_of(&path);
        match self.images.insert(series.clone(), path) {
            None => Ok(()),
            Some(first) => Err(PatientSeriesError::SeriesTwice {
                first: name_of(&first),
                second,
                series,
            }),
        }
    }
}

impl PatientFolders {
    /// Whether a folder is a patient or holds patients. An image in it makes it a patient. `except` is left out, as
    /// results may lie beside the patients.
    ///
    /// # Errors
    ///
    /// [`PatientSeriesError`] if a folder cannot be listed.
    pub fn of(input: &Path, except: &Path) -> Result<Self, PatientSeriesError> {
        let has_image = |folder: &Path| -> Result<bool, PatientSeriesError> {
            Ok(!listed(folder, is_image)?.is_empty())
        };
        if has_image(input)? {
            return Ok(Self::One(input.to_owned()));
        }
        let except = except.canonicalize().ok();
        let mut several = Vec::new();
        for folder in listed(input, Path::is_dir)? {
            let is_excepted = except.is_some() && folder.canonicalize().ok() == except;
            if !is_excepted && has_image(&folder)? {
                several.push(folder);
            }
        }
        Ok(if several.is_empty() {
            Self::One(input.to_owned())
        } else {
            Self::Several(several)
        })
    }
}

/// The site of every patient in a table with columns `patient` and `site`; empty fields are left out.
///
/// # Errors
///
/// [`PatientSeriesError`] if the table cannot be read, lacks a column, or names a patient twice.
pub fn sites_of_table(path: &Path) -> Result<BTreeMap<String, String>, PatientSeriesError> {
    let table = CohortTable::read(path).map_err(|e| PatientSeriesError::Table(e.to_string()))?;
    let column = |name: &str| {
        let found = table.column(name);
        found.map_err(|kind| PatientSeriesError::Table(format!("the table of sites: {kind}")))
    };
    let (patient, site) = (column("patient")?, column("site")?);
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    let mut sites = BTreeMap::new();
    for (line, fields) in &table.rows {
        if let Some(first) = lines.insert(&fields[patient], *line) {
            return Err(PatientSeriesError::PatientTwice {
                first,
                second: *line,
            });
        }
        if !fields[site].is_empty() {
            sites.insert(fields[patient].clone(), fields[site].clone());
        }
    }
    Ok(sites)
}

/// What a file is by its name.
enum Recognized {
    Series(String),
    /// No series, and why.
    Other(String),
}

fn recognize(
    path: &Path,
    known: &[String],
    stems: &BTreeSet<String>,
) -> Result<Recognized, PatientSeriesError> {
    let other = |reason: &str| Ok(Recognized::Other(reason.to_owned()));
    let Some(stem) = stem_of(path).filter(|_| path.is_file()) else {
        return other(if path.is_dir() {
            "a folder"
        } else {
            "no image by its ending"
        });
    };
    if known.contains(&stem) {
        return Ok(Recognized::Series(stem));
    }
    if image_of(&stem).is_some_and(|image| stems.contains(image)) {
        return other("a reference segmentation by its name");
    }
    let name = series_name(&stem);
    let fits: Vec<&String> = known
        .iter()
        .filter(|one| series_name(one) == name)
        .collect();
    match fits.as_slice() {
        [] => other("no series that a model takes"),
        [one] => Ok(Recognized::Series((*one).clone())),
        several => Err(PatientSeriesError::Ambiguous {
            file: name_of(path),
            series: several.iter().map(|one| (*one).clone()).collect(),
        }),
    }
}

fn is_image(path: &Path) -> bool {
    path.is_file() && stem_of(path).is_some()
}

fn listed(
    folder: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, PatientSeriesError> {
    entries(folder, wanted).map_err(|error| match error {
        InitError::Folder { source, .. } => PatientSeriesError::Folder(source),
        other => PatientSeriesError::Folder(io::Error::other(other)),
    })
}

#[cfg(test)]
mod tests;
