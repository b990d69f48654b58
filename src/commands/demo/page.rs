//! The report of the demo: what was done, on whom, and how well it went.

use super::clock::peak_rss_mib;
use crate::args::DemoArgs;
use crate::commands::train::{Validation, curve};
use anyhow::{Context, Result};
use sarx_model::ModelFolder;
use sarx_study::{CasePicture, CaseRank, CaseRow, ReportInput, case_at_rank, render};
use sarx_train::TrainReport;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the report tells.
pub(super) struct Story<'a> {
    pub(super) args: &'a DemoArgs,
    pub(super) n_train: usize,
    pub(super) model: &'a ModelFolder,
    pub(super) trained: &'a TrainReport,
    pub(super) validation: &'a Validation,
    pub(super) rows: &'a [CaseRow],
    pub(super) images: PathBuf,
    pub(super) references: PathBuf,
    pub(super) predictions: &'a Path,
}

/// Writes the page.
pub(super) fn write(story: &Story<'_>, stages: &[String], path: &Path) -> Result<()> {
    let input = ReportInput {
        title: "sarx demo: soft-tissue sarcomas on T1 axial phantom MRI".to_owned(),
        facts: facts(story, stages),
        paragraphs: paragraphs(story),
        cases: story.rows.to_vec(),
        by: vec!["site".to_owned(), "histology".to_owned()],
        training_curve: Some(curve(&story.trained.records)),
        pictures: pictures(story)?,
        warnings: Vec::new(),
    };
    let page = render(&input)?;
    sarx_io::write_atomic(path, |out| out.write_all(page.as_bytes()))?;
    Ok(())
}

fn paragraphs(story: &Story<'_>) -> Vec<String> {
    let test: Vec<&str> = story.rows.iter().map(|row| row.case.as_str()).collect();
    vec![
        format!(
            "All images are phantoms made from seed {}; no patient was scanned. The numbers say that \
             the software works, not how well it would do in a clinic.",
            story.args.seed
        ),
        format!(
            "The {} test cases ({}) were held out: none of them was seen in planning, in training or \
             in the choice of the weights. The {} other cases were split into training and \
             validation cases; the model is the one after the last epoch.",
            test.len(),
            test.join(", "),
            story.n_train,
        ),
    ]
}

fn facts(story: &Story<'_>, stages: &[String]) -> Vec<(String, String)> {
    let configuration = story.model.configuration();
    let architecture = &configuration.architecture;
    let spacing: Vec<String> = configuration
        .spacing_mm
        .iter()
        .map(|edge| format!("{edge:.2}"))
        .collect();
    let join = |numbers: &[usize]| {
        numbers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" x ")
    };
    let waited: f64 = story.trained.records.iter().map(|r| r.waited_s).sum();
    let trained: f64 = story.trained.records.iter().map(|r| r.duration_s).sum();
    let mut facts = vec![
        (
            "Cohort",
            format!(
                "{} phantom patients, {} held out",
                story.args.cases, story.args.held_out
            ),
        ),
        (
            "Series",
            "T1, fat-suppressed, contrast-enhanced, axial".to_owned(),
        ),
        (
            "Plans",
            format!(
                "{}, {}: patch {}, batch {}, spacing {} mm",
                story.model.plans().plans_name(),
                configuration.name,
                join(&configuration.patch_size),
                configuration.batch_size,
                spacing.join(" x ")
            ),
        ),
        (
            "Network",
            format!(
                "{} stages, features {}, deep supervision",
                architecture.n_stages(),
                architecture
                    .features_per_stage
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        (
            "Training",
            format!(
                "fold 0, {} epochs of {} iterations, SGD with Nesterov momentum, Dice and \
                 cross-entropy; the network waited for batches {:.1} % of the time",
                story.trained.records.len(),
                story.args.iterations,
                100.0 * waited / trained.max(f64::MIN_POSITIVE)
            ),
        ),
        ("Validation, fold 0", story.validation.text.clone()),
        (
            "Prediction",
            "sliding window, step 0.5, Gaussian blending, mirroring along all axes".to_owned(),
        ),
        ("Seed", story.args.seed.to_string()),
        (
            "Device",
            format!("CPU, {} threads", rayon::current_num_threads()),
        ),
        ("Version", format!("sarx {}", env!("CARGO_PKG_VERSION"))),
        (
            "Plans hash",
            story.model.manifest().plans_hash.chars().take(16).collect(),
        ),
        ("Times", stages.join(", ")),
    ];
    if let Some(mib) = peak_rss_mib() {
        facts.push(("Peak memory", format!("{mib:.0} MiB")));
    }
    facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn pictures(story: &Story<'_>) -> Result<Vec<CasePicture>> {
    let ranks = [
        (CaseRank::Best, "Best Dice"),
        (CaseRank::Median, "Median Dice"),
        (CaseRank::Worst, "Worst Dice"),
    ];
    ranks
        .into_iter()
        .map(|(rank, heading)| {
            let row = case_at_rank(story.rows, rank).context("there are no test cases")?;
            let ending = story.model.dataset().file_ending();
            let label_name = format!("{}{ending}", row.case);
            let image_name = format!("{}_0000{ending}", row.case);
            Ok(CasePicture {
                heading: heading.to_owned(),
                case: row.case.clone(),
                image: sarx_io::read_image(&story.images.join(image_name))?.volume,
                reference: sarx_io::read_labels(&story.references.join(&label_name))?.labels,
                prediction: sarx_io::read_labels(&story.predictions.join(&label_name))?.labels,
            })
        })
        .collect()
}
