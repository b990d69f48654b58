//! What the first stage of a cascade predicted for the cases of a fold.
//!
//! The second stage must see predictions of the quality that it will see on new cases. So each case
//! is predicted by the fold of the first stage that validated it and never trained on it; the first
//! stage writes these predictions when it validates.

use crate::TrainError;
use sarx_core::CaseId;
use sarx_plan::{Fold, Split, Splits};
use sarx_preprocess::{MappedCase, MappedLabels, StageStore};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Predictions of the previous stage for every case of a fold, opened and checked.
#[derive(Debug, Clone)]
pub struct PreviousLabels {
    labels: BTreeMap<CaseId, MappedLabels>,
    sha256: String,
}

impl PreviousLabels {
    /// Opens the predictions of all cases of `split`.
    ///
    /// - `previous`: name of the previous stage, for messages
    /// - `splits`: the folds of the dataset; a prediction counts only if its fold validates the case
    ///
    /// # Errors
    ///
    /// [`TrainError::NoPreviousLabels`] names all cases without a prediction and the folds that
    /// give it; [`TrainError::Store`] if a prediction is damaged or of another model.
    pub fn open(
        store: &StageStore,
        previous: &str,
        split: &Split,
        splits: Option<&Splits>,
    ) -> Result<Self, TrainError> {
        let mut labels = BTreeMap::new();
        let mut missing = Vec::new();
        let mut hash = Sha256::new();
        let mut cases: Vec<&CaseId> = split.train.iter().chain(&split.val).collect();
        cases.sort_unstable();
        cases.dedup();
        let n_cases = cases.len();
        for case in cases {
            match store.labels(case)? {
                Some(found) if is_validated(splits, found.fold(), case) => {
                    hash.update(format!("{case} {}\n", found.sha256()));
                    labels.insert(case.clone(), found);
                }
                _ => missing.push(case.clone()),
            }
        }
        if missing.is_empty() {
            let sha256 = sarx_core::hex(&hash.finalize());
            return Ok(Self { labels, sha256 });
        }
        Err(TrainError::NoPreviousLabels {
            previous: previous.to_owned(),
            n_cases,
            advice: advice(previous, &missing, splits),
            missing: missing.iter().map(CaseId::to_string).collect(),
            path: store.folder().to_owned(),
        })
    }

    /// SHA-256 over all cases and their predictions, hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The prediction of a case, if it was opened.
    #[must_use]
    pub fn get(&self, case: &CaseId) -> Option<&MappedLabels> {
        self.labels.get(case)
    }

    /// The prediction of a case of the fold, on the case's grid.
    ///
    /// # Errors
    ///
    /// [`TrainError::PreviousSize`] if the grids differ, [`TrainError::NotOpened`] for a case that
    /// is none of those that were opened.
    pub fn of(&self, id: &CaseId, case: &MappedCase) -> Result<MappedLabels, TrainError> {
        let found = self.get(id).ok_or_else(|| TrainError::NotOpened {
            case: id.to_string(),
        })?;
        let size: [usize; 3] = found.labels().dim().into();
        let expected = case.properties().size_after_resample;
        if size != expected {
            return Err(TrainError::PreviousSize {
                case: id.to_string(),
                expected,
                found: size,
                path: found.path().to_owned(),
            });
        }
        Ok(found.clone())
    }
}

/// Whether a fold holds the case back; without splits nothing can be said against it.
fn is_validated(splits: Option<&Splits>, fold: &str, case: &CaseId) -> bool {
    let Some(splits) = splits else { return true };
    match fold.parse() {
        Ok(Fold::Index(index)) => splits
            .folds()
            .get(index)
            .is_some_and(|split| split.val.contains(case)),
        _ => false,
    }
}

/// Which folds of the previous stage are to be trained.
fn advice(previous: &str, missing: &[CaseId], splits: Option<&Splits>) -> String {
    let folds = splits.map(Splits::folds).unwrap_or_default();
    let mut wanted = Vec::new();
    let mut homeless = Vec::new();
    for case in missing {
        match folds.iter().position(|split| split.val.contains(case)) {
            Some(fold) => wanted.push(fold),
            None => homeless.push(case.as_str()),
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut parts = Vec::new();
    if !wanted.is_empty() {
        let folds: Vec<String> = wanted.iter().map(usize::to_string).collect();
        parts.push(format!(
            "train \"{previous}\" with its validation for {} {} (`sarx train --configuration \
             {previous} --fold {}`; for a finished fold add --resume)",
            if folds.len() == 1 { "fold" } else { "folds" },
            folds.join(", "),
            folds[0]
        ));
    }
    if !homeless.is_empty() {
        parts.push(format!(
            "no fold of splits_final.json validates {}",
            homeless.join(", ")
        ));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use sarx_preprocess::StageIdentity;

    fn id(name: &str) -> CaseId {
        CaseId::new(name).unwrap()
    }

    fn splits(folder: &std::path::Path) -> Splits {
        let path = folder.join("splits_final.json");
        let text = r#"[{"train": ["c", "d", "e"], "val": ["a", "b"]},
            {"train": ["a", "b", "e"], "val": ["c", "d"]}]"#;
        std::fs::write(&path, text).unwrap();
        Splits::read(&path).unwrap()
    }

    #[test]
    fn missing_cases_and_their_folds_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let splits = splits(folder.path());
        let identity = StageIdentity {
            plans_hash: "p".into(),
            configuration: "3d_lowres".into(),
            next_configuration: "next".into(),
        };
        let store = StageStore::new(&folder.path().join("next"), identity);
        let labels = Array3::zeros((1, 2, 3));
        for (case, fold) in [("a", "0"), ("b", "1"), ("c", "1")] {
            store.write(&id(case), fold, labels.view()).unwrap();
        }
        let split = Split {
            train: ["a", "b", "c", "e"].map(id).to_vec(),
            val: vec![id("d")],
        };
        let open = |split| PreviousLabels::open(&store, "3d_lowres", split, Some(&splits));
        let error = open(&split).unwrap_err().to_string();
        // "b" is there, but fold 1 trained on it.
        for words in ["3 of 5 cases", "b, d, e", "folds 0, 1", "validates e"] {
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
        let whole = Split {
            train: vec![id("a")],
            val: vec![id("c")],
        };
        let first = open(&whole).unwrap();
        assert!(first.get(&id("a")).is_some() && first.get(&id("b")).is_none());
        store
            .write(&id("c"), "1", labels.mapv(|v: u16| v + 1).view())
            .unwrap();
        assert_ne!(first.sha256(), open(&whole).unwrap().sha256());
    }
}
