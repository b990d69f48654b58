//! `cases.csv`: every case of a model, its patient, where the patient stands, and how its channels were aligned.

use super::{AlignmentRecord, AssembleError, AssembleFault};
use crate::design::StudyCase;
use std::io::Write;
use std::path::Path;

/// Columns of the table.
const N_COLUMNS: usize = 12;

/// Writes one row per case and channel, and one per case that failed.
pub(super) fn write(
    path: &Path,
    rows: &[(&StudyCase, Vec<AlignmentRecord>)],
    failed: &[(&StudyCase, AssembleFault)],
) -> Result<(), AssembleError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "case",
        "patient",
        "set",
        "channel",
        "series",
        "alignment",
        "covered",
        "spread_mm",
        "information_gain",
        "angle_deg",
        "moved_mm",
        "failure",
    ])?;
    let number = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
    for (case, records) in rows {
        for (channel, ((series, _), record)) in case.channels.iter().zip(records).enumerate() {
            table.write_record([
                case.id.to_string(),
                case.patient.to_string(),
                case.set.name(),
                channel.to_string(),
                series.clone(),
                record.how.clone(),
                number(Some(record.covered)),
                number(record.spread_mm),
                number(record.information_gain),
                number(record.angle_deg),
                number(record.moved_mm),
                String::new(),
            ])?;
        }
    }
    for (case, fault) in failed {
        let mut row = vec![String::new(); N_COLUMNS];
        row[0] = case.id.to_string();
        row[1] = case.patient.to_string();
        row[2] = case.set.name();
        row[5] = "failed".to_owned();
        row[N_COLUMNS - 1] = reasons(fault);
        table.write_record(&row)?;
    }
    let bytes = table
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    sarx_io::write_atomic(path, |file| file.write_all(&bytes))?;
    Ok(())
}

/// A fault with its sources, in one line.
fn reasons(fault: &AssembleFault) -> String {
    let mut text = fault.to_string();
    let mut source = std::error::Error::source(fault);
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text.replace(['\r', '\n'], " ")
}
