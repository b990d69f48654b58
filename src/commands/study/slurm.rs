//! A study on a cluster: four Slurm jobs, each waiting for the one before.
//!
//! `prepare` makes every model's data, an array trains one fold per task, a second array predicts and
//! scores one trained model per task, and `report` fuses and gathers. Each task is the same `sarx study run` that a
//! person would type, so what Slurm killed is done by submitting again: what is done is not done twice.

use super::units::FoldUnit;
use crate::args::StudyRunArgs;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is submitted.
pub(super) struct Submission<'a> {
    pub(super) args: &'a StudyRunArgs,
    /// Folder for scripts, lists and logs.
    pub(super) folder: &'a Path,
    pub(super) folds: &'a [FoldUnit],
    /// Models with folds of their own.
    pub(super) models: &'a [String],
    /// The flags of the command line that every task gets as well.
    pub(super) general: &'a [String],
}

/// The numbers of the jobs, in the order in which they run; arrays that would be empty are not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Jobs(pub(super) Vec<(&'static str, String)>);

impl Submission<'_> {
    /// Writes the scripts and hands them over.
    pub(super) fn submit(&self) -> Result<Jobs> {
        std::fs::create_dir_all(self.folder).with_context(|| {
            let shown = self.folder.display().to_string();
            format!("cannot make the folder: {shown:?}")
        })?;
        let folder = self.folder.canonicalize()?;
        let mut jobs: Vec<(&'static str, String)> = Vec::new();
        for step in self.steps(&folder)? {
            let script = folder.join(format!("{}.sh", step.name));
            sarx_io::write_atomic(&script, |file| file.write_all(step.script.as_bytes()))?;
            let before = jobs.last().map(|(_, id)| id.as_str());
            let id = self.sbatch(&step, &script, &folder, before)?;
            jobs.push((step.name, id));
        }
        Ok(Jobs(jobs))
    }

    fn steps(&self, folder: &Path) -> Result<Vec<Step>> {
        let lines = |name: &str, lines: Vec<String>| -> Result<PathBuf> {
            let path = folder.join(name);
            sarx_io::write_atomic(&path, |file| {
                lines.iter().try_for_each(|line| writeln!(file, "{line}"))
            })?;
            Ok(path)
        };
        let folds = self.folds.iter();
        let folds = folds
            .map(|unit| format!("{}\t{}", unit.model, unit.fold))
            .collect();
        let folds = lines("folds.tsv", folds)?;
        let models = lines("models.tsv", self.models.to_vec())?;
        let mut steps = vec![Step::single("prepare", self.command("--stage prepare")?)];
        if !self.folds.is_empty() {
            let what = r#"--only "$model" --fold "$fold""#;
            let read = "IFS=$'\\t' read -r model fold";
            steps.push(Step::array(
                "folds",
                self.folds.len(),
                &folds,
                read,
                self.command(what)?,
            ));
        }
        if !self.models.is_empty() {
            let what = r#"--only "$model" --stage predict"#;
            let read = "IFS= read -r model";
            steps.push(Step::array(
                "models",
                self.models.len(),
                &models,
                read,
                self.command(what)?,
            ));
        }
        // Late fusions wait for all their members, so they are done here.
        let last = [
            self.command("--stage predict")?,
            self.command("--stage report")?,
        ];
        steps.push(Step::single("report", last.join("\n")));
        Ok(steps)
    }

    /// The line that a task runs; a task is given its share of the processors.
    fn command(&self, what: &str) -> Result<String> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let study = self.args.study.canonicalize()?;
        let general: Vec<String> = self.general.iter().map(|flag| quoted(flag)).collect();
        Ok(format!(
            "{} study run {} {what} --threads \"${{SLURM_CPUS_PER_TASK:-$(nproc)}}\" {}",
            quoted(&program.display().to_string()),
            quoted(&study.display().to_string()),
            general.join(" ")
        ))
    }

    fn sbatch(
        &self,
        step: &Step,
        script: &Path,
        folder: &Path,
        before: Option<&str>,
    ) -> Result<String> {
        let mut command = Command::new("sbatch");
        command.arg("--parsable");
        command.arg(format!("--job-name=sarx-{}", step.name));
        let log = if step.n_tasks.is_some() {
            "%A_%a"
        } else {
            "%j"
        };
        let log = folder.join(format!("{}-{log}.log", step.name));
        command.arg(format!("--output={}", log.display()));
        if let Some(n_tasks) = step.n_tasks {
            let at_once = self.args.slurm_at_once;
            let at_once = at_once.map(|n| format!("%{n}")).unwrap_or_default();
            command.arg(format!("--array=0-{}{at_once}", n_tasks - 1));
        }
        if let Some(before) = before {
            // A step that failed in part still leaves work for the next; the report says what is missing.
            let needed = if step.name == "folds" {
                "afterok"
            } else {
                "afterany"
            };
            command.arg(format!("--dependency={needed}:{before}"));
        }
        command.args(&self.args.slurm_option).arg(script);
        let output = command
            .output()
            .context("cannot run `sbatch`; is Slurm installed on this machine?")?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !output.status.success() {
            bail!("sbatch refused the job {:?}: {said}", step.name);
        }
        // `--parsable` prints the number, on federated clusters followed by the cluster's name.
        let printed = String::from_utf8_lossy(&output.stdout);
        let id = printed
            .trim()
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
            bail!(
                "sbatch gave no job number for {:?}, but {printed:?}",
                step.name
            );
        }
        Ok(id)
    }
}

/// One job.
struct Step {
    name: &'static str,
    /// Number of tasks of an array.
    n_tasks: Option<usize>,
    script: String,
}

impl Step {
    fn single(name: &'static str, command: String) -> Self {
        let script = format!("#!/bin/bash\nset -euo pipefail\n{command}\n");
        Self {
            name,
            n_tasks: None,
            script,
        }
    }

    /// A task takes the line of the list that has its number.
    fn array(name: &'static str, n_tasks: usize, list: &Path, read: &str, command: String) -> Self {
        let list = quoted(&list.display().to_string());
        let script = format!(
            "#!/bin/bash\nset -euo pipefail\n\
             {read} < <(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {list})\n{command}\n"
        );
        Self {
            name,
            n_tasks: Some(n_tasks),
            script,
        }
    }
}

/// A word for the shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
