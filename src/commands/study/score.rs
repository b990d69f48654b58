//! A model's scores: every case on its own grid, every patient on the common one.

use super::Study;
use super::late::set_of;
use anyhow::{Context, Result};
use sarx_core::CaseId;
use sarx_metrics::{LabelOrRegion, ScoreSpec};
use sarx_study::assemble::{FILE_ENDING, put};
use sarx_study::design::{self, ModelSpec, StudyCase};
use sarx_study::results::scores::{
    LesionCounts, Outcome, ScoreGrid, ScoreRow, ScoreTable, StudySet,
};
use sarx_study::{EvaluateSpec, Evaluation, Scores, evaluate_folders};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

impl Study<'_> {
    /// Scores a model on both grids and writes its `scores.csv`; cases without scores are in the table and in
    /// the result.
    pub(super) fn score(&self, model: &ModelSpec) -> Result<Vec<String>> {
        let folders = self.folders.model(&model.name);
        let all = self.scored_cases(model);
        // A late fusion is judged on the grid of its first member.
        let dataset = self
            .folders
            .model(model.members.first().unwrap_or(&model.name))
            .dataset();
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for set in StudySet::ALL {
            let cases: Vec<StudyCase> = all
                .iter()
                .filter(|case| set_of(case) == set)
                .cloned()
                .collect();
            if cases.is_empty() {
                continue;
            }
            let part = if set == StudySet::External {
                "labelsTs"
            } else {
                "labelsTr"
            };
            let native =
                self.evaluate(&dataset.join(part), &folders.predictions(set), ids(&cases))?;
            rows.extend(self.rows(model, set, ScoreGrid::Native, &cases, &native));
            failed.extend(failures(model, "native", &native));
            for (patient, reason) in self.to_common_grid(model, set, &cases)? {
                failed.push(format!(
                    "model {}, patient \"{patient}\", common grid: {reason}",
                    model.name
                ));
            }
            let references = self.common_references(model, set, &cases)?;
            let patients: Vec<StudyCase> = one_each(&cases);
            let common = self.evaluate(&references, &folders.common(set), ids(&patients))?;
            rows.extend(self.rows(model, set, ScoreGrid::Common, &patients, &common));
            failed.extend(failures(model, "common", &common));
        }
        ScoreTable::new(rows)?.write(&folders.scores())?;
        Ok(failed)
    }

    fn evaluate(
        &self,
        references: &Path,
        predictions: &Path,
        only: BTreeSet<CaseId>,
    ) -> Result<Evaluation> {
        let spec = spec(self.scored(), only);
        Ok(evaluate_folders(
            references,
            predictions,
            &spec,
            self.console,
        )?)
    }

    /// The first label of the study.
    fn scored(&self) -> LabelOrRegion {
        let first = self.design.file.labels.values().next();
        LabelOrRegion::Label(first.copied().unwrap_or(1))
    }

    /// A folder with the reference of every patient on the common grid.
    fn common_references(
        &self,
        model: &ModelSpec,
        set: StudySet,
        cases: &[StudyCase],
    ) -> Result<std::path::PathBuf> {
        let folder = self
            .folders
            .model(&model.name)
            .common(set)
            .join("references");
        std::fs::create_dir_all(&folder)?;
        for case in cases {
            let patient = self
                .design
                .patient(case.patient.as_str())
                .context("a case has a patient")?;
            let target = folder.join(format!("{}{FILE_ENDING}", patient.id));
            let Some(common) = self.common_series(patient) else {
                continue;
            };
            put(common.label, &target, true)?;
        }
        Ok(folder)
    }

    fn rows(
        &self,
        model: &ModelSpec,
        set: StudySet,
        grid: ScoreGrid,
        cases: &[StudyCase],
        evaluation: &Evaluation,
    ) -> Vec<ScoreRow> {
        let what = self.scored();
        let rows = cases.iter().filter_map(|case| {
            let patient = self.design.patient(case.patient.as_str())?;
            Some(ScoreRow {
                model: model.name.clone(),
                patient: patient.id.to_string(),
                case: case.id.to_string(),
                set,
                fold: match case.set {
                    design::StudySet::Fold(fold) => Some(fold),
                    design::StudySet::External => None,
                },
                grid,
                site: patient.site.clone(),
                stratum: patient.stratum.clone(),
                histology: patient.histology.clone(),
                benign: patient.benign,
                outcome: outcome(evaluation, &case.id, &what),
            })
        });
        rows.collect()
    }
}

/// How a study scores a folder: what is missing is told, not refused.
pub(in crate::commands) fn spec(what: LabelOrRegion, only: BTreeSet<CaseId>) -> EvaluateSpec {
    EvaluateSpec {
        allow_missing: true,
        only: Some(only),
        cases_at_once: NonZeroUsize::new(rayon::current_num_threads()).unwrap_or(NonZeroUsize::MIN),
        ..EvaluateSpec::new(ScoreSpec::new(vec![what]), FILE_ENDING)
    }
}

/// What came of one case.
pub(in crate::commands) fn outcome(
    evaluation: &Evaluation,
    case: &CaseId,
    what: &LabelOrRegion,
) -> Outcome {
    let scored = evaluation.scored.iter().find(|scored| scored.case == *case);
    let scores = scored.and_then(|scored| {
        let mut labels = scored.scores.labels.iter();
        labels.find(|(label, _)| label == what)
    });
    scores.map_or(Outcome::Failed, |(_, scores)| {
        let lesions = &scores.lesions;
        Outcome::Scored {
            scores: Scores::from(scores),
            lesions: Some(LesionCounts {
                reference: lesions.n_ref,
                found: lesions.n_detected,
                predicted: lesions.n_pred,
                false_alarms: lesions.n_false,
            }),
        }
    })
}

fn ids(cases: &[StudyCase]) -> BTreeSet<CaseId> {
    cases.iter().map(|case| case.id.clone()).collect()
}

/// One case per patient, called like the patient.
fn one_each(cases: &[StudyCase]) -> Vec<StudyCase> {
    let mut seen = BTreeSet::new();
    let first = cases
        .iter()
        .filter(|case| seen.insert(case.patient.clone()));
    let named = first.map(|case| StudyCase {
        id: case.patient.clone(),
        ..case.clone()
    });
    named.collect()
}

fn failures(model: &ModelSpec, grid: &str, evaluation: &Evaluation) -> Vec<String> {
    let of = |case: &CaseId, reason: &str| {
        format!(
            "model {}, case \"{case}\", {grid} grid: {reason}",
            model.name
        )
    };
    let failed = evaluation.failed.iter();
    let failed =
        failed.map(|failure| of(&failure.case, &crate::outcome::error_chain(&failure.source)));
    let missing = evaluation
        .missing
        .iter()
        .map(|case| of(case, "no prediction"));
    failed.chain(missing).collect()
}
