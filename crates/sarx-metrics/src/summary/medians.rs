//! Medians over cases, as `summary.json` holds them.

use super::CaseEntry;
use crate::{Emptiness, LabelOrRegion, ScoreFloat, Spread};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What many cases say about one label or region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelMedians {
    /// Cases with this label or region among their scores.
    pub n_cases: usize,
    /// Cases in which both masks are empty.
    pub n_both_empty: usize,
    /// Cases in which the prediction is empty and the reference is not.
    pub n_missed: usize,
    /// Cases in which the reference is empty and the prediction is not.
    pub n_false_alarm: usize,
    /// Each of our columns.
    pub scores: BTreeMap<String, SpreadEntry>,
}

/// [`Spread`] as a document holds it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field for field what `Spread` documents")]
pub struct SpreadEntry {
    pub n: usize,
    pub n_undefined: usize,
    pub n_infinite: usize,
    pub mean: ScoreFloat,
    pub median: ScoreFloat,
    pub q1: ScoreFloat,
    pub q3: ScoreFloat,
    pub iqr: ScoreFloat,
    pub min: ScoreFloat,
    pub max: ScoreFloat,
    /// Exact 95 % interval of the median; null for fewer than six cases.
    pub median_interval: Option<IntervalEntry>,
}

/// An interval of the median and the probability that it covers it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "field for field what `MedianInterval` documents"
)]
pub struct IntervalEntry {
    pub low: ScoreFloat,
    pub high: ScoreFloat,
    pub coverage: f64,
}

impl LabelMedians {
    /// Summarises one label or region over cases; also for the strata of
    /// [`crate::group_by`].
    #[must_use]
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseEntry>, key: &LabelOrRegion) -> Self {
        let entries: Vec<_> = cases
            .into_iter()
            .filter_map(|case| case.metrics.get(key))
            .collect();
        let n_flagged = |flag: Emptiness| {
            entries
                .iter()
                .filter(|entry| entry.flag == Some(flag))
                .count()
        };
        let names: BTreeSet<&String> = entries.iter().flat_map(|e| e.scores.keys()).collect();
        let spread = |name: &String| {
            // A column that only some cases have is undefined in the others.
            let value = |v: Option<&ScoreFloat>| v.map_or(f64::NAN, |v| v.0);
            Spread::of(entries.iter().map(|entry| value(entry.scores.get(name))))
        };
        Self {
            n_cases: entries.len(),
            n_both_empty: n_flagged(Emptiness::BothEmpty),
            n_missed: n_flagged(Emptiness::Missed),
            n_false_alarm: n_flagged(Emptiness::FalseAlarm),
            scores: names
                .iter()
                .map(|&n| (n.clone(), spread(n).into()))
                .collect(),
        }
    }
}

impl From<Spread> for SpreadEntry {
    fn from(spread: Spread) -> Self {
        Self {
            n: spread.n,
            n_undefined: spread.n_undefined,
            n_infinite: spread.n_infinite,
            mean: ScoreFloat(spread.mean),
            median: ScoreFloat(spread.median),
            q1: ScoreFloat(spread.q1),
            q3: ScoreFloat(spread.q3),
            iqr: ScoreFloat(spread.iqr),
            min: ScoreFloat(spread.min),
            max: ScoreFloat(spread.max),
            median_interval: spread.median_interval.map(|interval| IntervalEntry {
                low: ScoreFloat(interval.low),
                high: ScoreFloat(interval.high),
                coverage: interval.coverage,
            }),
        }
    }
}
