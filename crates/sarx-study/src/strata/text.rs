//! Strata tables as CSV and JSON.

use super::{StrataTable, Stratum};
use crate::Measure;
use crate::csv_text::{csv_line, csv_number};
use sarx_metrics::{ScoreFloat, Spread};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the JSON form.
pub const STRATA_SCHEMA_VERSION: u32 = 1;

/// The JSON form of a [`StrataTable`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrataDocument {
    /// See [`STRATA_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The columns that make the strata.
    pub columns: Vec<String>,
    /// What each measure is.
    pub definitions: BTreeMap<String, String>,
    /// One entry per stratum.
    pub strata: Vec<StrataRow>,
}

/// One stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrataRow {
    /// Value of each column, in their order.
    pub values: Vec<String>,
    /// Number of cases.
    pub n_cases: usize,
    /// Fewer cases than can carry a median.
    pub few_cases: bool,
    /// Cases with an empty prediction of a lesion.
    pub n_missed: usize,
    /// Cases whose prediction shares no voxel with the lesion.
    pub n_no_overlap: usize,
    /// Cases with a prediction where there is no lesion.
    pub n_false_alarm: usize,
    /// Location and spread by the name of the measure.
    pub scores: BTreeMap<String, StrataScore>,
}

/// Location and spread of one measure in one stratum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StrataScore {
    /// Cases with a value.
    pub n: usize,
    /// Cases without one.
    pub n_undefined: usize,
    /// Cases with an infinite value.
    pub n_infinite: usize,
    /// Median.
    pub median: ScoreFloat,
    /// First quartile.
    pub q1: ScoreFloat,
    /// Third quartile.
    pub q3: ScoreFloat,
    /// Lower end of the exact 95 % interval of the median; null for fewer than six cases.
    pub median_low: ScoreFloat,
    /// Upper end of the interval.
    pub median_high: ScoreFloat,
    /// Probability that the interval covers the median; at least 0.95.
    pub median_coverage: ScoreFloat,
    /// Mean; infinite as soon as one value is.
    pub mean: ScoreFloat,
    /// Smallest value.
    pub min: ScoreFloat,
    /// Largest value.
    pub max: ScoreFloat,
}

impl From<&Spread> for StrataScore {
    fn from(spread: &Spread) -> Self {
        let interval = spread.median_interval;
        let end = |value: Option<f64>| ScoreFloat(value.unwrap_or(f64::NAN));
        Self {
            n: spread.n,
            n_undefined: spread.n_undefined,
            n_infinite: spread.n_infinite,
            median: ScoreFloat(spread.median),
            q1: ScoreFloat(spread.q1),
            q3: ScoreFloat(spread.q3),
            median_low: end(interval.map(|i| i.low)),
            median_high: end(interval.map(|i| i.high)),
            median_coverage: end(interval.map(|i| i.coverage)),
            mean: ScoreFloat(spread.mean),
            min: ScoreFloat(spread.min),
            max: ScoreFloat(spread.max),
        }
    }
}

impl From<&Stratum> for StrataRow {
    fn from(stratum: &Stratum) -> Self {
        Self {
            values: stratum.values.clone(),
            n_cases: stratum.n_cases,
            few_cases: stratum.is_few(),
            n_missed: stratum.n_missed,
            n_no_overlap: stratum.n_no_overlap,
            n_false_alarm: stratum.n_false_alarm,
            scores: stratum
                .spreads
                .iter()
                .map(|(measure, spread)| (measure.name().to_owned(), spread.into()))
                .collect(),
        }
    }
}

impl From<&StrataTable> for StrataDocument {
    fn from(table: &StrataTable) -> Self {
        let definition = |m: Measure| (m.name().to_owned(), m.definition().to_owned());
        Self {
            schema_version: STRATA_SCHEMA_VERSION,
            columns: table.columns.clone(),
            definitions: Measure::ALL.into_iter().map(definition).collect(),
            strata: table.strata.iter().map(StrataRow::from).collect(),
        }
    }
}

/// Columns of the CSV form after those of the strata.
const CSV_COLUMNS: [&str; 18] = [
    "n_cases",
    "few_cases",
    "n_missed",
    "n_no_overlap",
    "n_false_alarm",
    "measure",
    "n",
    "n_undefined",
    "n_infinite",
    "median",
    "q1",
    "q3",
    "median_low",
    "median_high",
    "median_coverage",
    "mean",
    "min",
    "max",
];

impl StrataTable {
    /// The table as CSV in long form: one line per stratum and measure, fields quoted where
    /// needed, `inf` for infinity, nothing for what is undefined.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let head = self.columns.iter().map(String::as_str).chain(CSV_COLUMNS);
        let mut lines = vec![csv_line(head)];
        for stratum in &self.strata {
            for (measure, spread) in &stratum.spreads {
                let score = StrataScore::from(spread);
                let counts = [
                    stratum.n_missed,
                    stratum.n_no_overlap,
                    stratum.n_false_alarm,
                ];
                let mut fields = stratum.values.clone();
                fields.push(stratum.n_cases.to_string());
                fields.push(stratum.is_few().to_string());
                fields.extend(counts.map(|n| n.to_string()));
                fields.push(measure.name().to_owned());
                fields
                    .extend([score.n, score.n_undefined, score.n_infinite].map(|n| n.to_string()));
                let values = [
                    score.median,
                    score.q1,
                    score.q3,
                    score.median_low,
                    score.median_high,
                    score.median_coverage,
                    score.mean,
                    score.min,
                    score.max,
                ];
                fields.extend(values.map(|v| csv_number(v.0)));
                lines.push(csv_line(fields.iter().map(String::as_str)));
            }
        }
        lines.concat()
    }

    /// The table as a JSON document.
    ///
    /// # Errors
    ///
    /// Whatever the JSON writer says; no table of ours causes it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&StrataDocument::from(self))
    }
}
