//! `summary.json`: nnU-Net's fields exactly, ours beside them.
//!
//! nnU-Net's are `foreground_mean`, `mean` and, per case and label, `Dice`, `IoU`, `TP`, `FP`,
//! `FN`, `TN`, `n_pred`, `n_ref`, with its NaN written as `null` (it writes the bare word NaN,
//! which is not JSON). Ours are the other columns of a case, `flag`, `case`, `grid`, `median` and
//! `schema_version`. Keys are sorted and indented by four spaces as it does.
//!
//! Source: nnU-Net v2, `evaluation/evaluate_predictions.py`, `compute_metrics_on_folder` and
//! `save_summary_json`.

mod entry;
mod file;
mod medians;

pub use entry::{CaseEntry, GridEntry, LabelEntry, ScoredCase};
pub use file::SummaryError;
pub use medians::{IntervalEntry, LabelMedians, SpreadEntry};

use crate::{Counts, LabelOrRegion, ScoreFloat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of `summary.json` that this build writes and reads. nnU-Net's own files have none
/// and are read as version 0.
pub const SCHEMA_VERSION: u32 = 1;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// nnU-Net's mean over labels of the means over cases; background is left out.
    pub foreground_mean: NnunetMean,
    /// nnU-Net's mean over cases of each label or region.
    pub mean: BTreeMap<LabelOrRegion, NnunetMean>,
    /// Our medians over cases of each label or region; empty in nnU-Net's own files.
    #[serde(default)]
    pub median: BTreeMap<LabelOrRegion, LabelMedians>,
    /// Every case.
    pub metric_per_case: Vec<CaseEntry>,
    /// See [`SCHEMA_VERSION`].
    #[serde(default)]
    pub schema_version: u32,
}

/// The eight means that nnU-Net writes. NaN where every case is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are nnU-Net's and explained on the module's page"
)]
pub struct NnunetMean {
    #[serde(rename = "Dice")]
    pub dice: ScoreFloat,
    #[serde(rename = "IoU")]
    pub iou: ScoreFloat,
    #[serde(rename = "TP")]
    pub tp: ScoreFloat,
    #[serde(rename = "FP")]
    pub fp: ScoreFloat,
    #[serde(rename = "FN")]
    pub fn_: ScoreFloat,
    #[serde(rename = "TN")]
    pub tn: ScoreFloat,
    pub n_pred: ScoreFloat,
    pub n_ref: ScoreFloat,
}

impl Summary {
    /// Gathers scored cases.
    ///
    /// # Errors
    ///
    /// [`SummaryError::NoCases`] if there are none, [`SummaryError::LabelsDiffer`] if they were
    /// not all scored on the same labels and regions.
    pub fn of(cases: &[ScoredCase]) -> Result<Self, SummaryError> {
        let first = cases.first().ok_or(SummaryError::NoCases)?;
        let keys = |case: &ScoredCase| -> Vec<LabelOrRegion> {
            case.scores
                .labels
                .iter()
                .map(|(key, _)| key.clone())
                .collect()
        };
        let scored = keys(first);
        if let Some(other) = cases.iter().find(|case| keys(case) != scored) {
            return Err(SummaryError::LabelsDiffer {
                case: other.case.clone(),
            });
        }
        let metric_per_case: Vec<CaseEntry> = cases.iter().map(CaseEntry::from).collect();
        let mean: BTreeMap<_, _> = scored
            .iter()
            .map(|key| (key.clone(), NnunetMean::over_cases(&metric_per_case, key)))
            .collect();
        let foreground = mean.iter().filter(|(key, _)| !key.is_background());
        let median = scored
            .iter()
            .map(|key| (key.clone(), LabelMedians::of(&metric_per_case, key)))
            .collect();
        Ok(Self {
            foreground_mean: NnunetMean::over_labels(foreground.map(|(_, mean)| *mean)),
            mean: mean.clone(),
            median,
            metric_per_case,
            schema_version: SCHEMA_VERSION,
        })
    }
}

impl NnunetMean {
    /// The mean of one label or region over cases, from counts alone: `numpy.nanmean` of each
    /// field.
    #[must_use]
    pub fn over_counts(cases: impl IntoIterator<Item = Counts>) -> Self {
        Self::combine(cases.into_iter().map(Self::from), |_| false)
    }

    /// The foreground mean: the plain mean of each field over labels or regions, in their order.
    /// A label that is undefined in every case makes it undefined.
    #[must_use]
    pub fn over_labels(labels: impl IntoIterator<Item = Self>) -> Self {
        Self::combine(labels.into_iter(), f64::is_nan)
    }

    /// `numpy.nanmean` of each field over the cases that have this label.
    fn over_cases(cases: &[CaseEntry], key: &LabelOrRegion) -> Self {
        let entries = cases.iter().filter_map(|case| case.metrics.get(key));
        Self::combine(entries.map(Self::from), |_| false)
    }

    /// The mean of each field; NaN poisons the mean where `poisons` says so, else it is skipped.
    fn combine(items: impl Iterator<Item = Self>, poisons: fn(f64) -> bool) -> Self {
        let items: Vec<Self> = items.collect();
        let mean = |field: fn(&Self) -> ScoreFloat| {
            let used = items
                .iter()
                .map(|item| field(item).0)
                .filter(|&v| poisons(v) || !v.is_nan());
            let (sum, n) = used.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
            ScoreFloat(sum / n)
        };
        Self {
            dice: mean(|m| m.dice),
            iou: mean(|m| m.iou),
            tp: mean(|m| m.tp),
            fp: mean(|m| m.fp),
            fn_: mean(|m| m.fn_),
            tn: mean(|m| m.tn),
            n_pred: mean(|m| m.n_pred),
            n_ref: mean(|m| m.n_ref),
        }
    }
}

impl From<Counts> for NnunetMean {
    /// The values of one case.
    fn from(counts: Counts) -> Self {
        let count = |n: u64| ScoreFloat(n as f64);
        Self {
            dice: ScoreFloat(counts.dice().unwrap_or(f64::NAN)),
            iou: ScoreFloat(counts.iou().unwrap_or(f64::NAN)),
            tp: count(counts.tp),
            fp: count(counts.fp),
            fn_: count(counts.fn_),
            tn: count(counts.tn),
            n_pred: count(counts.n_pred()),
            n_ref: count(counts.n_ref()),
        }
    }
}

impl From<&LabelEntry> for NnunetMean {
    fn from(entry: &LabelEntry) -> Self {
        let count = |n: u64| ScoreFloat(n as f64);
        Self {
            dice: entry.dice,
            iou: entry.iou,
            tp: count(entry.tp),
            fp: count(entry.fp),
            fn_: count(entry.fn_),
            tn: count(entry.tn),
            n_pred: count(entry.n_pred),
            n_ref: count(entry.n_ref),
        }
    }
}
