//! What a study is for: the model of the policy for two patients to come, one with all series and one without T1.
//!
//! Both are the same held-out phantom, as folders of files that anybody could have. The command that segments them
//! is parsed as it would be typed.

use crate::args::{Cli, Verb};
use crate::commands::predict;
use crate::commands::study::Study;
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use clap::Parser;
use sarx_nn::DeviceChoice;
use sarx_study::assemble::{FILE_ENDING, place};
use sarx_study::design::Patient;
use std::path::{Path, PathBuf};

/// The folder of a patient with all series, and that of one without T1.
const FOLDERS: [&str; 2] = ["all_series", "without_t1"];

/// Lays the patients out below `out` and segments them by the study's policy; also says the command.
pub(super) fn segment(
    study: &Study<'_>,
    out: &Path,
    device: DeviceChoice,
    console: &Console,
) -> Result<Outcome> {
    let design = study.design();
    let id = design.split.external().last();
    let patient = id.and_then(|id| design.patient(id));
    let patient = patient.context("the demo holds patients out")?;
    let input = out.join("next_patients");
    lay_out(patient, &input)?;
    let words: Vec<PathBuf> = vec![
        "sarx".into(),
        "predict".into(),
        "--policy".into(),
        study.policy_path(),
        "--input".into(),
        input.clone(),
        "--cohort".into(),
        input.join("patients.csv"),
        "--output".into(),
        out.join("next_patients_segmented"),
    ];
    let Verb::Predict(args) = Cli::try_parse_from(&words)?.verb else {
        bail!("the words of the demo are no prediction");
    };
    let mut outcome = predict::run(&args, device, console)?;
    let words: Vec<String> = words
        .iter()
        .map(|word| word.display().to_string())
        .collect();
    outcome.text = format!("{}\n{}", words.join(" "), outcome.text);
    Ok(outcome)
}

fn lay_out(patient: &Patient, input: &Path) -> Result<()> {
    let mut table = String::from("patient,site\n");
    for (folder, wants) in FOLDERS.into_iter().zip(["", "t2"]) {
        let to = input.join(folder);
        std::fs::create_dir_all(&to)
            .with_context(|| format!("cannot make the folder: {:?}", to.display().to_string()))?;
        for (series, files) in &patient.series {
            if series.starts_with(wants) {
                place(&files.image, &to.join(format!("{series}{FILE_ENDING}")))?;
            }
        }
        table.push_str(&format!("{folder},{}\n", patient.site));
    }
    let path = input.join("patients.csv");
    Ok(sarx_io::write_atomic(&path, |file| {
        std::io::Write::write_all(file, table.as_bytes())
    })?)
}
