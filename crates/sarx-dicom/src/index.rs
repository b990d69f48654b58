//! Sorts any folder or archive into patients, studies, series and instances.
//!
//! Headers are read in parallel and kept only as what later steps need. Every file of the input
//! is accounted for: as an instance, as a copy of one, as no DICOM, or as a fault.

use crate::archive::Archive;
use crate::header::read_header;
use crate::instance::Identity;
use crate::{FileError, FileFault, InputError, Instance, Limits, Location};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use rayon::prelude::*;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A whole input, sorted.
#[derive(Debug, Default)]
pub struct Index {
    /// Patients, in the order of their identifiers.
    pub patients: Vec<Patient>,
    /// Files that are no DICOM.
    pub foreign: Vec<Location>,
    /// Files that are DICOM and cannot be used, each with its reason.
    pub faults: Vec<FileError>,
    /// Byte-for-byte copies of objects that are in the index once.
    pub copies: Vec<Location>,
    /// Links to folders, which are not followed.
    pub links: Vec<PathBuf>,
    /// Sequences of unknown kind that were not read, over all files.
    pub n_unknown_sequences: usize,
}

/// One patient, by identifier and, where that is missing, by name and birth date.
#[derive(Debug, Clone, Default)]
pub struct Patient {
    /// Identifier as in the files; personal data, not for logs or file names.
    pub id: String,
    /// Studies, by date and UID.
    pub studies: Vec<Study>,
}

/// One examination.
#[derive(Debug, Clone, Default)]
pub struct Study {
    /// Its UID.
    pub uid: String,
    /// Date as in the files, `YYYYMMDD`.
    pub date: String,
    /// Series, by number and UID.
    pub series: Vec<Series>,
}

/// One series.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its UID.
    pub uid: String,
    /// UID of its study.
    pub study_uid: String,
    /// Its number.
    pub number: Option<i64>,
    /// Modality, such as `MR`.
    pub modality: String,
    /// Description as in the files.
    pub description: String,
    /// Attributes of the patient, study and series of the first instance, by tag.
    pub identity: BTreeMap<Tag, String>,
    /// UIDs of all frames of reference that its instances name.
    pub frames_of_reference: BTreeSet<String>,
    /// Its objects, by instance number and UID.
    pub instances: Vec<Instance>,
}

/// Indexes a folder with everything below it, a zip archive, or a single file.
///
/// Links to folders are not followed; zip archives inside a folder are opened, archives inside
/// archives are not.
///
/// # Errors
///
/// [`InputError`] if the input cannot be listed, an archive cannot be opened or unpacks to more
/// than `limits` allow, or there are too many files. What is wrong with single files is in the
/// [`Index`].
pub fn index(input: &Path, limits: &Limits) -> Result<Index, InputError> {
    let mut found = Found::default();
    found.add(input, limits)?;
    let read: Vec<Read> = found
        .locations
        .par_iter()
        .map(|location| read(location, limits))
        .collect();
    let mut index = Index {
        links: found.links,
        ..Index::default()
    };
    let mut objects: BTreeMap<String, (Instance, Identity)> = BTreeMap::new();
    for (location, read) in found.locations.iter().zip(read) {
        match read {
            Read::Foreign => index.foreign.push(location.clone()),
            Read::Fault(error) => index.faults.push(error),
            Read::Object(object, n_unknown) => {
                index.n_unknown_sequences += n_unknown;
                index.take(&mut objects, *object, limits);
            }
        }
    }
    index.patients = sort(objects);
    Ok(index)
}

/// What was found on the disk.
#[derive(Default)]
struct Found {
    locations: Vec<Location>,
    links: Vec<PathBuf>,
}

impl Found {
    fn add(&mut self, input: &Path, limits: &Limits) -> Result<(), InputError> {
        let failed = |act, path: &Path| {
            let path = path.to_owned();
            move |source| InputError::Io { act, source, path }
        };
        let mut waiting = vec![input.to_owned()];
        while let Some(path) = waiting.pop() {
            let info = fs::metadata(&path).map_err(failed("look at", &path))?;
            if info.is_dir() {
                let entries = fs::read_dir(&path).map_err(failed("list the folder", &path))?;
                for entry in entries {
                    let entry = entry.map_err(failed("list the folder", &path))?;
                    let kind = entry.file_type().map_err(failed("look at", &path))?;
                    let target = entry.path();
                    if kind.is_symlink() && fs::metadata(&target).is_ok_and(|m| m.is_dir()) {
                        self.links.push(target);
                    } else if kind.is_dir() {
                        waiting.push(target);
                    } else {
                        self.file(&target, limits)?;
                    }
                }
            } else {
                self.file(&path, limits)?;
            }
            if self.locations.len() + waiting.len() > limits.n_files {
                return Err(InputError::TooManyFiles {
                    limit: limits.n_files,
                    path: input.to_owned(),
                });
            }
        }
        // The order on the disk must not decide anything.
        self.locations.sort_by_cached_key(ToString::to_string);
        self.links.sort();
        Ok(())
    }

