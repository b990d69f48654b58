//! Late fusion of a study's patients: what its members say, averaged with weights ([`Members`]).
//!
//! Weights are equal, or those that give the best mean Dice on the patients outside the fold that is judged (all of
//! them for the external test set and for every patient to come).

use super::Study;
use crate::commands::fusion::{MemberFiles, Members, placings};
use anyhow::{Context, Result, bail};
use ndarray::{Array3, Zip};
use sarx_core::{Label, Progress, Volume};
use sarx_plan::DatasetJson;
use sarx_study::assemble::{Alignment, FILE_ENDING};
use sarx_study::design::{LateWeights, ModelSpec, StudyCase, StudySet as Place};
use sarx_study::results::scores::StudySet;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Steps of a weight between 0 and 1.
const STEPS: usize = 4;
/// The version of `fusion.json`.
const VERSION: u32 = 1;

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
        sarx_io::write_json(&folders.fusion(), &document)?;
        Ok(failed)
    }

    fn fuse_case(&self, model: &ModelSpec, case: &StudyCase, weights: &[f32]) -> Result<()> {
        let members = self.members(model, case)?;
        let labels = members.labels(weights);
        let labels = Volume::new(labels, *members.header().grid())?;
        let folder = self.folders.model(&model.name).predictions(set_of(case));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}{FILE_ENDING}", case.id));
        Ok(sarx_io::write_labels(
            &path,
            &labels,
            Some(members.header()),
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
                    let found = members.labels(weights);
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
        // The weights of the external set are also those of every patient to come.
        let places = cases.iter().map(|case| case.set);
        let places = places.chain([Place::External]);
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

    /// The members' probabilities of one patient on the grid of the first.
    fn members(&self, model: &ModelSpec, case: &StudyCase) -> Result<Members> {
        let patient = self.design.patient(case.patient.as_str());
        let patient = patient.context("a case has a patient")?;
        let (mut images, mut files) = (Vec::new(), Vec::new());
        for name in &model.members {
            let member = self.design.model(name).context("a member is a model")?;
            let image = member.series.first().and_then(|s| patient.series.get(s));
            images.push(
                image
                    .context("the member's series is missing")?
                    .image
                    .clone(),
            );
            let folders = self.folders.model(name);
            files.push(MemberFiles {
                folder: folders.predictions(set_of(case)),
                dataset: DatasetJson::read(&folders.dataset().join("dataset.json"))?,
            });
        }
        let placings =
            placings(&images, &Alignment::of(&self.design)).map_err(|(_, fault)| fault)?;
        Members::read(&files, &case.patient, &placings)
    }

    /// The weights of a late fusion for a patient whom the study does not have, from its `fusion.json`.
    pub(super) fn weights_to_come(&self, model: &ModelSpec) -> Result<Vec<f32>> {
        let path = self.folders.model(&model.name).fusion();
        let read = || -> Result<Vec<f32>> {
            let document: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
            weights_to_come(&document, &model.members)
        };
        read().with_context(|| {
            format!(
                "the weights of a late fusion cannot be used; take scores.csv of this model away and run the study again: {:?}",
                path.display().to_string()
            )
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

/// The weights in a `fusion.json` for patients whom the study does not have: those of all, or of the external set.
fn weights_to_come(document: &Value, members: &[String]) -> Result<Vec<f32>> {
    if document["version"] != json!(VERSION) || document["members"] != json!(members) {
        bail!(
            "its version is {} and its members are {}, not {VERSION} and {}",
            document["version"],
            document["members"],
            json!(members)
        );
    }
    let weights = match &document["weights"] {
        Value::Object(sets) => sets.get(&Place::External.name()),
        weights => Some(weights),
    };
    let weights: Vec<f32> = weights
        .and_then(|weights| serde_json::from_value(weights.clone()).ok())
        .context("it has no weights for patients to come")?;
    if weights.len() != members.len() {
        bail!(
            "it has {} weights for {} members",
            weights.len(),
            members.len()
        );
    }
    Ok(weights)
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

pub(super) fn equal(n: usize) -> Vec<f32> {
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
    fn patients_to_come_get_the_weights_of_the_external_set() {
        let members = ["a", "b"].map(str::to_owned);
        let document =
            |weights: Value| json!({"version": 1, "members": members, "weights": weights});
        let of = |document: &Value| weights_to_come(document, &members).map_err(|e| e.to_string());
        assert_eq!(of(&document(json!([0.5, 0.5]))), Ok(vec![0.5, 0.5]));
        let sets = json!({"0": [1.0, 0.0], "external": [0.25, 0.75]});
        assert_eq!(of(&document(sets)), Ok(vec![0.25, 0.75]));
        let none = of(&document(json!({"0": [1.0, 0.0]}))).unwrap_err();
        assert!(none.contains("no weights for patients to come"), "{none}");
        let few = of(&document(json!([1.0]))).unwrap_err();
        assert!(few.contains("1 weights for 2 members"), "{few}");
        let mut other = document(json!([0.5, 0.5]));
        other["members"] = json!(["a", "c"]);
        assert!(of(&other).is_err());
    }
}
