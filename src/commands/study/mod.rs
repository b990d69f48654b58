//! `sarx study`: from a cohort to tables and a policy, in steps that can be run apart and taken up again.
//!
//! `study.lock.json` keeps the results of one design from those of another. What is done is told from files that
//! are written last: `prepared.json` of a model's data, a fold's `validation/summary.json`, a model's `scores.csv`.

mod common_grid;
mod fold;
mod folders;
mod init;
mod late;
mod page;
mod parallel;
mod policy;
mod predict;
mod prepare;
mod report;
mod report_text;
mod run;
pub(super) mod score;
mod slurm;
mod status;
mod units;

use super::stop;
use crate::args::{StudyAct, StudyArgs};
use crate::console::Console;
use crate::outcome::{Outcome, error_chain};
use anyhow::{Context, Result, bail};
use folders::StudyFolders;
use sarx_nn::DeviceChoice;
use sarx_study::design::{Design, LockState};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &StudyArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    let stop = stop::on_ctrl_c()?;
    let open = |path| Study::open(path, device, console, &stop);
    match &args.act {
        StudyAct::Init(args) => init::run(args),
        StudyAct::Run(args) => open(&args.study)?.run(args),
        StudyAct::Status(args) => Ok(open(&args.study)?.status()),
        StudyAct::Report(args) => {
            let (json, text) = open(&args.study)?.report()?;
            Ok(Outcome::done(json, text))
        }
    }
}

/// A checked study and what its work needs.
pub(super) struct Study<'a> {
    design: Design,
    folders: StudyFolders,
    device: DeviceChoice,
    /// The device as a child process is asked for it.
    device_request: String,
    console: &'a Console,
    stop: &'a AtomicBool,
}

impl<'a> Study<'a> {
    pub(super) fn open(
        path: &Path,
        device: DeviceChoice,
        console: &'a Console,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let design = Design::open(path)?;
        for model in design.models.iter().filter(|model| model.is_trained()) {
            prepare::preset_of(&model.training).with_context(|| format!("model {}", model.name))?;
        }
        let folders = StudyFolders::new(design.out());
        Ok(Self {
            design,
            folders,
            device,
            device_request: device.to_string(),
            console,
            stop,
        })
    }

    pub(super) fn design(&self) -> &Design {
        &self.design
    }

    pub(super) fn policy_path(&self) -> PathBuf {
        self.folders.policy()
    }

    /// Refuses a study whose references do not fit their images or whose split has changed, before anything is
    /// made.
    pub(super) fn begin(&self) -> Result<()> {
        let faults = self.design.check_grids();
        if !faults.is_empty() {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| format!("  {}", error_chain(fault)))
                .collect();
            bail!(
                "{} references do not fit, nothing was run:\n{}",
                faults.len(),
                lines.join("\n")
            );
        }
        std::fs::create_dir_all(self.folders.out()).with_context(|| {
            let shown = self.folders.out().display().to_string();
            format!("cannot make the folder: {shown:?}")
        })?;
        self.take_lock()?;
        Ok(self.design.split.write_or_check(&self.folders.splits())?)
    }

    /// Goes on only with results of the same design, and says which models came and went.
    fn take_lock(&self) -> Result<()> {
        let state = self.design.lock().write_or_check(&self.folders.lock())?;
        if let LockState::Changed { added, removed, .. } = state {
            for model in added {
                self.console
                    .say(&format!("model {model} is new in the study"));
            }
            for model in removed {
                self.console.say(&format!(
                    "model {model} is not in the study any more; its folder stays as it is"
                ));
            }
        }
        Ok(())
    }
}
