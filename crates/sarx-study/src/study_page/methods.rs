//! The methods paragraph, filled from facts and nothing else.

use crate::number_text::{and_list, counted};
use crate::results::scores::StudySet;
use crate::results::tables::{ModelFacts, StudyTables};
use serde::{Deserialize, Serialize};

/// What the study knows about how it was done. What is `None` or empty is not written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MethodsFacts {
    /// Programs and their versions: `("sarx", "0.1.0")`.
    pub versions: Vec<(String, String)>,
    /// Where the numbers were computed, as `device` or `threads` with a value.
    pub machine: Vec<(String, String)>,
    /// Seeds by what they are for: `("split", 12345)`.
    pub seeds: Vec<(String, u64)>,
    /// Planner and architecture: `plain`.
    pub preset: String,
    /// Configuration of the plans: `3d_fullres`.
    pub configuration: String,
    /// Epochs of a training.
    pub epochs: usize,
    /// Iterations of an epoch.
    pub iterations_per_epoch: usize,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// Folds that were trained, where it is not all of them.
    pub folds_trained: Vec<usize>,
    /// What networks start from: `random` or the model that they continue.
    pub initial_weights: Option<String>,
    /// Which weights of a training are used: `final` or `best`.
    pub checkpoint: Option<String>,
    /// How patients came into the external set: `set = test`.
    pub external_rule: Option<String>,
    /// How series were brought onto one grid: `header`, `register` or `auto`.
    pub alignment: String,
    /// How many pairs of series were related by their headers and how many registered.
    pub aligned: Option<AlignmentCounts>,
    /// Series in the order in which they give a patient the common grid.
    pub common_grid: Vec<String>,
    /// Patients that the study did not take, with the reason.
    pub excluded: Vec<(usize, String)>,
}

/// How pairs of series were aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentCounts {
    /// By the frame that their headers share.
    pub by_header: usize,
    /// By rigid registration.
    pub registered: usize,
    /// Could not be aligned.
    pub failed: usize,
}

impl MethodsFacts {
    /// The paragraphs, in the order in which a paper has them.
    #[must_use]
    pub fn paragraphs(&self, tables: &StudyTables) -> Vec<String> {
        [
            self.data(tables),
            self.models(&tables.facts.models),
            self.training(),
            self.evaluation(),
            statistics(tables),
            self.reproduction(),
        ]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect()
    }

    fn data(&self, tables: &StudyTables) -> String {
        let mut text = Vec::new();
        for cohort in &tables.cohort {
            let benign = if cohort.n_benign > 0 {
                format!(", {} of them with a benign lesion,", cohort.n_benign)
            } else {
                String::new()
            };
            let patients = counted(cohort.n_patients, "patient");
            text.push(match cohort.set {
                StudySet::CrossValidation => format!(
                    "{patients}{benign} took part in a {}-fold cross-validation; folds were made by patient.",
                    self.folds
                ),
                StudySet::External => {
                    let rule = self.external_rule.as_ref();
                    let rule = rule.map_or_else(String::new, |rule| format!(" ({rule})"));
                    format!("{patients}{benign} were held out as an external test set{rule} and seen by no training.")
                }
            });
        }
        for (n, reason) in &self.excluded {
            text.push(format!("{} not taken: {reason}.", counted(*n, "patient")));
        }
        text.join(" ")
    }