    fn file(&mut self, path: &Path, limits: &Limits) -> Result<(), InputError> {
        let zipped = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
        if !zipped {
            self.locations.push(Location::File(path.to_owned()));
            return Ok(());
        }
        let archive = Archive::open(path, limits)?;
        for (number, name) in archive.files() {
            let archive = archive.clone();
            self.locations.push(Location::Entry {
                archive,
                number,
                name,
            });
        }
        Ok(())
    }
}

/// What came of one file.
enum Read {
    Foreign,
    Fault(FileError),
    Object(Box<(Instance, Identity)>, usize),
}

fn read(location: &Location, limits: &Limits) -> Read {
    let header = match read_header(location, limits) {
        Ok(header) => header,
        Err(FileError {
            fault: FileFault::NotDicom,
            ..
        }) => return Read::Foreign,
        Err(error) => return Read::Fault(error),
    };
    match Instance::new(location, &header) {
        Ok(object) => Read::Object(Box::new(object), header.n_unknown),
        Err(fault) => Read::Fault(fault.at(location)),
    }
}

impl Index {
    /// Takes an object in; a second one with the same UID is a copy or a fault.
    fn take(
        &mut self,
        objects: &mut BTreeMap<String, (Instance, Identity)>,
        object: (Instance, Identity),
        limits: &Limits,
    ) {
        match objects.entry(object.0.sop_instance.clone()) {
            Entry::Vacant(place) => {
                place.insert(object);
            }
            Entry::Occupied(place) => {
                let (first, second) = (&place.get().0.location, object.0.location);
                match (first.read_all(limits), second.read_all(limits)) {
                    (Ok(a), Ok(b)) if a == b => self.copies.push(second),
                    (Err(fault), _) | (_, Err(fault)) => self.faults.push(fault.at(&second)),
                    _ => self.faults.push(
                        FileFault::Bad {
                            name: "SOPInstanceUID",
                            expected: "a UID of its own; another file with other content has the same",
                        }
                        .at(&second),
                    ),
                }
            }
        }
    }

    /// All series of all patients.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.patients
            .iter()
            .flat_map(|patient| &patient.studies)
            .flat_map(|study| &study.series)
    }

    /// Objects in the index.
    #[must_use]
    pub fn n_instances(&self) -> usize {
        self.series().map(|series| series.instances.len()).sum()
    }
}

/// Date and UID of a study: its order.
type StudyKey = (String, String);
/// Number and UID of a series: its order.
type SeriesKey = (i64, String);
type Studies = BTreeMap<StudyKey, BTreeMap<SeriesKey, Series>>;
/// Where a series was put: patient, study, series.
type Home = (String, StudyKey, SeriesKey);

fn sort(objects: BTreeMap<String, (Instance, Identity)>) -> Vec<Patient> {
    let mut tree: BTreeMap<String, Studies> = BTreeMap::new();
    // One series must not fall apart because one of its files names its patient differently.
    let mut homes: BTreeMap<String, Home> = BTreeMap::new();
    for (_, (instance, identity)) in objects {
        let get = |tag| {
            let found = identity.texts.iter().find(|(t, _)| *t == tag);
            found.map(|(_, text)| text.clone()).unwrap_or_default()
        };
        let (patient, study, key) = homes
            .entry(identity.series.clone())
            .or_insert_with(|| {
                let number = get(tags::SERIES_NUMBER).parse().unwrap_or(i64::MAX);
                (
                    patient_key(&get),
                    (get(tags::STUDY_DATE), identity.study.clone()),
                    (number, identity.series.clone()),
                )
            })
            .clone();
        let series = tree
            .entry(patient)
            .or_default()
            .entry(study)
            .or_default()
            .entry(key)
            .or_insert_with(|| Series {
                uid: identity.series.clone(),
                study_uid: identity.study.clone(),
                number: get(tags::SERIES_NUMBER).parse().ok(),
                modality: get(tags::MODALITY),
                description: get(tags::SERIES_DESCRIPTION),
                identity: identity.texts.iter().cloned().collect(),
                ..Series::default()
            });
        let frame_of_reference = get(tags::FRAME_OF_REFERENCE_UID);
        if !frame_of_reference.is_empty() {
            series.frames_of_reference.insert(frame_of_reference);
        }
        series.instances.push(instance);
    }
    tree.into_iter().map(patient).collect()
}

/// What tells patients apart: the identifier, else name and birth date, else the study.
fn patient_key(get: &impl Fn(Tag) -> String) -> String {
    let id = get(tags::PATIENT_ID);
    if !id.is_empty() {
        return id;
    }
    let (name, born) = (get(tags::PATIENT_NAME), get(tags::PATIENT_BIRTH_DATE));
    if name.is_empty() {
        String::new()
    } else {
        format!("{name}\\{born}")
    }
}

fn patient((id, studies): (String, Studies)) -> Patient {
    let studies = studies
        .into_iter()
        .map(|((date, uid), series)| Study {
            uid,
            date,
            series: series
                .into_values()
                .map(|mut series| {
                    series.instances.sort_by(|a, b| {
                        (a.instance_number, &a.sop_instance)
                            .cmp(&(b.instance_number, &b.sop_instance))
                    });
                    series
                })
                .collect(),
        })
        .collect();
    Patient { id, studies }
}
