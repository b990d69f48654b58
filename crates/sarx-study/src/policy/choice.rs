//! Following a policy.

use super::{Policy, PolicyCell, PolicyError, PolicyModel};
use crate::FEW_CASES;
use std::collections::BTreeSet;

/// The model that a patient gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub model: String,
    /// The stratum that decided; `None` if the place is not known to the policy.
    pub stratum: Option<String>,
    /// Why, in words.
    pub reason: String,
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
        let usable = |model: &&PolicyModel| {
            let has = |series: &String| available.contains(&series.as_str());
            model.series.iter().all(has)
        };
        let used: BTreeSet<&String> = self
            .models
            .iter()
            .filter(usable)
            .flat_map(|model| &model.series)
            .collect();
        let stratum = place.and_then(|place| self.stratum_of(place));
        let fits = |cell: &&PolicyCell| {
            cell.stratum.as_deref() == stratum && cell.available.iter().eq(used.iter().copied())
        };
        let Some(cell) = self.choices.iter().find(fits) else {
            return Err(PolicyError::NoModelFits {
                available: available.iter().map(|&series| series.to_owned()).collect(),
                needed: self
                    .models
                    .iter()
                    .map(|model| (model.name.clone(), model.series.clone()))
                    .collect(),
            });
        };
        Ok(Choice {
            model: cell.choice.model.clone(),
            stratum: stratum.map(str::to_owned),
            reason: self.reason(cell, place, available),
        })
    }

    /// The stratum of a site, or the stratum of that name.
    fn stratum_of(&self, place: &str) -> Option<&str> {
        self.strata
            .iter()
            .find(|stratum| stratum.name == place || stratum.sites.iter().any(|site| site == place))
            .map(|stratum| stratum.name.as_str())
    }

    fn reason(&self, cell: &PolicyCell, place: Option<&str>, available: &[&str]) -> String {
        let choice = &cell.choice;
        let others = match cell.runners_up.first() {
            None => "the only model that these series allow".to_owned(),
            Some(next) => format!(
                "the best of {} models that these series allow, before {} with {:.3}",
                cell.runners_up.len() + 1,
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
