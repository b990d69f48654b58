//! `cases.csv`: every case of a model, its patient, where the patient stands, and how its channels were aligned.

use super::{AlignmentRecord, AssembleError};
use crate::design::StudyCase;
use std::io::Write;
use std::path::Path;

/// Writes one row per case and channel.
pub(super) fn write(
    path: &Path,
    rows: &[(&StudyCase, Vec<AlignmentRecord>)],
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
            ])?;
        }
    }
    let bytes = table
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    sarx_io::write_atomic(path, |file| file.write_all(&bytes))?;
    Ok(())
}