    fn models(&self, models: &[ModelFacts]) -> String {
        let one = |model: &ModelFacts| {
            let series = and_list(&model.series);
            match model.kind.as_str() {
                "single" => format!("{} was trained on {series}", model.title),
                "channels" => format!(
                    "{} took {series} as channels on the grid of the first",
                    model.title
                ),
                "pooled" => format!(
                    "{} was one network trained on the cases of {series} together",
                    model.title
                ),
                "late" => format!(
                    "{} averaged on one grid the probabilities of the models of {series}",
                    model.title
                ),
                "early" => format!("{} took {series} as channels on one grid", model.title),
                kind => format!("{} was of kind {kind} with {series}", model.title),
            }
        };
        let models: Vec<String> = models.iter().map(one).collect();
        let mut text = format!(
            "{} compared: {}.",
            match models.len() {
                1 => "1 model was".to_owned(),
                n => format!("{n} models were"),
            },
            models.join("; ")
        );
        let how = match self.alignment.as_str() {
            "" => None,
            "header" => Some("by the positions in their headers"),
            "register" => Some("by rigid registration"),
            "auto" => Some(
                "by the positions in their headers where the frame of reference is shared, else by rigid registration",
            ),
            other => Some(other),
        };
        if let Some(how) = how {
            text.push_str(&format!(" Series of one patient were aligned {how}"));
            if let Some(counts) = self.aligned {
                text.push_str(&format!(
                    " ({} by header, {} registered, {} failed)",
                    counts.by_header, counts.registered, counts.failed
                ));
            }
            text.push('.');
        }
        text
    }

    fn training(&self) -> String {
        let folds = if self.folds_trained.is_empty() {
            "every fold".to_owned()
        } else {
            let names: Vec<String> = self.folds_trained.iter().map(usize::to_string).collect();
            format!("fold {}", and_list(&names))
        };
        let start = self.initial_weights.as_ref();
        let start = start.map_or_else(String::new, |start| format!(" from {start} weights"));
        let checkpoint = self
            .checkpoint
            .as_ref()
            .map_or_else(String::new, |checkpoint| {
                format!(" The {checkpoint} weights of each training were used.")
            });
        format!(
            "Networks were configured by the rules of nnU-Net (preset {}, configuration {}) and trained{start} for {} of {} in {folds}.{checkpoint}",
            self.preset,
            self.configuration,
            counted(self.epochs, "epoch"),
            counted(self.iterations_per_epoch, "iteration"),
        )
    }

    fn evaluation(&self) -> String {
        let grid = if self.common_grid.is_empty() {
            String::new()
        } else {
            format!(
                " Models were compared on one grid per patient, that of the first of {} that the patient has.",
                and_list(&self.common_grid)
            )
        };
        format!(
            "Every patient was scored by a model that was not trained on this patient.{grid} Surface distances are in millimetres of patient space; a missed lesion has infinite distance and Dice 0."
        )
    }

    fn reproduction(&self) -> String {
        let mut text = Vec::new();
        let pairs = |pairs: &[(String, String)]| {
            let one = |(name, value): &(String, String)| format!("{name} {value}");
            pairs.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        if !self.versions.is_empty() {
            text.push(format!("Software: {}.", pairs(&self.versions)));
        }
        if !self.machine.is_empty() {
            text.push(format!("Machine: {}.", pairs(&self.machine)));
        }
        if !self.seeds.is_empty() {
            let one = |(name, seed): &(String, u64)| format!("{name} {seed}");
            let seeds: Vec<String> = self.seeds.iter().map(one).collect();
            text.push(format!("Seeds: {}.", seeds.join(", ")));
        }
        text.join(" ")
    }
}

/// How the tables were made.
fn statistics(tables: &StudyTables) -> String {
    format!(
        "Scores are given as medians with quartiles and the interval of the median from order statistics, and as means of the finite values with a bias-corrected and accelerated bootstrap interval ({} draws, seed {}). Models were compared on the patients that all of them have: Friedman's test with the correction of Iman and Davenport, then Wilcoxon's signed-rank test (Pratt) for every pair with Holm's correction, the matched-pairs rank-biserial correlation and the Hodges-Lehmann difference. Strata were compared within each model by the Kruskal-Wallis test and Dunn's test with Holm's correction. Infinite distances rank last. Agreement of volumes: Bland-Altman and ICC(2,1). Rates have Wilson's interval. All intervals are 95 %; all tests are two-sided. Cells of fewer than {} cases are marked.",
        tables.facts.bootstrap_draws, tables.facts.bootstrap_seed, tables.facts.few_cases
    )
}
