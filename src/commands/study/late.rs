//! Late fusion: the probabilities of several models on the grid of the first, averaged with weights.
//!
//! A member says nothing where its image does not reach. Weights are equal, or those that give the best
//! mean Dice on the patients outside the fold that is judged (all of them for the external test set).

use super::Study;
use super::folders::ModelFolders;
use anyhow::{Context, Result};
use ndarray::{Array3, Array4, Axis, Zip};
use sarx_core::{Label, Progress, Volume};
use sarx_infer::ProbabilityFile;
use sarx_io::Header;
use sarx_model::heads;
use sarx_plan::DatasetJson;
use sarx_register::resample_probabilities;
use sarx_study::assemble::{Alignment, FILE_ENDING};
use sarx_study::design::{LateWeights, ModelSpec, StudyCase, StudySet as Place};
use sarx_study::results::scores::StudySet;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

/// Steps of a weight between 0 and 1.
const STEPS: usize = 4;
/// The version of `fusion.json`.
const VERSION: u32 = 1;

/// The members' probabilities of one patient on the grid of the first.
struct Members {
    probabilities: Vec<Array4<f32>>,
    header: Header,
}

impl Study<'_> {
    /// Segments every patient of a late fusion; the cases that failed.
    pub(super) fn fuse(&self, model: &ModelSpec) -> Result<Vec<String>> {
        let cases = self.scored_cases(model);
        let choices = match model.weights {
            LateWeights::Equal => vec![equal(model.members.len())],
            LateWeights::Inner => simplex(model.members.len(), STEPS),
        };
        let mut failed = Vec::new();
        let chosen = if choices.len() == 1 {
            BTreeMap::new()
        } else {
            self.choose(model, &cases, &choices, &mut failed)?
        };
        self.console.begin("fuse", cases.len() as u64);
        for case in &cases {
            let weights = chosen.get(&case.set.name()).unwrap_or(&choices[0]);
            if let Err(error) = self.fuse_case(model, case, weights) {
                failed.push(format!(
                    "model {}, case \"{}\": {error:#}",
                    model.name, case.id
                ));
            }
            self.console.advance(1);
        }
        self.console.finish();
        let folders = self.folders.model(&model.name);
        let document = json!({
            "version": VERSION,
            "members": model.members,
            "weights": if chosen.is_empty() { json!(choices[0]) } else { json!(chosen) },
        });
        std::fs::create_dir_all(folders.root())?;
        sarx_io::write_atomic(&folders.root().join("fusion.json"), |file| {
            serde_json::to_writer_pretty(&mut *file, &document)?;
            file.write_all(b"\n")
        })?;
        Ok(failed)
    }

    fn fuse_case(&self, model: &ModelSpec, case: &StudyCase, weights: &[f32]) -> Result<()> {
        let members = self.members(model, case)?;
        let labels = labels(&members.probabilities, weights);
        let labels = Volume::new(labels, *members.header.grid())?;
        let folder = self.folders.model(&model.name).predictions(set_of(case));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}{FILE_ENDING}", case.id));
        Ok(sarx_io::write_labels(
            &path,
            &labels,
            Some(&members.header),
        )?)
    }

    /// The best weights for every fold and for the external set, by the word in tables.
    fn choose(
        &self,
        model: &ModelSpec,
        cases: &[StudyCase],
        choices: &[Vec<f32>],
        failed: &mut Vec<String>,
    ) -> Result<BTreeMap<String, Vec<f32>>> {
        let label = self
            .design
            .file
            .labels
            .values()
            .next()
            .copied()
            .unwrap_or(1);
        let mut dice: Vec<(Place, Vec<f64>)> = Vec::new();
        let judged: Vec<&StudyCase> = cases
            .iter()
            .filter(|case| case.set != Place::External)
            .collect();
        self.console.begin("weights", judged.len() as u64);
        for case in judged {
            let of_case = || -> Result<Vec<f64>> {
                let members = self.members(model, case)?;
                let reference = sarx_io::read_labels(&case.label)?.labels;
                let score = |weights: &Vec<f32>| {
                    let found = labels(&members.probabilities, weights);
                    dice_of(&found, reference.voxels(), label)
                };
                Ok(choices.iter().map(score).collect())
            };
            match of_case() {
                Ok(scores) => dice.push((case.set, scores)),
                // Also fails below, where it is told.
                Err(error) => {
                    tracing::warn!(case = case.id.as_str(), "no weights from it: {error:#}")
                }
            }
            self.console.advance(1);
        }
        self.console.finish();
        let places = cases.iter().map(|case| case.set);
        let mut chosen = BTreeMap::new();
        for place in places {
            chosen.entry(place.name()).or_insert_with(|| {
                let others = dice.iter().filter(|(set, _)| *set != place);
                let mut sums = vec![0.0; choices.len()];
                for (_, scores) in others {
                    sums.iter_mut()
                        .zip(scores)
                        .for_each(|(sum, score)| *sum += score);
                }
                // The first of equals, which is the most even.
                let best = (0..sums.len())
                    .fold(0, |best, at| if sums[at] > sums[best] { at } else { best });
                choices[best].clone()
            });
        }
        if dice.is_empty() {
            failed.push(format!(
                "model {}: no patient to choose weights on; they are equal",
                model.name
            ));
        }
        Ok(chosen)
    }

    fn members(&self, model: &ModelSpec, case: &StudyCase) -> Result<Members> {
        let set = set_of(case);
        let mut probabilities = Vec::new();
        let mut first: Option<(Header, Volume<f32>)> = None;
        for name in &model.members {
            let member = self.design.model(name).context("a member is a model")?;
            let folders = self.folders.model(name);
            let (own, header) = read(&folders, set, case)?;
            let image = member.series.first().and_then(|series| {
                let files = self
                    .design
                    .patient(case.patient.as_str())?
                    .series
                    .get(series)?;
                Some(files.image.clone())
            });
            let image =
                sarx_io::read_image(&image.context("the member's series is missing")?)?.volume;
            match &first {
                None => {
                    probabilities.push(own);
                    first = Some((header, image));
                }
                Some((target, fixed)) => {
                    let alignment = Alignment::of(&self.design);
                    let (first_from_own, _) = alignment.find(fixed, &image)?;
                    let silent = vec![0.0; own.len_of(Axis(0))];
                    probabilities.push(resample_probabilities(
                        own.view(),
                        header.grid(),
                        target.grid(),
                        &first_from_own,
                        &silent,
                    )?);
                }
            }
        }
        let (header, _) = first.context("a late fusion has members")?;
        Ok(Members {
            probabilities,
            header,
        })
    }

    /// The cases that are scored: those of folds that all networks behind a model have trained, and external ones.
    pub(super) fn scored_cases(&self, model: &ModelSpec) -> Vec<StudyCase> {
        let n_folds = self.design.split.n_folds();
        let networks: Vec<&ModelSpec> = if model.is_trained() {
            vec![model]
        } else {
            model
                .members
                .iter()
                .filter_map(|name| self.design.model(name))
                .collect()
        };
        let trained = |fold| {
            networks
                .iter()
                .all(|network| network.training.folds.numbers(n_folds).contains(&fold))
        };
        let mut cases = self.design.cases_of(model);
        cases.retain(|case| match case.set {
            Place::Fold(fold) => trained(fold),
            Place::External => true,
        });
        cases
    }
}

