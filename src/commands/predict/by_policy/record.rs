//! What was taken for a patient and why: `PATIENT.policy.json`, and the same for the result of the verb.

use super::prepared::{Prepared, PreparedNetwork};
use crate::args::{PrecisionName, PredictArgs};
use crate::outcome::Outcome;
use anyhow::Result;
use sarx_study::policy::{Policy, PolicyError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The version of `PATIENT.policy.json`.
const VERSION: u32 = 1;

/// A policy with where it lies and what it is.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) policy: Policy,
    /// Its folder, which holds the models.
    pub(super) root: PathBuf,
    path: PathBuf,
    /// SHA-256 of the file, in hex.
    hash: String,
}

impl PolicyFile {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| PolicyError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            policy: Policy::parse(&text)?,
            root: path.parent().unwrap_or(Path::new("")).to_owned(),
            path: path.to_owned(),
            hash: sarx_core::hex(&Sha256::digest(text.as_bytes())),
        })
    }
}

/// The record of one patient.
#[derive(Debug)]
pub(super) struct Record {
    document: Value,
    text: String,
}

impl Record {
    /// `output` is the segmentation.
    pub(super) fn new(
        args: &PredictArgs,
        file: &PolicyFile,
        prepared: &Prepared<'_>,
        output: PathBuf,
        skipped_tiles: usize,
    ) -> Self {
        let (patient, choice) = (prepared.patient, &prepared.choice);
        let reason = prepared.reason();
        let placings = |at: usize| prepared.placings.get(at).map(|placing| &placing.record);
        let networks = prepared.networks.iter().enumerate().map(|(at, one)| {
            let mut network = network(one);
            if let Some(placing) = placings(at) {
                network["placing"] = json!(placing);
            }
            network
        });
        let images = patient.series.images.iter();
        let ignored = patient.series.ignored.iter();
        let refused = prepared.refused.iter();
        let mut document = json!({
            "version": VERSION,
            "sarx": env!("CARGO_PKG_VERSION"),
            "policy_sha256": file.hash,
            "patient": patient.id.as_str(),
            "site": patient.site,
            "stratum": choice.stratum,
            "series": images
                .map(|(series, path)| (series.clone(), json!(name(path))))
                .collect::<serde_json::Map<_, _>>(),
            "ignored": ignored
                .map(|file| json!({"file": file.name(), "reason": file.reason}))
                .collect::<Vec<_>>(),
            "model": choice.model,
            "kind": prepared.model.kind,
            "reason": reason,
            "runners_up": choice.runners_up,
            "refused": refused
                .map(|one| json!({
                    "model": one.model, "fixed": one.fixed, "moving": one.moving, "reason": one.reason,
                }))
                .collect::<Vec<_>>(),
            "networks": networks.collect::<Vec<_>>(),
            "options": {
                "mirroring": !args.no_mirroring,
                "step": args.step,
                "skip_air": args.skip_air,
                "precision": match args.precision {
                    PrecisionName::F32 => "f32",
                    PrecisionName::Bf16 => "bf16",
                },
            },
            "output": output,
        });
        if args.skip_air {
            document["skipped_tiles"] = json!(skipped_tiles);
        }
        let place = match (&patient.site, &choice.stratum) {
            (None, _) => "no site given".to_owned(),
            (Some(site), None) => format!("site {site}, in no stratum"),
            (Some(site), Some(stratum)) if site == stratum => format!("stratum {stratum}"),
            (Some(site), Some(stratum)) => format!("site {site}, stratum {stratum}"),
        };
        let text = format!(
            "{}: {} ({place}; series {}): {}\n  {reason}",
            patient.id,
            choice.model,
            patient.series.names().join(", "),
            output.display()
        );
        Self { document, text }
    }

    /// Writes the document whole or not at all; the segmentation is named as it lies beside it.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut document = self.document.clone();
        if let Some(output) = document["output"].as_str() {
            document["output"] = json!(name(Path::new(output)));
        }
        Ok(sarx_io::write_json(path, &document)?)
    }
}

fn network(one: &PreparedNetwork<'_>) -> Value {
    let channels = one.channels.iter().map(|channel| {
        json!({
            "series": channel.series,
            "file": name(&channel.image),
            "alignment": channel.alignment,
        })
    });
    json!({
        "network": one.network.name,
        "folder": one.network.folder,
        "configuration": one.network.configuration,
        "plans_hash": one.network.plans_hash,
        "folds": one.network.folds,
        "weight": one.network.weight,
        "channels": channels.collect::<Vec<_>>(),
    })
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The result of the verb.
pub(super) fn outcome(
    args: &PredictArgs,
    file: &PolicyFile,
    records: &[Record],
    failed: Vec<String>,
) -> Outcome {
    let mut lines: Vec<String> = records.iter().map(|record| record.text.clone()).collect();
    lines.push(format!(
        "{} patients segmented, {} failed: {}",
        records.len(),
        failed.len(),
        args.output.display()
    ));
    let patients: Vec<&Value> = records.iter().map(|record| &record.document).collect();
    let json = json!({
        "output": args.output,
        "policy": file.path,
        "policy_sha256": file.hash,
        "patients": patients,
    });
    Outcome::with_failures(json, lines.join("\n"), failed)
}
