//! A model's segmentations on the grid where all models meet: that of the first common series that the
//! patient has.
//!
//! A label map is brought there as shares of its labels, linearly, and every voxel gets the label with the
//! largest share: nearest neighbours would leave the steps of thick slices.

use super::Study;
use anyhow::{Context, Result};
use ndarray::{Array4, Zip};
use rayon::prelude::*;
use sarx_core::{CaseId, Label, LabelMap, Progress, Volume};
use sarx_register::{Rigid, resample_probabilities};
use sarx_study::assemble::{Alignment, FILE_ENDING, place};
use sarx_study::design::{ModelKind, ModelSpec, Patient, StudyCase};
use sarx_study::results::scores::StudySet;
use std::collections::BTreeMap;
use std::path::Path;

/// The reference of a patient on the common grid, and its image.
pub(super) struct CommonSeries<'a> {
    pub(super) series: &'a str,
    pub(super) image: &'a Path,
    pub(super) label: &'a Path,
}

impl Study<'_> {
    /// Where all models meet for a patient; `None` if the patient has no common series with a reference.
    pub(super) fn common_series<'b>(&'b self, patient: &'b Patient) -> Option<CommonSeries<'b>> {
        let mut names = self.design.file.common.series.iter();
        names.find_map(|name| {
            let files = patient.series.get(name)?;
            Some(CommonSeries {
                series: name,
                image: &files.image,
                label: files.label.as_deref()?,
            })
        })
    }

    /// Writes `PATIENT.nii.gz` for every case in a set that has a prediction; failures by patient.
    pub(super) fn to_common_grid(
        &self,
        model: &ModelSpec,
        set: StudySet,
        cases: &[StudyCase],
    ) -> Result<Vec<(CaseId, String)>> {
        let folders = self.folders.model(&model.name);
        let (from, to) = (folders.predictions(set), folders.common(set));
        std::fs::create_dir_all(&to)?;
        let chosen = self.one_per_patient(model, cases);
        self.console.begin("common grid", chosen.len() as u64);
        let failed: Vec<(CaseId, String)> = chosen
            .par_iter()
            .filter_map(|(patient, case)| {
                let source = from.join(format!("{}{FILE_ENDING}", case.id));
                let target = to.join(format!("{patient}{FILE_ENDING}"));
                let made = if source.exists() {
                    self.bring(case, &source, &target)
                } else {
                    Err(anyhow::anyhow!("it has no prediction"))
                };
                self.console.advance(1);
                made.err()
                    .map(|error| ((*patient).clone(), format!("{error:#}")))
            })
            .collect();
        self.console.finish();
        Ok(failed)
    }

    /// The case that stands for a patient: of a pooled model that of the common series, else its first.
    fn one_per_patient<'b>(
        &self,
        model: &ModelSpec,
        cases: &'b [StudyCase],
    ) -> Vec<(&'b CaseId, &'b StudyCase)> {
        let mut of_patient: BTreeMap<&CaseId, &StudyCase> = BTreeMap::new();
        for case in cases {
            let patient = self.design.patient(case.patient.as_str());
            let common = patient.and_then(|patient| self.common_series(patient));
            let is_common = common.is_some_and(|common| common.series == case.channels[0].0);
            if model.kind == ModelKind::Pooled && is_common {
                of_patient.insert(&case.patient, case);
            } else {
                of_patient.entry(&case.patient).or_insert(case);
            }
        }
        of_patient.into_iter().collect()
    }

    fn bring(&self, case: &StudyCase, source: &Path, target: &Path) -> Result<()> {
        let patient = self.design.patient(case.patient.as_str());
        let common = patient
            .and_then(|patient| self.common_series(patient))
            .context("the patient has no common series with a reference")?;
        let (series, image) = &case.channels[0];
        if series == common.series {
            return Ok(place(source, target)?);
        }
        let found = sarx_io::read_labels(source)?;
        let reference = sarx_io::read_header(common.label)?;
        let alignment = Alignment::of(&self.design);
        let fixed = sarx_io::read_image(common.image)?.volume;
        let moving = sarx_io::read_image(image)?.volume;
        let (common_from_own, _) = alignment.find(&fixed, &moving)?;
        let labels = on_grid(&found.labels, reference.grid(), &common_from_own)?;
        sarx_io::write_labels(target, &labels, Some(&reference))?;
        Ok(())
    }
}

/// A label map on another grid; background where it does not reach.
fn on_grid(
    labels: &LabelMap,
    grid: &sarx_core::Grid,
    target_from_source: &Rigid,
) -> Result<LabelMap> {
    let most = labels.voxels().iter().copied().max().unwrap_or(0);
    let [z, y, x] = labels.grid().size.zyx();
    let mut shares = Array4::<f32>::zeros((usize::from(most) + 1, z, y, x));
    for (label, mut share) in shares.outer_iter_mut().enumerate() {
        Zip::from(&mut share)
            .and(labels.voxels())
            .for_each(|share, &found| {
                *share = f32::from(u8::from(usize::from(found) == label));
            });
    }
    let mut outside = vec![0.0; usize::from(most) + 1];
    outside[0] = 1.0;
    let shares = resample_probabilities(
        shares.view(),
        labels.grid(),
        grid,
        target_from_source,
        &outside,
    )?;
    let largest = shares.lanes(ndarray::Axis(0)).into_iter().map(|shares| {
        let best = shares
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        best.map_or(0, |(label, _)| label as Label)
    });
    let voxels = ndarray::Array3::from_shape_vec(grid.size.zyx(), largest.collect())?;
    Ok(Volume::new(voxels, *grid)?)
}
