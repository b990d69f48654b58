//! Who is to be predicted: a patient's folder, or a folder of these, with sites.

use crate::args::PredictArgs;
use crate::outcome::error_chain;
use anyhow::{Context, Result, bail};
use sarx_core::CaseId;
use sarx_study::policy::{
    PatientFolders, PatientSeries, PatientSeriesError, Policy, sites_of_table,
};
use std::collections::BTreeMap;
use std::path::Path;

/// A patient with what is known before anything is read.
#[derive(Debug)]
pub(super) struct PatientInput {
    /// Called like the folder.
    pub(super) id: CaseId,
    /// Site or stratum, if it is known.
    pub(super) site: Option<String>,
    pub(super) series: PatientSeries,
}

/// The patients, and what is wrong with others.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) patients: Vec<PatientInput>,
    pub(super) failed: Vec<String>,
}

/// Every patient for whom the policy has a model.
pub(super) fn find(args: &PredictArgs, input: &Path, policy: &Policy) -> Result<Found> {
    let sites = match &args.cohort {
        Some(table) => sites_of_table(table)?,
        None => BTreeMap::new(),
    };
    let known = policy.series();
    let site_of = |id: &CaseId| sites.get(id.as_str()).or(args.site.as_ref()).cloned();
    match PatientFolders::of(input, &args.output)? {
        PatientFolders::One(folder) => {
            let patient = one(args, &folder, &known, site_of)?;
            check(policy, &patient)?;
            let (patients, failed) = (vec![patient], Vec::new());
            Ok(Found { patients, failed })
        }
        PatientFolders::Several(_) if !args.series.is_empty() => {
            bail!("--series names files of one patient, and --input holds folders of several")
        }
        PatientFolders::Several(folders) => {
            let (mut patients, mut failed) = (Vec::new(), Vec::new());
            for folder in folders {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                let patient = one(args, &folder, &known, site_of);
                match patient.and_then(|patient| check(policy, &patient).map(|()| patient)) {
                    Ok(patient) => patients.push(patient),
                    Err(error) => failed.push(format!(
                        "patient \"{name}\": {}",
                        error_chain(error.as_ref())
                    )),
                }
            }
            Ok(Found { patients, failed })
        }
    }
}

fn one(
    args: &PredictArgs,
    folder: &Path,
    known: &[String],
    site_of: impl Fn(&CaseId) -> Option<String>,
) -> Result<PatientInput> {
    let mut series = PatientSeries::of_folder(folder, known)?;
    let mut given: Vec<&str> = Vec::new();
    for (name, file) in &args.series {
        if given.contains(&name.as_str()) {
            bail!("--series {name} is said twice");
        }
        if !file.is_file() {
            bail!("the file of --series {name} is not there");
        }
        series.set(name, file.clone(), known)?;
        given.push(name);
    }
    let has_image = |series: &PatientSeries| {
        let mut ignored = series.ignored.iter();
        ignored.any(|file| sarx_io::strip_ending(&file.name()).is_some())
    };
    if series.images.is_empty() && !has_image(&series) {
        let known = known.to_vec();
        return Err(PatientSeriesError::NoImages { known }.into());
    }
    // A link counts by its own name, which is that of a patient; `.` and `..` have none.
    let name = match folder.file_name() {
        Some(name) => name.to_owned(),
        None => {
            let whole = folder.canonicalize();
            let whole = whole.context("cannot find the folder of the patient")?;
            whole.file_name().unwrap_or_default().to_owned()
        }
    };
    let name = name.to_string_lossy();
    // The text of the error would hold the name.
    let id = CaseId::new(name).map_err(|_| {
        anyhow::anyhow!(
            "results are called like the patient's folder, and its name cannot be that of a file: it must not be empty, start with a dot, or hold \\, : or control characters"
        )
    })?;
    Ok(PatientInput {
        site: site_of(&id),
        id,
        series,
    })
}

/// Refuses a patient whose series no model fits, naming what is needed.
fn check(policy: &Policy, patient: &PatientInput) -> Result<()> {
    policy.choose(patient.site.as_deref(), &patient.series.names())?;
    Ok(())
}
