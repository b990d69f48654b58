//! Patients: what the table says of each, checked.

use super::cohort_table::CohortTable;
use super::date::Date;
use super::fault::{Fault, FaultKind};
use super::file::{SeriesColumns, StudyFile};
use super::place::Lines;
use sarx_core::CaseId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A patient of the study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Name in the study.
    pub id: CaseId,
    /// Line of the table.
    pub line: u64,
    /// Histology, in the study's spelling.
    pub histology: String,
    /// Whether the histology is benign.
    pub benign: bool,
    /// Site, as the table says it.
    pub site: String,
    /// Stratum of the site.
    pub stratum: String,
    /// Date of the examination, where the study names a column.
    pub date: Option<Date>,
    /// Whether the patient belongs to the external test set.
    pub external: bool,
    /// Files by series; a series that the patient lacks is not there.
    pub series: BTreeMap<String, SeriesFiles>,
    /// Every other column, by name.
    pub free: BTreeMap<String, String>,
}

/// The files of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesFiles {
    /// The image.
    pub image: PathBuf,
    /// The reference segmentation; without one the series serves as a further channel only.
    pub label: Option<PathBuf>,
}

impl Patient {
    /// Whether the patient has an image of every series, and a reference of the first.
    #[must_use]
    pub fn has(&self, series: &[String]) -> bool {
        let with_label = |name: &String| self.series.get(name).is_some_and(|f| f.label.is_some());
        series.first().is_some_and(with_label)
            && series.iter().all(|name| self.series.contains_key(name))
    }
}

/// Columns of the table that the study names.
struct Named {
    patient: usize,
    histology: usize,
    site: usize,
    /// Date of the temporal split, or of the examination.
    date: Option<usize>,
    external: Option<usize>,
    series: Vec<(String, usize, Option<usize>)>,
}

/// Reads every patient; faults are gathered.
pub(super) fn patients(
    file: &StudyFile,
    lines: &Lines,
    table: &CohortTable,
    faults: &mut Vec<Fault>,
) -> Vec<Patient> {
    let Some(named) = columns(file, lines, table, faults) else {
        return Vec::new();
    };
    let strata = strata_of_sites(file, lines, faults);
    let reader = Reader {
        file,
        table,
        named,
        strata,
    };
    let mut patients: Vec<Patient> = Vec::new();
    for (line, fields) in &table.rows {
        if let Some(patient) = reader.patient(*line, fields, faults) {
            match patients.iter().find(|other| other.id == patient.id) {
                Some(other) => faults.push(twice(&patient, other)),
                None => {
                    faults.extend(same_but_for_case(&patient, &patients));
                    patients.push(patient);
                }
            }
        }
    }
    same_histology(&patients, &reader, faults);
    files_once(&patients, &reader, faults);
    whole(file, lines, &patients, &reader, faults);
    patients.sort_by(|a, b| a.id.cmp(&b.id));
    patients
}

fn columns(
    file: &StudyFile,
    lines: &Lines,
    table: &CohortTable,
    faults: &mut Vec<Fault>,
) -> Option<Named> {
    let before = faults.len();
    let mut find = |name: &str, key: &str| match table.column(name) {
        Ok(column) => column,
        Err(kind) => {
            faults.push(Fault::in_study(lines.line(key), kind));
            0
        }
    };
    let patient = find(&file.columns.patient, "columns.patient");
    let histology = find(&file.columns.histology, "columns.histology");
    let site = find(&file.columns.site, "columns.site");
    let date = match (&file.split.temporal, &file.columns.date) {
        (Some(rule), _) => Some(find(&rule.column, "split.temporal")),
        (None, Some(column)) => Some(find(column, "columns.date")),
        (None, None) => None,
    };
    let external = file.split.external.as_ref();
    let external = external.map(|rule| find(&rule.column, "split.external"));
    let series = file
        .series
        .iter()
        .map(|(name, SeriesColumns { image, label, .. })| {
            let image = find(image, &format!("series.{name}.image"));
            let label = label
                .as_ref()
                .map(|label| find(label, &format!("series.{name}.label")));
            (name.clone(), image, label)
        });
    let series = series.collect();
    let named = Named {
        patient,
        histology,
        site,
        date,
        external,
        series,
    };
    for (name, columns) in &file.series {
        if !["axial", "sagittal", "coronal"].contains(&columns.plane.as_str()) {
            let found = columns.plane.clone();
            let line = lines.line(&format!("series.{name}.plane"));
            faults.push(Fault::in_study(line, FaultKind::Plane { found }));
        }
    }
    if file.split.external.is_some() && file.split.temporal.is_some() {
        faults.push(Fault::in_study(
            lines.line("split.temporal"),
            FaultKind::TwoRules,
        ));
    }
    (faults.len() == before).then_some(named)
}

