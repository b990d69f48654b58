//! Probabilities of several models on the grid of the first, and the labels that they agree on: what a study does with
//! its own patients, and a policy with the next one.
//!
//! A member says nothing where its image does not reach.

use anyhow::{Context, Result};
use ndarray::{Array3, Array4, Axis, Zip};
use sarx_core::{CaseId, Label};
use sarx_infer::ProbabilityFile;
use sarx_io::Header;
use sarx_model::heads;
use sarx_plan::DatasetJson;
use sarx_register::{Rigid, resample_probabilities};
use sarx_study::assemble::{Alignment, AlignmentRecord, AssembleFault, FILE_ENDING};
use std::path::PathBuf;

/// Where the image of a member lies in the space of the first member's.
#[derive(Debug, Clone)]
pub(super) struct Placing {
    pub(super) first_from_own: Rigid,
    pub(super) record: AlignmentRecord,
}

/// Where a member's predictions are, and what its labels are called.
#[derive(Debug)]
pub(super) struct MemberFiles {
    pub(super) folder: PathBuf,
    pub(super) dataset: DatasetJson,
}

/// The members' probabilities of one case, `[class, z, y, x]` on the grid of the first.
#[derive(Debug)]
pub(super) struct Members {
    probabilities: Vec<Array4<f32>>,
    header: Header,
}

/// Relates the images of members, of which each is on the grid that its network predicted on, to the first.
///
/// A fault comes with the index of the image.
pub(super) fn placings(
    images: &[PathBuf],
    alignment: &Alignment,
) -> Result<Vec<Placing>, (usize, AssembleFault)> {
    let mut found = Vec::new();
    let mut first = None;
    for (at, path) in images.iter().enumerate() {
        let of_image = |fault: AssembleFault| (at, fault);
        let image = sarx_io::read_image(path).map_err(|error| of_image(error.into()))?;
        let Some(fixed) = &first else {
            first = Some(image.volume);
            found.push(Placing {
                first_from_own: Rigid::identity(),
                record: AlignmentRecord::reference(),
            });
            continue;
        };
        let (first_from_own, record) = alignment.find(fixed, &image.volume).map_err(of_image)?;
        found.push(Placing {
            first_from_own,
            record,
        });
    }
    Ok(found)
}

impl Members {
    /// Reads what each member predicted for a case, and brings it onto the grid of the first.
    pub(super) fn read(files: &[MemberFiles], case: &CaseId, placings: &[Placing]) -> Result<Self> {
        let mut probabilities = Vec::new();
        let mut first: Option<Header> = None;
        for (files, placing) in files.iter().zip(placings) {
            let (own, header) = files.read(case)?;
            let Some(target) = &first else {
                probabilities.push(own);
                first = Some(header);
                continue;
            };
            let silent = vec![0.0; own.len_of(Axis(0))];
            probabilities.push(resample_probabilities(
                own.view(),
                header.grid(),
                target.grid(),
                &placing.first_from_own,
                &silent,
            )?);
        }
        let header = first.context("a late fusion has members")?;
        Ok(Self {
            probabilities,
            header,
        })
    }

    /// Of the first member's prediction.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The labels `[z, y, x]` with the largest weighted sum of probabilities, the first of equals.
    pub(super) fn labels(&self, weights: &[f32]) -> Array3<Label> {
        labels(&self.probabilities, weights)
    }
}

impl MemberFiles {
    fn read(&self, case: &CaseId) -> Result<(Array4<f32>, Header)> {
        let folder = &self.folder;
        let header = sarx_io::read_header(&folder.join(format!("{case}{FILE_ENDING}")))?;
        let file = ProbabilityFile::of_case(folder, case)
            .with_context(|| format!("no probabilities: {:?}", folder.display().to_string()))?;
        let heads = heads(&self.dataset);
        let [z, y, x] = header.grid().size.zyx();
        let mut probabilities = Array4::zeros((heads.count(), z, y, x));
        file.add_to(&mut probabilities, &heads)?;
        Ok((probabilities, header))
    }
}

fn labels(members: &[Array4<f32>], weights: &[f32]) -> Array3<Label> {
    let (n_labels, z, y, x) = members[0].dim();
    let mut best = Array3::<f32>::from_elem((z, y, x), f32::NEG_INFINITY);
    let mut labels = Array3::<Label>::zeros((z, y, x));
    for label in 0..n_labels {
        let mut sum = Array3::<f32>::zeros((z, y, x));
        for (member, &weight) in members.iter().zip(weights) {
            sum.scaled_add(weight, &member.index_axis(Axis(0), label));
        }
        Zip::from(&mut labels)
            .and(&mut best)
            .and(&sum)
            .par_for_each(|found, best, &sum| {
                if sum > *best {
                    (*found, *best) = (label as Label, sum);
                }
            });
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_member_leaves_the_choice_to_the_others() {
        let of = |background: f32, tumour: f32| {
            Array4::from_shape_fn((2, 1, 1, 1), |(label, ..)| [background, tumour][label])
        };
        let label = |members: &[Array4<f32>], weights: &[f32]| labels(members, weights)[[0, 0, 0]];
        assert_eq!(label(&[of(0.4, 0.6), of(0.9, 0.1)], &[0.5, 0.5]), 0);
        assert_eq!(label(&[of(0.4, 0.6), of(0.0, 0.0)], &[0.1, 0.9]), 1);
        assert_eq!(label(&[of(0.4, 0.6), of(0.9, 0.1)], &[1.0, 0.0]), 1);
    }
}
