//! The cases that a dataset has, beside its preprocessed ones: a case that is not preprocessed
//! yet, or failed, must be missed and not forgotten.

use anyhow::{Context, Result, bail};
use sarx_core::CaseId;
use sarx_plan::CaseFiles;
use sarx_preprocess::CaseStore;
use serde_json::{Value, json};
use std::path::Path;

const FILE: &str = "cases.json";
const SCHEMA_VERSION: u64 = 1;

/// Writes the list.
pub(super) fn write(preprocessed: &Path, cases: &[CaseFiles]) -> Result<()> {
    let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    let document = json!({"schema_version": SCHEMA_VERSION, "cases": names});
    sarx_io::write_json(&preprocessed.join(FILE), &document)?;
    Ok(())
}

/// The cases of the dataset, all of which the store must hold.
pub(in crate::commands) fn read_whole(
    preprocessed: &Path,
    store: &CaseStore,
) -> Result<Vec<CaseId>> {
    let path = preprocessed.join(FILE);
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read the list of cases; run `sarx preprocess`: {shown:?}")
    })?;
    let document: Value = serde_json::from_str(&text)
        .with_context(|| format!("the list of cases is damaged: {shown:?}"))?;
    if document["schema_version"] != SCHEMA_VERSION {
        bail!("the list of cases has another schema version than {SCHEMA_VERSION}: {shown:?}");
    }
    let names = document["cases"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let cases = names
        .iter()
        .map(|name| Ok(CaseId::new(name.as_str().unwrap_or_default())?))
        .collect::<Result<Vec<_>>>()?;
    let missing: Vec<&str> = cases
        .iter()
        .filter(|case| !store.contains(case))
        .map(CaseId::as_str)
        .collect();
    if !missing.is_empty() {
        bail!(
            "{} of {} cases are not preprocessed: {}; run `sarx preprocess` to its end: {:?}",
            missing.len(),
            cases.len(),
            missing.join(", "),
            store.folder().display().to_string()
        );
    }
    Ok(cases)
}