/// Stratum by site.
fn strata_of_sites(
    file: &StudyFile,
    lines: &Lines,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, String> {
    let mut strata: BTreeMap<String, String> = BTreeMap::new();
    for (stratum, sites) in &file.strata {
        for site in sites {
            if let Some(first) = strata.insert(site.clone(), stratum.clone()) {
                let kind = FaultKind::TwoStrata {
                    site: site.clone(),
                    first,
                    second: stratum.clone(),
                };
                faults.push(Fault::in_study(
                    lines.line(&format!("strata.{stratum}")),
                    kind,
                ));
            }
        }
    }
    strata
}

struct Reader<'a> {
    file: &'a StudyFile,
    table: &'a CohortTable,
    named: Named,
    strata: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn patient(&self, line: u64, fields: &[String], faults: &mut Vec<Fault>) -> Option<Patient> {
        let named = &self.named;
        let mut fault = |kind| faults.push(Fault::in_cohort(line, kind));
        let id = match CaseId::new(fields[named.patient].clone()) {
            // Two underscores part patient and series in the names of pooled cases.
            Ok(id) if !id.as_str().contains("__") => id,
            Ok(id) => {
                let what = format!(
                    "patient \"{id}\" has two underscores in a row, which part patient and series; use one"
                );
                fault(FaultKind::PatientName { what });
                return None;
            }
            Err(error) => {
                let what = format!("no good name of a patient: {error}");
                fault(FaultKind::PatientName { what });
                return None;
            }
        };
        for (what, column) in [("histology", named.histology), ("site", named.site)] {
            if fields[column].is_empty() {
                fault(FaultKind::Empty {
                    patient: id.to_string(),
                    what: what.to_owned(),
                });
            }
        }
        // An empty field might have been forgotten, and would silently mean training.
        if let (Some(rule), Some(column)) = (&self.file.split.external, named.external)
            && fields[column].is_empty()
        {
            fault(FaultKind::Empty {
                patient: id.to_string(),
                what: format!(
                    "value in column {:?}, which tells the external set",
                    rule.column
                ),
            });
        }
        let histology = self.spelled(&fields[named.histology]);
        let site = fields[named.site].clone();
        let stratum = self.strata.get(&site).cloned();
        if stratum.is_none() && !site.is_empty() {
            fault(FaultKind::NoStratum {
                site: site.clone(),
                patient: id.to_string(),
            });
        }
        let date = named.date.and_then(|column| {
            let text = &fields[column];
            let date = Date::parse(text);
            let needed = self.file.split.temporal.is_some() || !text.is_empty();
            if date.is_none() && needed {
                fault(FaultKind::Date {
                    found: text.clone(),
                });
            }
            date
        });
        let external = self.is_external(fields, date);
        let series = self.series(&id, fields, &mut fault);
        let benign = self
            .file
            .histology
            .benign
            .iter()
            .any(|name| self.spelled(name) == histology);
        Some(Patient {
            id,
            line,
            benign,
            histology,
            site,
            stratum: stratum.unwrap_or_default(),
            date,
            external,
            series,
            free: self.free(fields),
        })
    }

    /// The study's spelling of a histology.
    fn spelled(&self, found: &str) -> String {
        let spellings = &self.file.histology.spellings;
        let known = spellings
            .iter()
            .find(|(_, others)| others.iter().any(|other| other == found));
        known.map_or(found, |(name, _)| name).to_owned()
    }

    fn is_external(&self, fields: &[String], date: Option<Date>) -> bool {
        if let (Some(rule), Some(column)) = (&self.file.split.external, self.named.external) {
            return fields[column] == rule.value;
        }
        let from = self
            .file
            .split
            .temporal
            .as_ref()
            .and_then(|rule| Date::parse(&rule.from));
        matches!((date, from), (Some(date), Some(from)) if date >= from)
    }

    fn series(
        &self,
        id: &CaseId,
        fields: &[String],
        fault: &mut impl FnMut(FaultKind),
    ) -> BTreeMap<String, SeriesFiles> {
        let mut series = BTreeMap::new();
        for (name, image, label) in &self.named.series {
            let mut path = |column: usize| {
                let path = self.table.root.join(&fields[column]);
                let (patient, name) = (id.to_string(), self.table.columns[column].clone());
                let is_image = path
                    .file_name()
                    .and_then(|name| sarx_io::strip_ending(name.to_str()?));
                if !path.is_file() {
                    fault(FaultKind::NoFile {
                        patient,
                        column: name,
                        path: path.clone(),
                    });
                } else if is_image.is_none() {
                    fault(FaultKind::NoImage {
                        patient,
                        column: name,
                        path: path.clone(),
                    });
                }
                path
            };
            let label = label
                .filter(|&column| !fields[column].is_empty())
                .map(&mut path);
            if !fields[*image].is_empty() {
                let image = path(*image);
                series.insert(name.clone(), SeriesFiles { image, label });
            } else if label.is_some() {
                fault(FaultKind::LabelWithoutImage {
                    patient: id.to_string(),
                    series: name.clone(),
                });
            }
        }
        series
    }

    /// Columns that the study does not name.
    fn free(&self, fields: &[String]) -> BTreeMap<String, String> {
        let named = &self.named;
        let files = named
            .series
            .iter()
            .flat_map(|(_, image, label)| [Some(*image), *label]);
        let taken: Vec<usize> = files
            .flatten()
            .chain([named.patient, named.histology, named.site])
            .collect();
        let columns = self.table.columns.iter().enumerate();
        let free = columns.filter(|(at, _)| !taken.contains(at));
        free.map(|(at, name)| (name.clone(), fields[at].clone()))
            .collect()
    }
}

