//! `sarx predict --policy`: the model that a study chose for such patients, with the reason.
//!
//! Everything that can be wrong with the policy, its models or the patient's files is told before a network is asked.
//! Then each patient is made ready, which is where a registration can be refused and the next best model is taken;
//! then each network sees all patients that it is for; then labels and records are written.
//!
//! Patients have neutral names (`case_0001`) on the way, since stages and warnings are logged. Errors that end the verb
//! are logged as well and hold no path of a patient; what fails for one patient is told, not logged.

mod networks;
mod patients;
mod prepared;
mod record;

use super::same_folder;
use crate::args::PredictArgs;
use crate::commands::fusion::{MemberFiles, Members};
use crate::commands::stop;
use crate::console::Console;
use crate::outcome::{Outcome, error_text};
use anyhow::{Context, Result, bail};
use networks::{Networks, Predictions};
use patients::PatientInput;
use prepared::Prepared;
use record::{PolicyFile, Record, outcome};
use sarx_core::{CaseId, Progress, Volume};
use sarx_infer::{PredictError, PredictOptions};
use sarx_nn::DeviceChoice;
use sarx_study::assemble::FILE_ENDING;
use sarx_study::policy::Policy;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn run(args: &PredictArgs, device: DeviceChoice, console: &Console) -> Result<Outcome> {
    let path = args.policy.as_deref();
    let file = PolicyFile::read(path.context("say --model MODEL or --policy POLICY")?)?;
    let input = args.input.as_deref().context("say --input FOLDER")?;
    if same_folder(input, &args.output) {
        bail!("input and output are the same folder; segmentations would lie among the images");
    }
    let stop = stop::on_ctrl_c()?;
    let found = patients::find(args, input, &file.policy)?;
    for patient in &found.patients {
        for ignored in &patient.series.ignored {
            console.say(&format!(
                "{}: {:?} is ignored: {}",
                patient.id,
                ignored.name(),
                ignored.reason
            ));
        }
    }
    let networks = Networks::open(&file, &found.patients)?;
    std::fs::create_dir_all(&args.output).context("cannot make the output folder")?;
    // In the output folder, so that results are renamed into place; gone with the value.
    let work = tempfile::Builder::new()
        .prefix(".sarx-")
        .tempdir_in(&args.output);
    let work = work.context("cannot make a folder for the work in the output folder")?;
    let job = Job {
        args,
        file: &file,
        networks: &networks,
        work: work.path(),
        device,
        stop: &stop,
        console,
    };
    let mut failed = found.failed;
    let ready = job.prepare(&found.patients, &mut failed)?;
    let predictions = job.predict(&ready)?;
    let mut records = Vec::new();
    for prepared in &ready {
        match job.finish(prepared, &predictions) {
            Ok(record) => records.push(record),
            Err(error) => failed.push(of_patient(prepared.patient, &error)),
        }
    }
    Ok(outcome(args, &file, &records, failed))
}

fn of_patient(patient: &PatientInput, error: &anyhow::Error) -> String {
    format!("patient \"{}\": {}", patient.id, error_text(error))
}

/// What the steps have in common.
struct Job<'a> {
    args: &'a PredictArgs,
    file: &'a PolicyFile,
    networks: &'a Networks,
    work: &'a Path,
    device: DeviceChoice,
    stop: &'a AtomicBool,
    console: &'a Console,
}

impl<'a> Job<'a> {
    /// The model and the images of every patient; those without one join `failed`.
    fn prepare(
        &self,
        patients: &'a [PatientInput],
        failed: &mut Vec<String>,
    ) -> Result<Vec<Prepared<'a>>> {
        let policy: &'a Policy = &self.file.policy;
        let mut ready = Vec::new();
        self.console
            .begin("choose and align", patients.len() as u64);
        for (patient, number) in patients.iter().zip(1..) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(PredictError::Stopped.into());
            }
            let case = CaseId::new(format!("case_{number:04}"))?;
            match Prepared::of(policy, self.networks, patient, case, self.work) {
                Ok(prepared) => ready.push(prepared),
                Err(error) => failed.push(of_patient(patient, &error)),
            }
            self.console.advance(1);
        }
        self.console.finish();
        Ok(ready)
    }

    fn predict(&self, ready: &[Prepared<'_>]) -> Result<Predictions> {
        let options = PredictOptions {
            folds: Vec::new(),
            weights: self.args.checkpoint.into(),
            mirroring: !self.args.no_mirroring,
            step: self.args.step,
            skip_air: self.args.skip_air,
            precision: self.args.precision.into(),
        };
        self.networks.predict(
            ready,
            &options,
            self.work,
            self.device,
            self.stop,
            self.console,
        )
    }

    /// Writes `PATIENT.nii.gz`, then `PATIENT.policy.json`, so that a record has its segmentation.
    fn finish(&self, prepared: &Prepared<'_>, predictions: &Predictions) -> Result<Record> {
        let patient = prepared.patient;
        predictions.require(&prepared.case)?;
        let target = self
            .args
            .output
            .join(format!("{}{FILE_ENDING}", patient.id));
        let record_path = self.args.output.join(format!("{}.policy.json", patient.id));
        match std::fs::remove_file(&record_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("cannot replace the record of an earlier prediction");
            }
            _ => {}
        }
        let folder = |at: usize| {
            predictions
                .folder(&prepared.networks[at], prepared.is_fused())
                .context("a network has predicted")
        };
        if prepared.is_fused() {
            let mut files = Vec::new();
            for (at, network) in prepared.networks.iter().enumerate() {
                files.push(MemberFiles {
                    folder: folder(at)?.to_owned(),
                    dataset: self.networks.model(network.network)?.dataset().clone(),
                });
            }
            let members = Members::read(&files, &prepared.case, &prepared.placings)?;
            let networks = prepared.networks.iter();
            let weights: Vec<f32> = networks.map(|one| one.network.weight).collect();
            let labels = Volume::new(members.labels(&weights), *members.header().grid())?;
            sarx_io::write_labels(&target, &labels, Some(members.header()))?;
        } else {
            let made = folder(0)?.join(format!("{}{FILE_ENDING}", prepared.case));
            std::fs::rename(&made, &target).context("cannot put the segmentation in place")?;
        }
        let skipped = predictions.skipped_tiles(&prepared.case);
        let record = Record::new(self.args, self.file, prepared, target, skipped);
        record.write(&record_path)?;
        Ok(record)
    }
}
