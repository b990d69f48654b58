//! Tables, policy and page, from the scores that are there.

use super::{Study, report_text};
use anyhow::{Result, bail};
use sarx_study::FEW_CASES;
use sarx_study::design::{ModelKind, ModelSpec};
use sarx_study::policy::{
    Policy, PolicyError, PolicyEvaluation, PolicySpec, evaluate_policy, learn_policy,
};
use sarx_study::results::scores::ScoreTable;
use sarx_study::results::tables::{ModelFacts, StudyFacts, study_tables};
use sarx_study::results::write::write_tables;
use serde_json::{Value, json};

/// Draws of the bootstrap, as SciPy's default.
const BOOTSTRAP_DRAWS: usize = 9999;

/// The version of `policy_evaluation.json`.
const EVALUATION_VERSION: u32 = 1;

impl Study<'_> {
    /// Writes `scores.csv`, `tables/`, `policy.json`, `policy_evaluation.json` and `report.html`. What they say in
    /// short, and what is missing.
    pub(super) fn report(&self) -> Result<(Value, String)> {
        if self.folders.lock().exists() {
            self.take_lock()?;
        }
        let (scores, missing) = self.scores_so_far()?;
        scores.write(&self.folders.scores())?;
        let tables = study_tables(&scores, &self.facts())?;
        write_tables(&tables, &self.folders.tables())?;
        let spec = self.policy_spec()?;
        let policy = learn_policy(&scores, &spec)?;
        policy.write(&self.folders.policy())?;
        let worth = self.policy_worth(&scores, &spec)?;
        let warnings = warnings(&missing, &policy, &scores, worth.is_some());
        let judged = worth.as_ref().map(|worth| (&policy, worth));
        self.page(&scores, &tables, judged, &warnings)?;
        let text = format!(
            "{}{}\nreport: {}",
            report_text::medians(&tables),
            report_text::policy(&policy, worth.as_ref()),
            self.folders.report().display()
        );
        let json = json!({
            "scores": self.folders.scores(),
            "tables": self.folders.tables(),
            "policy": self.folders.policy(),
            "report": self.folders.report(),
            "medians": report_text::medians_json(&tables),
            "models_without_scores": missing,
            "best": policy.fallback.first().map(|candidate| candidate.model.clone()),
        });
        Ok((json, text))
    }

    /// The scores of all models that have some, and the names of those that have none, which are said.
    fn scores_so_far(&self) -> Result<(ScoreTable, Vec<String>)> {
        let (mut tables, mut missing) = (Vec::new(), Vec::new());
        for model in &self.design.models {
            let path = self.folders.model(&model.name).scores();
            if path.exists() {
                tables.push(self.as_benign_now(&ScoreTable::read(&path)?)?);
            } else {
                missing.push(model.name.clone());
            }
        }
        if tables.is_empty() {
            bail!("no model has scores yet; run the study first");
        }
        for model in &missing {
            self.console.say(&format!(
                "model {model} has no scores yet; the tables are without it"
            ));
        }
        Ok((ScoreTable::join(tables)?, missing))
    }

    /// Scores with what the study file now calls benign, which decides tables and no score.
    fn as_benign_now(&self, scores: &ScoreTable) -> Result<ScoreTable> {
        let mut rows = scores.rows().to_vec();
        for row in &mut rows {
            if let Some(patient) = self.design.patient(&row.patient) {
                row.benign = patient.benign;
            }
        }
        Ok(ScoreTable::new(rows)?)
    }

    /// What the policy is worth on patients that it was not made from, as `policy_evaluation.json`; `None` if one
    /// fold was trained, which leaves no such patients. The policy is there all the same.
    fn policy_worth(
        &self,
        scores: &ScoreTable,
        spec: &PolicySpec,
    ) -> Result<Option<PolicyEvaluation>> {
        let path = self.folders.policy_evaluation();
        let worth = match evaluate_policy(scores, spec, self.design.file.split.seed) {
            Ok(worth) => worth,
            Err(PolicyError::OneFold) => {
                if path.exists() {
                    std::fs::remove_file(&path)?;
                }
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let document = json!({"version": EVALUATION_VERSION, "evaluation": worth});
        sarx_io::write_json(&path, &document)?;
        Ok(Some(worth))
    }

    fn facts(&self) -> StudyFacts {
        let file = &self.design.file;
        let models = self.design.models.iter().map(|model| ModelFacts {
            name: model.name.clone(),
            title: self.title(model),
            kind: model.kind.name().to_owned(),
            series: model.series.clone(),
        });
        let benign = self.design.patients.iter().filter(|patient| patient.benign);
        let mut benign: Vec<String> = benign.map(|patient| patient.histology.clone()).collect();
        benign.sort();
        benign.dedup();
        StudyFacts {
            name: file.name.clone(),
            models: models.collect(),
            strata: file.strata.keys().cloned().collect(),
            benign_histologies: benign,
            bootstrap_seed: file.split.seed,
            bootstrap_draws: BOOTSTRAP_DRAWS,
            few_cases: FEW_CASES,
        }
    }

    /// Sequences and planes in words: "T1 axial + T2 axial".
    fn title(&self, model: &ModelSpec) -> String {
        let names = model.series.iter().map(|name| {
            let columns = &self.design.file.series[name];
            format!("{} {}", columns.sequence, columns.plane)
        });
        let names: Vec<String> = names.collect();
        let joined = names.join(" + ");
        match model.kind {
            ModelKind::Single | ModelKind::Channels => joined,
            ModelKind::Early | ModelKind::Pooled | ModelKind::Late => {
                format!("{joined} ({})", model.kind.name())
            }
        }
    }
}

/// What the reader of the page must know.
fn warnings(
    missing: &[String],
    policy: &Policy,
    scores: &ScoreTable,
    is_judged: bool,
) -> Vec<String> {
    let without_scores = missing
        .iter()
        .map(|model| format!("Model {model} has no scores yet."));
    let networks = policy.models.iter().flat_map(|model| &model.networks);
    let gone = networks.filter(|network| network.plans_hash.is_none());
    let gone = gone.map(|network| {
        format!(
            "The model folder of {} is not there; the policy cannot be used without it.",
            network.name
        )
    });
    let mut warnings: Vec<String> = without_scores.chain(gone).collect();
    if scores.n_failed() > 0 {
        warnings.push(format!(
            "{} cases could not be predicted; they are counted in every table.",
            scores.n_failed()
        ));
    }
    if !is_judged {
        let text = "One fold was trained, so the policy cannot be judged on patients that it was not made from.";
        warnings.push(text.to_owned());
    }
    warnings
}
