//! `assembly.json`: which dataset a folder holds, so that another is never mixed into it.
//!
//! Resuming trusts files that are there. That is right only while every case is made of the same
//! files and stands in the same fold: a patient who left the cohort, moved to the external set or got
//! another image would silently stay as before. The document says what the cases are made of; a folder
//! of another design is refused, with what differs.

use super::{Alignment, AssembleError, AssembleRequest};
use crate::design::{Design, StudyCase, StudySet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of `assembly.json`.
const VERSION: u32 = 1;

/// What a dataset is made of. Document `assembly.json`, beside `cases.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssemblyIdentity {
    version: u32,
    /// Method and seed of the alignment, where there is something to align.
    alignment: String,
    /// Labels of the references by name.
    labels: BTreeMap<String, u16>,
    /// Series of the channels, or of a pooled model those that it takes.
    series: Vec<String>,
    cases: BTreeMap<String, CaseIdentity>,
}

/// What one case is made of; files from the study's folder where they lie in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseIdentity {
    /// `training` or `external`. (Folds are only in `splits_final.json`, which is written each time.)
    set: String,
    images: Vec<String>,
    label: String,
}

impl AssemblyIdentity {
    pub(super) fn of(
        request: &AssembleRequest<'_>,
        cases: &[StudyCase],
        alignment: &Alignment,
    ) -> Self {
        let design = request.design;
        let identity = |case: &StudyCase| {
            let images = case.channels.iter();
            let set = match case.set {
                StudySet::External => "external",
                StudySet::Fold(_) => "training",
            };
            let of_case = CaseIdentity {
                set: set.to_owned(),
                images: images.map(|(_, path)| within(design, path)).collect(),
                label: within(design, &case.label),
            };
            (case.id.to_string(), of_case)
        };
        let labels = design.file.labels.iter();
        Self {
            version: VERSION,
            alignment: if cases.iter().any(|case| case.channels.len() > 1) {
                alignment.name()
            } else {
                "nothing".to_owned()
            },
            labels: labels.map(|(name, value)| (name.clone(), *value)).collect(),
            series: request.model.series.clone(),
            cases: cases.iter().map(identity).collect(),
        }
    }

    /// Claims a folder: writes the document, or finds the same one there.
    ///
    /// # Errors
    ///
    /// [`AssembleError::OtherDesign`] with the difference, [`AssembleError::Unknown`] for a folder with
    /// images but no document, and faults of reading and writing.
    pub(super) fn claim(&self, path: &Path, dataset: &Path) -> Result<(), AssembleError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.begin(path, dataset);
            }
            Err(source) => {
                let path = path.to_owned();
                return Err(AssembleError::Identity {
                    what: source.to_string(),
                    path,
                });
            }
        };
        let unreadable = |what: String| AssembleError::Identity {
            what,
            path: path.to_owned(),
        };
        let found: Self = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
        if found.version != VERSION {
            let what = format!(
                "it has version {}, this build reads {VERSION}",
                found.version
            );
            return Err(unreadable(what));
        }
        match self.difference(&found) {
            None => Ok(()),
            Some(what) => Err(AssembleError::OtherDesign {
                what,
                path: dataset.to_owned(),
            }),
        }
    }

    fn begin(&self, path: &Path, dataset: &Path) -> Result<(), AssembleError> {
        let holds_files = |part: &str| {
            let entries = std::fs::read_dir(dataset.join(part));
            entries.is_ok_and(|mut entries| entries.next().is_some())
        };
        if ["imagesTr", "imagesTs"].into_iter().any(holds_files) {
            return Err(AssembleError::Unknown {
                path: dataset.to_owned(),
            });
        }
        Ok(sarx_io::write_json(path, self)?)
    }

    /// What differs, most important first; `None` if nothing does.
    fn difference(&self, found: &Self) -> Option<String> {
        let mut parts = Vec::new();
        if self.series != found.series {
            parts.push(format!(
                "its series are {}, the model's {}",
                found.series.join(", "),
                self.series.join(", ")
            ));
        }
        if self.alignment != found.alignment {
            parts.push(format!(
                "it was aligned by {}, the study says {}",
                found.alignment, self.alignment
            ));
        }
        if self.labels != found.labels {
            parts.push("its labels are others".to_owned());
        }
        let (here, there) = (&self.cases, &found.cases);
        let gone = there.keys().filter(|case| !here.contains_key(*case));
        let new = here.keys().filter(|case| !there.contains_key(*case));
        let both = here
            .iter()
            .filter_map(|(case, one)| Some((case, one, there.get(case)?)));
        let moved = both.clone().filter(|(_, one, other)| one.set != other.set);
        let other_files = both.filter(|(_, one, other)| {
            one.set == other.set && (&one.images, &one.label) != (&other.images, &other.label)
        });
        told(&mut parts, "not in the study any more", gone);
        told(&mut parts, "new", new);
        told(&mut parts, "in another set", moved.map(|(case, ..)| case));
        told(
            &mut parts,
            "of other files",
            other_files.map(|(case, ..)| case),
        );
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Adds how many cases there are of a kind, and the first of them.
fn told<'a>(parts: &mut Vec<String>, what: &str, cases: impl Iterator<Item = &'a String>) {
    let cases: Vec<&String> = cases.collect();
    let Some(first) = cases.first() else {
        return;
    };
    let more = if cases.len() == 1 {
        format!("1 case is {what}: {first:?}")
    } else {
        format!("{} cases are {what}, the first {first:?}", cases.len())
    };
    parts.push(more);
}

/// A path from the study's folder, so that a study that is moved as a whole stays the same.
fn within(design: &Design, path: &Path) -> String {
    let root = design.path.parent().unwrap_or(Path::new(""));
    let path = path.strip_prefix(root).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}
