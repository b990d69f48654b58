//! The cases of a model: files by channel, reference, and where the patient stands in the split.

use super::{Design, ModelKind, ModelSpec, Patient};
use sarx_core::CaseId;
use std::path::PathBuf;

/// One case of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyCase {
    /// Name: the patient's, or `PATIENT__SERIES` in a pooled model.
    pub id: CaseId,
    /// The patient.
    pub patient: CaseId,
    /// Where the patient stands.
    pub set: StudySet,
    /// Series and image of every channel; the first is the case's grid.
    pub channels: Vec<(String, PathBuf)>,
    /// Reference segmentation on the grid of the first channel.
    pub label: PathBuf,
}

/// Where a patient stands in the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StudySet {
    /// Validates this fold, trains the others.
    Fold(usize),
    /// Is never trained on.
    External,
}

impl StudySet {
    /// The word in tables: the fold's number, or `external`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Fold(fold) => fold.to_string(),
            Self::External => "external".to_owned(),
        }
    }
}

impl Design {
    /// The cases of a trained model, patient by patient; of a late fusion one per patient with all
    /// series of its members.
    #[must_use]
    pub fn cases_of(&self, model: &ModelSpec) -> Vec<StudyCase> {
        let patients = self.patients.iter().filter(|patient| model.takes(patient));
        patients
            .flat_map(|patient| self.cases_of_patient(model, patient))
            .collect()
    }

    fn cases_of_patient(&self, model: &ModelSpec, patient: &Patient) -> Vec<StudyCase> {
        let set = self.split.set_of(patient);
        let case = |id: CaseId, series: &[String]| {
            let files = series
                .iter()
                .map(|name| Some((name.clone(), patient.series.get(name)?)));
            let files: Vec<_> = files.collect::<Option<_>>()?;
            let label = files.first()?.1.label.clone()?;
            Some(StudyCase {
                id,
                patient: patient.id.clone(),
                set,
                channels: files
                    .into_iter()
                    .map(|(name, files)| (name, files.image.clone()))
                    .collect(),
                label,
            })
        };
        if model.kind != ModelKind::Pooled {
            return case(patient.id.clone(), &model.series)
                .into_iter()
                .collect();
        }
        let pooled = model.series.iter().filter_map(|name| {
            let id = CaseId::new(format!("{}__{name}", patient.id)).ok()?;
            case(id, std::slice::from_ref(name))
        });
        pooled.collect()
    }
}
