//! Following a policy.

use super::{Policy, PolicyCell, PolicyError};
use crate::FEW_CASES;
use crate::design::ModelKind;
use std::collections::BTreeSet;

/// The model that a patient gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub model: String,
    /// The stratum that decided; `None` if the place is not known to the policy.
    pub stratum: Option<String>,
    /// The series that it is given, in the order of the network's channels.
    pub series: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// The other models that could be used, the best first.
    pub runners_up: Vec<String>,
}

impl Policy {
    /// Chooses the model for a patient.
    ///
    /// `place` is the site of the tumour or the name of a stratum; one that the policy does not
    /// know, or none, gets the best model over all strata, and the reason says so. `available`
    /// are the series that the patient has; those that no model uses are named in the reason.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NoModelFits`] if every model needs a series that the patient lacks.
    pub fn choose(&self, place: Option<&str>, available: &[&str]) -> Result<Choice, PolicyError> {
        self.choose_without(place, available, &[])
    }

    /// [`Policy::choose`] among the models that are not in `refused`: those that turned out not to be usable for the
    /// patient, such as one whose series cannot be registered.
    ///
    /// # Errors
    ///
    /// As [`Policy::choose`]; [`PolicyError::NoModelLeft`] if all that fit are refused.
    pub fn choose_without(
        &self,
        place: Option<&str>,
        available: &[&str],
        refused: &[&str],
    ) -> Result<Choice, PolicyError> {
        let cell = self.cell(place, available)?;
        let all = std::iter::once(&cell.choice).chain(&cell.runners_up);
        let mut left = all.filter(|candidate| !refused.contains(&candidate.model.as_str()));
        let Some(choice) = left.next() else {
            return Err(PolicyError::NoModelLeft {
                refused: refused.iter().map(|&model| model.to_owned()).collect(),
            });
        };
        let cell = PolicyCell {
            choice: choice.clone(),
            runners_up: left.cloned().collect(),
            ..cell.clone()
        };
        let given = self.model(&cell.choice.model);
        let given = given.and_then(|model| model.given(available));
        let given = given.unwrap_or_default().into_iter();
        Ok(Choice {
            model: cell.choice.model.clone(),
            stratum: cell.stratum.clone(),
            series: given.map(str::to_owned).collect(),
            reason: self.reason(&cell, place, available, !refused.is_empty()),
            runners_up: cell.runners_up.iter().map(|c| c.model.clone()).collect(),
        })
    }

    /// What is known of the models for a patient.
    fn cell(&self, place: Option<&str>, available: &[&str]) -> Result<&PolicyCell, PolicyError> {
        // A pooled model makes every one of its series that is there a series that counts.
        let used: BTreeSet<&String> = self
            .models
            .iter()
            .filter(|model| model.given(available).is_some())
            .flat_map(|model| &model.series)
            .filter(|series| available.contains(&series.as_str()))
            .collect();
        let stratum = place.and_then(|place| self.stratum_of(place));
        let fits = |cell: &&PolicyCell| {
            cell.stratum.as_deref() == stratum && cell.available.iter().eq(used.iter().copied())
        };
        let cell = self.choices.iter().find(fits);
        cell.ok_or_else(|| PolicyError::NoModelFits {
            available: available.iter().map(|&series| series.to_owned()).collect(),
            models: self.models.clone(),
        })
    }

    /// The model that would be first with all series, if the patient lacks one of its own.
    fn lacking(&self, cell: &PolicyCell, available: &[&str]) -> Option<String> {
        let same = self.choices.iter().filter(|c| c.stratum == cell.stratum);
        let best = &same.max_by_key(|c| c.available.len())?.choice.model;
        let model = self.model(best)?;
        if model.given(available).is_some() {
            return None;
        }
        let missing = model.series.iter().map(String::as_str);
        let missing: Vec<&str> = missing.filter(|s| !available.contains(s)).collect();
        let or = match model.kind {
            ModelKind::Pooled => " or ",
            _ => " and ",
        };
        Some(format!(
            "With {} it would be {best}, which is best where all series are there.",
            missing.join(or)
        ))
    }

    /// What a pooled model is given, and on what it was judged.
    fn pooled(&self, name: &str, available: &[&str]) -> Option<String> {
        let model = self
            .model(name)
            .filter(|model| model.kind == ModelKind::Pooled)?;
        Some(format!(
            "It is one network for {} and sees {}; it was judged on the first of them that each patient had.",
            model.series.join(", "),
            model.given(available)?.join(", ")
        ))
    }

    /// The stratum of a site, or the stratum of that name.
    fn stratum_of(&self, place: &str) -> Option<&str> {
        self.strata
            .iter()
            .find(|stratum| stratum.name == place || stratum.sites.iter().any(|site| site == place))
            .map(|stratum| stratum.name.as_str())
    }

    /// `refused`: whether better models are not in the cell since they could not be used.
    fn reason(
        &self,
        cell: &PolicyCell,
        place: Option<&str>,
        available: &[&str],
        refused: bool,
    ) -> String {
        let choice = &cell.choice;
        let which = if refused {
            "is left"
        } else {
            "these series allow"
        };
        let others = match cell.runners_up.first() {
            None => format!("the only model that {which}"),
            Some(next) => format!(
                "the best of {} models that {}, before {} with {:.3}",
                cell.runners_up.len() + 1,
                which.replace("is left", "are left"),
                next.model,
                next.shrunk_mean
            ),
        };
        let mut sentences = vec![format!("{} is {others}.", choice.model)];
        sentences.push(match (&cell.stratum, place) {
            (Some(stratum), _) if choice.n_patients == 0 => format!(
                "No patient of stratum {stratum} was scored, so the mean Dice over all strata decides: {:.3}.",
                choice.overall_mean
            ),
            (Some(stratum), _) => format!(
                "Stratum {stratum}: mean Dice {:.3} in {} patients, {:.3} after shrinking toward {:.3} over all strata.",
                choice.raw_mean.0, choice.n_patients, choice.shrunk_mean, choice.overall_mean
            ),
            (None, Some(place)) => format!(
                "{place:?} is in no stratum, so the mean Dice over all strata decides: {:.3} in {} patients.",
                choice.overall_mean, choice.n_patients
            ),
            (None, None) => format!(
                "No site was given, so the mean Dice over all strata decides: {:.3} in {} patients.",
                choice.overall_mean, choice.n_patients
            ),
        });
        if choice.n_patients > 0 && choice.n_patients < FEW_CASES {
            sentences.push(format!("That is few (under {FEW_CASES})."));
        }
        if choice.n_failed > 0 {
            sentences.push(format!(
                "{} of them could not be predicted and count as Dice 0.",
                choice.n_failed
            ));
        }
        if !cell.same_patients && !cell.runners_up.is_empty() {
            sentences.push("The models were not scored on the same patients.".to_owned());
        }
        sentences.extend(self.lacking(cell, available));
        sentences.extend(self.pooled(&choice.model, available));
        let unused: Vec<&str> = available
            .iter()
            .copied()
            .filter(|series| {
                !self
                    .models
                    .iter()
                    .any(|m| m.series.iter().any(|s| s == series))
            })
            .collect();
        if !unused.is_empty() {
            sentences.push(format!("No model uses {}.", unused.join(", ")));
        }
        sentences.join(" ")
    }
}