/// Where a case is scored.
pub(super) fn set_of(case: &StudyCase) -> StudySet {
    match case.set {
        Place::Fold(_) => StudySet::CrossValidation,
        Place::External => StudySet::External,
    }
}

fn read(folders: &ModelFolders, set: StudySet, case: &StudyCase) -> Result<(Array4<f32>, Header)> {
    let folder = folders.predictions(set);
    let header = sarx_io::read_header(&folder.join(format!("{}{FILE_ENDING}", case.patient)))?;
    let file = ProbabilityFile::of_case(&folder, &case.patient)
        .with_context(|| format!("no probabilities: {:?}", folder.display().to_string()))?;
    let dataset = DatasetJson::read(&folders.dataset().join("dataset.json"))?;
    let heads = heads(&dataset);
    let [z, y, x] = header.grid().size.zyx();
    let mut probabilities = Array4::zeros((heads.count(), z, y, x));
    file.add_to(&mut probabilities, &heads)?;
    Ok((probabilities, header))
}

/// The label with the largest weighted sum.
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

fn dice_of(found: &Array3<Label>, reference: &Array3<Label>, label: Label) -> f64 {
    let (mut both, mut all) = (0u64, 0u64);
    Zip::from(found)
        .and(reference)
        .for_each(|&found, &reference| {
            let (found, reference) = (u64::from(found == label), u64::from(reference == label));
            both += found * reference;
            all += found + reference;
        });
    if all == 0 {
        1.0
    } else {
        2.0 * both as f64 / all as f64
    }
}

fn equal(n: usize) -> Vec<f32> {
    vec![1.0 / n as f32; n]
}

/// All weights that are multiples of `1 / steps` and sum to one, the even ones first.
fn simplex(n: usize, steps: usize) -> Vec<Vec<f32>> {
    fn fill(n: usize, left: usize, begun: &[usize], all: &mut Vec<Vec<usize>>) {
        if begun.len() + 1 == n {
            all.push([begun, &[left]].concat());
            return;
        }
        for part in 0..=left {
            fill(n, left - part, &[begun, &[part]].concat(), all);
        }
    }
    let mut all = Vec::new();
    fill(n, steps, &[], &mut all);
    all.sort_by_key(|parts| parts.iter().map(|part| part * part).sum::<usize>());
    let weights = |parts: Vec<usize>| {
        parts
            .into_iter()
            .map(|part| part as f32 / steps as f32)
            .collect()
    };
    std::iter::once(equal(n))
        .chain(all.into_iter().map(weights))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_begin_even() {
        for n in 2..=3 {
            let all = simplex(n, STEPS);
            assert_eq!(all[0], equal(n));
            assert!(
                all.iter()
                    .all(|weights| (weights.iter().sum::<f32>() - 1.0).abs() < 1e-6)
            );
            assert_eq!(all.len(), 1 + if n == 2 { 5 } else { 15 });
        }
    }

    #[test]
    fn a_silent_member_leaves_the_choice_to_the_others() {
        let of = |background: f32, tumour: f32| {
            Array4::from_shape_vec((2, 1, 1, 1), vec![background, tumour]).unwrap()
        };
        let label = |members: &[Array4<f32>], weights: &[f32]| labels(members, weights)[[0, 0, 0]];
        assert_eq!(label(&[of(0.4, 0.6), of(0.9, 0.1)], &[0.5, 0.5]), 0);
        assert_eq!(label(&[of(0.4, 0.6), of(0.0, 0.0)], &[0.1, 0.9]), 1);
        assert_eq!(label(&[of(0.4, 0.6), of(0.9, 0.1)], &[1.0, 0.0]), 1);
    }
}