/// Patients whose names differ in case only are one person typed two ways, or one file on some systems.
fn same_but_for_case(patient: &Patient, before: &[Patient]) -> Option<Fault> {
    let name = patient.id.as_str().to_lowercase();
    let same = |other: &&Patient| other.id.as_str().to_lowercase() == name;
    let first = before.iter().find(same)?;
    let kind = FaultKind::NameCase {
        what: "patient",
        name: patient.id.to_string(),
        first: first.id.to_string(),
        other: first.line,
    };
    Some(Fault::in_cohort(patient.line, kind))
}

fn split_name(external: bool) -> &'static str {
    if external { "external" } else { "training" }
}

fn twice(patient: &Patient, other: &Patient) -> Fault {
    let kind = if patient.external == other.external {
        FaultKind::TwoLines {
            patient: patient.id.to_string(),
            other: other.line,
        }
    } else {
        FaultKind::TwoSplits {
            patient: patient.id.to_string(),
            here: split_name(patient.external),
            there: split_name(other.external),
            other: other.line,
        }
    };
    Fault::in_cohort(patient.line, kind)
}

/// Histologies that differ in letter case, blanks, hyphens or underscores only are one.
fn same_histology(patients: &[Patient], reader: &Reader<'_>, faults: &mut Vec<Fault>) {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_'));
        letters.flat_map(char::to_lowercase).collect()
    };
    let mut seen: BTreeMap<String, (&str, u64)> = BTreeMap::new();
    let mut told: Vec<&str> = Vec::new();
    for patient in patients {
        let name = patient.histology.as_str();
        let (first, line) = *seen.entry(plain(name)).or_insert((name, patient.line));
        if first != name && !told.contains(&name) {
            told.push(name);
            let kind = FaultKind::TwoSpellings {
                here: name.to_owned(),
                there: first.to_owned(),
                other: line,
            };
            faults.push(Fault::in_cohort(patient.line, kind));
        }
    }
    debug_assert!(
        reader.table.rows.len() >= patients.len(),
        "patients come from rows"
    );
}

/// No file serves two patients or two columns.
fn files_once(patients: &[Patient], reader: &Reader<'_>, faults: &mut Vec<Fault>) {
    // By where they are, not how they are written: `./a` and a link to `a` are `a`.
    let mut seen: BTreeMap<PathBuf, (String, u64)> = BTreeMap::new();
    for patient in patients {
        for (series, files) in &patient.series {
            let label = files
                .label
                .iter()
                .map(|path| (path, format!("{series} (reference)")));
            for (path, here) in std::iter::once((&files.image, series.clone())).chain(label) {
                let place = path.canonicalize().unwrap_or_else(|_| path.clone());
                if let Some((there, other)) = seen.get(&place) {
                    let shown = path.strip_prefix(&reader.table.root).unwrap_or(path);
                    let kind = FaultKind::FileTwice {
                        file: shown.display().to_string(),
                        here,
                        there: there.clone(),
                        other: *other,
                    };
                    faults.push(Fault::in_cohort(patient.line, kind));
                } else {
                    seen.insert(place, (here, patient.line));
                }
            }
        }
    }
}

/// What only all patients together tell.
fn whole(
    file: &StudyFile,
    lines: &Lines,
    patients: &[Patient],
    reader: &Reader<'_>,
    faults: &mut Vec<Fault>,
) {
    for (stratum, sites) in &file.strata {
        if !patients.iter().any(|patient| patient.stratum == *stratum) {
            let kind = FaultKind::EmptyStratum {
                stratum: stratum.clone(),
                sites: sites.clone(),
            };
            faults.push(Fault::in_study(
                lines.line(&format!("strata.{stratum}")),
                kind,
            ));
        }
    }
    if let Some(rule) = &file.split.temporal
        && Date::parse(&rule.from).is_none()
    {
        let found = rule.from.clone();
        faults.push(Fault::in_study(
            lines.line("split.temporal.from"),
            FaultKind::Date { found },
        ));
    }
    if let (Some(rule), Some(column)) = (&file.split.external, reader.named.external)
        && !patients.iter().any(|patient| patient.external)
    {
        let mut present: Vec<String> = reader
            .table
            .rows
            .iter()
            .map(|(_, f)| f[column].clone())
            .collect();
        present.sort();
        present.dedup();
        let kind = FaultKind::NoExternal {
            column: rule.column.clone(),
            value: rule.value.clone(),
            present,
        };
        faults.push(Fault::in_study(lines.line("split.external"), kind));
    }
    none_after(file, lines, patients, faults);
    no_histology(file, lines, patients, faults);
    let training = patients.iter().filter(|patient| !patient.external).count();
    if file.split.folds < 2 || training < file.split.folds {
        let kind = FaultKind::Folds {
            folds: file.split.folds,
            patients: training,
        };
        faults.push(Fault::in_study(lines.line("split.folds"), kind));
    }
}

/// A first day of the external test set after the last patient.
fn none_after(file: &StudyFile, lines: &Lines, patients: &[Patient], faults: &mut Vec<Fault>) {
    let Some(rule) = &file.split.temporal else {
        return;
    };
    let last = patients.iter().filter_map(|patient| patient.date).max();
    if let (Some(from), Some(last)) = (Date::parse(&rule.from), last)
        && last < from
    {
        let kind = FaultKind::NoneAfter {
            column: rule.column.clone(),
            from: rule.from.clone(),
            last: last.to_string(),
        };
        faults.push(Fault::in_study(lines.line("split.temporal.from"), kind));
    }
}

/// Benign histologies that nobody has are misspelled.
fn no_histology(file: &StudyFile, lines: &Lines, patients: &[Patient], faults: &mut Vec<Fault>) {
    let spellings = &file.histology.spellings;
    for (at, name) in file.histology.benign.iter().enumerate() {
        let is_other = |(_, others): (&String, &Vec<String>)| others.contains(name);
        let known = patients.iter().any(|patient| patient.histology == *name);
        if !known && !spellings.iter().any(is_other) {
            let known: BTreeSet<&str> = patients.iter().map(|p| p.histology.as_str()).collect();
            let kind = FaultKind::NoHistology {
                found: name.clone(),
                known: known.into_iter().map(str::to_owned).collect(),
            };
            let line = lines.line(&format!("histology.benign.{at}"));
            faults.push(Fault::in_study(line, kind));
        }
    }
}
